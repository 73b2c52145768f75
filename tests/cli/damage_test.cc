// The real program on a store that is damaged, or to which others have added: what is said, and
// what mends it.
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/cli/place.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

// Those with the content of files. The manifests stay: what they say of the directories above the
// tree changes with whatever else runs there, so a later backup need not store the same again.
void remove_data_packs(const std::string& directory) {
  std::vector<std::string> out;
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory)) {
    constexpr std::size_t kind_at = 10;
    if (!file.is_regular_file() || slurp(file.path().string())[kind_at] != 1) continue;
    out.push_back(file.path().string());
  }
  REQUIRE_FALSE(out.empty());
  for (const std::string& path : out) {
    std::filesystem::remove(path);
  }
}

}  // namespace

TEST_CASE("a damaged object is exit code 4") {
  const Place place;
  place.require("init", 0);
  place.require("backup '" + place.tree() + "'", 0);
  for (const auto& file :
       std::filesystem::recursive_directory_iterator(place.directory / "repo/packs")) {
    if (!file.is_regular_file()) continue;
    Bytes bytes = slurp(file.path().string());
    bytes[200] ^= 1;
    std::filesystem::permissions(file.path(), std::filesystem::perms::owner_all);
    write_file(file.path().string(), bytes);
  }
  const Result result = place.run("verify --level content");
  REQUIRE(result.exit == 4);
  REQUIRE(contains(result.out, "DAMAGED  packs/"));
  place.require("restore latest --target '" + (place.directory / "out") + "'", 4);
}

TEST_CASE("a repair begins an epoch with new anchors where a copy of one is lost") {
  const Place place;
  place.require("init", 0);
  place.require("backup '" + place.tree() + "'", 0);
  const auto first = std::filesystem::directory_iterator(place.directory / "repo/anchors")->path();
  std::filesystem::remove(first);
  place.require("verify", 4);
  const Result plan = place.run("verify --repair --dry-run");
  REQUIRE(plan.exit == 4);
  REQUIRE(contains(plan.out, "HEAL     anchors/"));
  REQUIRE_FALSE(std::filesystem::exists(first));
  const Result repaired = place.run("verify --repair");
  REQUIRE(repaired.exit == 0);
  REQUIRE(contains(repaired.out, "HEALED   anchors/"));
  place.require("verify --level content", 0);
  REQUIRE_FALSE(std::filesystem::exists(first));
  place.require("restore latest --target '" + (place.directory / "out") + "'", 0);
}

TEST_CASE("what a repair cannot make anew it gives up when it is asked to, and says so") {
  const Place place;
  place.require("init", 0);
  place.require("backup '" + place.tree() + "'", 0);
  std::filesystem::remove_all(place.directory / "repo/index");
  std::filesystem::create_directory(place.directory / "repo/index");
  remove_data_packs(place.directory / "repo/packs");
  const Result refused = place.run("verify --level content --repair");
  REQUIRE(refused.exit == 4);
  REQUIRE(contains(refused.out, "it cannot be made anew"));
  place.require("verify --level content --drop-unreadable", 2);
  const Result dropped = place.run("verify --level content --repair --drop-unreadable --yes");
  REQUIRE(dropped.exit == 4);
  REQUIRE(contains(dropped.out, "GIVEN UP index/"));
  REQUIRE(contains(dropped.out, "2 index segments given up"));
  place.require("backup '" + place.tree() + "'", 0);
  place.require("restore latest --target '" + (place.directory / "out") + "'", 0);
}

TEST_CASE("junk at the journal's head stops commits until an owner passes over it") {
  const Place place;
  place.require("init", 0);
  place.require("backup '" + place.tree() + "'", 0);
  place.require("incident close --note 'all is well' --accept-void --yes", 5);
  write_file(place.directory / "repo/journal/0000000002", as_view("junk"));
  place.require("restore latest --target '" + (place.directory / "out") + "'", 0);
  place.require("backup '" + place.tree() + "'", 4);
  REQUIRE(contains(place.run("stats").out, "what a collection would do is not known"));
  place.require("stats", 0);
  place.require("incident close --note junk", 4);
  place.require("incident close --accept-void", 2);  // no note
  place.require("incident close 2-x --note junk", 2);
  place.require("incident close 2 --note junk --accept-void --yes", 2);  // all or none
  place.require("incident close --note junk --accept-void", 5);          // nobody can be asked
  place.require("backup '" + place.tree() + "'", 4);
  const Result closed = place.run("incident close --note 'a stray file' --accept-void --yes");
  REQUIRE(closed.exit == 0);
  REQUIRE(contains(closed.out, "journal entry 2: 4 bytes that no slot has signed"));
  REQUIRE(contains(closed.out, "closed 1 incident "));
  place.require("backup '" + place.tree() + "'", 0);
  REQUIRE_FALSE(contains(place.run("snapshots").out, "incident"));
  REQUIRE(contains(place.run("incident list").out, "a stray file"));
  place.require("journal verify", 0);
  place.require("incident close 2 --note again", 5);
  place.require("verify", 0);
}

