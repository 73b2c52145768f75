// How old a journal looks beside a reader's clock, at any two times that there are.
#include "engine/rules/freshness.h"

#include "tests/support/test.h"

using namespace kist;

namespace {

constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t now_ms = 4'000'000'000'000;

Freshness at(std::int64_t last_ms, std::int64_t now = now_ms) {
  State state;
  state.last_ms = last_ms;
  return freshness_of(state, now);
}

}  // namespace

TEST_CASE("a journal is fresh for seven days, and old after them") {
  REQUIRE(at(now_ms) == Freshness::fresh);
  REQUIRE(at(now_ms - 7 * day_ms) == Freshness::fresh);
  REQUIRE(at(now_ms - 7 * day_ms - 1) == Freshness::old);
  REQUIRE(at(0) == Freshness::old);
}

TEST_CASE("an entry of the future says nothing of a journal's age, but for what clocks differ") {
  REQUIRE(at(now_ms + clock_ahead_max_ms) == Freshness::fresh);
  REQUIRE(at(now_ms + clock_ahead_max_ms + 1) == Freshness::unknown);
  REQUIRE(at(INT64_MAX) == Freshness::unknown);
}

TEST_CASE("a difference of times does not overflow, whatever they are") {
  REQUIRE(time_ago(INT64_MIN, INT64_MAX) == TimeAgo{.ms = UINT64_MAX, .is_ahead = false});
  REQUIRE(time_ago(INT64_MAX, INT64_MIN) == TimeAgo{.ms = UINT64_MAX, .is_ahead = true});
  REQUIRE(time_ago(-1, 1) == TimeAgo{.ms = 2, .is_ahead = false});
  REQUIRE(at(INT64_MIN, INT64_MAX) == Freshness::old);
  REQUIRE(at(INT64_MAX, INT64_MIN) == Freshness::unknown);
  REQUIRE(at(INT64_MAX, -1) == Freshness::unknown);
}
