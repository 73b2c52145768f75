// The rules of condemning objects that no entry names, and until when they stand condemned.
#include "tests/unit/rules/retention_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

ObjectHash unnamed_object(std::uint8_t number) {
  return sample_id<ObjectHash>(number);
}

UnnamedCondemned unnamed_of(const std::vector<std::uint8_t>& numbers) {
  UnnamedCondemned out;
  for (const std::uint8_t number : numbers) {
    out.names.push_back(unnamed_object(number));
  }
  return out;
}

JournalEntry condemning_unnamed(const State& state,
                                const UnnamedCondemned& act,
                                const SlotId& author = maintainer) {
  return entry_at(state, author, act, state.last_ms + 5);
}

using UnnamedObjects = std::map<ObjectHash, Condemnation>;

const Violation no_unnamed_list{100, "names of objects that are too many or not in order"};

}  // namespace

TEST_CASE("who maintains condemns unnamed objects, nobody else does, and it is noted who did") {
  State state = law_state();
  for (const SlotId& author : {writer, reader}) {
    require_void(state, condemning_unnamed(state, unnamed_of({1}), author),
                 {9, "its author lacks the capability maintain"});
  }
  const JournalEntry entry = condemning_unnamed(state, unnamed_of({1, 3}));
  commit(state, entry);
  const Condemnation noted{
      .author = maintainer, .sequence = entry.sequence, .time_ms = entry.time_ms};
  REQUIRE(state.unnamed.all() ==
          UnnamedObjects{{unnamed_object(1), noted}, {unnamed_object(3), noted}});
  REQUIRE(state.condemned_packs().empty());
}

TEST_CASE("unnamed objects are condemned in order, each once, and at most 65,536") {
  const State state = law_state();
  require_void(state, condemning_unnamed(state, unnamed_of({2, 1})), no_unnamed_list);
  require_void(state, condemning_unnamed(state, unnamed_of({1, 1})), no_unnamed_list);
  UnnamedCondemned many;
  many.names.resize(65'537);
  for (std::size_t i = 0; i < many.names.size(); ++i) {
    many.names[i].bytes[0] = static_cast<std::uint8_t>(i >> 16U);
    many.names[i].bytes[1] = static_cast<std::uint8_t>((i >> 8U) & 0xffU);
    many.names[i].bytes[2] = static_cast<std::uint8_t>(i & 0xffU);
  }
  require_void(state, condemning_unnamed(state, many), no_unnamed_list);
  many.names.pop_back();
  REQUIRE_FALSE(validate(state, condemning_unnamed(state, many)));
}

TEST_CASE("an unnamed object that is condemned again stands as it did, and one left out no more") {
  State state = law_state();
  commit(state, condemning_unnamed(state, unnamed_of({1, 2})));
  const Condemnation first = state.unnamed.at(unnamed_object(1));
  const JournalEntry entry = condemning_unnamed(state, unnamed_of({1, 3}), owner);
  commit(state, entry);
  const Condemnation second{.author = owner, .sequence = entry.sequence, .time_ms = entry.time_ms};
  REQUIRE(second != first);
  REQUIRE(state.unnamed.all() ==
          UnnamedObjects{{unnamed_object(1), first}, {unnamed_object(3), second}});
  // One that was left out begins anew.
  const JournalEntry again = condemning_unnamed(state, unnamed_of({2}));
  commit(state, again);
  REQUIRE(state.unnamed.all() ==
          UnnamedObjects{
              {unnamed_object(2),
               {.author = maintainer, .sequence = again.sequence, .time_ms = again.time_ms}}});
  commit(state, condemning_unnamed(state, {}));
  REQUIRE(state.unnamed.all().empty());
}
