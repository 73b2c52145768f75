// Where a client lets a store race before it commits, and what that leaves behind.
#include "tests/support/memory_store.h"
#include "tests/support/racy_store.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

std::size_t probe_count(const MemoryStore& store) {
  std::size_t count = 0;
  for (const auto& [path, bytes] : store.objects()) {
    if (path.starts_with("probe/")) ++count;
  }
  return count;
}

}  // namespace

TEST_CASE(
    "nothing is committed to a store that keeps put-if-absent for one client at a time only") {
  Roles roles(writer_capabilities);
  const auto racy = std::make_shared<RacyStore>(*roles.store);
  Machine machine(racy, 5);
  Repository repository = machine.open();
  const auto journal = [&] {
    std::size_t entries = 0;
    roles.store->list("journal", [&](const std::string&) { ++entries; });
    return entries;
  };
  const std::size_t before = journal();
  try {
    machine.backup(repository, roles.source / "tree");
    FAIL("a racy store was accepted");
  } catch (const Error& error) {
    REQUIRE(error.code() == Code::unsupported);
    REQUIRE(error.text().find("at the same time succeeded") != std::string::npos);
  }
  REQUIRE(journal() == before);
  // The refusal is not forgotten: the next run looks again.
  Repository again = machine.open();
  REQUIRE(error_code([&] { machine.backup(again, roles.source / "tree"); }) == Code::unsupported);
  // Reading goes on.
  require_restored(machine, again, roles, roles.first);
}

TEST_CASE("a state directory lets a store race once, whoever writes, and verify finds no fault") {
  Roles roles(writer_capabilities);
  REQUIRE(probe_count(*roles.store) == 1);
  roles.owner.backup(roles.owner_repository, roles.source / "tree");
  Repository reopened = roles.owner.open();
  roles.owner.backup(reopened, roles.source / "tree");
  REQUIRE(probe_count(*roles.store) == 1);

  // A slot that can only write needs no other right.
  Repository writer = roles.open();
  REQUIRE(probe_count(*roles.store) == 1);
  roles.backup(writer, "other");
  REQUIRE(probe_count(*roles.store) == 2);

  // No state of a probe is damage: whole, damaged, gone.
  for (int round = 0; round < 3; ++round) {
    const VerifyReport report =
        verify(reopened, {.level = VerifyLevel::content, .threads = 2, .repairs = false});
    REQUIRE(report.findings.empty());
    REQUIRE(check_catalog(reopened).empty());
    for (const auto& [path, bytes] : roles.store->objects()) {
      if (!path.starts_with("probe/")) continue;
      roles.store->overwrite(path, to_bytes("damaged"));
      if (round == 1) roles.store->remove(path);
    }
  }
}
