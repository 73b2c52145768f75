// A restore into a target that is not empty: what is right is not read again, what differs is
// replaced whole or not at all, and nothing is removed that the snapshot does not speak of.
#include <filesystem>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace fs = std::filesystem;

namespace {

// A tree of every kind of file, its snapshot, and restores of that with options.
struct Restored : TreeWorld {
  RestoreResult restore(RestoreOptions options = {}) {
    options.snapshot = snapshot;
    options.path = tree().substr(1);
    if (options.target.empty()) options.target = out();
    options.threads = 2;
    return kist::restore(repository, options);
  }
};

RestoreOptions deleting() {
  RestoreOptions options;
  options.deletes = true;
  return options;
}

}  // namespace

TEST_CASE("two restores do not write to the same directory at once") {
  Restored run;
  run.backup();
  SeededRandom random(2);
  {
    const TreeWriter other(run.out(), {}, random);
    REQUIRE(error_code([&] { run.restore(); }) == Code::refused);
  }
  run.restore();
  REQUIRE(run.differences().empty());
}

TEST_CASE("directories that are read in parts are backed up, and emptied of what is too much") {
  Restored run;
  BackupOptions backup_options;
  backup_options.paths = {run.tree()};
  backup_options.walk.names_bytes_max = 64;
  RestoreOptions options;
  options.tree.names_bytes_max = 64;
  for (int i = 0; i < 100; ++i) {
    write_file(run.tree("many" + std::to_string(i * 7 % 100)), as_view("x"));
  }
  age_tree(run.tree());
  run.snapshot = backup(run.repository, backup_options).snapshot;
  run.restore(options);
  REQUIRE(run.differences().empty());
  fs::create_directory(run.out("stray"));
  for (int i = 0; i < 100; ++i) {
    write_file(run.out("many" + std::to_string(i) + "x"), as_view("x"));
    write_file(run.out("stray/" + std::to_string(i)), as_view("x"));
  }
  options.deletes = true;
  REQUIRE(run.restore(options).deleted == 101);
  REQUIRE(run.differences().empty());
}

TEST_CASE("a restore whose mark was cut short is gone on with") {
  Restored run;
  run.backup();
  fs::create_directory(run.out());
  write_file(run.out(".kist-partial-00000000-0"), as_view("a restore"));
  run.restore();
  REQUIRE(run.differences().empty());
}

TEST_CASE("a restore that is run again reads no file that has one name and changes nothing") {
  Restored run;
  run.backup();
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
  run.backup();
  run.restore();
  write_file(run.out("documents.txt"), to_bytes("changed"));
  fs::remove(run.out("documents/file-65536"));
  fs::remove(run.out("link"));
  fs::create_symlink("elsewhere", run.out("link"));
  fs::permissions(run.out("documents"), fs::perms::owner_all);
  fs::remove(run.out("fifo"));
  fs::create_directories(run.out("fifo"));
  write_file(run.out("mine"), to_bytes("mine"));
  const RestoreResult again = run.restore();
  REQUIRE(again.problems == 0);
  REQUIRE(again.replaced == 4);  // and the file with several names
  REQUIRE(slurp(run.out("mine")) == to_bytes("mine"));
  fs::remove(run.out("mine"));
  fs::last_write_time(run.out(), fs::last_write_time(run.tree()));
  REQUIRE(run.differences().empty());
}

TEST_CASE("a directory that holds something is not replaced by a file") {
  Restored run;
  run.backup();
  fs::create_directories(run.out("documents.txt/mine"));
  const RestoreResult result = run.restore();
  REQUIRE(result.problems == 1);
  REQUIRE(fs::is_directory(run.out("documents.txt/mine")));
}

