#include "tests/simulation/trees.h"

#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>

#include "engine/base/error.h"
#include "tests/support/seeded_random.h"
#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"

namespace kist::test {

namespace {

constexpr std::int64_t seconds_for_each = 10'000'000;
constexpr unsigned name_count = 9;
constexpr std::size_t sizes[] = {200, 700, 3'000, 9'000, 20'000, 40'000, 90'000};

std::string name_of(std::uint64_t number) {
  return concat("file", number % name_count);
}

}  // namespace

SimulatedTree::SimulatedTree(std::string path, unsigned machine)
    : path_(std::move(path)), next_second_(1 + machine * seconds_for_each) {}

void SimulatedTree::write(const std::string& name, std::size_t size, std::uint64_t seed) {
  SeededRandom random(seed);
  auto bytes = std::make_shared<const Bytes>(random_bytes(random, size));
  const std::string path = path_ + "/" + name;
  write_file(path, *bytes);
  const timespec time{.tv_sec = next_second_++, .tv_nsec = 0};
  const timespec times[] = {time, time};
  if (::utimensat(AT_FDCWD, path.c_str(), times, 0) != 0) throw Error(Code::failed, "times");
  content_[name] = std::move(bytes);
}

void SimulatedTree::remove(const std::string& name) {
  std::filesystem::remove(path_ + "/" + name);
  content_.erase(name);
}

void SimulatedTree::change(std::uint64_t seed) {
  SeededRandom random(seed);
  const std::uint64_t changes = 1 + random.next() % 4;
  for (std::uint64_t i = 0; i < changes; ++i) {
    const std::string name = name_of(random.next());
    const std::uint64_t what = random.next() % 10;
    if (what < 3 && content_.size() > 1 && content_.contains(name)) {
      remove(name);
    } else if (what < 5 && !content_.empty()) {
      // Back to what it may have been before, or what another machine has.
      write(name, sizes[random.next() % std::size(sizes)], random.next() % 4);
    } else {
      write(name, sizes[random.next() % std::size(sizes)], random.next());
    }
  }
  if (content_.empty()) write("file0", 9'000, random.next());
}

std::string differences(const TreeContent& content, const std::string& directory) {
  std::string out;
  for (const auto& [name, bytes] : content) {
    if (slurp(concat(directory, "/", name)) != *bytes) out += concat(name, " ");
  }
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(directory, none)) {
    const std::string name = entry.path().filename().string();
    if (!content.contains(name)) out += concat(name, " (too much) ");
  }
  return out;
}

}  // namespace kist::test
