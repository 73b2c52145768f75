// Packs that somebody has found damaged: who may say so of which, and whose word stands.
#include "tests/unit/rules/rules_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

const SlotId keeper = sample_id<SlotId>(70);

ObjectHash pack(std::uint8_t number) {
  return sample_id<ObjectHash>(number);
}

State with_keeper() {
  State state = small_state();
  commit(state, next_entry(state, owner, slot(keeper, operator_capabilities)));
  return state;
}

// Packs that nobody else names, ascending.
PacksCondemned many(std::size_t count, std::uint8_t kind) {
  PacksCondemned out;
  for (std::size_t i = 0; i < count; ++i) {
    ObjectHash name;
    name.bytes[0] = kind;
    name.bytes[1] = static_cast<std::uint8_t>(i >> 8U);
    name.bytes[2] = static_cast<std::uint8_t>(i & 0xffU);
    out.packs.push_back(name);
  }
  return out;
}

const Violation too_many{52, "more packs than slots without maintain may condemn"};
const Violation not_its_own{54, "a pack that its author cannot clear"};

}  // namespace

TEST_CASE("a condemned pack is one until it is cleared") {
  State state = with_keeper();
  const SlotId author = GENERATE(reader, keeper, owner);
  commit(state, next_entry(state, author, PacksCondemned{{pack(1), pack(2)}}));
  REQUIRE(state.condemned_packs() == std::set{pack(1), pack(2)});
  REQUIRE(state.is_condemned(pack(1)));
  REQUIRE_FALSE(state.is_condemned(pack(3)));
  commit(state, next_entry(state, author, PacksCondemned{{pack(2), pack(3)}}));
  commit(state, next_entry(state, author, PacksCleared{{pack(1)}}));
  REQUIRE(state.condemned_packs() == std::set{pack(2), pack(3)});
  require_void(state, next_entry(state, author, PacksCleared{{pack(1)}}), not_its_own);
}

TEST_CASE("what maintain has condemned nobody else can clear") {
  State state = with_keeper();
  commit(state, next_entry(state, reader, PacksCondemned{{pack(1)}}));
  commit(state, next_entry(state, keeper, PacksCondemned{{pack(1), pack(2)}}));
  require_void(state, next_entry(state, reader, PacksCleared{{pack(1)}}), not_its_own);
  commit(state, next_entry(state, reader, PacksCondemned{{pack(2)}}));
  require_void(state, next_entry(state, reader, PacksCleared{{pack(2)}}), not_its_own);
  commit(state, next_entry(state, owner, PacksCleared{{pack(1)}}));
  REQUIRE_FALSE(state.is_condemned(pack(1)));
  // It may have been damaged since, so whoever may condemn may condemn it again.
  commit(state, next_entry(state, reader, PacksCondemned{{pack(1)}}));
  REQUIRE(state.is_condemned(pack(1)));
}

TEST_CASE("a slot clears what it has condemned, and not what another has") {
  State state = with_keeper();
  const auto second = sample_id<SlotId>(80);
  commit(state, next_entry(state, owner, slot(second, reader_capabilities)));
  commit(state, next_entry(state, reader, PacksCondemned{{pack(1)}}));
  commit(state, next_entry(state, second, PacksCondemned{{pack(1), pack(2)}}));
  require_void(state, next_entry(state, second, PacksCleared{{pack(1)}}), not_its_own);
  commit(state, next_entry(state, second, PacksCleared{{pack(2)}}));
  commit(state, next_entry(state, reader, PacksCleared{{pack(1)}}));
  REQUIRE(state.condemned_packs().empty());
  commit(state, next_entry(state, second, PacksCondemned{{pack(1)}}));
}

TEST_CASE("slots without maintain condemn so many packs, and no more") {
  State state = with_keeper();
  const auto second = sample_id<SlotId>(80);
  commit(state, next_entry(state, owner, slot(second, reader_capabilities)));
  commit(state, next_entry(state, reader, many(doubted_packs_max - 1, 1)));
  commit(state, next_entry(state, second, many(1, 2)));
  require_void(state, next_entry(state, second, PacksCondemned{{pack(3)}}), too_many);
  commit(state, next_entry(state, reader, many(doubted_packs_max - 1, 1)));
  commit(state, next_entry(state, keeper, many(entry_packs_max, 4)));
  // What maintain condemns too leaves room.
  commit(state, next_entry(state, keeper, many(1, 2)));
  commit(state, next_entry(state, second, PacksCondemned{{pack(3)}}));
}

TEST_CASE("revoking a slot lifts what it has condemned, but not what others have") {
  State state = state_with_keys();
  commit(state, next_entry(state, reader, PacksCondemned{{pack(1)}}));
  commit(state, next_entry(state, owner, PacksCondemned{{pack(2)}}));
  EpochEnded act = new_epoch(state);
  act.revoked = {reader};
  std::erase_if(act.boxes, [](const NamedBox& box) { return box.slot == reader; });
  commit(state, ending(state, act));
  REQUIRE(state.condemned_packs() == std::set{pack(2)});
}

TEST_CASE("packs are named in order, each once, and not too many") {
  State state = with_keeper();
  commit(state, next_entry(state, keeper, many(entry_packs_max, 1)));
  const auto require_named = [&](const std::vector<ObjectHash>& packs) {
    const std::string reason = "packs that are none, too many or not in order";
    require_void(state, next_entry(state, keeper, PacksCondemned{packs}), {51, reason});
    require_void(state, next_entry(state, keeper, PacksCleared{packs}), {53, reason});
    require_void(state, next_entry(state, writer, IncidentOpened{packs}), {55, reason});
  };
  require_named({});
  require_named({pack(2), pack(1)});
  require_named({pack(1), pack(1)});
  require_named(many(entry_packs_max + 1, 1).packs);
}

TEST_CASE("who can neither read nor maintain opens an incident, one until an owner closes it") {
  State state = with_keeper();
  require_void(state, next_entry(state, writer, PacksCondemned{{pack(1)}}),
               {9, "its author lacks the capability read or maintain"});
  require_void(state, next_entry(state, writer, PacksCleared{{pack(1)}}),
               {9, "its author lacks the capability read or maintain"});
  const std::uint64_t first = state.next_sequence;
  commit(state, next_entry(state, writer, IncidentOpened{{pack(1)}}));
  commit(state, next_entry(state, writer, IncidentOpened{{pack(2)}}));
  apply_void(state, "packs that are missing or damaged", sample_id<ObjectHash>(77), writer);
  REQUIRE(state.condemned_packs().empty());
  REQUIRE(state.incidents.size() == 2);
  REQUIRE(state.incidents[0] == Incident{.sequence = first,
                                         .last = first + 1,
                                         .count = 2,
                                         .author = writer,
                                         .kind = IncidentKind::packs,
                                         .reason = "packs that are missing or damaged"});
  commit(state, next_entry(state, owner, IncidentsClosed{.first = first, .last = first + 1}));
  REQUIRE(state.open_incidents().size() == 1);
}
