// What was looked at lately: for half a day, for all processes of a machine, and for no clock's
// sake longer.
#include "engine/catalog/looked_packs.h"

#include <filesystem>

#include "tests/support/samples.h"
#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

constexpr std::int64_t noon_ms = 1'000'000'000'000;
const ObjectHash one = sample_id<ObjectHash>(1);
const ObjectHash two = sample_id<ObjectHash>(2);

}  // namespace

TEST_CASE("a look counts for half a day from the first one of its round") {
  const TemporaryDirectory directory;
  LookedPacks looked(directory.path(), noon_ms);
  REQUIRE_FALSE(looked.contains(one));
  looked.add(one);
  looked.add_source("laptop");
  REQUIRE(looked.contains(one));
  looked.save(noon_ms);
  LookedPacks later(directory.path(), noon_ms + look_lasts_ms - 1);
  REQUIRE(later.contains(one));
  REQUIRE(later.contains_source("laptop"));
  REQUIRE_FALSE(later.contains(two));
  REQUIRE_FALSE(later.contains_source("desktop"));
  later.add(two);
  later.save(noon_ms + look_lasts_ms - 1);
  const LookedPacks next(directory.path(), noon_ms + look_lasts_ms);
  REQUIRE_FALSE(next.contains(one));
  REQUIRE_FALSE(next.contains(two));
  REQUIRE_FALSE(next.contains_source("laptop"));
}

TEST_CASE("a look under a clock that was ahead does not count") {
  const TemporaryDirectory directory;
  LookedPacks ahead(directory.path(), noon_ms + 1000 * look_lasts_ms);
  ahead.add(one);
  ahead.save(noon_ms + 1000 * look_lasts_ms);
  LookedPacks looked(directory.path(), noon_ms);
  REQUIRE_FALSE(looked.contains(one));
  looked.add(two);
  looked.save(noon_ms);
  REQUIRE(LookedPacks(directory.path(), noon_ms + 1).contains(two));
}

TEST_CASE("two processes that look at once keep what both have looked at") {
  const TemporaryDirectory directory;
  LookedPacks(directory.path(), noon_ms).save(noon_ms);
  LookedPacks left(directory.path(), noon_ms + 1);
  LookedPacks right(directory.path(), noon_ms + 1);
  left.add(one);
  right.add(two);
  left.save(noon_ms + 2);
  right.save(noon_ms + 3);
  const LookedPacks both(directory.path(), noon_ms + 4);
  REQUIRE(both.contains(one));
  REQUIRE(both.contains(two));
  // One that has worked over the end of its round does not bring it back.
  const std::int64_t next_ms = noon_ms + look_lasts_ms;
  LookedPacks(directory.path(), next_ms).save(next_ms);
  left.save(next_ms + 1);
  REQUIRE_FALSE(LookedPacks(directory.path(), next_ms + 2).contains(one));
}

TEST_CASE("what cannot be read of the looks costs a look") {
  const TemporaryDirectory directory;
  LookedPacks looked(directory.path(), noon_ms);
  looked.add(one);
  looked.save(noon_ms);
  const std::string file = directory / "cache/looked";
  const Bytes good = slurp(file);
  for (std::size_t size = 0; size < good.size(); ++size) {
    write_file(file, View(good).first(size));
    REQUIRE_FALSE(LookedPacks(directory.path(), noon_ms).contains(one));
  }
  std::filesystem::remove(file);
  REQUIRE_FALSE(LookedPacks(directory.path(), noon_ms).contains(one));
}
