// Files written window by window: whole or not at all, whatever a manifest says of them.
#include "engine/ops/restore/restore_window.h"

#include <filesystem>
#include <mutex>

#include "engine/repository/snapshot_tree.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

// A window onto out(), over a snapshot of files of many sizes, "file-<size>", and one with a hole.
// Entries are restored at the top of out().
struct Windowed : World {
  Windowed() {
    for (const std::size_t size : {0U, 63U, 65'536U, 300'000U, 1'500'000U}) {
      write_file(tree(concat("file-", size)), random_bytes(machine.random, size));
    }
    write_file(tree("sparse"), Bytes(5000, 1));
    std::filesystem::resize_file(tree("sparse"), 3'000'000);
    backup();
    std::filesystem::create_directory(out());
  }

  // The snapshot's entry of a file, under another path.
  [[nodiscard]] Entry entry_as(const std::string& path, const std::string& below) const {
    const SnapshotTree snapshot_tree(repository, repository.state().snapshots.at(snapshot));
    Entry out = snapshot_tree.at(tree(below).substr(1));
    out.path = path;
    return out;
  }

  // How a name at the top of out() stands.
  [[nodiscard]] Found found(Standing standing) const {
    return {.standing = standing, .inode = std::nullopt, .spot = spot()};
  }

  [[nodiscard]] Spot spot() const { return {Directory::open(out()).own_status().identity()}; }

  // Runs `work` on a window, then what it holds.
  void run(const std::function<void(RestoreWindow&)>& work) {
    const SnapshotTree snapshot_tree(repository, repository.state().snapshots.at(snapshot));
    TreeWriter writer(out(), {}, machine.random);
    Pool pool(2);
    RestoreWindow window(
        snapshot_tree.blocks(), snapshot_tree.manifest(), writer, pool,
        [&](const Entry& entry, const Error& error) {
          const std::lock_guard lock(mutex);
          failures.emplace(entry.path, error.code());
        },
        [&](const std::string& path) { return failures.contains(path); });
    work(window);
    window.run();
    files_done = window.files_done();
    frames_read = window.frames_read();
    writer.finish();
  }

  [[nodiscard]] std::vector<std::string> restored() const {
    std::vector<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(out())) {
      names.push_back(file.path().filename().string());
    }
    std::ranges::sort(names);
    return names;
  }

  std::mutex mutex;
  std::map<std::string, Code> failures;
  std::uint64_t files_done = 0;
  std::uint64_t frames_read = 0;
};

using RestoredNames = std::vector<std::string>;

}  // namespace

TEST_CASE("a window's files are whole, those that need no block too, and each frame is read once") {
  Windowed world;
  const std::vector<std::string> names = {"file-0", "file-63", "file-65536", "file-300000",
                                          "sparse"};
  world.run([&](RestoreWindow& window) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      window.add_file(world.entry_as(concat("f", i), names[i]), world.found(Standing::absent));
    }
    // The same content again costs no frame more.
    window.add_file(world.entry_as("again", "file-65536"), world.found(Standing::absent));
  });
  REQUIRE(world.failures.empty());
  REQUIRE(world.files_done == names.size() + 1);
  for (std::size_t i = 0; i < names.size(); ++i) {
    INFO(names[i]);
    REQUIRE((slurp(world.out(concat("f", i))) == slurp(world.tree(names[i]))));
  }
  const std::uint64_t frames = world.frames_read;
  world.run([&](RestoreWindow& window) {
    window.add_file(world.entry_as("h", "file-65536"), world.found(Standing::absent));
  });
  REQUIRE(world.frames_read == 1);
  REQUIRE(frames < 30);
}

TEST_CASE("a file whose content does not add up, or is in no pack, is told and leaves nothing") {
  Windowed world;
  Entry longer = world.entry_as("longer", "file-65536");
  ++longer.size;
  Entry lost = world.entry_as("lost", "file-300000");
  lost.content.back() = {ItemType::block, lost.content.back().size, sample_id<BlockId>(1)};
  world.run([&](RestoreWindow& window) {
    window.add_file(longer, world.found(Standing::absent));
    window.add_file(lost, world.found(Standing::absent));
    window.add_file(world.entry_as("whole", "file-63"), world.found(Standing::absent));
  });
  REQUIRE(world.failures ==
          std::map<std::string, Code>{{"longer", Code::corrupt}, {"lost", Code::missing}});
  REQUIRE(world.restored() == RestoredNames{"whole"});
  REQUIRE(world.files_done == 1);
}

TEST_CASE("a block of another size than its file claims is not written") {
  Windowed world;
  Entry entry = world.entry_as("file", "file-65536");
  entry.content.front().size -= 1;
  entry.size -= 1;
  world.run([&](RestoreWindow& window) { window.add_file(entry, world.found(Standing::absent)); });
  REQUIRE(world.failures.contains("file"));
  REQUIRE(world.restored().empty());
}

TEST_CASE("another name of a file is made once the file stands, and not of one that has failed") {
  Windowed world;
  Entry lost = world.entry_as("lost", "file-65536");
  ++lost.size;
  const Entry whole = world.entry_as("whole", "file-63");
  const auto link = [](const std::string& path, const std::string& first) {
    Entry out;
    out.path = path;
    out.type = EntryType::hard_link;
    out.link_target = first;
    return out;
  };
  write_file(world.out("lost"), to_bytes("somebody's"));
  world.run([&](RestoreWindow& window) {
    window.add_link(link("name of lost", "lost"), lost, world.spot());
    window.add_link(link("name of whole", "whole"), whole, world.spot());
    window.add_file(lost, world.found(Standing::other));
    window.add_file(whole, world.found(Standing::absent));
  });
  REQUIRE(world.failures ==
          std::map<std::string, Code>{{"lost", Code::corrupt}, {"name of lost", Code::failed}});
  REQUIRE(world.restored() == RestoredNames{"lost", "name of whole", "whole"});
  REQUIRE(slurp(world.out("lost")) == to_bytes("somebody's"));
  REQUIRE(std::filesystem::hard_link_count(world.out("whole")) == 2);
}

TEST_CASE("a file of which a frame is damaged is told, and what was begun of it goes") {
  Windowed world;
  damage_large_packs(*world.store);
  world.run([&](RestoreWindow& window) {
    window.add_file(world.entry_as("large", "file-1500000"), world.found(Standing::absent));
    window.add_file(world.entry_as("small", "file-63"), world.found(Standing::absent));
  });
  REQUIRE(world.failures == std::map<std::string, Code>{{"large", Code::corrupt}});
  REQUIRE(world.restored() == RestoredNames{"small"});
}
