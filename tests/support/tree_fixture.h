// Directories for tests: made fresh, removed afterwards; trees with every kind of file; a
// comparison of two trees that shares nothing with the engine.
#pragma once

#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/pinned.h"

namespace kist::test {

// A new directory below the system's temporary one.
class TemporaryDirectory : private Pinned {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();

  [[nodiscard]] const std::string& path() const { return path_; }

  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

void write_file(const std::string& path, View bytes);
Bytes slurp(const std::string& path);

// A tree with files of many sizes, links, hard links, a fifo, a sparse file, odd names, attributes.
// With `seed`, other content and sizes.
void make_tree(const std::string& root, std::uint64_t seed);
// Sets the times of everything below into the past, so that nothing counts as just touched.
void age_tree(const std::string& root);

// The differences of two trees in type, content, mode, owner, times, links, attributes and holes;
// one line each. Uses the C++ library and plain system calls only.
std::vector<std::string> compare_trees(const std::string& a, const std::string& b);

}  // namespace kist::test
