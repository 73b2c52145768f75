// A restore into a target that is not empty: what is right is not read again, what differs is
// replaced whole or not at all, and nothing is removed that the snapshot does not speak of.
#include <filesystem>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engine/base/pinned.h"
#include "engine/ops/restore/extraneous.h"
#include "tests/support/repository_fixture.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace fs = std::filesystem;

namespace {

// One snapshot of <source>/tree, and restores of it to <source>/out.
struct Restored {
  Restored() {
    make_tree(source / "tree", seed());
    age_tree(source / "tree");
  }

  void take() { snapshot = machine.backup(repository, source / "tree").snapshot; }

  RestoreResult restore(RestoreOptions options = {}) {
    options.snapshot = snapshot;
    options.path = (source / "tree").substr(1);
    if (options.target.empty()) options.target = source / "out";
    options.threads = 2;
    return kist::restore(repository, options);
  }

  [[nodiscard]] std::vector<std::string> differences() const {
    return compare_trees(source / "tree", source / "out");
  }

  TemporaryDirectory source;
  Machine machine{std::make_shared<MemoryStore>()};
  Repository repository = machine.init();
  SnapshotId snapshot;
};

RestoreOptions deleting() {
  RestoreOptions options;
  options.deletes = true;
  return options;
}

}  // namespace

TEST_CASE("two restores do not write to the same directory at once") {
  Restored run;
  run.take();
  SeededRandom random(2);
  {
    const TreeWriter other(run.source / "out", {}, random);
    REQUIRE(error_code([&] { run.restore(); }) == Code::refused);
  }
  run.restore();
  REQUIRE(run.differences().empty());
}

TEST_CASE("directories that are read in parts are backed up, and emptied of what is too much") {
  Restored run;
  BackupOptions backup_options;
  backup_options.paths = {run.source / "tree"};
  backup_options.walk.names_bytes_max = 64;
  RestoreOptions options;
  options.tree.names_bytes_max = 64;
  for (int i = 0; i < 100; ++i) {
    write_file(run.source / ("tree/many" + std::to_string(i * 7 % 100)), as_view("x"));
  }
  age_tree(run.source / "tree");
  run.snapshot = backup(run.repository, backup_options).snapshot;
  run.restore(options);
  REQUIRE(run.differences().empty());
  fs::create_directory(run.source / "out/stray");
  for (int i = 0; i < 100; ++i) {
    write_file(run.source / ("out/many" + std::to_string(i) + "x"), as_view("x"));
    write_file(run.source / ("out/stray/" + std::to_string(i)), as_view("x"));
  }
  options.deletes = true;
  REQUIRE(run.restore(options).deleted == 101);
  REQUIRE(run.differences().empty());
}

TEST_CASE("a restore whose mark was cut short is gone on with") {
  Restored run;
  run.take();
  fs::create_directory(run.source / "out");
  write_file(run.source / "out/.kist-partial-00000000-0", as_view("a restore"));
  run.restore();
  REQUIRE(run.differences().empty());
}

TEST_CASE("a restore that is run again reads no file that has one name and changes nothing") {
  Restored run;
  run.take();
  run.restore();
  REQUIRE(run.differences().empty());
  const RestoreResult again = run.restore();
  // But the file with several names: its other names could be anybody's.
  REQUIRE(again.frames_read == 1);
  REQUIRE(again.files == again.files_unchanged + 1);
  REQUIRE(again.replaced == 1);
  REQUIRE(again.problems == 0);
  REQUIRE(run.differences().empty());
}

