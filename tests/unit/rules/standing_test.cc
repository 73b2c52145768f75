// How an object stands to the head: what is named, what waits, what has ended; above all, what a
// slow client may still need has not ended.
#include "engine/rules/standing.h"

#include "tests/unit/rules/rules_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

// Epoch 0 has ended with the entry that has revoked the writer.
State state_in_second_epoch() {
  State state = state_with_keys();
  EpochEnded act = new_epoch(state);
  commit(state, ending(state, act));
  state.slots.at(writer).is_revoked = true;
  return state;
}

const auto former_epoch = sample_id<EpochId>(9);
const auto other_epoch = sample_id<EpochId>(99);
const auto stranger = sample_id<SlotId>(123);
const auto segment = sample_id<ObjectHash>(77);

ObjectStanding standing_of(const State& state, const Listed& listed) {
  return judge(state, listed).standing;
}

}  // namespace

TEST_CASE("a name that no object has is of nothing that anybody will need") {
  const State state = state_in_second_epoch();
  const std::string box = epoch_box_path(1, state.epoch, owner);
  for (const std::string& path :
       {slot_path(owner, 1) + ".0123456789abcdef.new", slot_path(owner, 1) + ".2.2",
        concat("slots/", hex(owner), "-01"), concat("slots/", hex(owner), "-0"),
        concat("slots/copy/", hex(owner), "-1"), grant_path(owner) + " (conflicted copy)",
        grant_path(owner) + "/2", box + ".sync-conflict-20261126", std::string("epochs/notes"),
        concat("epochs/2-", hex(other_epoch), "/", hex(owner), "~"),
        key_segment_path(segment) + "~", std::string("keys/.DS_Store"), std::string("grants/a")}) {
    INFO(path);
    REQUIRE(standing_of(state, {.path = path, .header = EpochBoxPath{1, state.epoch}}) ==
            ObjectStanding::ended);
    REQUIRE_FALSE(is_named(state, path));
  }
}

TEST_CASE("what the head names is named, in both copies, whatever its bytes are") {
  const State state = state_in_second_epoch();
  const ObjectHash current = state.key_segments.all().begin()->first;
  for (const std::string& path :
       {slot_path(owner, 1), grant_path(owner), grant_path(reader),
        epoch_box_path(1, state.epoch, owner), key_segment_path(current)}) {
    for (const std::string& copy : {path, second_copy_path(path)}) {
      INFO(copy);
      REQUIRE(is_named(state, copy));
      REQUIRE(standing_of(state, {.path = copy}) == ObjectStanding::named);
      REQUIRE(standing_of(state, {.path = copy, .header = EpochBoxPath{0, former_epoch}}) ==
              ObjectStanding::named);
      REQUIRE(standing_of(state, {.path = copy, .is_unread = true}) == ObjectStanding::named);
    }
  }
}

TEST_CASE("a slot that no entry has introduced waits while its epoch lasts, and no longer") {
  const State state = state_in_second_epoch();
  for (const std::string& path : {slot_path(stranger, 1), grant_path(stranger)}) {
    INFO(path);
    REQUIRE(asks_for_bytes(state, path));
    REQUIRE(standing_of(state, {.path = path, .header = EpochBoxPath{1, state.epoch}}) ==
            ObjectStanding::unnamed);
    // This machine may be behind: an epoch may have begun since.
    REQUIRE(standing_of(state, {.path = path, .header = EpochBoxPath{2, other_epoch}}) ==
            ObjectStanding::unnamed);
    REQUIRE(standing_of(state, {.path = path, .is_unread = true}) == ObjectStanding::unnamed);
    for (const EpochBoxPath& over : {EpochBoxPath{0, former_epoch}, EpochBoxPath{1, other_epoch},
                                     EpochBoxPath{0, state.epoch}}) {
      REQUIRE(standing_of(state, {.path = path, .header = over}) == ObjectStanding::ended);
    }
    REQUIRE(standing_of(state, {.path = path}) == ObjectStanding::ended);  // no envelope of ours
    REQUIRE_FALSE(is_named(state, path));
  }
  REQUIRE(standing_of(state, {epoch_box_path(1, state.epoch, stranger)}) ==
          ObjectStanding::unnamed);
  REQUIRE(standing_of(state, {epoch_box_path(0, former_epoch, stranger)}) == ObjectStanding::ended);
}

TEST_CASE("a slot's next secret waits for its entry, if the slot has signed it") {
  State state = state_in_second_epoch();
  state.slots.at(owner).generation = 4;
  const SigningPublicKey key = state.slots.at(owner).introduction.signing_key;
  for (const std::uint32_t generation : {5U, 6U, UINT32_MAX}) {
    const std::string path = slot_path(owner, generation);
    REQUIRE(asks_for_bytes(state, path));
    REQUIRE(standing_of(state,
                        {.path = path, .header = EpochBoxPath{0, former_epoch}, .signer = key}) ==
            ObjectStanding::unnamed);
    REQUIRE(standing_of(state, {.path = path, .is_unread = true}) == ObjectStanding::unnamed);
    REQUIRE(standing_of(state, {.path = path, .header = EpochBoxPath{1, state.epoch}}) ==
            ObjectStanding::ended);
    REQUIRE(standing_of(state, {.path = path, .signer = sample_id<SigningPublicKey>(240)}) ==
            ObjectStanding::ended);
    REQUIRE_FALSE(is_named(state, path));
  }
  REQUIRE_FALSE(asks_for_bytes(state, slot_path(owner, 3)));
  REQUIRE(standing_of(state, {.path = slot_path(owner, 3), .signer = key}) ==
          ObjectStanding::ended);
  REQUIRE(standing_of(state, {slot_path(owner, 4)}) == ObjectStanding::named);
}

