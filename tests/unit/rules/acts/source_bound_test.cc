// The rules of binding a source.
#include "tests/unit/rules/retention_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

JournalEntry binding(const State& state, const SourceBound& bound) {
  return entry_at(state, owner, bound, state.last_ms);
}

SourceBound continuing(const std::string& source, const std::string& continued) {
  return {.source = source, .slot = writer, .continues = continued, .reason = ""};
}

const Violation no_slot{70, "a source is bound to no slot that writes"};
const Violation no_chain{71, "a source that continues one that has no series, or itself"};
const Violation other_policy{72, "a source whose policy would change under compliance"};

}  // namespace

TEST_CASE("an owner binds a source to a slot that writes, also one that another slot has") {
  State state = law_state();
  add_snapshot(state, writer, 1);
  JournalEntry entry = binding(state, {.source = "laptop", .slot = second_writer, .reason = ""});
  entry.author = maintainer;
  require_void(state, entry, {9, "its author lacks the capability own"});
  entry.author = owner;
  commit(state, entry);
  require_void(state, entry_at(state, writer, lawful_snapshot(state, writer, 2), state.last_ms),
               {24, "a source that belongs to another slot"});
  add_snapshot(state, second_writer, 2);
  commit(state, binding(state, {.source = "new", .slot = writer, .reason = ""}));
  add_snapshot(state, writer, 3, "new");
}

TEST_CASE("a source is not bound without a name, nor to a slot that is none or cannot write") {
  State state = law_state();
  require_void(state, binding(state, {.source = "", .slot = writer, .reason = ""}), no_slot);
  for (const SlotId& wrong : {SlotId{}, sample_id<SlotId>(200), reader}) {
    require_void(state, binding(state, {.source = "laptop", .slot = wrong, .reason = ""}), no_slot);
  }
  add_snapshot(state, writer, 1);
  revoke_slots(state, {writer});
  require_void(state, binding(state, {.source = "laptop", .slot = writer, .reason = ""}), no_slot);
}

TEST_CASE("a source ends with the slot that it has, also where that is none") {
  State state = law_state();
  add_snapshot(state, writer, 1);
  const auto ended_with = [&](const SlotId& slot) {
    return binding(state, {.source = "laptop", .slot = slot, .is_ended = true, .reason = ""});
  };
  require_void(state, ended_with({}), no_slot);
  REQUIRE_FALSE(validate(state, ended_with(writer)));
  revoke_slots(state, {writer});
  require_void(state, ended_with(writer), no_slot);
  commit(state, ended_with({}));
  REQUIRE(state.sources.at("laptop").is_ended);
  require_void(state, binding(state, {.source = "unknown", .is_ended = true, .reason = ""}),
               no_slot);
}

TEST_CASE("a source continues one that has a series, and never itself, directly or over others") {
  State state = law_state();
  add_snapshot(state, writer, 1, "a");
  require_void(state, binding(state, continuing("b", "unknown")), no_chain);
  assign_policy(state, "known", "default");
  require_void(state, binding(state, continuing("b", "known")), no_chain);
  require_void(state, binding(state, continuing("a", "a")), no_chain);
  commit(state, binding(state, continuing("b", "a")));
  commit(state, binding(state, continuing("c", "b")));
  require_void(state, binding(state, continuing("a", "b")), no_chain);
  require_void(state, binding(state, continuing("a", "c")), no_chain);
  commit(state, binding(state, continuing("c", "a")));
  commit(state, binding(state, continuing("b", "c")));
}

TEST_CASE("a binding neither takes a source out of compliance nor puts it under it at once") {
  State state = law_state();
  set_policy(state, policy_of_days("vault", 30, 0, LockMode::compliance));
  assign_policy(state, writer, "vault");
  pass_days(state, 4);
  add_snapshot(state, writer, 1, "laptop");
  add_snapshot(state, second_writer, 2, "desk");
  const SourceBound out{.source = "laptop", .slot = second_writer, .reason = ""};
  const SourceBound in{.source = "desk", .slot = writer, .reason = ""};
  require_void(state, binding(state, out), other_policy);
  require_void(state, binding(state, in), other_policy);
  // With a policy of its own a source keeps that.
  assign_policy(state, "laptop", "vault");
  assign_policy(state, "desk", "default");
  commit(state, binding(state, out));
  commit(state, binding(state, in));
  REQUIRE(policy_of(state, "laptop").name == "vault");
  REQUIRE(policy_of(state, "desk").name == "default");
}
