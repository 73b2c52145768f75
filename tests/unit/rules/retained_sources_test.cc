// Sources: which policy each has, which series its snapshots are in, how many a slot may begin.
#include "engine/rules/policy.h"
#include "engine/rules/retention.h"
#include "tests/unit/rules/retention_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

const SlotId new_slot = sample_id<SlotId>(120);

// A slot that the owner adds with sources, as after a revocation.
void add_slot_with(State& state, const SlotId& id, const std::vector<std::string>& sources) {
  SlotAdded added = slot(id, writer_capabilities);
  added.slot.sources = sources;
  add_act(state, owner, added);
}

void bind_to(State& state,
             const std::string& source,
             const SlotId& slot,
             const std::string& continued = "") {
  add_act(state, owner,
          SourceBound{.source = source, .slot = slot, .continues = continued, .reason = ""});
}

std::uint64_t series_of(const State& state, std::uint8_t number) {
  return snapshot_row(state, number).series;
}

std::string policy_name(const State& state, const std::string& source, const SlotId& author = {}) {
  return policy_of(state, source, author).name;
}

// Sources of a slot's that it has begun by using them.
void begin_sources(State& state, const SlotId& slot, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    state.sources[concat("used ", i)] = {.slot = slot};
  }
}

}  // namespace

TEST_CASE("a source has its own policy, else that of its slot, else the default one") {
  State state = law_state();
  for (const std::string name : {"archive", "desk", "vault"}) {
    set_policy(state, policy_of_days(name, 30));
  }
  add_snapshot(state, writer, 1, "laptop");
  REQUIRE(policy_name(state, "laptop") == "default");
  assign_policy(state, writer, "archive");
  REQUIRE(policy_name(state, "laptop") == "archive");
  assign_policy(state, second_writer, "desk");
  // Its author makes no difference to a source that belongs to somebody.
  REQUIRE(policy_name(state, "laptop", second_writer) == "archive");
  REQUIRE(policy_name(state, "unused", second_writer) == "desk");
  REQUIRE(policy_name(state, "unused", reader) == "default");
  assign_policy(state, "laptop", "vault");
  REQUIRE(policy_name(state, "laptop") == "vault");
}

TEST_CASE("a writer does not choose its policy") {
  State state = law_state();
  set_policy(state, policy_of_days("scratch", 0));
  set_policy(state, policy_of_days("archive", 300));
  for (const std::string name : {"scratch", "archive"}) {
    SnapshotTaken taken = snapshot(1);
    fix_retention(taken, state.policies.at(name));
    require_void(state, entry_at(state, writer, taken, state.last_ms),
                 {22, "a policy that is not its source's"});
    taken.policy = "default";
    require_void(state, entry_at(state, writer, taken, state.last_ms),
                 {23, "a retention that is not the policy's"});
  }
  assign_policy(state, "laptop", "archive");
  require_void(state, entry_at(state, writer, snapshot(1), state.last_ms),
               {22, "a policy that is not its source's"});
  add_snapshot(state, writer, 1);
  REQUIRE(snapshot_row(state, 1).taken.minimum_seconds == 300 * law_day);
}

TEST_CASE("the sources of a slot that was revoked keep the policy that they had through it") {
  State state = law_state();
  set_policy(state, policy_of_days("archive", 30));
  set_policy(state, policy_of_days("vault", 60));
  add_snapshot(state, writer, 1, "laptop");
  add_snapshot(state, writer, 2, "desk");
  assign_policy(state, writer, "archive");
  assign_policy(state, "desk", "vault");
  add_snapshot(state, second_writer, 3, "tablet");
  revoke_slots(state, {writer, second_writer});
  REQUIRE(policy_name(state, "laptop", reader) == "archive");
  REQUIRE(policy_name(state, "desk", reader) == "vault");
  REQUIRE(policy_name(state, "tablet", reader) == "default");
  REQUIRE(state.sources.at("laptop").slot == SlotId{});
  add_slot_with(state, new_slot, {"laptop"});
  REQUIRE(policy_name(state, "laptop") == "archive");
}

