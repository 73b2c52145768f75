// The rules of judging reference sets, and what is known of a set then.
#include "tests/unit/rules/rules_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

ObjectHash object(std::uint8_t number) {
  return sample_id<ObjectHash>(number);
}

JudgedSet judged(std::uint8_t snapshot, std::uint8_t set) {
  return {sample_id<SnapshotId>(snapshot), object(set)};
}

// Snapshots 1, 2 and 3, of sets 11, 12 and 13; the last is pending.
State with_snapshots() {
  State state = small_state();
  for (std::uint8_t id = 1; id <= 3; ++id) {
    SnapshotTaken taken = snapshot(id);
    taken.reference_set = object(static_cast<std::uint8_t>(10 + id));
    taken.is_pending = id == 3;
    if (taken.is_pending) taken = pending(taken);
    commit(state, next_entry(state, writer, taken));
  }
  return state;
}

SetState set_of(const State& state, std::uint8_t snapshot) {
  return state.snapshots.at(sample_id<SnapshotId>(snapshot)).set;
}

SetProof proof_of(const State& state, std::uint8_t snapshot) {
  return state.proof_by(set_of(state, snapshot).proved_by);
}

// Names of snapshots that nothing has, ascending.
std::vector<JudgedSet> judged_many(std::size_t count) {
  std::vector<JudgedSet> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    out[i].snapshot.bytes[0] = static_cast<std::uint8_t>(i >> 8U);
    out[i].snapshot.bytes[1] = static_cast<std::uint8_t>(i & 0xffU);
  }
  return out;
}

const Violation not_in_order{59, "snapshots that are none, too many or not in order"};
const Violation not_its_set{60,
                            "a set that is not that of a finished snapshot, or one that has ended"};
const Violation no_right{61, "sets that are replaced without the capability maintain"};
const Violation no_new_set{62, "sets that replace others, and are not new or have no key segment"};

}  // namespace

TEST_CASE("who reads says that a set is right, and who maintains too says it with more weight") {
  State state = with_snapshots();
  const SetsProved act{.equal = {judged(1, 11), judged(2, 12)}};
  require_void(state, next_entry(state, writer, act), {9, "its author lacks the capability read"});
  REQUIRE(proof_of(state, 1) == SetProof::none);
  commit(state, next_entry(state, reader, act));
  REQUIRE(proof_of(state, 1) == SetProof::by_read);
  REQUIRE(proof_of(state, 2) == SetProof::by_read);
  commit(state, next_entry(state, owner, SetsProved{.equal = {judged(2, 12)}}));
  commit(state, next_entry(state, reader, act));
  REQUIRE(proof_of(state, 1) == SetProof::by_read);
  REQUIRE(proof_of(state, 2) == SetProof::by_maintain);
}

TEST_CASE("a set is replaced by who maintains, and by nobody else") {
  State state = with_snapshots();
  const SetsProved act{.equal = {judged(2, 12)},
                       .replaced = {{judged(1, 11), object(21)}},
                       .key_segments = {object(31)}};
  require_void(state, next_entry(state, reader, act), no_right);
  const std::uint64_t sequence = state.next_sequence;
  commit(state, next_entry(state, owner, act));
  const SetState set = set_of(state, 1);
  REQUIRE(set.hash == object(21));
  REQUIRE(set.author == owner);
  REQUIRE(set.sequence == sequence);
  REQUIRE(set.proved_by == owner);
  REQUIRE(state.key_segments.contains(object(31)));
  const SnapshotState snapshot = state.snapshots.at(sample_id<SnapshotId>(1));
  REQUIRE(state.key_segments_of_set(snapshot) == std::vector{object(31)});
  REQUIRE(state.key_segments_of(snapshot) == snapshot.taken.key_segments);
  // It is an incident of the slot that made the wrong one.
  REQUIRE(state.incidents.back() == Incident{.sequence = sequence,
                                             .last = sequence,
                                             .count = 1,
                                             .author = writer,
                                             .kind = IncidentKind::sets,
                                             .reason =
                                                 "reference sets that were lost or wrong, and "
                                                 "are replaced"});
  // What was said of the former set is void from then on.
  require_void(state, next_entry(state, reader, SetsProved{.equal = {judged(1, 11)}}), not_its_set);
  commit(state, next_entry(state, reader, SetsProved{.equal = {judged(1, 21)}}));
  REQUIRE(set_of(state, 1) == set);
}

