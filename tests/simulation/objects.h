// What is in the simulated store: the truth, which only the simulation changes.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/store/store.h"

namespace kist::test {

using ObjectMap = std::map<std::string, std::shared_ptr<const Bytes>>;

// Of the objects below a folder, the paths that a listing gives.
std::vector<std::string> names_below(const ObjectMap& objects, const std::string& folder);

// Reads the truth, without faults; changes nothing.
class TrueStore final : public Store {
 public:
  explicit TrueStore(const ObjectMap& objects) : objects_(objects) {}

  std::optional<std::uint64_t> size(const std::string& path) override;
  std::size_t get_range(const std::string& path, std::uint64_t offset, MutableView out) override;
  void list(const std::string& folder,
            const std::function<void(const std::string&)>& each) override;

  void create_folders() override {}

  std::unique_ptr<ObjectWriter> begin_put() override { refuse(); }

  void put(const std::string& /*path*/, View /*bytes*/) override { refuse(); }

  bool put_if_absent(const std::string& path, View bytes) override;

  void barrier() override {}

  void confirm(const std::string& /*path*/) override {}

  void remove(const std::string& /*path*/) override { refuse(); }

  void replace(const std::string& /*path*/, View /*bytes*/) override { refuse(); }

 private:
  [[noreturn]] static void refuse() { throw Error(Code::failed, "who watches changes nothing"); }

  const ObjectMap& objects_;
};

}  // namespace kist::test
