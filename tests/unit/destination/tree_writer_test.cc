// What a restore writes to: names appear whole or not at all, and nothing is reached through a
// link.
#include "engine/destination/tree_writer.h"

#include <filesystem>

#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace fs = std::filesystem;

namespace {

// A target that exists and holds nothing.
struct WrittenTree {
  WrittenTree() { fs::create_directory(target); }

  [[nodiscard]] std::string at(const std::string& path) const { return target + "/" + path; }

  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& file : fs::directory_iterator(target)) {
      out.push_back(file.path().filename().string());
    }
    std::ranges::sort(out);
    return out;
  }

  TemporaryDirectory directory;
  std::string target = directory / "out";
  SeededRandom random{seed()};
};

Entry target_entry(const std::string& path, EntryType type) {
  Entry out;
  out.path = path;
  out.type = type;
  out.mode = 0644;
  out.uid = own_user_number();
  out.mtime = {1'600'000'000, 5};
  return out;
}

Spot top_of(const TreeWriter& writer) {
  return {writer.root().own_status().identity()};
}

// The writing of one file into it.
struct WrittenFile : WrittenTree {
  File begin(Standing standing = Standing::absent) {
    begun.spot = top_of(writer);
    begun.standing = standing;
    return writer.begin_file(parents, entry, begun);
  }

  void finish(const File& file) { writer.finish_file(parents, file, entry, begun); }

  TreeWriter writer{target, {}, random};
  ParentCache parents{writer.root()};
  Entry entry = target_entry("file", EntryType::file);
  TreeWriter::Begun begun;
};

using TargetNames = std::vector<std::string>;

}  // namespace

TEST_CASE("a name is one that a restore gives to what is not whole only if all of it is so") {
  for (const std::string name : {".kist-partial-0123abcd-0", ".kist-partial-ffffffff-123456"}) {
    REQUIRE(is_partial_name(name));
  }
  for (const std::string name :
       {"", ".kist-partial-", ".kist-partial-0123abcd-", ".kist-partial-0123abcd-x",
        ".kist-partial-0123ABCD-1", ".kist-partial-0123abc-1", ".kist-partial-0123abcd1",
        "x.kist-partial-0123abcd-1", ".kist-partial-0123abcd-1.txt"}) {
    INFO(name);
    REQUIRE_FALSE(is_partial_name(name));
  }
}

TEST_CASE("a file has its name once it is whole, with its metadata, and not before") {
  WrittenFile run;
  const File file = run.begin();
  file.write_at(0, to_bytes("content"));
  REQUIRE(run.names() == TargetNames{run.begun.partial});
  REQUIRE(is_partial_name(run.begun.partial));
  run.finish(file);
  REQUIRE(run.names() == TargetNames{"file"});
  REQUIRE(slurp(run.at("file")) == to_bytes("content"));
  const FileStatus status = run.writer.root().status("file");
  REQUIRE(status.mtime == run.entry.mtime);
  REQUIRE(status.mode == 0644);
}

TEST_CASE("a file that is discarded leaves no name") {
  WrittenFile run;
  static_cast<void>(run.begin());
  run.writer.discard_file(run.parents, run.entry, run.begun);
  REQUIRE(run.names().empty());
}

TEST_CASE("a name that appears while a file is written is somebody else's, and stays") {
  WrittenFile run;
  const File file = run.begin();
  write_file(run.at("file"), to_bytes("theirs"));
  REQUIRE(error_code([&] { run.finish(file); }) == Code::failed);
  REQUIRE(run.names() == TargetNames{"file"});
  REQUIRE(slurp(run.at("file")) == to_bytes("theirs"));
  // What was seen to stand there before is replaced.
  run.finish(run.begin(Standing::other));
  REQUIRE(slurp(run.at("file")).empty());
}

TEST_CASE("a partial file that another was put in the place of is not written to") {
  WrittenFile run;
  run.begin().write_at(0, to_bytes("half"));
  REQUIRE_NOTHROW(run.writer.reopen_file(run.parents, run.entry, run.begun));
  write_file(run.at("theirs"), to_bytes("theirs"));
  fs::rename(run.at("theirs"), run.at(run.begun.partial));
  REQUIRE_THROWS_AS(run.writer.reopen_file(run.parents, run.entry, run.begun), Error);
}

