// What a plan of removal holds, and above all what it never holds.
#include "engine/rules/removal.h"

#include "tests/unit/rules/rules_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

// Epoch 0 has ended, then epoch 1; there was a snapshot in the first.
State state_in_third_epoch() {
  State state = state_with_keys();
  commit(state, ending(state, new_epoch(state)));
  EpochEnded second = new_epoch(state);
  second.beginning = sample_beginning(202, state.next_sequence);
  second.keys.front().segments.front() = sample_id<ObjectHash>(211);
  commit(state, ending(state, second));
  return state;
}

const auto first_epoch = sample_id<EpochId>(9);
const auto second_epoch = sample_id<EpochId>(221);
const auto lost_attempt = sample_id<EpochId>(99);
const auto current_segment = sample_id<ObjectHash>(211);
const auto other_segment = sample_id<ObjectHash>(77);

Listed box(std::uint32_t number, const EpochId& epoch) {
  return {epoch_box_path(number, epoch, owner)};
}

Listed key_segment(const ObjectHash& name, std::uint32_t number, const EpochId& epoch) {
  return {.path = key_segment_path(name), .header = EpochBoxPath{number, epoch}};
}

std::vector<std::string> paths(const RemovalPlan& plan) {
  std::vector<std::string> out;
  for (const Removal& removal : plan.removals) {
    out.push_back(removal.path);
  }
  return out;
}

}  // namespace

TEST_CASE("each removal of a plan says why the object has ended") {
  const State state = state_in_third_epoch();
  REQUIRE(state.epoch_number == 2);
  const std::vector<Listed> listed = {box(0, first_epoch), box(1, second_epoch),
                                      box(2, lost_attempt), box(1, lost_attempt),
                                      key_segment(other_segment, 1, second_epoch)};
  const RemovalPlan plan = plan_ended_objects(state, listed);
  const std::string attempt = "of an attempt to begin epoch ";
  REQUIRE(plan.removals ==
          std::vector<Removal>{{listed[0].path, "of epoch 0, which ended before journal entry 5"},
                               {listed[1].path, "of epoch 1, which ended with journal entry 5"},
                               {listed[2].path, attempt + "2 that was not committed"},
                               {listed[3].path, attempt + "1 that was not committed"},
                               {listed[4].path, "of epoch 1, which ended with journal entry 5"}});
  REQUIRE(plan.entry == state.epoch_begun);
}

TEST_CASE("both copies of what has ended are planned, each by its own path") {
  const State state = state_in_third_epoch();
  Listed second_box = box(1, second_epoch);
  second_box.path = second_copy_path(second_box.path);
  Listed second_segment = key_segment(other_segment, 1, second_epoch);
  second_segment.path = second_copy_path(second_segment.path);
  REQUIRE(paths(plan_ended_objects(state, {second_box, second_segment})) ==
          std::vector<std::string>{second_box.path, second_segment.path});
}

TEST_CASE("what is of the current epoch is in no plan, whether the state names it or not") {
  const State state = state_in_third_epoch();
  REQUIRE(state.key_segments.contains(current_segment));
  REQUIRE(paths(plan_ended_objects(
                    state, {box(2, state.epoch), key_segment(current_segment, 2, state.epoch),
                            key_segment(other_segment, 2, state.epoch)}))
              .empty());
}

TEST_CASE("what is of a greater epoch number is in no plan: that epoch may be about to begin") {
  const State state = state_in_third_epoch();
  for (const std::uint32_t number : {3U, 4U, UINT32_MAX}) {
    REQUIRE(paths(plan_ended_objects(state, {box(number, lost_attempt), box(number, first_epoch),
                                             key_segment(other_segment, number, lost_attempt)}))
                .empty());
  }
}

TEST_CASE("what the store does not give, and what is in other folders, is in no plan") {
  const State state = state_in_third_epoch();
  const std::vector<Listed> listed = {
      {.path = key_segment_path(other_segment), .is_unread = true},
      {.path = grant_path(sample_id<SlotId>(123)), .is_unread = true},
      {.path = slot_path(sample_id<SlotId>(123), 1), .is_unread = true},
      {.path = slot_path(owner, 99), .is_unread = true},
      // Folders for which no rule speaks, whatever was read there.
      {.path = pack_path(other_segment), .header = EpochBoxPath{0, first_epoch}},
      {.path = journal_path(0), .header = EpochBoxPath{0, first_epoch}},
      {.path = index_segment_path(other_segment), .header = EpochBoxPath{0, first_epoch}},
      {.path = concat("probe/", std::string(32, 'a'))},
      {.path = "notes/slots/a"},
      {grant_path(owner)},
      {repository_file},
      {""}};
  REQUIRE(paths(plan_ended_objects(state, listed)).empty());
  REQUIRE(paths(plan_after_epoch_end(state, {}, listed)).empty());
  for (const Listed& object : listed) {
    REQUIRE_FALSE(reason_to_remove(state, object));
  }
}

