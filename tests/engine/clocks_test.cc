// Machines whose clocks say different years: nobody is kept from backing up, and an owner puts the
// journal's time right again.
#include "tests/support/attacker.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

constexpr std::int64_t years_ms = 14LL * 365 * 86'400'000;

// Whether the newest entry, as that repository has replayed it, says that its time is doubted.
bool is_newest_doubted(Repository& repository) {
  repository.journal().replay();
  return find_journal_entry(repository, repository.journal().head().sequence)
      ->entry.is_time_doubted;
}

}  // namespace

TEST_CASE("a backup by a clock that is years ahead is made, doubted, and binds nobody") {
  Roles roles(writer_capabilities);
  Repository& owner = roles.owner_repository;
  roles.owner.clock.advance_ms(years_ms);
  roles.owner.backup(owner, roles.source / "tree");
  REQUIRE(is_newest_doubted(owner));
  roles.owner.clock.advance_ms(-years_ms);
  Repository laptop = roles.open();
  roles.backup(laptop, "laptop");
  REQUIRE_FALSE(is_newest_doubted(owner));
}

TEST_CASE("a time of the future that nobody doubted keeps nobody from backing up") {
  Roles roles(writer_capabilities);
  Repository& owner = roles.owner_repository;
  Repository laptop = roles.open();
  const State& state = owner.state();
  forge(*roles.store, owner, roles.owner.random,
        {.sequence = state.next_sequence,
         .previous = state.head,
         .author = owner.keyring().slot(),
         .epoch_number = state.epoch_number,
         .epoch = state.epoch,
         .time_ms = state.last_ms + years_ms,
         .act = StateRemade{roles.owner.random.draw_id<ClientId>()}});
  roles.backup(laptop, "laptop");
  REQUIRE(is_newest_doubted(owner));
  Machine fresh(roles.store, 5);
  fresh.clock.advance_ms(3'600'000);
  Repository there = fresh.open();
  there.journal().trust_head(true);
  REQUIRE_NOTHROW(fresh.backup(there, roles.source / "tree"));
  REQUIRE(error_code([&] { reset_clock(laptop, "a test"); }) == Code::refused);
  reset_clock(owner, "the clock said 2040");
  REQUIRE(error_code([&] { reset_clock(owner, "again"); }) == Code::invalid);
  roles.backup(laptop, "laptop");
  REQUIRE_FALSE(is_newest_doubted(owner));
}
