// Names of objects in the store.
#include "engine/format/names.h"

#include "tests/support/samples.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a folder is listed as deep as its objects lie") {
  const auto slot = sample_id<SlotId>(1);
  const auto hash = sample_id<ObjectHash>(1);
  for (const std::string& path :
       {slot_path(slot, 1), grant_path(slot), epoch_box_path(1, sample_id<EpochId>(1), slot),
        key_segment_path(hash), index_segment_path(hash), body_path(hash), reference_set_path(hash),
        pack_path(hash), journal_path(1)}) {
    INFO(path);
    const std::string folder = path.substr(0, path.find('/'));
    const auto folders = static_cast<std::size_t>(std::ranges::count(path, '/'));
    REQUIRE(listing_depth(folder) == folders - 1);
    REQUIRE(listing_depth("") >= folders);
  }
}

TEST_CASE("the names of slots and entries parse back, and nothing else does") {
  const auto slot = sample_id<SlotId>(1);
  const auto parsed = parse_slot_path(slot_path(slot, 12).substr(6));
  REQUIRE(parsed);
  REQUIRE(parsed->slot == slot);
  REQUIRE(parsed->generation == 12);
  REQUIRE_FALSE(parse_slot_path("abc-1"));
  REQUIRE_FALSE(parse_slot_path(hex(slot) + "-1.2"));
  REQUIRE_FALSE(parse_slot_path(hex(slot) + "-012"));
  REQUIRE(journal_path(7) == "journal/0000000007");
  REQUIRE(parse_journal_path("0000000007") == 7U);
  REQUIRE_FALSE(parse_journal_path("0000000007.2"));
  REQUIRE_FALSE(parse_journal_path("000000007"));
}
