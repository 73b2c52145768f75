// What is shown of the snapshots that there are.
#include "engine/ops/browse/browse.h"

#include "tests/support/attacker.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"
#include "tests/unit/ops/browse/browse_fixture.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a listing and a file's bytes are those of the path that was selected") {
  Browsed run;
  const std::string base = "latest@desk:" + run.tree();
  std::vector<std::string> listed;
  list_entries(run.repository, select(run.repository, base), false,
               [&](const Entry& entry) { listed.push_back(entry.path); });
  const std::string path = run.tree().substr(1);
  REQUIRE(listed == std::vector<std::string>{path, path + "/file", path + "/sub"});
  Bytes read;
  read_content(run.repository, select(run.repository, base + "/file"),
               [&](View bytes) { read.insert(read.end(), bytes.begin(), bytes.end()); });
  REQUIRE(read == to_bytes("content"));
  REQUIRE(error_code([&] {
            read_content(run.repository, select(run.repository, base + "/sub"), [](View) {});
          }) == Code::invalid);
}

TEST_CASE("sums count each source's snapshots, and the newest of each once") {
  Browsed run;
  const RepositoryStatistics sums = count_repository(run.repository);
  REQUIRE(sums.snapshots == 4);
  REQUIRE(sums.sources.size() == 2);
  for (const RepositoryStatistics::Source& source : sums.sources) {
    REQUIRE(source.snapshots == 2);
    REQUIRE(source.bytes_newest == 7);
  }
  REQUIRE(sums.bytes_total == 28);
  REQUIRE(sums.bytes_newest == 14);
  REQUIRE(sums.entries == 5);
  REQUIRE(sums.packs == names_of(*run.store, "packs/").size());
}

TEST_CASE(
    "a snapshot that was given up is listed with a notice, any other that does not open is a "
    "problem") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  const SnapshotId hollow = commit_hollow(evil, roles.other.random, "evil", {.puts_body = false});
  Repository& owner = roles.owner_repository;
  owner.journal().replay();
  const auto listed = [&] {
    roles.owner.observer.problems.clear();
    const std::vector<SnapshotSummary> all = list_snapshots(owner);
    REQUIRE(all.size() == 2);
    REQUIRE(all.front().openness == Openness::opens);
    REQUIRE(all.back().state->taken.snapshot == hollow);
    return all.back();
  };
  REQUIRE(listed().openness == Openness::absent);
  REQUIRE_FALSE(listed().is_given_up);
  REQUIRE(roles.owner.observer.problems.size() == 1);
  revoke(roles);
  REQUIRE(listed().openness == Openness::invalid);
  REQUIRE(listed().is_given_up);
  REQUIRE(roles.owner.observer.problems.empty());
  // An auditor's machine says the same, though it opens no body.
  add_slot(owner, Machine::credential(10), argon2_floor, "auditor", auditor_capabilities);
  Machine far(roles.store, 5);
  Repository auditor = far.open(10);
  REQUIRE(list_snapshots(auditor).back().is_given_up);
  REQUIRE(far.observer.problems.empty());
}
