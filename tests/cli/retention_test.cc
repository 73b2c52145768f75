// The commands of retention: what they print, and their exit codes.
#include "tests/cli/place.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

// A place with a repository of two snapshots, of sources desk and mail.
struct KeptPlace : Place {
  KeptPlace() {
    require("init", 0);
    require("backup --source desk '" + tree() + "'", 0);
    require("backup --source mail '" + tree() + "'", 0);
  }

  [[nodiscard]] std::string printed(const std::string& arguments) const {
    const Result result = run(arguments);
    INFO("kist " << arguments << "\n" << result.out);
    REQUIRE(result.exit == 0);
    return result.out;
  }

  // What it prints when it is refused: one line.
  [[nodiscard]] std::string refused(const std::string& arguments, int exit = 5) const {
    const Result result = run(arguments);
    INFO("kist " << arguments << "\n" << result.out);
    REQUIRE(result.exit == exit);
    REQUIRE(std::ranges::count(result.out, '\n') == 1);
    return result.out;
  }

  // The id of the newest snapshot of that source.
  [[nodiscard]] std::string id_of(const std::string& source) const {
    const std::string list = printed("--json snapshots --source " + source);
    return list.substr(list.find("\"id\":") + 6, 10);
  }
};

}  // namespace

TEST_CASE("init says how long snapshots are kept, and policy set changes it") {
  const Place place;
  const Result made = place.run("init");
  REQUIRE(contains(made.out, "policy default: keep everything; each at least 1 d"));
  REQUIRE(contains(made.out, "kist policy set default"));
  const Result set = place.run("policy set default --daily 14 --weekly 8w --monthly 12 --zone UTC");
  REQUIRE(set.exit == 0);
  REQUIRE(contains(set.out, "keep daily 14, weekly 56 d, monthly 12; each at least 1 d"));
  REQUIRE(contains(place.run("policy set default --weekly 0 --expect 1d+6h").out,
                   "keep daily 14, monthly 12; each at least 1 d"));
  for (const std::string command :
       {"policy list", "policy show default", "policy history", "policy history default",
        "hold list", "source list", "expire --dry-run", "expire"}) {
    place.require(command, 0);
    place.require("--json " + command, 0);
  }
}

TEST_CASE("what is no policy is refused with what would be one") {
  const KeptPlace place;
  REQUIRE(contains(place.refused("policy set default --minimum 100y"), "kist policy ceiling"));
  REQUIRE(contains(place.refused("policy set default --minimum 30d --maximum 7d", 2),
                   "shorter than the minimum"));
  REQUIRE(contains(place.refused("policy set default --daily often", 2), "such as 14"));
  REQUIRE(contains(place.refused("policy set default --zone Nowhere/Land", 2), "Europe/Berlin"));
  REQUIRE(contains(place.refused("policy set default --last 30d", 2), "--within"));
  REQUIRE(contains(place.refused("policy set default --grace 2y", 2), "at most 1 y"));
  REQUIRE(contains(place.refused("policy set default --minimum 1h"), "--reason"));
  place.require("policy set default --minimum 1h --reason 'a test'", 0);
  REQUIRE(contains(place.refused("policy show gone", 2), "kist policy list"));
  REQUIRE(contains(place.refused("policy remove default"), "not removed"));
  place.require("policy set books --yearly 10", 0);
  place.require("policy assign books --source desk", 0);
  REQUIRE(contains(place.refused("policy remove books"), "assign them another first"));
  place.require("policy assign --none --source desk", 0);
  place.require("policy remove books", 0);
  REQUIRE(
      contains(place.refused("policy assign books --source desk", 2), "no policy called books"));
}

TEST_CASE("compliance waits, and can be taken back while it does") {
  const KeptPlace place;
  place.require("policy set books --minimum 2y --lock compliance", 0);
  REQUIRE(contains(place.printed("policy assign books --source desk"), "3 d apart"));
  const std::string list = place.printed("--json policy list");
  const std::size_t at = list.find("\"entry\":");
  const std::string entry = list.substr(at + 8, list.find(',', at) - at - 8);
  REQUIRE(contains(place.printed("policy list"), "books to source desk"));
  REQUIRE(contains(place.refused("policy assign books --source desk"), "proposed already"));
  REQUIRE(contains(place.refused("policy assign default --source desk"), "take it back first"));
  REQUIRE(contains(place.refused("policy remove books"), "take it back first"));
  place.require("policy cancel " + entry + " --reason 'a mistake'", 0);
  REQUIRE(contains(place.refused("policy cancel " + entry), "no proposal"));
  REQUIRE(contains(place.printed("policy ceiling 20y"), "proposed"));
}