TEST_CASE("nothing is put into another directory than the one that was looked at") {
  WrittenTree run;
  fs::create_directory(run.at("dir"));
  fs::create_directory(run.at("theirs"));
  TreeWriter writer(run.target, {}, run.random);
  ParentCache parents(writer.root());
  const Entry entry = target_entry("dir/file", EntryType::file);
  const Spot spot = writer.spot_of(parents, entry);
  fs::rename(run.at("dir"), run.at("away"));
  fs::rename(run.at("theirs"), run.at("dir"));
  ParentCache of_another_thread(writer.root());
  REQUIRE_THROWS_AS(writer.look(of_another_thread, entry, spot), Error);
  TreeWriter::Begun begun{.spot = spot};
  REQUIRE_THROWS_AS(writer.begin_file(of_another_thread, entry, begun), Error);
  const Found found{.standing = Standing::absent, .inode = std::nullopt, .spot = spot};
  Entry other = entry;
  other.type = EntryType::directory;
  REQUIRE_THROWS_AS(writer.make_directory(of_another_thread, other, found), Error);
  std::vector<std::string> removed;
  const auto keeps_nothing = [](const std::string&) { return false; };
  write_file(run.at("dir/file"), to_bytes("theirs"));
  REQUIRE_THROWS_AS(writer.remove_all("dir/file", spot.directory, keeps_nothing, removed), Error);
  REQUIRE(slurp(run.at("dir/file")) == to_bytes("theirs"));
}

TEST_CASE("a directory that another was put in the place of does not get its metadata") {
  WrittenTree run;
  TreeWriter writer(run.target, {}, run.random);
  ParentCache parents(writer.root());
  Entry entry = target_entry("dir", EntryType::directory);
  entry.mode = 0755;
  REQUIRE(writer.make_directory(parents, entry, {.spot = writer.spot_of(parents, entry)}));
  fs::rename(run.at("dir"), run.at("away"));
  fs::create_directory(run.at("dir"));
  fs::permissions(run.at("dir"), fs::perms::owner_all);
  writer.leave_all();
  std::vector<std::string> failures;
  writer.finish_left([&](const Entry& failed, const Error&) { failures.push_back(failed.path); });
  REQUIRE(failures == TargetNames{"dir"});
  REQUIRE(writer.root().status("dir").mode == 0700);
}

TEST_CASE("a directory of another's changes hands where nobody else can have put it there") {
  if (own_user_number() != 0) return;
  WrittenTree run;
  for (const std::string name : {"private", "shared"}) {
    fs::create_directories(run.at(name + "/theirs"));
    REQUIRE(::chown(run.at(name + "/theirs").c_str(), 1000, 1000) == 0);
    fs::create_directory(run.at(name + "/unfinished"));
    REQUIRE(::chmod(run.at(name + "/unfinished").c_str(), 01700) == 0);
    fs::create_directory(run.at(name + "/own"));
  }
  REQUIRE(::chmod(run.at("private").c_str(), 0755) == 0);
  REQUIRE(::chmod(run.at("shared").c_str(), 0777) == 0);
  TreeWriter writer(run.target, {}, run.random);
  ParentCache parents(writer.root());
  const auto takes = [&](const std::string& path) {
    Entry entry = target_entry(path, EntryType::directory);
    entry.uid = 1001;
    const Spot spot = writer.spot_of(parents, entry);
    return writer.make_directory(parents, entry, writer.look(parents, entry, spot));
  };
  REQUIRE(takes("private/own"));
  REQUIRE(takes("private/theirs"));
  REQUIRE_FALSE(takes("shared/own"));
  REQUIRE_FALSE(takes("shared/theirs"));
  REQUIRE(takes("shared/unfinished"));
}

TEST_CASE("what stands in a target is right, other or absent, by type and what the type has") {
  WrittenTree run;
  write_file(run.at("file"), to_bytes("12345"));
  age_tree(run.target);
  fs::create_symlink("there", run.at("link"));
  fs::create_directory(run.at("dir"));
  TreeWriter writer(run.target, {}, run.random);
  ParentCache parents(writer.root());
  const auto look = [&](const Entry& entry) {
    return writer.look(parents, entry, top_of(writer)).standing;
  };
  REQUIRE(look(target_entry("absent", EntryType::file)) == Standing::absent);
  Entry file = target_entry("file", EntryType::file);
  file.size = 5;
  file.mtime = writer.root().status("file").mtime;
  REQUIRE(look(file) == Standing::right);
  Entry other = file;
  other.size = 6;
  REQUIRE(look(other) == Standing::other);
  other = file;
  ++other.mtime.nanoseconds;
  REQUIRE(look(other) == Standing::other);
  Entry link = target_entry("link", EntryType::symlink);
  link.link_target = "there";
  REQUIRE(look(link) == Standing::right);
  link.link_target = "elsewhere";
  REQUIRE(look(link) == Standing::other);
  REQUIRE(look(target_entry("dir", EntryType::directory)) == Standing::right);
  REQUIRE(look(target_entry("dir", EntryType::file)) == Standing::other);
  Entry name = target_entry("second", EntryType::hard_link);
  name.link_target = "file";
  REQUIRE(look(name) == Standing::absent);
  fs::create_hard_link(run.at("file"), run.at("second"));
  REQUIRE(look(name) == Standing::right);
  // A file with another name is not taken for right: that name could be anybody's.
  REQUIRE(look(file) == Standing::other);
}

