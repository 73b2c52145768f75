// What replaying entries does to the state, whatever their kind.
#include "engine/rules/state.h"

#include "tests/unit/rules/rules_fixture.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("trusted numbers are found beyond runs of others") {
  State state = small_state();
  commit(state, next_entry(state, writer, storing(1, 5, 5)));
  commit(state, next_entry(state, owner, storing(2, 5)));
  commit(state, next_entry(state, writer, storing(3, 5)));
  commit(state, next_entry(state, writer, storing(4, 70, 1)));
  const TrustedNumbers trusted(state, Trust::proved, reader);
  REQUIRE(state.next_number == 448);
  for (std::uint64_t number = 0; number < 460; ++number) {
    const bool is_owners = number >= 128 && number < 192;
    const bool is_trusted = is_owners || number >= 448;
    CAPTURE(number);
    REQUIRE(trusted.next(number) == (is_trusted ? number : number < 128 ? 128 : 448));
    REQUIRE(trusted.contains(number) == is_trusted);
  }
  REQUIRE(TrustedNumbers().next(3) == 3);
}

TEST_CASE("what a slot that reads has introduced is proved, and what others have once it says so") {
  State state = small_state();
  commit(state, next_entry(state, writer, storing(1, 5)));
  commit(state, next_entry(state, owner, storing(2, 5)));
  commit(state, next_entry(state, writer, storing(3, 5)));
  REQUIRE_FALSE(state.is_proved(3, writer));
  REQUIRE(state.is_proved(4, owner));
  const auto trusts = [&](Trust rule, const SlotId& slot, std::uint64_t number) {
    return TrustedNumbers(state, rule, slot).contains(number);
  };
  REQUIRE_FALSE(trusts(Trust::proved, reader, 0));
  REQUIRE(trusts(Trust::proved, reader, 64));
  REQUIRE_FALSE(trusts(Trust::own, reader, 64));
  REQUIRE(trusts(Trust::own, writer, 0));
  REQUIRE(trusts(Trust::all, reader, 0));
  commit(state, next_entry(state, reader, EntriesProved{{{0, 4}}}));
  REQUIRE(state.is_proved(3, writer));
  REQUIRE_FALSE(state.is_proved(5, writer));
  REQUIRE(trusts(Trust::proved, reader, 0));
  REQUIRE_FALSE(trusts(Trust::own, reader, 0));
  REQUIRE_FALSE(trusts(Trust::proved, reader, 128));
}

TEST_CASE("a void entry takes its number, is chained over and changes nothing") {
  State state = small_state();
  const std::uint64_t slots = state.slots.size();
  apply_void(state, "junk", sample_id<ObjectHash>(77));
  REQUIRE(state.slots.size() == slots);
  REQUIRE(state.incidents.size() == 1);
  REQUIRE(state.incidents[0].sequence == 3);
  commit(state, next_entry(state, writer, snapshot(1)));
}

TEST_CASE("void entries of one author for one reason are one incident until it is closed") {
  State state = small_state();
  const auto junk = [&](const std::string& reason, const SlotId& author) {
    apply_void(state, reason, sample_id<ObjectHash>(77), author);
  };
  junk("a reason", writer);
  junk("another", writer);
  commit(state, next_entry(state, writer, snapshot(1)));
  junk("a reason", writer);
  junk("a reason", owner);
  REQUIRE(state.incidents.size() == 3);
  REQUIRE(state.incidents[0] == Incident{.sequence = 3,
                                         .last = 6,
                                         .count = 2,
                                         .author = writer,
                                         .reason = "a reason",
                                         .closed_by = 0});
  commit(state, next_entry(state, owner, IncidentsClosed{.first = 3, .last = 6}));
  junk("a reason", writer);
  REQUIRE(state.incidents.size() == 4);
  REQUIRE(state.incidents[3].count == 1);
}

TEST_CASE("a time binds others once two slots, or one that is believed, have come so far") {
  State state = small_state();
  const auto second = sample_id<SlotId>(80);
  commit(state, next_entry(state, owner, slot(second, writer_capabilities)));
  const std::int64_t now = state.last_ms;
  const auto at = [&](const SlotId& author, std::uint8_t id, std::int64_t time_ms) {
    JournalEntry entry = next_entry(state, author, snapshot(id, "source " + std::to_string(id)));
    entry.time_ms = time_ms;
    return entry;
  };
  const std::int64_t ahead = now + 1'000'000;
  commit(state, at(writer, 1, ahead));
  REQUIRE_FALSE(validate(state, at(second, 2, now)));
  REQUIRE_FALSE(validate(state, at(owner, 2, now)));
  require_void(state, at(writer, 2, ahead - 1),
               {4, "a time before that of the entries that it follows"});
  commit(state, at(second, 3, ahead - 500));
  require_void(state, at(second, 4, ahead - 501),
               {4, "a time before that of the entries that it follows"});
  // Both have come so far: a third cannot be earlier, and who is believed is bound by nobody else.
  const auto third = sample_id<SlotId>(90);
  JournalEntry add = next_entry(state, owner, slot(third, writer_capabilities));
  add.time_ms = now;
  commit(state, add);
  require_void(state, at(third, 5, ahead - 501),
               {4, "a time before that of the entries that it follows"});
  REQUIRE_FALSE(validate(state, at(third, 5, ahead - 500)));
  commit(state, at(owner, 6, ahead + 7));
  require_void(state, at(writer, 7, ahead + 6),
               {4, "a time before that of the entries that it follows"});
}

TEST_CASE("what has ended is told from what may yet begin") {
  State state = state_with_keys();
  commit(state, ending(state, new_epoch(state)));
  const auto other = sample_id<EpochId>(99);
  REQUIRE(is_of_ended_epoch(state, 0, sample_id<EpochId>(9)));
  REQUIRE(is_of_ended_epoch(state, 1, other));
  REQUIRE_FALSE(is_of_ended_epoch(state, 1, state.epoch));
  REQUIRE_FALSE(is_of_ended_epoch(state, 2, other));
  REQUIRE_FALSE(is_of_ended_epoch(state, UINT32_MAX, other));
}
