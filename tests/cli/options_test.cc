// The real program, its options: choosing files, streams, restoring over what exists, comparing,
// help, a damaged catalog.
#include <cstdio>
#include <filesystem>
#include <map>

#include "tests/cli/place.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace fs = std::filesystem;

TEST_CASE("patterns, marks and lists choose what is backed up") {
  const Place place;
  write_file(place.tree() + "/x.tmp", as_view("x"));
  write_file(place.directory / "patterns", as_view("# what is not kept\n*.tmp\n"));
  write_file(place.directory / "list", as_view(place.tree() + "\n"));
  place.require("init", 0);
  place.require("backup --exclude-file '" + (place.directory / "patterns") +
                    "' --exclude-larger-than 100K --files-from '" + (place.directory / "list") +
                    "'",
                0);
  const Result listed = place.run("ls -R latest");
  REQUIRE(contains(listed.out, "sub/letter"));
  REQUIRE_FALSE(contains(listed.out, "x.tmp"));
  REQUIRE_FALSE(contains(listed.out, "large"));
  place.require("backup --exclude 'a//b' '" + place.tree() + "'", 2);
  for (const char* size :
       {"--exclude-larger-than tiny", "--exclude-larger-than 0", "--checkpoint 0"}) {
    place.require(concat("backup ", std::string_view(size), " '", place.tree(), "'"), 2);
  }
  place.require("backup --files-from /no/such/list", 2);
  for (const char* mark : {".git/", "/etc/passwd", "..", "a/b"}) {
    place.require(
        concat("backup --exclude-if-present ", std::string_view(mark), " '", place.tree(), "'"), 2);
  }
}

TEST_CASE("a dry run of a backup makes no snapshot") {
  const Place place;
  place.require("init", 0);
  const Result dry = place.run("backup --dry-run '" + place.tree() + "'");
  REQUIRE(dry.exit == 0);
  REQUIRE(contains(dry.out, "would make a snapshot"));
  REQUIRE(place.run("snapshots").out == "no snapshots\n");
}

TEST_CASE("a command's output is backed up, and a command that fails makes no snapshot") {
  const Place place;
  place.require("init", 0);
  place.require("backup --stdin dump.sql --stdin-from-command -- sh -c 'echo data; exit 3'", 1);
  REQUIRE(place.run("snapshots").out == "no snapshots\n");
  place.require("backup --stdin dump.sql --stdin-from-command -- echo data", 0);
  REQUIRE(place.run("cat latest:/dump.sql").out == "data\n");
  place.require("backup --stdin dump.sql --stdin-from-command -- /no/such/program", 2);
  place.require("backup --stdin ../x", 2);
  place.require("backup --stdin-from-command -- echo", 2);
}

TEST_CASE("a backup that is interrupted says what it keeps, and the next goes on from there") {
  const Place place;
  place.require("init", 0);
  // The command interrupts its parent once most of its output is read.
  const std::string script =
      "sh -c 'head -c 6000000 /dev/urandom; kill -INT $PPID; head -c 6000000 /dev/urandom'";
  const Result stopped =
      place.run("backup --source s --stdin big --stdin-from-command -- " + script);
  INFO(stopped.out);
  REQUIRE(stopped.exit == 130);
  REQUIRE(contains(stopped.out, "are kept as the pending snapshot"));
  REQUIRE(contains(place.run("snapshots").out, "(incomplete)"));
  place.require("verify --level content", 0);
  place.require("backup --source s --stdin big --stdin-from-command -- echo done", 0);
  REQUIRE_FALSE(contains(place.run("snapshots").out, "(incomplete)"));
}

TEST_CASE("a command that says nothing can be interrupted") {
  const Place place;
  place.require("init", 0);
  place.require(
      "backup --stdin x --stdin-from-command -- sh -c 'kill -INT $PPID; exec sleep 100000'", 130);
}

TEST_CASE("a restore to the root of the file system does not delete the repository") {
  const Place place;
  place.require("init", 0);
  place.require("backup --exclude /**/repo --exclude /**/state '" + (place.directory / ".") + "'",
                0);
  write_file(place.directory / "stray", as_view("x"));
  const Result dry = place.run("restore latest --target / --delete --delete-excluded --dry-run");
  INFO(dry.out);
  REQUIRE(dry.exit == 0);
  REQUIRE(contains(dry.out, "/stray\n"));
  REQUIRE_FALSE(contains(dry.out, "/repo"));
}