TEST_CASE("with Overwrite::never what differs is left alone, and with always nothing is right") {
  WrittenTree run;
  write_file(run.at("file"), to_bytes("12345"));
  const auto entry_of = [&](const TreeWriter& writer) {
    Entry out = target_entry("file", EntryType::file);
    out.size = 5;
    out.mtime = writer.root().status("file").mtime;
    return out;
  };
  {
    TreeWriter never(run.target, {.overwrite = Overwrite::never}, run.random);
    ParentCache parents(never.root());
    const Found found = never.look(parents, entry_of(never), top_of(never));
    REQUIRE(error_code([&] { never.prepare_replacing(found); }) == Code::failed);
  }
  TreeWriter always(run.target, {.overwrite = Overwrite::always}, run.random);
  ParentCache parents(always.root());
  const Found found = always.look(parents, entry_of(always), top_of(always));
  REQUIRE(found.standing == Standing::other);
  REQUIRE_NOTHROW(always.prepare_replacing(found));
}

TEST_CASE("nothing is written through a link that stands in the target") {
  WrittenTree run;
  fs::create_directory(run.directory / "elsewhere");
  fs::create_directory_symlink(run.directory / "elsewhere", run.at("link"));
  TreeWriter writer(run.target, {}, run.random);
  ParentCache parents(writer.root());
  for (const std::string path : {"link/file", "../elsewhere/file"}) {
    INFO(path);
    const Entry entry = target_entry(path, EntryType::file);
    REQUIRE_THROWS_AS(writer.spot_of(parents, entry), Error);
    TreeWriter::Begun begun{.spot = top_of(writer)};
    REQUIRE_THROWS_AS(writer.begin_file(parents, entry, begun), Error);
    const Found found{.standing = Standing::absent, .inode = std::nullopt, .spot = top_of(writer)};
    REQUIRE_THROWS_AS(writer.make_other(parents, target_entry(path, EntryType::fifo), found),
                      Error);
    Entry name = target_entry("name", EntryType::hard_link);
    name.link_target = path;
    REQUIRE_THROWS_AS(writer.make_hard_link(parents, name, found, entry), Error);
  }
  REQUIRE(fs::is_empty(run.directory / "elsewhere"));
}

TEST_CASE("what is removed is told, and what is kept keeps the directories above it") {
  WrittenTree run;
  fs::create_directories(run.at("d/sub/deep"));
  write_file(run.at("d/a"), to_bytes("x"));
  write_file(run.at("d/sub/kept"), to_bytes("x"));
  fs::create_directory_symlink(run.directory.path(), run.at("d/link"));
  TreeWriter writer(run.target, {}, run.random);
  std::vector<std::string> removed;
  const auto keeps = [](const std::string& path) { return path == "d/sub/kept"; };
  REQUIRE_FALSE(writer.remove_all("d", top_of(writer).directory, keeps, removed));
  REQUIRE(removed == TargetNames{"d/a", "d/link", "d/sub/deep"});
  REQUIRE(fs::exists(run.at("d/sub/kept")));
  removed.clear();
  REQUIRE(writer.remove_all(
      "d", top_of(writer).directory, [](const std::string&) { return false; }, removed));
  REQUIRE(removed.back() == "d");
  REQUIRE(run.names().empty());
  REQUIRE(fs::exists(run.directory.path()));
}

TEST_CASE("a target that a restore has made is its own until the restore is done") {
  WrittenTree run;
  const std::string made = run.directory / "made";
  const auto takes_metadata = [](TreeWriter& writer) {
    ParentCache parents(writer.root());
    return writer.make_directory(parents, target_entry("", EntryType::directory), {});
  };
  {
    TreeWriter first(made, {}, run.random);
    REQUIRE(takes_metadata(first));
  }
  TreeWriter again(made, {}, run.random);  // the first was cut off
  REQUIRE(takes_metadata(again));
  again.finish();
  REQUIRE(fs::is_empty(made));
}

TEST_CASE("what a restore that was cut off has left is cleared, and nothing that looks like it") {
  World run;
  fs::create_directory(run.tree("documents"));
  run.backup();
  fs::create_directories(run.out("documents"));
  for (const std::string name :
       {".kist-partial-0123abcd-7", "documents/.kist-partial-0123abcd-8"}) {
    write_file(run.out() + "/" + name, to_bytes("half"));
  }
  const std::vector<std::string> others = {".kist-partial-0123abcd-", ".kist-partial-0123ABCD-1",
                                           ".kist-partial-0123abcd-x", "x.kist-partial-0123abcd-1"};
  for (const std::string& name : others) {
    write_file(run.out() + "/" + name, to_bytes("mine"));
  }
  fs::create_directories(run.out(".kist-partial-0123abcd-9"));
  run.restore();
  REQUIRE_FALSE(fs::exists(run.out(".kist-partial-0123abcd-7")));
  REQUIRE_FALSE(fs::exists(run.out("documents/.kist-partial-0123abcd-8")));
  REQUIRE(fs::exists(run.out(".kist-partial-0123abcd-9")));
  for (const std::string& name : others) {
    REQUIRE(fs::exists(run.out() + "/" + name));
  }
}