TEST_CASE("a fresh machine gets in, whatever others have put beside what is stored") {
  const Place place;
  const auto forget = [&] { std::filesystem::remove_all(place.directory / "state"); };
  const std::string made = place.run("init").out;
  const std::size_t line = made.find("slot            ");
  REQUIRE(line != std::string::npos);
  const std::string slot = made.substr(line + 16, 32);
  place.require("backup '" + place.tree() + "'", 0);
  for (const std::string link : {"slots/a", "slots/b", "journal/a", "grants/a", "packs/a"}) {
    std::filesystem::create_symlink("..", place.directory / ("repo/" + link));
  }
  write_file(place.directory / "repo/journal/0000009999", as_view("junk"));
  forget();
  place.require("restore latest --target '" + (place.directory / "out") + "'", 0);
  REQUIRE(slurp(place.directory / ("out" + place.tree() + "/sub/letter")) ==
          to_bytes("dear reader"));
  place.require("backup '" + place.tree() + "'", 0);
  forget();
  place.require("--slot " + slot + " snapshots", 0);
  place.require("--slot " + slot + "-1 snapshots", 0);
  place.require("--slot " + slot + "-7 snapshots", 12);
  place.require("--slot " + std::string(32, '0') + " snapshots", 12);
  place.require("--slot " + slot.substr(0, 8) + " snapshots", 2);
  place.require("--slot " + slot + "-01 snapshots", 2);
}

TEST_CASE("a missing journal entry stops commits until it is restored, and reading at no time") {
  const Place place;
  place.require("init", 0);
  place.require("backup '" + place.tree() + "'", 0);
  place.require("backup '" + place.tree() + "'", 0);
  place.require("backup '" + place.tree() + "'", 0);
  const std::string journal = place.directory / "repo/journal";
  for (const std::string copy : {"/0000000002", "/0000000002.2"}) {
    std::filesystem::rename(journal + copy, place.directory.path() + copy);
  }
  std::filesystem::remove_all(place.directory / "state");
  const Result restored = place.run("restore latest --target '" + (place.directory / "out") + "'");
  REQUIRE(restored.exit == 0);
  REQUIRE(contains(restored.out, "the journal lacks entry 2"));
  place.require("backup '" + place.tree() + "'", 4);
  place.require("journal verify", 4);
  place.require("verify", 4);
  place.require("incident close --note junk --accept-void --yes", 5);
  for (const std::string copy : {"/0000000002", "/0000000002.2"}) {
    std::filesystem::rename(place.directory.path() + copy, journal + copy);
  }
  place.require("backup '" + place.tree() + "'", 0);
  place.require("journal verify", 0);
}

TEST_CASE("a repository whose kist.repo is damaged or gone is read and written, and mended") {
  const Place place;
  place.require("init", 0);
  const std::string file = place.directory / "repo/kist.repo";
  const Bytes good = slurp(file);
  for (const Bytes& left : {Bytes(), Bytes(64, 1), good}) {
    std::filesystem::remove(file);
    if (left != good) write_file(file, left);
    std::filesystem::remove_all(place.directory / "state");
    place.require("backup '" + place.tree() + "'", 0);
    REQUIRE(contains(place.run("snapshots").out, "kist verify --repair"));
    place.require("verify", 4);
    place.require("init", 5);
    place.require("verify --repair --dry-run", 4);
    place.require("verify --repair", 0);
    REQUIRE(slurp(file) == good);
    REQUIRE_FALSE(contains(place.run("snapshots").out, "kist verify --repair"));
  }
}