TEST_CASE("a restore puts right what differs and leaves what the snapshot lacks") {
  Restored run;
  run.take();
  run.restore();
  write_file(run.source / "out/documents.txt", to_bytes("changed"));
  fs::remove(run.source / "out/documents/file-65536");
  fs::remove(run.source / "out/link");
  fs::create_symlink("elsewhere", run.source / "out/link");
  fs::permissions(run.source / "out/documents", fs::perms::owner_all);
  fs::remove(run.source / "out/fifo");
  fs::create_directories(run.source / "out/fifo");
  write_file(run.source / "out/mine", to_bytes("mine"));
  const RestoreResult again = run.restore();
  REQUIRE(again.problems == 0);
  REQUIRE(again.replaced == 4);  // and the file with several names
  REQUIRE(slurp(run.source / "out/mine") == to_bytes("mine"));
  fs::remove(run.source / "out/mine");
  fs::last_write_time(run.source / "out", fs::last_write_time(run.source / "tree"));
  REQUIRE(run.differences().empty());
}

TEST_CASE("a directory that holds something is not replaced by a file") {
  Restored run;
  run.take();
  fs::create_directories(run.source / "out/documents.txt/mine");
  const RestoreResult result = run.restore();
  REQUIRE(result.problems == 1);
  REQUIRE(fs::is_directory(run.source / "out/documents.txt/mine"));
}

TEST_CASE("--delete takes what the snapshot lacks, and nothing else") {
  Restored run;
  run.take();
  run.restore();
  fs::create_directories(run.source / "out/documents/extra/deep");
  write_file(run.source / "out/documents/extra/deep/file", to_bytes("x"));
  write_file(run.source / "out/zzz", to_bytes("x"));
  write_file(run.source / "out/.a", to_bytes("x"));
  fs::create_directories(run.source / "elsewhere");
  write_file(run.source / "elsewhere/precious", to_bytes("x"));
  fs::create_directory_symlink(run.source / "elsewhere", run.source / "out/to elsewhere");
  RestoreOptions dry = deleting();
  dry.is_dry_run = true;
  std::vector<std::string> told;
  dry.on_change = [&](RestoreAction action, const std::string& path) {
    if (action == RestoreAction::remove) told.push_back(path);
  };
  REQUIRE(run.restore(dry).deleted == 4);
  REQUIRE(told == std::vector<std::string>{".a", "documents/extra", "to elsewhere", "zzz"});
  REQUIRE(fs::exists(run.source / "out/zzz"));
  REQUIRE(run.restore(deleting()).deleted == 4);
  REQUIRE(fs::exists(run.source / "elsewhere/precious"));
  REQUIRE(run.differences().empty());
}

TEST_CASE("--delete leaves alone what lies beside the paths that were backed up") {
  Restored run;
  run.take();
  // The whole snapshot: it has the directories that lead to the tree, but never saw the rest of
  // them.
  const std::string mirror = run.source / "root";
  fs::create_directories(mirror + run.source.path());
  write_file(mirror + "/beside", to_bytes("x"));
  write_file(mirror + run.source.path() + "/beside", to_bytes("x"));
  RestoreOptions options = deleting();
  options.snapshot = run.snapshot;
  options.target = mirror;
  const RestoreResult result = restore(run.repository, options);
  REQUIRE(result.deleted == 0);
  REQUIRE(fs::exists(mirror + "/beside"));
  REQUIRE(fs::exists(mirror + run.source.path() + "/beside"));
  REQUIRE(compare_trees(run.source / "tree", mirror + run.source.path() + "/tree").empty());
}

TEST_CASE("--delete keeps what an exclude pattern names, at any depth") {
  Restored run;
  run.take();
  run.restore();
  fs::create_directories(run.source / "out/extra");
  write_file(run.source / "out/extra/keep.cache", to_bytes("x"));
  write_file(run.source / "out/extra/other", to_bytes("x"));
  RestoreOptions options = deleting();
  options.filter.exclude("*.cache");
  run.restore(options);
  REQUIRE(fs::exists(run.source / "out/extra/keep.cache"));
  REQUIRE_FALSE(fs::exists(run.source / "out/extra/other"));
}

