// Policies as people write and read them.
#include "engine/rules/policy_text.h"

#include "engine/base/bytes.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

constexpr std::uint64_t text_day = 86'400;

std::uint64_t seconds_in(std::string_view text) {
  const auto period = parse_period(text);
  REQUIRE(period);
  return seconds_of(*period);
}

}  // namespace

TEST_CASE("a period is written in years, months, weeks, days, hours, minutes and seconds") {
  REQUIRE(parse_period("2y") == Period{.months = 24});
  REQUIRE(parse_period("5m") == Period{.months = 5});
  REQUIRE(parse_period("3w") == Period{.months = 0, .seconds = 21 * text_day});
  REQUIRE(parse_period("30d") == Period{.months = 0, .seconds = 30 * text_day});
  REQUIRE(parse_period("12h") == Period{.months = 0, .seconds = 43'200});
  REQUIRE(parse_period("90min") == Period{.months = 0, .seconds = 5'400});
  REQUIRE(parse_period("45s") == Period{.months = 0, .seconds = 45});
  REQUIRE(parse_period("2y5m7d3h") == Period{.months = 29, .seconds = 7 * text_day + 10'800});
  REQUIRE_FALSE(parse_period("1d+6h"));
  REQUIRE_FALSE(parse_period("1000000w"));  // longer than a policy can say
  REQUIRE(parse_period("1m1min") == Period{.months = 1, .seconds = 60});
  REQUIRE(parse_period("1y2m3w4d5h6min7s") ==
          Period{.months = 14, .seconds = 25 * text_day + 18'367});
  REQUIRE(parse_period("0d") == Period());
}

TEST_CASE("what is no period, or names a unit twice or out of order, is refused") {
  for (const std::string_view wrong : {"",      "d",
                                       "7",     "1 d",
                                       "-1d",   "+1d",
                                       "1d+",   "1d++6h",
                                       "1d6",   "1d 6h",
                                       "6h1d",  "1d1d",
                                       "1m1y",  "1min1m",
                                       "1D",    "1mi",
                                       "1mo",   "1.5d",
                                       "1d,6h", "1x",
                                       "0x1d",  "99999999999999999999d"}) {
    CAPTURE(wrong);
    REQUIRE_FALSE(parse_period(wrong));
  }
}

TEST_CASE("a period of more than a thousand years, or of a million of a unit, is refused") {
  REQUIRE(parse_period("1000y") == Period{.months = 12'000});
  REQUIRE(parse_period("12000m") == Period{.months = 12'000});
  REQUIRE_FALSE(parse_period("1000y1m"));
  REQUIRE_FALSE(parse_period("12001m"));
  REQUIRE_FALSE(parse_period("1001y"));
  REQUIRE(parse_period("1000000s") == Period{.months = 0, .seconds = 1'000'000});
  REQUIRE_FALSE(parse_period("1000001s"));
}

TEST_CASE("a rule is a count or a period, and zero is no rule") {
  REQUIRE(parse_keep_rule("14") == KeepRule{.count = 14});
  REQUIRE(parse_keep_rule("0") == KeepRule());
  REQUIRE(parse_keep_rule("1y") == KeepRule{.count = 0, .window = {.months = 12}});
  REQUIRE(parse_keep_rule("1d6h") ==
          KeepRule{.count = 0, .window = {.months = 0, .seconds = text_day + 21'600}});
  for (const std::string_view wrong :
       {"", "0d", "0y0d", "-1", "+1", "1.5", " 1", "1 ", "all", "1000001", "14x", "6h1d"}) {
    CAPTURE(wrong);
    REQUIRE_FALSE(parse_keep_rule(wrong));
  }
}

TEST_CASE("in the law a year is 366 days and a month 31, and twelve months are a year") {
  REQUIRE(seconds_of({}) == 0);
  REQUIRE(seconds_in("1y") == 366 * text_day);
  REQUIRE(seconds_in("1m") == 31 * text_day);
  REQUIRE(seconds_in("12m") == seconds_in("1y"));
  REQUIRE(seconds_in("23m") == (366 + 11 * 31) * text_day);
  REQUIRE(seconds_in("10y") == 3'660 * text_day);
  REQUIRE(seconds_in("1y1m1d1h") == (366 + 31 + 1) * text_day + 3'600);
}

TEST_CASE("a span is shown in the largest unit that divides it") {
  REQUIRE(span_text(0) == "none");
  REQUIRE(span_text(seconds_in("7y")) == "7 y");
  REQUIRE(span_text(30 * text_day) == "30 d");
  REQUIRE(span_text(365 * text_day) == "365 d");
  REQUIRE(span_text(36ULL * 3'600) == "36 h");
  REQUIRE(span_text(90ULL * 60) == "90 min");
  REQUIRE(span_text(61) == "61 s");
}

TEST_CASE("a period is shown with all its parts, and reads back as it was but for the spaces") {
  REQUIRE(period_text(Period()) == "none");
  REQUIRE(period_text({.months = 29, .seconds = 7 * text_day}) == "2 y 5 m 7 d");
  for (const std::string_view text :
       {"2y5m7d3h", "1d6h", "11m", "8d", "1y", "90min", "45s", "1y2m3w4d5h6min7s", "1m1min"}) {
    const auto period = parse_period(text);
    REQUIRE(period);
    std::string shown = period_text(*period);
    std::erase(shown, ' ');
    CAPTURE(text, shown);
    REQUIRE(parse_period(shown) == period);
  }
}

TEST_CASE("a policy is shown with what it keeps, for how long, and how it is locked") {
  Policy policy;
  REQUIRE(policy_text(policy) ==
          "keep everything; each at least 1 d; restorable for 7 d once retired; governance; "
          "zone UTC");
  policy.last = 3;
  policy.hourly = {.count = 24};
  policy.daily = {.count = 14};
  policy.weekly = {.count = 0, .window = {.months = 0, .seconds = 56 * text_day}};
  policy.monthly = {.count = 0, .window = {.months = 18}};
  policy.quarterly = {.count = 4};
  policy.yearly = {.count = 10};
  policy.within = {.months = 1};
  policy.zone = "Europe/Vienna";
  policy.interval = {.months = 0, .seconds = text_day};
  policy.minimum_seconds = 7ULL * 366 * text_day;
  policy.maximum_seconds = 10ULL * 366 * text_day;
  policy.grace_seconds = 0;
  policy.lock = LockMode::compliance;
  REQUIRE(policy_text(policy) ==
          "keep last 3, hourly 24, daily 14, weekly 56 d, monthly 1 y 6 m, quarterly 4, yearly 10, "
          "all within 1 m; each at least 7 y, at most 10 y; restorable for none once retired; one "
          "expected every 1 d; compliance; zone Europe/Vienna");
}

TEST_CASE("each cause of a retirement has its word") {
  REQUIRE(cause_text(RetireCause::rule) == "rule");
  REQUIRE(cause_text(RetireCause::maximum) == "maximum");
  REQUIRE(cause_text(RetireCause::by_hand) == "by hand");
  REQUIRE(cause_text(RetireCause::junk) == "junk");
}