TEST_CASE("a damaged copy of a key segment that the state names is in no plan") {
  const State state = state_in_third_epoch();
  Listed damaged = key_segment(current_segment, 1, second_epoch);  // so its damaged header says
  REQUIRE(asks_for_hash(state, damaged));
  REQUIRE(paths(plan_ended_objects(state, {damaged})).empty());  // it could not be read whole
  damaged.hash = other_segment;
  REQUIRE(paths(plan_ended_objects(state, {damaged})).empty());
  damaged.path = second_copy_path(damaged.path);
  REQUIRE(paths(plan_ended_objects(state, {damaged})).empty());
  // Whole, it is of the former epoch indeed: an author has named an object that counts for nobody.
  damaged.hash = current_segment;
  REQUIRE(paths(plan_ended_objects(state, {damaged})) == std::vector<std::string>{damaged.path});
  REQUIRE_FALSE(asks_for_hash(state, key_segment(other_segment, 1, second_epoch)));
  REQUIRE_FALSE(asks_for_hash(state, key_segment(current_segment, 2, state.epoch)));
}

TEST_CASE("in the first epoch only what another init has left has ended") {
  const State state = state_with_keys();
  REQUIRE(paths(plan_ended_objects(state, {box(0, lost_attempt), box(0, state.epoch),
                                           key_segment(other_segment, 0, state.epoch)})) ==
          std::vector<std::string>{box(0, lost_attempt).path});
}

TEST_CASE("what an epoch's end will leave behind is what a plan removes once it has come") {
  State state = state_in_third_epoch();
  const auto next_segment = sample_id<ObjectHash>(212);
  const std::vector<Listed> listed = {
      box(1, second_epoch),
      box(2, state.epoch),
      box(3, lost_attempt),
      box(4, lost_attempt),
      key_segment(current_segment, 2, state.epoch),
      key_segment(other_segment, 2, state.epoch),
      // A damaged copy that calls itself one of a time to come, and one that says nothing.
      key_segment(current_segment, 4, state.epoch),
      {key_segment_path(sample_id<ObjectHash>(78))}};
  const RemovalPlan before = plan_after_epoch_end(state, {}, listed);
  REQUIRE(before.entry == state.next_sequence);
  REQUIRE(before.removals[1].reason == "of epoch 2, which would end with journal entry 6");
  EpochEnded next = new_epoch(state);
  next.beginning = sample_beginning(204, state.next_sequence);
  next.keys.front().segments.front() = next_segment;
  commit(state, ending(state, next));
  REQUIRE(paths(before) == paths(plan_ended_objects(state, listed)));
  REQUIRE(before.removals.size() == 6);
  REQUIRE(before.entry == state.epoch_begun);
}

TEST_CASE("slot objects go that are older than the one that the journal names, and no others") {
  State state = small_state();
  state.slots.at(owner).generation = 4;
  const RemovalPlan plan = plan_replaced_slot_objects(state, owner, {2, 4, 5, UINT32_MAX});
  const std::string reason = "slot object of generation 2; the journal names 4";
  REQUIRE(plan.removals == std::vector<Removal>{{slot_path(owner, 2), reason},
                                                {second_copy_path(slot_path(owner, 2)), reason}});
  REQUIRE(plan.entry == state.next_sequence - 1);
  // Nobody knows the slot: nothing explains its object.
  REQUIRE(plan_replaced_slot_objects(state, sample_id<SlotId>(123), {0, 1}).removals.empty());
  REQUIRE(plan_ended_objects(state, {{slot_path(owner, 2)}, {slot_path(owner, 4)}}).removals ==
          std::vector<Removal>{{slot_path(owner, 2), reason}});
}

TEST_CASE("what an epoch's end will leave of slots that it revokes, or that nobody introduced") {
  const State state = state_in_third_epoch();
  const auto stranger = sample_id<SlotId>(123);
  const std::string revoked = "its slot would be revoked with journal entry 6";
  const std::string ending = "of epoch 2, which would end with journal entry 6";
  const std::vector<Listed> listed = {
      {slot_path(writer, 1)},
      {grant_path(writer)},
      {slot_path(owner, 1)},
      {grant_path(owner)},
      {.path = grant_path(stranger), .header = EpochBoxPath{2, state.epoch}},
      {.path = slot_path(stranger, 1), .header = EpochBoxPath{2, state.epoch}},
      {.path = grant_path(stranger), .header = EpochBoxPath{4, state.epoch}},
      {.path = "tmp/a", .header = EpochBoxPath{2, state.epoch}},
      {.path = "tmp/b"}};
  REQUIRE(plan_after_epoch_end(state, {writer}, listed).removals ==
          std::vector<Removal>{{listed[0].path, revoked},
                               {listed[1].path, revoked},
                               {listed[4].path, ending},
                               {listed[5].path, ending},
                               {listed[7].path, ending}});
  REQUIRE(plan_ended_objects(state, listed).removals.empty());
}

TEST_CASE("each slot that is not revoked yet keeps its place in the next epoch or is shut out") {
  State state = small_state();
  const EpochSlots slots = plan_epoch_slots(state, {writer, sample_id<SlotId>(123)});
  REQUIRE(slots.kept == std::vector<SlotId>{owner, reader});
  REQUIRE(slots.shut_out == std::vector<SlotId>{writer});
  state.slots.at(writer).is_revoked = true;
  REQUIRE(plan_epoch_slots(state, {writer}).shut_out.empty());
  REQUIRE(plan_epoch_slots(state, {}).kept == slots.kept);
}