TEST_CASE("--delete keeps what the backup could not read") {
  Restored run;
  write_file(run.source / "tree/documents/trouble", to_bytes("x"));
  run.take();
  // As if that file had not been readable: the snapshot names it as a problem and lacks it.
  WalkOptions walk;
  walk.filter.exclude("trouble");
  BackupOptions options;
  options.paths = {run.source / "tree", run.source / "tree/documents/trouble/below"};
  REQUIRE_THROWS(backup(run.repository, options));
  run.restore();
  fs::remove(run.source / "out/documents/trouble");
  REQUIRE(run.restore(deleting()).deleted == 0);
}

TEST_CASE("--delete does nothing after a restore with damage, and nothing with include patterns") {
  auto store = std::make_shared<MemoryStore>();
  const TemporaryDirectory source;
  make_tree(source / "tree", seed());
  Machine machine(store);
  Repository repository = machine.init();
  const BackupResult result = machine.backup(repository, source / "tree");
  for (const auto& [name, bytes] : store->objects()) {
    if (!name.starts_with("packs/") || bytes.size() < (1U << 20U)) continue;
    Bytes damaged = bytes;
    damaged[300'000] ^= 1;
    store->overwrite(name, damaged);
  }
  fs::create_directories(source / "out");
  write_file(source / "out/only copy", to_bytes("x"));
  RestoreOptions options = deleting();
  options.snapshot = result.snapshot;
  options.path = (source / "tree").substr(1);
  options.target = source / "out";
  REQUIRE(restore(repository, options).damaged > 0);
  REQUIRE(fs::exists(source / "out/only copy"));
  options.filter.include("*.txt");
  REQUIRE(error_code([&] { restore(repository, options); }) == Code::invalid);
}

TEST_CASE("a dry run changes nothing, not even an absent target") {
  Restored run;
  run.take();
  RestoreOptions options;
  options.is_dry_run = true;
  const RestoreResult result = run.restore(options);
  REQUIRE(result.files > 300);
  REQUIRE_FALSE(fs::exists(run.source / "out"));
}

TEST_CASE("what a restore that was cut off has left is cleared, and nothing that looks like it") {
  Restored run;
  run.take();
  fs::create_directories(run.source / "out/documents");
  for (const std::string name :
       {".kist-partial-0123abcd-7", "documents/.kist-partial-0123abcd-8"}) {
    write_file(run.source / "out/" + name, to_bytes("half"));
  }
  const std::vector<std::string> others = {".kist-partial-0123abcd-", ".kist-partial-0123ABCD-1",
                                           ".kist-partial-0123abcd-x", "x.kist-partial-0123abcd-1"};
  for (const std::string& name : others) {
    write_file(run.source / "out/" + name, to_bytes("mine"));
  }
  fs::create_directories(run.source / "out/.kist-partial-0123abcd-9");
  run.restore();
  REQUIRE_FALSE(fs::exists(run.source / "out/.kist-partial-0123abcd-7"));
  REQUIRE_FALSE(fs::exists(run.source / "out/documents/.kist-partial-0123abcd-8"));
  REQUIRE(fs::exists(run.source / "out/.kist-partial-0123abcd-9"));
  for (const std::string& name : others) {
    REQUIRE(fs::exists(run.source / "out/" + name));
  }
}

TEST_CASE("--verify finds what the target's disk did not keep") {
  Restored run;
  run.take();
  RestoreOptions options;
  options.verifies = true;
  const RestoreResult good = run.restore(options);
  REQUIRE(good.verified == good.files);
  REQUIRE(good.problems == 0);
  // Another content under the same size and time: only reading tells.
  const std::string path = run.source / "out/documents/file-65536";
  const auto time = fs::last_write_time(path);
  Bytes bytes = slurp(path);
  bytes[1000] ^= 1;
  write_file(path, bytes);
  fs::last_write_time(path, time);
  const RestoreResult bad = run.restore(options);
  REQUIRE(bad.problems == 1);
  options.tree.overwrite = Overwrite::always;
  REQUIRE(run.restore(options).problems == 0);
  REQUIRE(slurp(path) == slurp(run.source / "tree/documents/file-65536"));
}

TEST_CASE("patterns choose what is restored") {
  Restored run;
  run.take();
  RestoreOptions options;
  options.filter.include("letter-1*");
  options.filter.exclude("letter-11*");
  const RestoreResult result = run.restore(options);
  REQUIRE(result.files == 100);
  REQUIRE(result.problems == 0);
  REQUIRE(fs::exists(run.source / "out/documents/letters/letter-1"));
  REQUIRE_FALSE(fs::exists(run.source / "out/documents/letters/letter-11"));
  REQUIRE_FALSE(fs::exists(run.source / "out/empty directory"));
}

TEST_CASE("inode flags come back last, and do not hinder the next restore") {
  Restored run;
  const std::string file = run.source / "tree/documents.txt";
  const auto flags_of = [](const std::string& path, int set, int clear) {
    const int fd = ::open(path.c_str(), O_RDONLY);
    int flags = 0;
    const bool has_flags = ::ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0;
    const int wanted = (flags | set) & ~clear;
    const bool is_set =
        has_flags && (wanted == flags || ::ioctl(fd, FS_IOC_SETFLAGS, &wanted) == 0);
    ::close(fd);
    return is_set ? wanted & (FS_APPEND_FL | FS_IMMUTABLE_FL | FS_NODUMP_FL | FS_NOATIME_FL) : -1;
  };
  if (flags_of(file, FS_NODUMP_FL, 0) < 0 || ::geteuid() != 0) {
    WARN("no inode flags can be set here");
    return;
  }
  REQUIRE(flags_of(file, FS_IMMUTABLE_FL | FS_NODUMP_FL, 0) >= 0);
  REQUIRE(flags_of(run.source / "tree/empty directory", FS_APPEND_FL, 0) >= 0);
  run.take();
  const auto clear = [&] {
    for (const std::string root : {"tree", "out"}) {
      flags_of(run.source / (root + "/documents.txt"), 0, FS_IMMUTABLE_FL | FS_NODUMP_FL);
      flags_of(run.source / (root + "/empty directory"), 0, FS_APPEND_FL);
    }
  };
  const RestoreResult first = run.restore();
  const int file_flags = flags_of(run.source / "out/documents.txt", 0, 0);
  const int directory_flags = flags_of(run.source / "out/empty directory", 0, 0);
  const RestoreResult again = run.restore();
  const int later_flags = flags_of(run.source / "out/documents.txt", 0, 0);
  clear();
  REQUIRE(first.refused.empty());
  REQUIRE(file_flags == (FS_IMMUTABLE_FL | FS_NODUMP_FL));
  REQUIRE(directory_flags == FS_APPEND_FL);
  REQUIRE(again.refused.empty());
  REQUIRE(again.problems == 0);
  REQUIRE(later_flags == file_flags);
}

TEST_CASE("attributes that the target gives to new files by itself do not stay") {
  Restored run;
  run.take();
  fs::create_directories(run.source / "parent");
  // A default ACL: user::rwx, user:1234:rwx, group::r-x, mask::rwx, other::---.
  const unsigned char acl[] = {2, 0,    0,   0,   1,   0,   7,  0, 255, 255, 255, 255, 2,   0,  7,
                               0, 0xd2, 4,   0,   0,   4,   0,  5, 0,   255, 255, 255, 255, 16, 0,
                               7, 0,    255, 255, 255, 255, 32, 0, 0,   0,   255, 255, 255, 255};
  if (::setxattr((run.source / "parent").c_str(), "system.posix_acl_default", acl, sizeof acl, 0) !=
      0) {
    WARN("no ACLs here");
    return;
  }
  RestoreOptions options;
  options.target = run.source / "parent/out";
  run.restore(options);
  REQUIRE(compare_trees(run.source / "tree", run.source / "parent/out").empty());
}

TEST_CASE("--delete never takes what is protected, nor what leads to it") {
  Restored run;
  run.take();
  run.restore();
  fs::create_directories(run.source / "out/backup/repository");
  fs::create_directories(run.source / "out/other");
  RestoreOptions options = deleting();
  options.protects = {run.source / "out/backup/repository"};
  REQUIRE(run.restore(options).deleted == 1);
  REQUIRE(fs::exists(run.source / "out/backup/repository"));
  REQUIRE_FALSE(fs::exists(run.source / "out/other"));
}

TEST_CASE("--delete is refused where the backup left files out, until that is said to be meant") {
  Restored run;
  BackupOptions backup_options;
  backup_options.paths = {run.source / "tree"};
  backup_options.walk.filter.exclude("*.txt");
  run.machine.clock.advance_ms(60'000);
  run.snapshot = backup(run.repository, backup_options).snapshot;
  run.restore();
  write_file(run.source / "out/left.txt", to_bytes("x"));
  REQUIRE(error_code([&] { run.restore(deleting()); }) == Code::refused);
  REQUIRE(fs::exists(run.source / "out/left.txt"));
  RestoreOptions options = deleting();
  options.deletes_excluded = true;
  run.restore(options);
  REQUIRE_FALSE(fs::exists(run.source / "out/left.txt"));
}

TEST_CASE("--delete keeps what the snapshot has below a directory that it lacks") {
  const TemporaryDirectory target;
  fs::create_directories(target / "d/sub");
  write_file(target / "d/x", to_bytes("x"));
  write_file(target / "e", to_bytes("x"));
  const Directory root = Directory::open(target.path());
  std::vector<std::string> found;
  Extraneous extraneous(root, names_bytes_default,
                        [&](const std::string& path) { found.push_back(path); });
  const auto see = [&](const std::string& path, EntryType type) {
    Entry entry;
    entry.path = path;
    entry.type = type;
    extraneous.add(entry, true);
  };
  see("", EntryType::directory);
  see("d/x", EntryType::file);  // the entry of d itself could not be stored
  see("e", EntryType::file);
  extraneous.finish();
  REQUIRE(found.empty());
}

TEST_CASE("a file that somebody planted does not get the rights of the one it looks like") {
  if (own_user_number() != 0) return;
  Restored run;
  write_file(run.source / "tree/su", to_bytes("good"));
  fs::permissions(run.source / "tree/su", fs::perms(04755));
  age_tree(run.source / "tree");
  run.take();
  run.restore();
  write_file(run.source / "out/su", to_bytes("evil"));
  age_tree(run.source / "out");
  REQUIRE(::chown((run.source / "out/su").c_str(), 1000, 1000) == 0);
  run.restore();
  REQUIRE(slurp(run.source / "out/su") == to_bytes("good"));
  // Nor do other names of a file change with it.
  write_file(run.source / "secret", to_bytes("good"));
  fs::remove(run.source / "out/su");
  fs::create_hard_link(run.source / "secret", run.source / "out/su");
  age_tree(run.source / "out");
  const auto before = fs::status(run.source / "secret").permissions();
  run.restore();
  REQUIRE(fs::status(run.source / "secret").permissions() == before);
  REQUIRE(fs::hard_link_count(run.source / "secret") == 1);
}

TEST_CASE("another name of a file that could not be restored is not made of what stood there") {
  Restored run;
  run.take();
  fs::create_directories(run.source / "out/documents");
  write_file(run.source / "out/documents/file-100000", to_bytes("mine"));
  RestoreOptions options;
  options.tree.overwrite = Overwrite::never;
  const RestoreResult result = run.restore(options);
  REQUIRE(result.problems == 1);  // the first name sorts after one of the others
  REQUIRE(slurp(run.source / "out/documents/file-100000") == to_bytes("mine"));
  for (const std::string name : {"second name", ".hidden/third name"}) {
    const std::string path = run.source / ("out/" + name);
    REQUIRE((!fs::exists(path) || slurp(path) != to_bytes("mine")));
  }
}