TEST_CASE("nothing of a slot that was revoked waits") {
  const State state = state_in_second_epoch();
  const SigningPublicKey key = state.slots.at(writer).introduction.signing_key;
  for (const std::string& path : {slot_path(writer, 1), slot_path(writer, 2), grant_path(writer),
                                  epoch_box_path(1, state.epoch, writer)}) {
    INFO(path);
    REQUIRE(
        standing_of(state, {.path = path, .header = EpochBoxPath{1, state.epoch}, .signer = key}) ==
        ObjectStanding::ended);
    REQUIRE_FALSE(is_named(state, path));
  }
}

TEST_CASE("a key segment that no entry names waits while an entry may, if it is one") {
  const State state = state_in_second_epoch();
  const std::string path = key_segment_path(segment);
  const EpochBoxPath current{1, state.epoch};
  REQUIRE(asks_for_hash(state, {.path = path, .header = current}));
  REQUIRE(standing_of(state, {.path = path, .header = current, .hash = segment}) ==
          ObjectStanding::explained);
  REQUIRE(
      standing_of(state, {.path = path, .header = EpochBoxPath{2, other_epoch}, .hash = segment}) ==
      ObjectStanding::explained);
  REQUIRE(
      standing_of(state, {.path = path, .header = EpochBoxPath{3, other_epoch}, .hash = segment}) ==
      ObjectStanding::unnamed);
  REQUIRE(standing_of(state, {.path = path, .header = current, .hash = sample_id<ObjectHash>(1)}) ==
          ObjectStanding::ended);
  REQUIRE(standing_of(state, {path}) == ObjectStanding::ended);
  REQUIRE(standing_of(state, {.path = path, .is_unread = true}) == ObjectStanding::unnamed);
}

TEST_CASE("an epoch to come explains its boxes, and one far ahead is said") {
  const State state = state_in_second_epoch();
  REQUIRE(standing_of(state, {epoch_box_path(2, other_epoch, owner)}) == ObjectStanding::explained);
  REQUIRE(standing_of(state, {epoch_box_path(2, other_epoch, stranger)}) ==
          ObjectStanding::explained);
  REQUIRE(standing_of(state, {epoch_box_path(3, other_epoch, owner)}) == ObjectStanding::unnamed);
  REQUIRE(standing_of(state, {epoch_box_path(0, state.epoch, owner)}) == ObjectStanding::ended);
}

TEST_CASE("a file in tmp/ goes when what it was to be has ended, and is left alone before") {
  State state = state_in_second_epoch();
  state.slots.at(owner).generation = 4;
  const EpochBoxPath current{1, state.epoch};
  const auto of_slot = [&](const SlotId& slot, std::uint32_t generation) {
    return Listed{.path = "tmp/a", .header = current, .slot = SlotPath{slot, generation}};
  };
  REQUIRE(standing_of(state, {.path = "tmp/a"}) == ObjectStanding::explained);
  REQUIRE(standing_of(state, {.path = "tmp/a", .header = current}) == ObjectStanding::explained);
  REQUIRE(standing_of(state, {.path = "tmp/a", .header = EpochBoxPath{0, former_epoch}}) ==
          ObjectStanding::ended);
  REQUIRE(standing_of(state, of_slot(owner, 3)) == ObjectStanding::ended);
  REQUIRE(standing_of(state, of_slot(owner, 4)) == ObjectStanding::explained);
  REQUIRE(standing_of(state, of_slot(owner, 5)) == ObjectStanding::explained);
  REQUIRE(standing_of(state, of_slot(writer, 5)) == ObjectStanding::ended);
  REQUIRE(standing_of(state, of_slot(stranger, 1)) == ObjectStanding::explained);
}

TEST_CASE(
    "an object of a slot that nobody knows waits for an epoch that can come, and for no other") {
  const State state = state_in_second_epoch();
  for (const std::string& path : {slot_path(stranger, 1), grant_path(stranger)}) {
    const Judgement now = judge(state, {.path = path, .header = EpochBoxPath{1, state.epoch}});
    REQUIRE(now.standing == ObjectStanding::unnamed);
    REQUIRE(now.reason.find("key rotate removes it") != std::string::npos);
    // No epoch's end would ever remove this one.
    const Judgement far = judge(state, {.path = path, .header = EpochBoxPath{4'000, other_epoch}});
    REQUIRE(far.standing == ObjectStanding::unnamed);
    REQUIRE(far.reason.find("by hand") != std::string::npos);
  }
}

TEST_CASE("in tmp/ what is no file has ended, and a file may be being written") {
  const State state = state_in_second_epoch();
  REQUIRE(standing_of(state, {.path = "tmp/a", .is_no_file = true}) == ObjectStanding::ended);
  REQUIRE(standing_of(state, {.path = "tmp/a"}) == ObjectStanding::explained);
}
