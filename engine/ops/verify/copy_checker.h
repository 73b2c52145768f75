// Objects compared with what the journal says of them, both copies of those stored twice; and the
// damaged copy written anew from the good one.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "engine/repository/repository.h"

namespace kist {

class CopyChecker {
 public:
  // Throws when the bytes are not what they should be.
  using Check = std::function<void(View)>;
  // Whether a damaged copy has another one to be written anew from.
  enum class Healing { impossible, possible, done };
  // Takes a finding: the object and the problem.
  using Report = std::function<void(const std::string&, const std::string&, Healing)>;

  // `heals` asks for the capability `maintain`.
  CopyChecker(Repository& repository, bool heals, Report report)
      : repository_(repository), heals_(heals), report_(std::move(report)) {}

  // By hash, an object that is stored once.
  void check(const std::string& path, const ObjectHash& expected, std::uint64_t size_max);
  // One that is stored once, and of which these are the bytes that it must have.
  void check_made(const std::string& path, const Bytes& due, std::uint64_t size_max);
  // One that is stored twice.
  void check_twins(const std::string& path, std::uint64_t size_max, const Check& check);
  void check_twins(const std::string& path, const ObjectHash& expected, std::uint64_t size_max);

 private:
  // A copy that was read: its bytes if it is good, else why it is not.
  struct Checked {
    std::optional<Bytes> good;
    std::string problem;
    bool is_damaged = false;  // not just out of reach
  };

  [[nodiscard]] Checked check_copy(const std::string& path,
                                   std::uint64_t size_max,
                                   const Check& check) const;
  Healing heal(const std::string& path, const Checked& damaged, const Checked& good);

  Repository& repository_;
  bool heals_;
  Report report_;
};

}  // namespace kist
