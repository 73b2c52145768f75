// The rules of a slot's new slot object.
#include "tests/unit/rules/rules_fixture.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a slot's new object must be newer than the one it replaces") {
  State state = small_state();
  commit(state,
         next_entry(state, writer,
                    SlotRewrapped{.generation = 2, .slot_object = sample_id<ObjectHash>(1)}));
  require_void(state,
               next_entry(state, writer,
                          SlotRewrapped{.generation = 2, .slot_object = sample_id<ObjectHash>(2)}),
               {34, "a generation that is not newer"});
}

TEST_CASE("a slot object is wrapped with a passphrase or a key file") {
  const State state = small_state();
  for (const SlotKind kind : {SlotKind::recipient, SlotKind::recovery_sheet}) {
    require_void(state, next_entry(state, writer, SlotRewrapped{.generation = 2, .kind = kind}),
                 {35, "a kind that wraps nothing"});
  }
}