TEST_CASE("a mistake of a minute ago is forgotten with a reason, and taken back") {
  const KeptPlace place;
  const std::string id = place.id_of("desk");
  const std::string why = place.refused("forget " + id);
  REQUIRE(contains(why, "kist forget " + id + " --reason"));
  REQUIRE(contains(place.refused("forget " + id + " --reason wrong"), "--last-one"));
  REQUIRE(contains(place.printed("forget " + id + " --reason wrong --last-one --dry-run"),
                   "nothing was written"));
  const std::string done = place.printed("forget " + id + " --reason wrong --last-one");
  REQUIRE(contains(done, "  " + id + "  "));
  REQUIRE(contains(done, "kist unretire --entry "));
  REQUIRE(contains(place.printed("forget " + id), "retired already"));
  REQUIRE(contains(place.printed("snapshots"), "1 retired ones are not shown"));
  REQUIRE(contains(place.printed("snapshots --all"), "retired, restorable until "));
  const std::string out = " --target '" + (place.directory / "out") + "'";
  REQUIRE(contains(place.printed("restore " + id + out), "the snapshot is retired"));
  REQUIRE(contains(place.refused("restore latest@desk" + out, 1), "no snapshot"));
  const std::string by_entry = done.substr(done.find("unretire --entry"), 18);
  REQUIRE(contains(place.printed(by_entry), "took back"));
  REQUIRE(contains(place.refused(by_entry), "no snapshot is retired by entry"));
  REQUIRE(contains(place.refused("unretire", 2), "--entry"));
  REQUIRE(contains(place.refused("unretire " + id), "is not retired"));
  REQUIRE_FALSE(contains(place.printed("snapshots"), "retired"));
}

TEST_CASE("what is held stays until an owner lifts it") {
  const KeptPlace place;
  const std::string id = place.id_of("mail");
  REQUIRE(
      contains(place.printed("hold place 2026-16 --source mial"), "nothing is backed up under"));
  place.require("hold place 2026-17 --source mail --reason 'a letter'", 0);
  REQUIRE(contains(place.refused("hold place 2026-17 --repository", 2), "2026-17-b"));
  REQUIRE(contains(place.refused("hold place 2026-18", 2), "on what?"));
  REQUIRE(contains(place.refused("forget " + id + " --reason wrong --last-one"),
                   "held by matter 2026-17"));
  REQUIRE(contains(place.printed("expire --dry-run"), "held: matter 2026-17"));
  REQUIRE(contains(place.printed("hold list"), "sources mail"));
  place.require("hold lift 2026-17 --reason settled", 0);
  REQUIRE(contains(place.refused("hold lift 2026-17", 2), "nothing is held"));
  place.require("forget " + id + " --reason wrong --last-one", 0);
}

TEST_CASE("rules given by hand print their plan, and do nothing without a rule") {
  const KeptPlace place;
  REQUIRE(contains(place.refused("forget", 2), "--keep-daily 7"));
  REQUIRE(contains(place.refused("forget --keep-daily 0", 2), "keep nothing"));
  REQUIRE(contains(place.refused("forget latest@desk --keep-daily 7", 2), "not both"));
  REQUIRE(contains(place.refused("forget latest@desk --source mail", 2), "go with rules"));
  REQUIRE(contains(place.refused("forget --keep-daily 7 --source dsek", 2), "no snapshot fits"));
  const std::string plan = place.printed(
      "forget --keep-daily 7 --keep-within 3h --group-by source,paths --source desk --dry-run");
  REQUIRE(contains(plan, "1st of 7"));
  REQUIRE(contains(plan, "minimum until"));
  REQUIRE(contains(plan, "0 snapshots would be retired"));
  REQUIRE_FALSE(contains(plan, "mail"));
  REQUIRE(
      contains(place.refused("forget --keep-last 1 --group-by moon", 2), "nothing to group by"));
  REQUIRE(contains(place.printed("forget -d 7 -w 4 -m 12 -y 3 -l 2"), "nothing is retired: rules"));
}

TEST_CASE("a source is bound, ended and listed, with the policy that it has") {
  const KeptPlace place;
  place.require("source bind new-desk --slot-name owner --continues desk", 0);
  REQUIRE(contains(place.printed("source list"), "continues desk"));
  REQUIRE(
      contains(place.refused("source bind desk --slot-name owner --continues new-desk"), "void"));
  REQUIRE(contains(place.refused("source bind desk --slot-name nobody", 2), "kist key list"));
  place.require("source end mail --reason 'given away'", 0);
  REQUIRE(contains(place.printed("source list"), "ended"));
  place.require("policy set books --yearly 10", 0);
  place.require("backup --source desk --policy books '" + place.tree() + "'", 0);
  REQUIRE(contains(place.printed("policy show books"), "of desk"));
  REQUIRE(contains(place.refused("backup --policy books '" + place.tree() + "'", 2), "--source"));
}
