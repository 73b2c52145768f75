// The real program on an owner's machine and on a laptop whose writer's key somebody else has:
// whose snapshot a restore takes, and what an entry without objects holds up.
#include <filesystem>

#include "tests/cli/place.h"

using namespace kist;
using namespace kist::test;

namespace {

// The file that was written last.
std::string newest_file(const std::string& folder) {
  std::filesystem::directory_entry newest;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    const bool is_first = newest.path().empty();
    if (is_first || file.last_write_time() > newest.last_write_time()) newest = file;
  }
  return newest.path().string();
}

// A repository of an owner's machine, and a writer's slot `lap` with a password of its own.
struct TwoMachines : Place {
  explicit TwoMachines(const std::string& options = "") {
    require("init", 0);
    write_secret("writer", "writer password\n");
    require("key add --role writer --name lap " + options + " --new-password-file '" +
                (directory / "writer") + "'",
            0);
    require("backup --source mine '" + tree() + "'", 0);
  }

  [[nodiscard]] Result on_laptop(const std::string& arguments) const {
    return run(arguments, "writer", "laptop");
  }

  std::string target = " --target '" + (directory / "out") + "'";
};

}  // namespace

TEST_CASE("a restore says whose snapshot it takes, and asks which source where there are several") {
  const TwoMachines place;
  const Result only = place.run("restore latest" + place.target);
  INFO(only.out);
  REQUIRE(only.exit == 0);
  REQUIRE(contains(only.out, " of mine, taken "));
  REQUIRE(contains(only.out, " by slot owner ("));
  REQUIRE(place.on_laptop("backup --source desk '" + place.tree() + "'").exit == 0);
  for (const std::string& command :
       {"restore latest" + place.target, "restore '0min ago'" + place.target,
        std::string("ls latest"), std::string("cat latest:/x"),
        std::string("diff latest latest")}) {
    const Result refused = place.run(command);
    INFO(command << "\n" << refused.out);
    REQUIRE(refused.exit == 2);
    REQUIRE(contains(refused.out, "desk (slot lap ("));
    REQUIRE(contains(refused.out, "mine (slot owner ("));
  }
  place.require("ls latest@mine", 0);
  place.require("diff latest@mine latest@desk", 0);
  REQUIRE(contains(place.run("restore latest@desk" + place.target).out, " by slot lap ("));
  const Result json = place.run("--json restore latest@desk" + place.target);
  INFO(json.out);
  REQUIRE(contains(json.out, "\"source\":\"desk\""));
  REQUIRE(contains(json.out, "\"slot_name\":\"lap\""));
  // Whoever has lost the laptop restores what it had, and is told of its slot.
  place.require("key revoke lap --yes", 0);
  REQUIRE(contains(place.run("restore latest@desk" + place.target).out, "revoked since"));
}

TEST_CASE("a source that was bound to a slot is refused to every other, and shown with its slot") {
  const TwoMachines place("--source desk --source desk-db");
  REQUIRE(contains(place.run("key list").out, "desk, desk-db"));
  REQUIRE(contains(place.run("journal list").out, "sources: desk, desk-db"));
  place.require("backup --source desk '" + place.tree() + "'", 5);
  const std::string secret = " --new-password-file '" + (place.directory / "wrong") + "'";
  const Result taken = place.run("key add --role writer --source desk" + secret);
  REQUIRE(taken.exit == 5);
  REQUIRE(contains(taken.out, "the source desk belongs to slot lap ("));
  place.require("key add --role reader --source new" + secret, 2);
  REQUIRE(place.on_laptop("backup --source desk '" + place.tree() + "'").exit == 0);
}

TEST_CASE("an entry of a slot that was revoked, without its objects, is a note and exit code 0") {
  const TwoMachines place;
  REQUIRE(place.on_laptop("backup --source lap '" + place.tree() + "'").exit == 0);
  // The laptop's body goes, as if it had never put it.
  const std::string body = newest_file(place.directory / "repo/bodies");
  std::filesystem::remove(body);
  std::filesystem::remove(body.ends_with(".2") ? body.substr(0, body.size() - 2) : body + ".2");
  const Result before = place.run("verify");
  INFO(before.out);
  REQUIRE(before.exit == 4);
  REQUIRE(contains(before.out, "ABSENT   bodies/"));
  place.require("restore latest" + place.target, 0);
  place.require("restore latest@lap" + place.target, 1);
  place.require("snapshots", 4);
  REQUIRE(contains(place.run("key revoke lap --dry-run").out, "GIVE UP    snapshot "));
  REQUIRE(contains(place.run("key revoke lap --yes").out, "given up: snapshot "));
  const Result after = place.run("verify --level content");
  INFO(after.out);
  REQUIRE(after.exit == 0);
  REQUIRE(contains(after.out, "NOTE     snapshot "));
  REQUIRE(contains(after.out, "no damage found"));
  const Result restored = place.run("restore latest" + place.target, "password", "fresh machine");
  INFO(restored.out);
  REQUIRE(restored.exit == 0);
  REQUIRE(contains(restored.out, " of mine, taken "));
  const Result listed = place.run("snapshots");
  REQUIRE(listed.exit == 0);
  REQUIRE(contains(listed.out, "(invalid)"));
}

TEST_CASE(
    "what was written since an older snapshot is not deleted because newer ones do not open") {
  const TwoMachines place;
  place.require("backup --source mine '" + place.tree() + "'", 0);
  write_file(place.tree() + "/new", as_view("since then"));
  place.require("backup --source mine '" + place.tree() + "'", 0);
  const std::string body = newest_file(place.directory / "repo/bodies");
  std::filesystem::remove(body);
  std::filesystem::remove(body.ends_with(".2") ? body.substr(0, body.size() - 2) : body + ".2");
  const std::string restore = " --delete --yes --target '" + place.tree() + "'";
  place.require("restore latest@mine:" + place.tree() + restore, 5);
  REQUIRE(slurp(place.tree() + "/new") == to_bytes("since then"));
  place.require("restore latest@mine:" + place.tree() + " --dry-run" + restore, 0);
}
