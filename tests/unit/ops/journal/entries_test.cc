// Looking at the journal: its length for all, its entries for slots that may look.
#include "engine/ops/journal/entries.h"

#include "tests/support/attacker.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

std::vector<std::uint64_t> numbers_from(Repository& repository,
                                        std::uint64_t first,
                                        std::size_t count_max = 100) {
  std::vector<std::uint64_t> out;
  for_each_journal_entry(repository, first, [&](const ReplayedEntry& replayed) {
    out.push_back(replayed.entry.sequence);
    return out.size() < count_max;
  });
  return out;
}

}  // namespace

TEST_CASE("entries are shown in order from any number on, until enough were seen") {
  Roles roles(writer_capabilities);  // genesis, a slot, a snapshot
  Repository& owner = roles.owner_repository;
  REQUIRE(journal_info(owner).entries == 3);
  REQUIRE(numbers_from(owner, 0) == std::vector<std::uint64_t>{0, 1, 2});
  REQUIRE(numbers_from(owner, 1) == std::vector<std::uint64_t>{1, 2});
  REQUIRE(numbers_from(owner, 0, 2) == std::vector<std::uint64_t>{0, 1});
  REQUIRE(numbers_from(owner, 3).empty());
}

TEST_CASE("an entry is found by its number alone, and none beyond the end") {
  Roles roles(writer_capabilities);
  Repository& owner = roles.owner_repository;
  for (std::uint64_t sequence = 0; sequence < 3; ++sequence) {
    const auto found = find_journal_entry(owner, sequence);
    REQUIRE(found);
    REQUIRE(found->entry.sequence == sequence);
  }
  REQUIRE(find_journal_entry(owner, 2)->hash == journal_info(owner).head);
  REQUIRE_FALSE(find_journal_entry(owner, 3));
  REQUIRE_FALSE(find_journal_entry(owner, UINT64_MAX));
}

TEST_CASE("void entries are shown like any other") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  JournalEntry entry = evil.journal().next_entry(StateRemade{});
  entry.previous = ObjectHash();
  forge(*roles.store, evil, roles.content, entry);
  Repository& owner = roles.owner_repository;
  owner.journal().replay();
  REQUIRE(owner.state().incidents.size() == 1);
  REQUIRE(find_journal_entry(owner, entry.sequence));
  REQUIRE(journal_info(owner).entries == entry.sequence + 1);
}

TEST_CASE("a slot that neither reads nor audits is shown the journal's length and no entry") {
  const Capabilities capabilities =
      GENERATE(writer_capabilities, reader_capabilities, auditor_capabilities);
  Roles roles(capabilities);
  Repository repository = roles.open();
  REQUIRE(journal_info(repository).entries == 3);
  if (capabilities != writer_capabilities) {
    REQUIRE(numbers_from(repository, 0).size() == 3);
    return;
  }
  REQUIRE(error_code([&] { numbers_from(repository, 0); }) == Code::refused);
  REQUIRE(error_code([&] { find_journal_entry(repository, 0); }) == Code::refused);
}