TEST_CASE("the snapshots of a source are one series, those of each source their own") {
  State state = law_state();
  const std::uint64_t first = add_snapshot(state, writer, 1, "laptop");
  const std::uint64_t desk = add_snapshot(state, writer, 2, "desk");
  add_snapshot(state, writer, 3, "laptop");
  add_act(state, writer, pending(snapshot(4, "laptop")));
  REQUIRE(series_of(state, 1) == first);
  REQUIRE(series_of(state, 2) == desk);
  REQUIRE(series_of(state, 3) == first);
  REQUIRE(series_of(state, 4) == first);
}

TEST_CASE("a series goes on with the slot that an owner binds its source to") {
  State state = law_state();
  const std::uint64_t first = add_snapshot(state, writer, 1, "laptop");
  bind_to(state, "laptop", second_writer);
  add_snapshot(state, second_writer, 2, "laptop");
  REQUIRE(series_of(state, 2) == first);
  revoke_slots(state, {second_writer});
  add_slot_with(state, new_slot, {"laptop"});
  add_snapshot(state, new_slot, 3, "laptop");
  REQUIRE(series_of(state, 3) == first);
}

TEST_CASE("a slot that merely uses a name that became free begins a series of its own") {
  State state = law_state();
  add_snapshot(state, writer, 1, "laptop");
  revoke_slots(state, {writer});
  const std::uint64_t squatted = add_snapshot(state, second_writer, 2, "laptop");
  add_snapshot(state, second_writer, 3, "laptop");
  REQUIRE(series_of(state, 2) == squatted);
  REQUIRE(series_of(state, 3) == squatted);
  REQUIRE(state.sources.at("laptop").slot == second_writer);
}

TEST_CASE("a source that continues another is in its series from then on") {
  State state = law_state();
  const std::uint64_t first = add_snapshot(state, writer, 1, "laptop");
  const std::uint64_t own = add_snapshot(state, writer, 2, "tablet");
  bind_to(state, "tablet", writer, "laptop");
  add_snapshot(state, writer, 3, "tablet");
  bind_to(state, "phone", writer, "tablet");
  add_snapshot(state, writer, 4, "phone");
  REQUIRE(series_of(state, 2) == own);
  REQUIRE(series_of(state, 3) == first);
  REQUIRE(series_of(state, 4) == first);
  bind_to(state, "phone", second_writer, "tablet");
  add_snapshot(state, second_writer, 5, "phone");
  REQUIRE(series_of(state, 5) == first);
}

TEST_CASE("a source that has ended goes on with its next snapshot") {
  State state = law_state();
  const std::uint64_t first = add_snapshot(state, writer, 1, "laptop");
  add_act(state, owner,
          SourceBound{.source = "laptop", .slot = writer, .is_ended = true, .reason = ""});
  REQUIRE(state.sources.at("laptop").is_ended);
  add_snapshot(state, writer, 2, "desk");
  REQUIRE(state.sources.at("laptop").is_ended);
  add_snapshot(state, writer, 3, "laptop");
  REQUIRE_FALSE(state.sources.at("laptop").is_ended);
  REQUIRE(series_of(state, 3) == first);
}

TEST_CASE("a slot begins at most 256 sources by using them, and may go on with each") {
  State state = law_state();
  begin_sources(state, writer, used_sources_max - 1);
  add_snapshot(state, writer, 1, "laptop");
  const JournalEntry one_more =
      entry_at(state, writer, lawful_snapshot(state, writer, 2, "desk"), state.last_ms);
  require_void(state, one_more, {63, "a source without a name, or more than a slot may begin"});
  add_snapshot(state, writer, 2, "laptop");
  add_snapshot(state, writer, 3, "used 7");
  add_snapshot(state, second_writer, 4, "desk");
}

TEST_CASE("sources that an owner has bound do not count as begun by their slot") {
  State state = law_state();
  begin_sources(state, writer, used_sources_max);
  bind_to(state, "bound", writer);
  add_snapshot(state, writer, 1, "bound");
  require_void(state,
               entry_at(state, writer, lawful_snapshot(state, writer, 2, "desk"), state.last_ms),
               {63, "a source without a name, or more than a slot may begin"});
  bind_to(state, "used 7", writer);
  add_snapshot(state, writer, 2, "desk");
  add_slot_with(state, new_slot, {"given"});
  REQUIRE(state.sources.at("given").is_bound);
}