TEST_CASE("restore replaces what differs, deletes on request, and asks before it does") {
  const Place place;
  place.require("init", 0);
  place.require("backup '" + place.tree() + "'", 0);
  const std::string restore =
      "restore latest:" + place.tree() + " --target '" + (place.directory / "out") + "' ";
  place.require(restore, 0);
  write_file(place.directory / "out/extra", as_view("x"));
  write_file(place.directory / "out/sub/letter", as_view("changed"));
  place.require(restore + "--overwrite never", 3);
  REQUIRE(slurp(place.directory / "out/sub/letter") == to_bytes("changed"));
  const Result dry = place.run(restore + "--delete --dry-run");
  REQUIRE(dry.exit == 0);
  REQUIRE(contains(dry.out, "delete  extra"));
  REQUIRE(contains(dry.out, "replace  sub/letter"));
  REQUIRE(fs::exists(place.directory / "out/extra"));
  place.require(restore + "--delete --yes --verify", 0);
  REQUIRE_FALSE(fs::exists(place.directory / "out/extra"));
  REQUIRE(compare_trees(place.tree(), place.directory / "out").empty());
  place.require(restore + "--include '*.odt' --delete --yes", 2);
}

TEST_CASE("find and diff show where and what") {
  const Place place;
  place.require("init", 0);
  place.require("backup '" + place.tree() + "'", 0);
  write_file(place.tree() + "/sub/letter", as_view("another text"));
  write_file(place.tree() + "/sub/new", as_view("x"));
  place.require("backup '" + place.tree() + "'", 0);
  const Result diff = place.run("diff --no-metadata 1y\\ ago latest");
  REQUIRE(diff.exit == 1);  // nothing is that old
  const Result found = place.run("find letter");
  REQUIRE(contains(found.out, "/sub/letter"));
  const Result json = place.run("--json find letter");
  REQUIRE(contains(json.out, "\"versions\":[{"));
  REQUIRE(place.run("find nothing-like-it").out == "nothing found\n");
}

TEST_CASE("a dry run of what removes says what would go, and writes nothing") {
  const Place place;
  place.require("init", 0);
  place.write_secret("writer", "writer password\n");
  place.require("key add --role writer --new-password-file '" + (place.directory / "writer") + "'",
                0);
  place.require("backup '" + place.tree() + "'", 0);
  const auto objects = [&] {
    std::map<std::string, Bytes> out;
    for (const auto& file : fs::recursive_directory_iterator(place.directory / "repo")) {
      if (file.is_regular_file()) out[file.path()] = slurp(file.path());
    }
    return out;
  };
  auto before = objects();
  const Result revoke = place.run("key revoke writer --dry-run");  // asks nobody
  REQUIRE(revoke.exit == 0);
  REQUIRE(contains(revoke.out, "KEEP SLOT  owner ("));
  REQUIRE(contains(revoke.out, "SHUT OUT   writer ("));
  REQUIRE(contains(revoke.out, "CARRY ON   keys/"));
  REQUIRE(contains(revoke.out, "REMOVE     epochs/0-"));
  REQUIRE(contains(revoke.out, ": of epoch 0, which would end with journal entry 3\n"));
  REQUIRE(contains(revoke.out, "epoch 1 would begin with journal entry 3, and 14 objects"));
  const Result rotate = place.run("--json key rotate --dry-run");
  REQUIRE(rotate.exit == 0);
  REQUIRE(contains(rotate.out, "\"dry_run\":true,\"entry\":3,\"epoch\":1,\"kept\":[{"));
  REQUIRE(contains(rotate.out, "\"shut_out\":[],\"carried\":[\"keys/"));
  REQUIRE(contains(rotate.out, "\"dropped\":[],\"removals\":[{\"path\":\""));
  REQUIRE(objects() == before);
  // The same is refused as without.
  place.require("key revoke owner --dry-run", 2);
  place.require("key revoke nobody --dry-run", 2);
  REQUIRE(place.run("key rotate --dry-run", "writer").exit == 5);
  REQUIRE(contains(place.run("key rotate").out, "; 10 objects of former ones removed"));

  const auto key_segment = [&] {
    for (const auto& file : fs::directory_iterator(place.directory / "repo/keys")) {
      if (file.path().extension() != ".2") return file.path();
    }
    return fs::path();
  }();
  Bytes damaged = slurp(key_segment);
  damaged.back() ^= 1;
  fs::permissions(key_segment, fs::perms::owner_write, fs::perm_options::add);
  write_file(key_segment, damaged);
  for (const auto& [path, bytes] : before) {
    if (!contains(path, "/epochs/0-")) continue;
    fs::create_directories(fs::path(path).parent_path());
    write_file(path, bytes);
    break;
  }
  before = objects();
  place.require("verify --dry-run", 2);  // of what?
  const Result repair = place.run("verify --repair --dry-run");
  REQUIRE(repair.exit == 4);
  REQUIRE(contains(repair.out, "HEAL     keys/" + key_segment.filename().string()));
  REQUIRE(contains(repair.out, "REMOVE   epochs/0-"));
  REQUIRE(contains(repair.out, "a repair would heal 1, remove 1 and leave 0 of these"));
  const Result json = place.run("--json verify --repair --dry-run");
  REQUIRE(contains(json.out, "\"dry_run\":true"));
  REQUIRE(contains(json.out, "\"healed\":false,\"remedy\":\"heal\"}"));
  REQUIRE(contains(json.out, "\"healed\":false,\"remedy\":\"remove\"}"));
  REQUIRE(objects() == before);
  place.require("verify --repair", 0);
  place.require("verify --level content", 0);
}

