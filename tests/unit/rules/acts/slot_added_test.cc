// The rules of letting a slot in.
#include "tests/unit/rules/rules_fixture.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a slot is let in once, with sources of its own") {
  State state = small_state();
  require_void(state, next_entry(state, owner, slot(writer, reader_capabilities)),
               {16, "the slot exists already"});
  commit(state, next_entry(state, writer, snapshot(1, "laptop")));
  SlotAdded added = slot(sample_id<SlotId>(70), writer_capabilities);
  added.slot.sources = {"server", "laptop"};
  require_void(state, next_entry(state, owner, added), {17, "a source belongs to another slot"});
  added.slot.sources = {"server"};
  commit(state, next_entry(state, owner, added));
  require_void(state, next_entry(state, writer, snapshot(2, "server")),
               {24, "a source that belongs to another slot"});
}

TEST_CASE("a recipient makes its slot object itself, every other slot has one") {
  const State state = small_state();
  SlotAdded added = slot(sample_id<SlotId>(70), writer_capabilities);
  added.slot.kind = SlotKind::recipient;
  require_void(state, next_entry(state, owner, added),
               {18, "a recipient with a slot object that it has not made"});
  added.slot.slot_object = {};
  REQUIRE_FALSE(validate(state, next_entry(state, owner, added)));
  added.slot.kind = SlotKind::key_file;
  require_void(state, next_entry(state, owner, added), {19, "a slot without its object"});
}