TEST_CASE("--delete takes what the snapshot lacks, and nothing else") {
  Restored run;
  run.backup();
  run.restore();
  fs::create_directories(run.out("documents/extra/deep"));
  write_file(run.out("documents/extra/deep/file"), to_bytes("x"));
  write_file(run.out("zzz"), to_bytes("x"));
  write_file(run.out(".a"), to_bytes("x"));
  fs::create_directories(run.source / "elsewhere");
  write_file(run.source / "elsewhere/precious", to_bytes("x"));
  fs::create_directory_symlink(run.source / "elsewhere", run.out("to elsewhere"));
  RestoreOptions dry = deleting();
  dry.is_dry_run = true;
  std::vector<std::string> told;
  dry.on_change = [&](RestoreAction action, const std::string& path) {
    if (action == RestoreAction::remove) told.push_back(path);
  };
  REQUIRE(run.restore(dry).deleted == 4);
  REQUIRE(told == std::vector<std::string>{".a", "documents/extra", "to elsewhere", "zzz"});
  REQUIRE(fs::exists(run.out("zzz")));
  REQUIRE(run.restore(deleting()).deleted == 4);
  REQUIRE(fs::exists(run.source / "elsewhere/precious"));
  REQUIRE(run.differences().empty());
}

TEST_CASE("--delete leaves alone what lies beside the paths that were backed up") {
  Restored run;
  run.backup();
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
  REQUIRE(compare_trees(run.tree(), mirror + run.source.path() + "/tree").empty());
}

TEST_CASE("--delete keeps what an exclude pattern names, at any depth") {
  Restored run;
  run.backup();
  run.restore();
  fs::create_directories(run.out("extra"));
  write_file(run.out("extra/keep.cache"), to_bytes("x"));
  write_file(run.out("extra/other"), to_bytes("x"));
  RestoreOptions options = deleting();
  options.filter.exclude("*.cache");
  run.restore(options);
  REQUIRE(fs::exists(run.out("extra/keep.cache")));
  REQUIRE_FALSE(fs::exists(run.out("extra/other")));
}

TEST_CASE("--delete keeps what the backup could not read") {
  Restored run;
  write_file(run.tree("documents/trouble"), to_bytes("x"));
  run.backup();
  // As if that file had not been readable: the snapshot names it as a problem and lacks it.
  WalkOptions walk;
  walk.filter.exclude("trouble");
  BackupOptions options;
  options.paths = {run.tree(), run.tree("documents/trouble/below")};
  REQUIRE_THROWS(backup(run.repository, options));
  run.restore();
  fs::remove(run.out("documents/trouble"));
  REQUIRE(run.restore(deleting()).deleted == 0);
}

TEST_CASE("--delete does nothing after a restore with damage, and nothing with include patterns") {
  Restored run;
  run.backup();
  damage_large_packs(*run.store);
  fs::create_directories(run.out());
  write_file(run.out("only copy"), to_bytes("x"));
  RestoreOptions options = deleting();
  REQUIRE(run.restore(options).damaged > 0);
  REQUIRE(fs::exists(run.out("only copy")));
  options.filter.include("*.txt");
  REQUIRE(error_code([&] { run.restore(options); }) == Code::invalid);
}

TEST_CASE("a dry run changes nothing, not even an absent target") {
  Restored run;
  run.backup();
  RestoreOptions options;
  options.is_dry_run = true;
  const RestoreResult result = run.restore(options);
  REQUIRE(result.files > 300);
  REQUIRE_FALSE(fs::exists(run.out()));
}

TEST_CASE("--verify finds what the target's disk did not keep") {
  Restored run;
  run.backup();
  RestoreOptions options;
  options.verifies = true;
  const RestoreResult good = run.restore(options);
  REQUIRE(good.verified == good.files);
  REQUIRE(good.problems == 0);
  // Another content under the same size and time: only reading tells.
  const std::string path = run.out("documents/file-65536");
  const auto time = fs::last_write_time(path);
  Bytes bytes = slurp(path);
  bytes[1000] ^= 1;
  write_file(path, bytes);
  fs::last_write_time(path, time);
  const RestoreResult bad = run.restore(options);
  REQUIRE(bad.problems == 1);
  options.tree.overwrite = Overwrite::always;
  REQUIRE(run.restore(options).problems == 0);
  REQUIRE(slurp(path) == slurp(run.tree("documents/file-65536")));
}

TEST_CASE("patterns choose what is restored") {
  Restored run;
  run.backup();
  RestoreOptions options;
  options.filter.include("letter-1*");
  options.filter.exclude("letter-11*");
  const RestoreResult result = run.restore(options);
  REQUIRE(result.files == 100);
  REQUIRE(result.problems == 0);
  REQUIRE(fs::exists(run.out("documents/letters/letter-1")));
  REQUIRE_FALSE(fs::exists(run.out("documents/letters/letter-11")));
  REQUIRE_FALSE(fs::exists(run.out("empty directory")));
}