TEST_CASE("copies of secrets are named by verify whatever they are called, and go") {
  const Place place;
  place.require("init", 0);
  place.require("backup --source mine '" + place.tree() + "'", 0);
  const std::string repository = place.directory / "repo/";
  const auto only_file = [&](const std::string& folder) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(repository + folder)) {
      if (entry.is_regular_file() && entry.path().extension() != ".2") return entry.path().string();
    }
    FAIL("nothing in " << folder);
    return std::string();
  };
  std::filesystem::create_directory(repository + "tmp");
  std::filesystem::create_directory(repository + "slots/old");
  const std::string box = only_file("epochs");
  const Bytes secret = slurp(box);
  const std::vector<std::string> copies = {
      box + ".sync-conflict-20261126-120000",
      box + ".2.cf50a1b2c3d4e5f6.new",
      repository + "keys/.DS_Store",
      only_file("grants") + " (conflicted copy)",
      only_file("slots") + ".orig",
      repository + "slots/old/" + std::filesystem::path(only_file("slots")).filename().string()};
  for (const std::string& copy : copies) {
    write_file(copy, secret);
  }
  write_file(repository + "tmp/" + std::string(32, 'a'), secret);
  write_file(repository + "keys/\x1b[2J", secret);  // a name that would clear the terminal
  const Result found = place.run("verify");
  REQUIRE(found.exit == 4);
  REQUIRE_FALSE(contains(found.out, "\x1b"));
  for (const std::string& copy : copies) {
    INFO(found.out);
    REQUIRE(contains(found.out, std::filesystem::path(copy).filename().string()));
  }
  place.require("key rotate", 0);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(repository)) {
    if (entry.is_regular_file()) REQUIRE(slurp(entry.path().string()) != secret);
  }
  place.require("verify --level content", 0);
}

TEST_CASE("packs that are gone are said by a backup, shown as incidents, and closed here") {
  const Place place;
  place.require("init", 0);
  place.require("key add --role writer --name laptop --new-key-file '" +
                    (place.directory / "laptop.key") + "'",
                0);
  const std::string as_laptop =
      concat(KIST_BINARY, " --repo '", place.directory / "repo", "' --state-dir '",
             place.directory / "laptop", "' --key-file '", place.directory / "laptop.key", "' ");
  const auto run = [&](const std::string& arguments) {
    Result result;
    FILE* pipe = ::popen(concat(as_laptop, arguments, " 2>&1 </dev/null").c_str(), "r");
    REQUIRE(pipe != nullptr);
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
      result.out += static_cast<char>(c);
    }
    result.exit = WEXITSTATUS(::pclose(pipe));
    CAPTURE(result.out);
    return result;
  };
  const std::string backup = "backup --source laptop '" + place.tree() + "'";
  REQUIRE(run(backup).exit == 0);
  REQUIRE(run("incident list").exit == 0);
  REQUIRE(run("incident close --here --note none").exit == 5);
  remove_data_packs(place.directory / "repo/packs");
  for (const auto& state : std::filesystem::directory_iterator(place.directory / "laptop")) {
    std::filesystem::remove(state.path() / "cache/looked");  // a day later
  }
  const Result lost = run(backup);
  REQUIRE(lost.exit == 3);
  REQUIRE(contains(lost.out, "it is missing"));
  REQUIRE(contains(lost.out, "older snapshots are hurt"));
  const Result next = run(backup);
  REQUIRE(next.exit == 0);
  REQUIRE(contains(next.out, "this machine has found"));
  REQUIRE(contains(run("incident list").out, "here  packs/"));
  REQUIRE(contains(run("--json incident list").out, "\"problem\":\"it is missing\""));
  REQUIRE(run("incident close 2 --here --note both").exit == 2);
  REQUIRE(run("incident close --note 'not mine'").exit == 5);
  REQUIRE(run("incident close --here --note 'pulled a disk'").exit == 0);
  REQUIRE_FALSE(contains(run(backup).out, "this machine has found"));
  REQUIRE(contains(run("incident list").out, "pulled a disk"));
  // The journal tells the others; what they have found themselves is another matter.
  const std::string told = place.run("incident list").out;
  REQUIRE(contains(told, "packs that are missing or damaged: packs/"));
  REQUIRE(contains(place.run("--json incident list").out, "\"packs\":[\"packs/"));
  REQUIRE_FALSE(contains(told, "here  packs/"));
  const Result verified = place.run("verify --level content");
  REQUIRE(verified.exit == 4);
  REQUIRE(contains(verified.out, "AT RISK"));
  REQUIRE_FALSE(contains(verified.out, "LOST"));
  REQUIRE(contains(verified.out, " condemned: backups of every machine"));
  REQUIRE(contains(place.run("incident list").out, "here  packs/"));
  place.require("restore latest --target '" + (place.directory / "out") + "'", 0);
  REQUIRE(run("backup --store-again --source laptop '" + place.tree() + "'").exit == 0);
}
