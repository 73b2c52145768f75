// The rules of placing holds.
#include "tests/unit/rules/retention_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

JournalEntry placing(const State& state, const HoldPlaced& placed) {
  return entry_at(state, maintainer, placed, state.last_ms);
}

HoldParts on_snapshots(const std::vector<std::uint8_t>& numbers) {
  HoldParts out;
  for (const std::uint8_t number : numbers) {
    out.snapshots.push_back(snapshot_id(number));
  }
  return out;
}

HoldParts on_sources(const std::vector<std::string>& names) {
  return {.snapshots = {}, .sources = names};
}

// Snapshots 1 and 2, and the pending one 3.
State with_three() {
  State state = law_state();
  add_snapshot(state, writer, 1);
  add_snapshot(state, writer, 2);
  add_act(state, writer, pending(snapshot(3)));
  return state;
}

const Violation unnamed{84, "a hold without a matter, or with parts out of order"};
const Violation wrong_parts{85, "a hold on what is not there, or of another kind than before"};
const Violation too_many_holds{86, "more holds than there may be"};

}  // namespace

TEST_CASE("who maintains places a hold and adds to it, and nobody else does") {
  State state = with_three();
  JournalEntry entry = placing(state, holding("17", on_snapshots({1})));
  for (const SlotId& author : {writer, reader}) {
    entry.author = author;
    require_void(state, entry, {9, "its author lacks the capability maintain"});
  }
  commit(state, placing(state, holding("17", on_snapshots({1}))));
  const Hold first = state.holds.at("17");
  REQUIRE(first.sequence == state.next_sequence - 1);
  REQUIRE(first.author == maintainer);
  HoldPlaced more = holding("17", on_snapshots({1, 2}));
  more.reason = "more of it";
  add_act(state, owner, more);
  Hold both = first;
  both.snapshots.insert(snapshot_id(2));
  REQUIRE(state.holds.at("17") == both);
}

TEST_CASE("a hold has a matter of 1 to 64 bytes, and its parts ascend") {
  const State state = with_three();
  REQUIRE_FALSE(validate(state, placing(state, holding(std::string(64, '7')))));
  for (const std::size_t size : {0U, 65U}) {
    require_void(state, placing(state, holding(std::string(size, '7'))), unnamed);
  }
  for (const HoldParts& wrong : {on_snapshots({2, 1}), on_snapshots({1, 1}), on_sources({"b", "a"}),
                                 on_sources({"a", "a"})}) {
    require_void(state, placing(state, holding("17", wrong)), unnamed);
  }
}

TEST_CASE("a hold is on finished snapshots that there are, or on sources, also ones to come") {
  const State state = with_three();
  require_void(state, placing(state, holding("17", on_snapshots({9}))), wrong_parts);
  require_void(state, placing(state, holding("17", on_snapshots({1, 3}))), wrong_parts);
  HoldParts both = on_snapshots({1});
  both.sources = {"laptop"};
  require_void(state, placing(state, holding("17", both)), wrong_parts);
  REQUIRE_FALSE(validate(state, placing(state, holding("17", on_sources({"to come"})))));
}

TEST_CASE("a matter that is on snapshots, on sources or on the repository stays of that kind") {
  const std::vector<HoldParts> kinds{on_snapshots({1}), on_sources({"laptop"}), {}};
  for (const HoldParts& first : kinds) {
    State state = with_three();
    commit(state, placing(state, holding("17", first)));
    for (const HoldParts& next : kinds) {
      const JournalEntry entry = placing(state, holding("17", next));
      if (next == first) {
        REQUIRE_FALSE(validate(state, entry));
      } else {
        require_void(state, entry, wrong_parts);
      }
      REQUIRE_FALSE(validate(state, placing(state, holding("18", next))));
    }
  }
}

TEST_CASE("at most 1,024 matters are held, and 65,536 parts in all") {
  State state = with_three();
  for (std::size_t i = 0; i < matters_max; ++i) {
    state.holds[concat("matter ", i)] = {.sequence = 5, .sources = {"laptop"}};
  }
  require_void(state, placing(state, holding("17", on_sources({"desk"}))), too_many_holds);
  REQUIRE_FALSE(validate(state, placing(state, holding("matter 3", on_sources({"desk"})))));
  Hold& fullest = state.holds["matter 3"];
  for (std::size_t i = 0; fullest.sources.size() < held_parts_max - matters_max; ++i) {
    fullest.sources.insert(concat("source ", i));
  }
  REQUIRE_FALSE(validate(state, placing(state, holding("matter 4", on_sources({"desk"})))));
  require_void(state, placing(state, holding("matter 4", on_sources({"desk", "mail"}))),
               too_many_holds);
}
