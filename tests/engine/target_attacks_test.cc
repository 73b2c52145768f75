// A restore by root into a tree in which a user owns a directory: whatever he puts at a name
// between two system calls, nothing of his gets rights that it had not, and he gets nothing of
// another's.
#include <array>
#include <filesystem>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/syscall_stops.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace fs = std::filesystem;

namespace {

constexpr uid_t ann = 1000;
constexpr uid_t bob = 1001;

// An inode of the target, whatever its name is by now, as it was at first.
struct Watched {
  explicit Watched(const std::string& path)
      : name(path), file(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)), before(status()) {}

  [[nodiscard]] struct stat status() const {
    struct stat out {};

    REQUIRE(::fstat(file.fd(), &out) == 0);
    return out;
  }

  // Its rights are what they were, or fewer.
  void require_unchanged() const {
    INFO(name);
    const struct stat now = status();
    REQUIRE(now.st_uid == before.st_uid);
    REQUIRE(now.st_gid == before.st_gid);
    REQUIRE(now.st_mode == before.st_mode);
    REQUIRE(now.st_nlink <= before.st_nlink);
    REQUIRE(now.st_size == before.st_size);
  }

  std::string name;
  Descriptor file;
  struct stat before;
};

void make_file(const std::string& path, const std::string& content, uid_t owner, mode_t mode) {
  write_file(path, to_bytes(content));
  REQUIRE(::chown(path.c_str(), owner, owner) == 0);
  REQUIRE(::chmod(path.c_str(), mode) == 0);
  const std::array<timespec, 2> times = {timespec{0, UTIME_OMIT}, timespec{1'500'000'000, 7}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times.data(), 0) == 0);
}

void make_directory(const std::string& path, uid_t owner, mode_t mode) {
  REQUIRE(::mkdir(path.c_str(), 0700) == 0);
  REQUIRE(::chown(path.c_str(), owner, owner) == 0);
  REQUIRE(::chmod(path.c_str(), mode) == 0);
}

void make_fifo(const std::string& path, uid_t owner, mode_t mode) {
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  REQUIRE(::chown(path.c_str(), owner, owner) == 0);
  REQUIRE(::chmod(path.c_str(), mode) == 0);
}

// A snapshot of Ann's directory, in which root keeps a tool and a pipe, and Bob a file that has a
// second name in his own; and a target that stands as it says, but for what Ann has ready to put in
// the place of each.
struct Attacked : World {
  Attacked() {
    make_tree(tree());
    backup();
  }

  static void make_tree(const std::string& at) {
    make_directory(at + "/ann", ann, 0755);
    make_file(at + "/ann/mine", "what Ann has", ann, 0644);
    make_directory(at + "/ann/open", ann, 0755);
    make_file(at + "/ann/open/file", "read by all", ann, 0644);
    make_fifo(at + "/ann/pipe", 0, 0622);
    make_file(at + "/ann/tool", "of root's", 0, 04755);
    make_file(at + "/ann/twice", "Bob's and here", bob, 0644);
    make_directory(at + "/bob", bob, 0755);
    REQUIRE(::link((at + "/ann/twice").c_str(), (at + "/bob/twice").c_str()) == 0);
  }

  // The target before a restore, and what Ann swaps in.
  void arrange(bool is_stale) {
    fs::remove_all(out());
    fs::create_directories(out());
    make_tree(out());
    if (is_stale) {
      for (const std::string name :
           {"ann/tool", "ann/open/file", "ann/twice", "bob/twice", "ann/mine"}) {
        fs::remove(out(name));
      }
      fs::remove(out("ann/pipe"));
    }
    make_file(out("ann/evil"), "of Ann's.", ann, 0755);
    make_file(out("ann/evil2"), "of Ann's too", ann, 0755);
    make_file(out("ann/evil3"), "Ann's, not Bob", ann, 0755);
    make_fifo(out("ann/evil-pipe"), ann, 0600);
    make_directory(out("ann/private"), 0, 0700);
    make_file(out("ann/private/file"), "root alone!", 0, 0600);
    make_file(out("ann/root-file"), "root's text.", 0, 0600);
    watched.clear();
    for (const std::string name :
         {"evil", "evil2", "evil3", "evil-pipe", "private", "private/file", "root-file"}) {
      watched.push_back(std::make_unique<Watched>(out("ann/" + name)));
    }
  }

  void swap(const std::string& a, const std::string& b) const {
    static_cast<void>(::renameat2(AT_FDCWD, out("ann/" + a).c_str(), AT_FDCWD,
                                  out("ann/" + b).c_str(), RENAME_EXCHANGE));
  }

  void swap_all() const {
    swap("tool", "evil");
    swap("twice", "evil3");
    swap("mine", "root-file");
    swap("open", "private");
    swap("pipe", "evil-pipe");
    std::error_code ignored;
    for (const auto& file : fs::directory_iterator(out("ann"), ignored)) {
      const std::string name = file.path().filename();
      if (name.starts_with(".kist-partial-")) swap(name, "evil2");
    }
  }

  // A restore by a machine of its own.
  std::size_t restore_with(const std::function<void(std::size_t)>& at_stop) {
    return run_with_stops(
        [&](const std::function<void()>& mark) {
          Machine other(store, 5);
          Repository opened = other.open();
          opened.blocks().complete_index();
          RestoreOptions options;
          options.snapshot = snapshot;
          options.path = tree().substr(1);
          options.target = out();
          options.threads = 1;
          mark();
          kist::restore(opened, options);
          mark();
        },
        at_stop);
  }

  void require_safe() const {
    for (const auto& inode : watched) {
      inode->require_unchanged();
    }
    REQUIRE(bobs_owner() == bob);
    for (const auto& file : fs::recursive_directory_iterator(out())) {
      struct stat status {};

      REQUIRE(::lstat(file.path().c_str(), &status) == 0);
      if ((status.st_mode & 04000U) == 0) continue;
      REQUIRE(slurp(file.path()) == to_bytes("of root's"));
    }
  }

  // Who owns what has the second name.
  [[nodiscard]] uid_t bobs_owner() const {
    struct stat status {};

    return ::lstat(out("bob/twice").c_str(), &status) == 0 ? status.st_uid : bob;
  }

  std::vector<std::unique_ptr<Watched>> watched;
};

}  // namespace

TEST_CASE("nothing that is swapped between two system calls of a restore gets another's rights") {
  if (own_user_number() != 0) return;
  Attacked run;
  for (const bool is_stale : {false, true}) {
    run.arrange(is_stale);
    const std::size_t stops = run.restore_with([](std::size_t) {});
    run.require_safe();
    REQUIRE(stops > 50);
    for (const bool is_once : {true, false}) {
      for (std::size_t at = 0; at < stops; at += stride()) {
        run.arrange(is_stale);
        run.restore_with([&](std::size_t stop) {
          if (is_once ? stop == at : stop >= at) run.swap_all();
        });
        INFO((is_stale ? "of what is gone" : "over what stands")
             << ", " << (is_once ? "once" : "from there on") << " at stop " << at << " of "
             << stops);
        run.require_safe();
      }
    }
  }
}
