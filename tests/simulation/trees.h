// The trees that the simulated machines back up: a few files each, with times that are long past
// and that no other file has, so that what a backup sees of them is a function of the seed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "engine/base/bytes.h"

namespace kist::test {

// Times of files in a tree are below this, all others are above.
inline constexpr std::int64_t tree_seconds_end = 100'000'000;

// What a tree holds: contents by the files' names.
using TreeContent = std::map<std::string, std::shared_ptr<const Bytes>>;

class SimulatedTree {
 public:
  SimulatedTree(std::string path, unsigned machine);

  // Adds, changes and removes some files, as the seed says; keeps at least one.
  void change(std::uint64_t seed);

  // The same tree in another directory.
  void move_to(const std::string& path) { path_ = path; }

  [[nodiscard]] const std::string& path() const { return path_; }

  [[nodiscard]] const TreeContent& content() const { return content_; }

 private:
  void write(const std::string& name, std::size_t size, std::uint64_t seed);
  void remove(const std::string& name);

  std::string path_;
  std::int64_t next_second_;
  TreeContent content_;
};

// The names of files that are not in `directory` as `content` has them.
std::string differences(const TreeContent& content, const std::string& directory);

}  // namespace kist::test