TEST_CASE("after an epoch's end the key of a set that replaced another is where its entry's are") {
  State state = with_snapshots();
  commit(state, next_entry(state, owner,
                           SetsProved{.equal = {},
                                      .replaced = {{judged(1, 11), object(21)}},
                                      .key_segments = {object(31)}}));
  EpochEnded act = new_epoch(state);
  act.keys = {{.last = state.next_sequence - 2, .segments = {object(41)}},
              {.last = state.next_sequence - 1, .segments = {object(42)}}};
  commit(state, ending(state, act));
  const SnapshotState snapshot = state.snapshots.at(sample_id<SnapshotId>(1));
  REQUIRE(state.key_segments_of(snapshot) == std::vector{object(41)});
  REQUIRE(state.key_segments_of_set(snapshot) == std::vector{object(42)});
}

TEST_CASE("only the set that a finished snapshot has is judged") {
  const State state = with_snapshots();
  for (const JudgedSet& wrong : {judged(1, 12), judged(3, 13), judged(4, 14)}) {
    require_void(state, next_entry(state, owner, SetsProved{.equal = {wrong}}), not_its_set);
    require_void(state,
                 next_entry(state, owner,
                            SetsProved{.equal = {},
                                       .replaced = {{wrong, object(21)}},
                                       .key_segments = {object(31)}}),
                 not_its_set);
  }
}

TEST_CASE("snapshots are judged in order, each once, and not too many") {
  const State state = with_snapshots();
  const auto require_refused = [&](const SetsProved& act) {
    require_void(state, next_entry(state, owner, act), not_in_order);
  };
  require_refused({});
  require_refused({.equal = {judged(2, 12), judged(1, 11)}});
  require_refused({.equal = {judged(1, 11), judged(1, 11)}});
  require_refused({.equal = {judged(1, 11)},
                   .replaced = {{judged(1, 11), object(21)}},
                   .key_segments = {object(31)}});
  require_refused({.equal = {},
                   .replaced = {{judged(2, 12), object(21)}, {judged(1, 11), object(22)}},
                   .key_segments = {object(31)}});
  require_refused({.equal = judged_many(entry_sets_max + 1)});
  require_void(state, next_entry(state, owner, SetsProved{.equal = judged_many(entry_sets_max)}),
               not_its_set);
}

TEST_CASE("sets that replace others are new, and have a key segment; without them there is none") {
  const State state = with_snapshots();
  const auto refuse = [&](std::vector<ReplacedSet> replaced, std::vector<ObjectHash> key_segments,
                          const Violation& violation) {
    const SetsProved act{
        .equal = {}, .replaced = std::move(replaced), .key_segments = std::move(key_segments)};
    require_void(state, next_entry(state, owner, act), violation);
  };
  refuse({{judged(1, 11), object(11)}}, {object(31)}, no_new_set);
  refuse({{judged(1, 11), object(21)}, {judged(2, 12), object(21)}}, {object(31)}, no_new_set);
  refuse({{judged(1, 11), object(21)}}, {}, no_new_set);
  refuse({{judged(1, 11), object(21)}}, {object(31), object(32)}, no_new_set);
  require_void(
      state,
      next_entry(
          state, owner,
          SetsProved{.equal = {judged(1, 11)}, .replaced = {}, .key_segments = {object(31)}}),
      no_new_set);
  State with_keys = state;
  with_keys.key_segments.put(object(31), owner);
  require_void(with_keys,
               next_entry(with_keys, owner,
                          SetsProved{.equal = {},
                                     .replaced = {{judged(1, 11), object(21)}},
                                     .key_segments = {object(31)}}),
               {37, "a key segment that exists already"});
}