TEST_CASE("inode flags come back last, and do not hinder the next restore") {
  Restored run;
  const std::string file = run.tree("documents.txt");
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
  REQUIRE(flags_of(run.tree("empty directory"), FS_APPEND_FL, 0) >= 0);
  run.backup();
  const auto clear = [&] {
    for (const std::string root : {"tree", "out"}) {
      flags_of(run.source / (root + "/documents.txt"), 0, FS_IMMUTABLE_FL | FS_NODUMP_FL);
      flags_of(run.source / (root + "/empty directory"), 0, FS_APPEND_FL);
    }
  };
  const RestoreResult first = run.restore();
  const int file_flags = flags_of(run.out("documents.txt"), 0, 0);
  const int directory_flags = flags_of(run.out("empty directory"), 0, 0);
  const RestoreResult again = run.restore();
  const int later_flags = flags_of(run.out("documents.txt"), 0, 0);
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
  run.backup();
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
  REQUIRE(compare_trees(run.tree(), run.source / "parent/out").empty());
}

TEST_CASE("--delete never takes what is protected, nor what leads to it") {
  Restored run;
  run.backup();
  run.restore();
  fs::create_directories(run.out("backup/repository"));
  fs::create_directories(run.out("other"));
  RestoreOptions options = deleting();
  options.protects = {run.out("backup/repository")};
  REQUIRE(run.restore(options).deleted == 1);
  REQUIRE(fs::exists(run.out("backup/repository")));
  REQUIRE_FALSE(fs::exists(run.out("other")));
}

TEST_CASE("--delete is refused where the backup left files out, until that is said to be meant") {
  Restored run;
  BackupOptions backup_options;
  backup_options.paths = {run.tree()};
  backup_options.walk.filter.exclude("*.txt");
  run.machine.clock.advance_ms(60'000);
  run.snapshot = backup(run.repository, backup_options).snapshot;
  run.restore();
  write_file(run.out("left.txt"), to_bytes("x"));
  REQUIRE(error_code([&] { run.restore(deleting()); }) == Code::refused);
  REQUIRE(fs::exists(run.out("left.txt")));
  RestoreOptions options = deleting();
  options.deletes_excluded = true;
  run.restore(options);
  REQUIRE_FALSE(fs::exists(run.out("left.txt")));
}

TEST_CASE("a file that somebody planted does not get the rights of the one it looks like") {
  if (own_user_number() != 0) return;
  Restored run;
  write_file(run.tree("su"), to_bytes("good"));
  fs::permissions(run.tree("su"), fs::perms(04755));
  age_tree(run.tree());
  run.backup();
  run.restore();
  write_file(run.out("su"), to_bytes("evil"));
  age_tree(run.out());
  REQUIRE(::chown((run.out("su")).c_str(), 1000, 1000) == 0);
  run.restore();
  REQUIRE(slurp(run.out("su")) == to_bytes("good"));
  // Nor do other names of a file change with it.
  write_file(run.source / "secret", to_bytes("good"));
  fs::remove(run.out("su"));
  fs::create_hard_link(run.source / "secret", run.out("su"));
  age_tree(run.out());
  const auto before = fs::status(run.source / "secret").permissions();
  run.restore();
  REQUIRE(fs::status(run.source / "secret").permissions() == before);
  REQUIRE(fs::hard_link_count(run.source / "secret") == 1);
}

TEST_CASE("another name of a file that could not be restored is not made of what stood there") {
  Restored run;
  run.backup();
  fs::create_directories(run.out("documents"));
  write_file(run.out("documents/file-100000"), to_bytes("mine"));
  RestoreOptions options;
  options.tree.overwrite = Overwrite::never;
  const RestoreResult result = run.restore(options);
  REQUIRE(result.problems == 1);  // the first name sorts after one of the others
  REQUIRE(slurp(run.out("documents/file-100000")) == to_bytes("mine"));
  for (const std::string name : {"second name", ".hidden/third name"}) {
    const std::string path = run.out(name);
    REQUIRE((!fs::exists(path) || slurp(path) != to_bytes("mine")));
  }
}
