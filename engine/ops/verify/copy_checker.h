// Objects compared with what the journal says of them, both copies of those stored twice; and the
// damaged copy written anew from the good one.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "engine/keys/repository.h"

namespace kist {

class CopyChecker {
 public:
  // Throws when the bytes are not what they should be.
  using Judge = std::function<void(View)>;
  // Takes what was found: the object, what is wrong, whether it was healed.
  using Find = std::function<void(const std::string&, const std::string&, bool)>;

  // `heals` asks for the capability `maintain`.
  CopyChecker(Repository& repository, bool heals, Find find)
      : repository_(repository), heals_(heals), find_(std::move(find)) {}

  // By hash, an object that is stored once.
  void check(const std::string& name, const ObjectHash& expected, std::uint64_t size_max);
  // One that is stored twice.
  void check_twins(const std::string& name, std::uint64_t size_max, const Judge& is_good);
  void check_twins(const std::string& name, const ObjectHash& expected, std::uint64_t size_max);

 private:
  // A copy that was read: its bytes if it is good, else why it is not.
  struct Judged {
    std::optional<Bytes> good;
    std::string problem;
    bool is_damaged = false;  // not just out of reach
  };

  Judged judge(const std::string& name, std::uint64_t size_max, const Judge& is_good);
  bool heal(const std::string& name, const Judged& damaged, const Judged& good);

  Repository& repository_;
  bool heals_;
  Find find_;
};

}  // namespace kist