TEST_CASE("help, the man page and completion come from the commands") {
  const Place place;
  REQUIRE(contains(place.run("help restore").out, "--overwrite"));
  REQUIRE(contains(place.run("help restore").out, "Examples:"));
  REQUIRE(contains(place.run("help").out, "kist [OPTIONS] SUBCOMMAND"));
  REQUIRE(contains(place.run("help key add").out, "Usage: kist key add"));
  REQUIRE(place.run("help frobnicate").exit == 2);
  REQUIRE(contains(place.run("frobnicate").out, "no command frobnicate"));
  const Result man = place.run("help --man");
  REQUIRE(contains(man.out, ".TH KIST 1"));
  REQUIRE(contains(man.out, "exclude\\-caches"));
  const Result bash = place.run("help --completion bash");
  write_file(place.directory / "completion", as_view(bash.out));
  const std::string check = "bash -n '" + (place.directory / "completion") + "'";
  REQUIRE(std::system(check.c_str()) == 0);  // NOLINT(concurrency-mt-unsafe)
  for (const std::string shell : {"zsh", "fish"}) {
    REQUIRE(contains(place.run("help --completion " + shell).out, "exclude-caches"));
  }
}

// Not under sanitizers: they end the process by themselves where LMDB goes wrong on damaged pages,
// before the program can say that its catalog is not to be trusted.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("a catalog with any damaged page is rebuilt, at the cost of a run at most") {
  const Place place;
  place.require("init", 0);
  place.require("backup '" + place.tree() + "'", 0);
  SeededRandom random(seed());
  fs::path state;
  for (const auto& entry : fs::directory_iterator(place.directory / "state"))
    state = entry.path();
  for (int turn = 0; turn < 30; ++turn) {
    for (const std::string name : {"catalog", "index"}) {
      const std::string path = (state / name / "data.mdb").string();
      Bytes bytes = slurp(path);
      // Some bytes anywhere, or a whole page.
      const std::size_t at = random.next() % bytes.size();
      const std::size_t size = turn % 2 == 0 ? 16 : 4096;
      random.fill(MutableView(bytes).subspan(at, std::min(size, bytes.size() - at)));
      write_file(path, bytes);
    }
    // Each of the two may end one run; what one command does not touch, another may.
    for (const std::string& command :
         {"backup '" + place.tree() + "'", std::string("verify --level content")}) {
      Result result;
      for (int tries = 0; tries < 3 && (tries == 0 || result.exit != 0); ++tries) {
        result = place.run(command);
      }
      INFO("turn " << turn << ", " << command << "\n" << result.out);
      REQUIRE(result.exit == 0);
    }
  }
}
#endif
