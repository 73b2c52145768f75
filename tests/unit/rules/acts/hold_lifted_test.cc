// The rules of lifting holds.
#include "tests/unit/rules/retention_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

JournalEntry lift(const State& state, const std::string& matter, const HoldParts& parts = {}) {
  return entry_at(state, owner, lifting(matter, parts), state.last_ms);
}

HoldParts held_snapshots(const std::vector<std::uint8_t>& numbers) {
  HoldParts out;
  for (const std::uint8_t number : numbers) {
    out.snapshots.push_back(snapshot_id(number));
  }
  return out;
}

// "17" on snapshots 1 and 2, "18" on desk and laptop, "19" on the repository.
State with_holds() {
  State state = law_state();
  add_snapshot(state, writer, 1);
  add_snapshot(state, writer, 2);
  add_snapshot(state, writer, 3);
  add_act(state, maintainer, holding("17", held_snapshots({1, 2})));
  add_act(state, maintainer, holding("18", {.snapshots = {}, .sources = {"desk", "laptop"}}));
  add_act(state, maintainer, holding("19"));
  return state;
}

const Violation not_held{87, "a hold is lifted that is not there"};

}  // namespace

TEST_CASE("an owner lifts a hold, all of it or parts, and nobody else does") {
  State state = with_holds();
  JournalEntry entry = lift(state, "17");
  entry.author = maintainer;
  require_void(state, entry, {9, "its author lacks the capability own"});
  commit(state, lift(state, "17", held_snapshots({1})));
  REQUIRE(state.holds.at("17").snapshots == std::set{snapshot_id(2)});
  REQUIRE(snapshot_row(state, 1).lifted_ms == state.last_ms);
  REQUIRE(snapshot_row(state, 2).lifted_ms == 0);
  commit(state, lift(state, "18", {.snapshots = {}, .sources = {"laptop"}}));
  REQUIRE(state.sources.at("laptop").lifted_ms == state.last_ms);
  for (const std::string matter : {"17", "18", "19"}) {
    commit(state, lift(state, matter));
  }
  REQUIRE(state.holds.empty());
  REQUIRE(snapshot_row(state, 2).lifted_ms == state.last_ms);
  REQUIRE(state.lifted_ms == state.last_ms);
}

TEST_CASE("a hold is gone when its last part is lifted") {
  State state = with_holds();
  commit(state, lift(state, "17", held_snapshots({1})));
  commit(state, lift(state, "17", held_snapshots({2})));
  require_void(state, lift(state, "17"), not_held);
  // The matter may begin anew, of another kind too.
  add_act(state, maintainer, holding("17"));
}

TEST_CASE("only what is held is lifted, in order and each once") {
  State state = with_holds();
  require_void(state, lift(state, "20"), not_held);
  for (const std::vector<std::uint8_t>& wrong :
       {std::vector<std::uint8_t>{2, 1}, std::vector<std::uint8_t>{1, 1},
        std::vector<std::uint8_t>{1, 3}}) {
    require_void(state, lift(state, "17", held_snapshots(wrong)), not_held);
  }
  require_void(state, lift(state, "18", {.snapshots = {}, .sources = {"mail"}}), not_held);
  require_void(state, lift(state, "18", {.snapshots = {}, .sources = {"laptop", "desk"}}),
               not_held);
  require_void(state, lift(state, "19", held_snapshots({1})), not_held);
}
