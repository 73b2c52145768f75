// Civil days, clocks that are put forward and back, months of different lengths.
#include "engine/base/calendar.h"

#include "engine/base/error.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

constexpr std::int64_t hour_ms = 3'600'000;
// 2026-03-29 00:30 UTC, half an hour before the clocks of Berlin go from 02:00 to 03:00.
constexpr std::int64_t spring_ms = 1'774'744'200'000;
// 2026-10-25 00:30 UTC, half an hour before they go from 03:00 back to 02:00.
constexpr std::int64_t autumn_ms = 1'792'888'200'000;

std::string text(const Zone& zone, std::int64_t utc_ms) {
  const CivilTime time = zone.at(utc_ms);
  return concat(day_text(time.day), " ", time.second / 3600, ":", time.second % 3600 / 60, " ",
                time.offset_seconds / 3600);
}

}  // namespace

TEST_CASE("an instant is another day and hour in another zone") {
  REQUIRE(text(Zone(""), 0) == "1970-01-01 0:0 0");
  REQUIRE(text(Zone("UTC"), -1) == "1969-12-31 23:59 0");
  const std::int64_t new_year = 1'767'222'000'000;  // 2025-12-31 23:00 UTC
  REQUIRE(text(Zone(""), new_year) == "2025-12-31 23:0 0");
  REQUIRE(text(Zone("Europe/Berlin"), new_year) == "2026-01-01 0:0 1");
  REQUIRE(text(Zone("America/New_York"), new_year) == "2025-12-31 18:0 -5");
  REQUIRE(text(Zone("Asia/Kathmandu"), new_year) == "2026-01-01 4:45 5");
}

TEST_CASE("an hour is missing when summer time begins, and there twice when it ends") {
  const Zone zone("Europe/Berlin");
  REQUIRE(text(zone, spring_ms) == "2026-03-29 1:30 1");
  REQUIRE(text(zone, spring_ms + hour_ms) == "2026-03-29 3:30 2");
  REQUIRE(text(zone, autumn_ms) == "2026-10-25 2:30 2");
  REQUIRE(text(zone, autumn_ms + hour_ms) == "2026-10-25 2:30 1");
}

TEST_CASE("summer time goes on in the years behind a zone's table") {
  const Zone zone("Europe/Berlin");
  const Zone south("Pacific/Auckland");
  // 2050 begins on a Saturday; 2052 and 2096 are leap years. Last Sundays of March: 27th, 31st,
  // 25th.
  REQUIRE(text(zone, 2'540'246'400'000) == "2050-07-01 2:0 2");
  REQUIRE(text(zone, 2'524'608'000'000) == "2050-01-01 1:0 1");
  REQUIRE(text(zone, 2'531'955'600'000 - 1) == "2050-03-27 1:59 1");
  REQUIRE(text(zone, 2'531'955'600'000) == "2050-03-27 3:0 2");
  REQUIRE(text(zone, 2'595'459'600'000 - 1) == "2052-03-31 1:59 1");
  REQUIRE(text(zone, 2'595'459'600'000) == "2052-03-31 3:0 2");
  REQUIRE(text(zone, 2'592'777'600'000) == "2052-02-29 1:0 1");
  REQUIRE(text(zone, 3'983'475'600'000) == "2096-03-25 3:0 2");
  REQUIRE(text(south, 2'524'608'000'000) == "2050-01-01 13:0 13");
  REQUIRE(text(south, 2'540'246'400'000) == "2050-07-01 12:0 12");
  REQUIRE(text(zone, zone.before(2'540'246'400'000, 5, 0)) == "2050-02-01 2:0 1");
}

TEST_CASE("months before keep day and clock as far as the month has them") {
  const Zone zone("Europe/Berlin");
  const auto before = [&](std::int64_t from, std::uint32_t months, std::uint64_t seconds) {
    return text(zone, zone.before(from, months, seconds));
  };
  const std::int64_t may = 1'780'218'000'000;  // 2026-05-31 11:00 in Berlin
  REQUIRE(text(zone, may) == "2026-05-31 11:0 2");
  REQUIRE(before(may, 1, 0) == "2026-04-30 11:0 2");
  REQUIRE(before(may, 3, 0) == "2026-02-28 11:0 1");
  REQUIRE(before(may, 27, 0) == "2024-02-29 11:0 1");
  REQUIRE(before(may, 12, 86'400) == "2025-05-30 11:0 2");
  REQUIRE(before(may, 0, 3'600) == "2026-05-31 10:0 2");
  // 02:30 is not there on the day on which summer time begins; on the other day it is there twice.
  const std::int64_t april = spring_ms + std::int64_t{31} * 24 * hour_ms;  // 2026-04-29 02:30
  REQUIRE(text(zone, april) == "2026-04-29 2:30 2");
  REQUIRE(before(april, 1, 0) == "2026-03-29 3:0 2");
  const std::int64_t november = autumn_ms + std::int64_t{31} * 24 * hour_ms + hour_ms;
  REQUIRE(text(zone, november) == "2026-11-25 2:30 1");
  REQUIRE(before(november, 1, 0) == "2026-10-25 2:30 2");
}

TEST_CASE("times out of all bounds are some time, and no failure") {
  const Zone zone("Europe/Berlin");
  for (const std::int64_t far : {INT64_MIN, INT64_MAX, INT64_MIN + 1, INT64_MAX - 1}) {
    static_cast<void>(zone.at(far));
  }
  REQUIRE(zone.before(0, UINT32_MAX, UINT64_MAX) < zone.before(0, 12'000, 0));
}

TEST_CASE("a zone that is none is refused, and so is a path") {
  for (const std::string name : {"Europe/Nowhere", "../etc/passwd", "/etc/passwd", "berlin", " "}) {
    REQUIRE(error_code([&] { Zone zone(name); }) == Code::invalid);
  }
}
