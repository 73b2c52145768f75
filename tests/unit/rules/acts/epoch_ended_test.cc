// The rules of an epoch's end.
#include "tests/unit/rules/rules_fixture.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("an epoch's end leaves out no slot and no key segment, and names none twice") {
  const State state = state_with_keys();
  const EpochEnded good = new_epoch(state);
  REQUIRE_FALSE(validate(state, ending(state, good)));
  const auto require_refused = [&](const auto& change, const Violation& violation) {
    EpochEnded act = good;
    change(act);
    require_void(state, ending(state, act), violation);
  };
  const Violation slots{41, "slots that are not all there are, each once"};
  const Violation keys{43, "keys that are not those of all entries before it"};
  require_refused([](EpochEnded& act) { act.boxes.pop_back(); }, slots);
  require_refused([](EpochEnded& act) { act.boxes.back().slot = sample_id<SlotId>(99); }, slots);
  require_refused([](EpochEnded& act) { act.revoked = {writer}; }, slots);
  require_refused([](EpochEnded& act) { std::swap(act.boxes[0], act.boxes[1]); },
                  {40, "slots that are not in order"});
  require_refused([](EpochEnded& act) { act.boxes.push_back(act.boxes.back()); },
                  {40, "slots that are not in order"});
  require_refused(
      [](EpochEnded& act) {
        act.boxes.erase(act.boxes.begin());
        act.revoked = {owner};
      },
      {42, "an author that revokes itself"});
  require_refused([](EpochEnded& act) { --act.keys.front().last; }, keys);
  require_refused([](EpochEnded& act) { ++act.keys.front().last; }, keys);
  require_refused([](EpochEnded& act) { act.keys.push_back(act.keys.back()); }, keys);
  require_refused(
      [](EpochEnded& act) {
        act.keys = {{.last = 2, .segments = {}}, {.last = 1, .segments = {}}, act.keys.back()};
      },
      keys);
  require_refused([](EpochEnded& act) { act.keys.clear(); }, keys);
  EpochEnded dropping = good;
  dropping.dropped_count = UINT64_MAX;
  REQUIRE_FALSE(validate(state, ending(state, dropping)));
  require_refused(
      [](EpochEnded& act) {
        act.keys.insert(act.keys.begin(), {.last = 1, .segments = act.keys.front().segments});
      },
      {36, "the same key segment twice"});
  // What somebody has named before: the table is made anew, so that stops no end.
  EpochEnded named = good;
  named.keys.front().segments.front() = sample_id<ObjectHash>(150);
  REQUIRE_FALSE(validate(state, ending(state, named)));
  require_refused([](EpochEnded& act) { act.former.epoch = sample_id<EpochId>(99); },
                  {38, "the epoch that it ends is not the current one"});
  require_refused([](EpochEnded& act) { act.former.begun = 1; },
                  {38, "the epoch that it ends is not the current one"});
  const Violation old{39, "an epoch's beginning that is not a new one"};
  const EpochBeginning& current = state.beginning;
  require_refused([&](EpochEnded& act) { act.beginning.epoch_key = current.epoch_key; }, old);
  require_refused([&](EpochEnded& act) { act.beginning.audit_key = current.audit_key; }, old);
  require_refused([&](EpochEnded& act) { act.beginning.anchor = current.anchor; }, old);
  require_refused([](EpochEnded& act) { act.beginning.epoch_key = {}; }, old);
  require_refused([](EpochEnded& act) { act.beginning.audit_key = {}; }, old);
  require_refused([](EpochEnded& act) { act.beginning.anchor = {}; }, old);
  require_refused([](EpochEnded& act) { ++act.beginning.least; }, old);
}

TEST_CASE("an epoch's end is sealed in the next epoch, under an id that is new") {
  State state = state_with_keys();
  JournalEntry entry = ending(state, new_epoch(state));
  entry.epoch_number = 2;
  require_void(state, entry, {8, "an epoch that is not the current one"});
  entry = ending(state, new_epoch(state));
  entry.epoch = state.epoch;
  require_void(state, entry, {8, "an epoch that is not the current one"});
  entry = next_entry(state, owner, new_epoch(state));
  require_void(state, entry, {8, "an epoch that is not the current one"});
  commit(state, ending(state, new_epoch(state)));
  EpochEnded again = new_epoch(state);
  again.beginning = sample_beginning(202, state.next_sequence);
  again.keys.front().segments.front() = sample_id<ObjectHash>(211);
  entry = ending(state, again);
  entry.epoch = sample_id<EpochId>(9);  // the first one's
  require_void(state, entry, {8, "an epoch that is not the current one"});
  entry.epoch = sample_id<EpochId>(240);
  REQUIRE_FALSE(validate(state, entry));
}

TEST_CASE("ending an epoch asks for maintain, and revoking for own") {
  State state = state_with_keys();
  const auto operating = sample_id<SlotId>(70);
  commit(state, next_entry(state, owner, slot(operating, operator_capabilities)));
  EpochEnded act = new_epoch(state);
  REQUIRE_FALSE(validate(state, ending(state, act, operating)));
  require_void(state, ending(state, act, writer), {9, "its author lacks the capability maintain"});
  std::erase_if(act.boxes, [](const NamedBox& box) { return box.slot == reader; });
  act.revoked = {reader};
  require_void(state, ending(state, act, operating), {9, "its author lacks the capability own"});
  commit(state, ending(state, act));
  REQUIRE(state.slots.at(reader).is_revoked);
  const SnapshotState snapshot = state.snapshots.at(sample_id<SnapshotId>(1));
  REQUIRE(state.key_segments_of(snapshot) == std::vector{sample_id<ObjectHash>(210)});
  REQUIRE(state.key_group_of(snapshot.sequence) == snapshot.sequence);
  JournalEntry entry = next_entry(state, reader, SlotRewrapped{.generation = 2});
  entry.epoch_number = 1;
  entry.epoch = state.epoch;
  require_void(state, entry, {7, "an author that was revoked"});
}
