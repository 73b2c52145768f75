// The record of the state: nothing of the state is lost in it.
#include "engine/catalog/state_record.h"

#include "tests/support/samples.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

// A state with something of its own in each field but the tables, which are no part of the record.
State full_state() {
  State out;
  for (const JournalEntry& entry : sample_journal()) {
    replay_sample(out, entry);
  }
  replay_sample(out, valid_entry(out, std::type_identity<StateRemade>()));
  replay_sample(out, valid_entry(out, std::type_identity<EntriesProved>()));
  replay_sample(out, valid_entry(out, std::type_identity<EpochEnded>()));
  out.given_up = 3;
  out.times.second_ms = 17;
  out.snapshots = {};
  out.segments = {};
  out.condemned = {};
  out.key_segments = {};
  out.doubted_packs = {{sample_id<ObjectHash>(30), sample_id<SlotId>(31)}};
  return out;
}

}  // namespace

TEST_CASE("a state has every field when its record is read again") {
  const State state = full_state();
  REQUIRE(decode_state(encode_state(state)) == state);
}

TEST_CASE("a second policy, and one that has changed since genesis, are in a state's record") {
  State state = full_state();
  Policy second = state.genesis.policy;
  second.name = "archive";
  second.minimum_seconds = 7;
  state.policies.emplace(second.name, second);
  state.policies.at(state.genesis.policy.name).maximum_seconds = 8;
  REQUIRE(decode_state(encode_state(state)) == state);
}

TEST_CASE("a state's record is refused when it is cut, too long or of another version") {
  const Bytes encoded = encode_state(full_state());
  require_strict(encoded, [](View bytes) { decode_state(bytes); });
  Bytes older = encoded;
  --older[0];
  REQUIRE(error_code([&] { decode_state(older); }) == Code::corrupt);
}

TEST_CASE("a row has every field when it is read again") {
  const SnapshotState snapshot{.taken = sample_snapshot(),
                               .author = sample_id<SlotId>(2),
                               .sequence = 3,
                               .time_ms = -4,
                               .is_live = false};
  REQUIRE(decode_snapshot_row(encode_snapshot_row(snapshot), snapshot.taken) == snapshot);
  REQUIRE(sequence_of_row(encode_snapshot_row(snapshot)) == 3);
  const SegmentState segment{.author = sample_id<SlotId>(9),
                             .sequence = 10,
                             .numbers = {.first_number = 7, .data = 64, .meta = 128}};
  REQUIRE(decode_segment_row(encode_segment_row(segment)) == segment);
}
