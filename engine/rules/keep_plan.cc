#include "engine/rules/keep_plan.h"

#include <algorithm>
#include <array>
#include <map>

#include "engine/base/bytes.h"

namespace kist {

namespace {

constexpr std::int64_t hour_seconds = 3'600;
constexpr std::int64_t day_seconds = 86'400;
constexpr CivilDay first_monday = 4;  // 1970-01-05

std::int64_t floor_divide(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

std::int64_t month_of(const CivilTime& time) {
  return time.year * 12 + time.month - 1;
}

// The hour, day, week … that an instant is in: a number that grows with time, its own for each
// kind. An hour is one of the clock and its offset, so that the one that an autumn has twice is
// two; a week begins on Monday, as ISO 8601 has it.
std::int64_t period_of(KeepKind kind, const Zone& zone, std::int64_t utc_ms) {
  const CivilTime time = zone.at(utc_ms);
  switch (kind) {
    case KeepKind::hourly:
      return time.day * day_seconds + time.second / hour_seconds * hour_seconds -
             time.offset_seconds;
    case KeepKind::daily:
      return time.day;
    case KeepKind::weekly:
      return floor_divide(time.day - first_monday, 7);
    case KeepKind::monthly:
      return month_of(time);
    case KeepKind::quarterly:
      return floor_divide(month_of(time), 3);
    default:
      return time.year;
  }
}

std::string two_digits(std::int64_t value) {
  return concat(value < 10 ? "0" : "", value);
}

// "2026-11-20", "2026-11-20 02:00", "week of 2026-11-16", "2026-11", "2026 Q4", "2026"
std::string period_text(KeepKind kind, const Zone& zone, std::int64_t utc_ms) {
  const CivilTime time = zone.at(utc_ms);
  switch (kind) {
    case KeepKind::hourly:
      return concat(day_text(time.day), " ", two_digits(time.second / hour_seconds), ":00");
    case KeepKind::daily:
      return day_text(time.day);
    case KeepKind::weekly:
      return concat("week of ",
                    day_text(first_monday + floor_divide(time.day - first_monday, 7) * 7));
    case KeepKind::monthly:
      return day_text(time.day).substr(0, 7);
    case KeepKind::quarterly:
      return concat(time.year, " Q", (time.month - 1) / 3 + 1);
    default:
      return concat(time.year);
  }
}

// The interval that an instant is in: below a day by UTC, from a day on by the zone's calendar.
std::int64_t interval_of(const Period& spacing, const Zone& zone, std::int64_t utc_ms) {
  if (spacing.months > 0) return floor_divide(month_of(zone.at(utc_ms)), spacing.months);
  const auto seconds = static_cast<std::int64_t>(spacing.seconds);
  if (seconds == 0) return floor_divide(utc_ms, hour_seconds * 1000);
  if (seconds % day_seconds == 0) {
    return floor_divide(zone.at(utc_ms).day - first_monday, seconds / day_seconds);
  }
  return floor_divide(utc_ms, seconds * 1000);
}

// The first snapshot of an interval, and the first whole one if that one is partial.
struct Place {
  std::int64_t interval = 0;
  std::int64_t started_ms = 0;
  std::vector<std::size_t> members;  // of the series
  bool is_whole = false;
  bool is_live = false;  // one of them was not retired
};

struct Rule {
  KeepKind kind;
  KeepRule keep;
};

// From the finest to the coarsest.
std::array<Rule, 6> rules_of(const Policy& policy) {
  return {{{KeepKind::hourly, policy.hourly},
           {KeepKind::daily, policy.daily},
           {KeepKind::weekly, policy.weekly},
           {KeepKind::monthly, policy.monthly},
           {KeepKind::quarterly, policy.quarterly},
           {KeepKind::yearly, policy.yearly}}};
}

class SeriesPlan {
 public:
  SeriesPlan(const Policy& policy,
             const std::vector<PlannedSnapshot>& series,
             const PlanOptions& options)
      : policy_(policy),
        series_(series),
        options_(options),
        zone_(policy.zone),
        reasons_(series.size()) {}

  std::vector<PlanLine> make() {
    divide();
    find_places();
    for (const Rule& rule : rules_of(policy_)) {
      choose(rule);
    }
    choose_last();
    keep_oldest();
    keep_newest();
    for (std::size_t i = 0; i < series_.size(); ++i) {
      keep_by_itself(i);
    }
    return lines();
  }

 private:
  enum class Standing : std::uint8_t { line, beside, future };

  // What one rule has chosen from: a period, and the start of the place that it has chosen there.
  struct Chosen {
    std::size_t place = 0;
    bool is_whole = false;
    std::int64_t started_ms = 0;
  };

  using Periods = std::map<std::int64_t, Chosen, std::greater<>>;

  // Where each snapshot stands: in the line those that are what they seem, and in order of time.
  void divide() {
    standing_.assign(series_.size(), Standing::line);
    std::int64_t latest = INT64_MIN;
    for (std::size_t i = 0; i < series_.size(); ++i) {
      const PlannedSnapshot& snapshot = series_[i];
      if (snapshot.started_ms > options_.now_ms) {
        standing_[i] = Standing::future;
        continue;
      }
      const bool is_backdated = snapshot.started_ms < latest;
      latest = std::max(latest, snapshot.started_ms);
      if (is_backdated || snapshot.is_hurt || snapshot.is_suspicious) {
        standing_[i] = Standing::beside;
      }
    }
  }

  [[nodiscard]] bool is_live(std::size_t i) const {
    return series_[i].retirement == Retirement::none;
  }

  [[nodiscard]] std::int64_t interval_at(std::int64_t utc_ms) const {
    return interval_of(policy_.interval, zone_, utc_ms);
  }

  void find_places() {
    for (std::size_t i = 0; i < series_.size(); ++i) {
      const PlannedSnapshot& snapshot = series_[i];
      if (standing_[i] != Standing::line || snapshot.retirement == Retirement::otherwise) continue;
      const std::int64_t interval = interval_at(snapshot.started_ms);
      const bool is_first = places_.empty() || places_.back().interval != interval;
      if (is_first) {
        places_.push_back({.interval = interval, .started_ms = snapshot.started_ms});
      } else if (places_.back().is_whole || snapshot.is_partial) {
        continue;  // an extra
      }
      Place& place = places_.back();
      place.members.push_back(i);
      place.is_whole |= !snapshot.is_partial;
      place.is_live |= is_live(i);
    }
  }

  void keep(std::size_t i, KeepReason reason) {
    if (is_live(i)) reasons_[i].push_back(std::move(reason));
  }

  void keep_place(const Place& place, const KeepReason& reason) {
    for (const std::size_t member : place.members) {
      keep(member, reason);
    }
  }

  // Of each period the newest place, one with a whole snapshot before one without.
  [[nodiscard]] Periods periods_of(KeepKind kind) const {
    Periods out;
    for (std::size_t i = 0; i < places_.size(); ++i) {
      const Place& place = places_[i];
      if (!place.is_live) continue;
      Chosen& chosen = out[period_of(kind, zone_, place.started_ms)];
      if (place.is_whole || !chosen.is_whole) chosen = {i, place.is_whole, place.started_ms};
    }
    return out;
  }

  // The earliest period that a rule's window reaches.
  [[nodiscard]] std::int64_t window_start(const Rule& rule) const {
    const std::int64_t start =
        zone_.before(options_.now_ms, rule.keep.window.months, rule.keep.window.seconds);
    return period_of(rule.kind, zone_, start);
  }

  [[nodiscard]] KeepReason reason_of(const Rule& rule,
                                     std::int64_t started_ms,
                                     std::uint32_t place) const {
    return {.kind = rule.kind,
            .period = period_text(rule.kind, zone_, started_ms),
            .place = rule.keep.count > 0 ? place : 0,
            .count = rule.keep.count};
  }

  static bool is_active(const KeepRule& rule) { return rule != KeepRule(); }

  void choose(const Rule& rule) {
    if (!is_active(rule.keep)) return;
    const Periods periods = periods_of(rule.kind);
    const bool counts = rule.keep.count > 0;
    const std::int64_t start = counts ? 0 : window_start(rule);
    std::uint32_t number = 0;
    for (const auto& [period, chosen] : periods) {
      ++number;
      if (counts ? number > rule.keep.count : period < start) break;
      keep_place(places_[chosen.place], reason_of(rule, chosen.started_ms, number));
    }
    for (std::size_t i = 0; i < series_.size(); ++i) {
      if (standing_[i] == Standing::beside && is_live(i)) choose_beside(rule, periods, start, i);
    }
    if (counts) coarsest_ = Coarsest{rule, periods};
    if (!counts) coarsest_.reset();
  }

  // Put alone into the line, at its time, such a snapshot would be chosen: so it displaces nothing,
  // and is not lost for being doubted.
  void choose_beside(const Rule& rule, const Periods& periods, std::int64_t start, std::size_t i) {
    const PlannedSnapshot& snapshot = series_[i];
    if (is_extra(snapshot)) return;
    const std::int64_t period = period_of(rule.kind, zone_, snapshot.started_ms);
    const auto here = periods.find(period);
    if (here != periods.end()) {
      const Chosen& chosen = here->second;
      const bool is_own_interval =
          places_[chosen.place].interval == interval_at(snapshot.started_ms);
      const bool is_better = snapshot.is_partial == !chosen.is_whole
                                 ? snapshot.started_ms >= chosen.started_ms
                                 : !snapshot.is_partial;
      if (!is_better && !is_own_interval) return;
    }
    const auto newer =
        static_cast<std::uint32_t>(std::distance(periods.begin(), periods.lower_bound(period)));
    const bool is_chosen = rule.keep.count > 0 ? newer < rule.keep.count : period >= start;
    if (is_chosen) keep(i, reason_of(rule, snapshot.started_ms, newer + 1));
  }

  // Whether the place of its interval is taken by one before it.
  [[nodiscard]] bool is_extra(const PlannedSnapshot& snapshot) const {
    const std::int64_t interval = interval_at(snapshot.started_ms);
    const auto place = std::ranges::lower_bound(places_, interval, {}, &Place::interval);
    if (place == places_.end() || place->interval != interval) return false;
    return place->started_ms <= snapshot.started_ms && (place->is_whole || snapshot.is_partial);
  }

  void choose_last() {
    if (policy_.last == 0) return;
    std::uint32_t number = 0;
    std::vector<std::int64_t> starts;  // of the places that were chosen, descending
    for (auto place = places_.rbegin(); place != places_.rend(); ++place) {
      if (!place->is_live) continue;
      if (++number > policy_.last) break;
      starts.push_back(place->started_ms);
      keep_place(*place, last_reason(number));
    }
    for (std::size_t i = 0; i < series_.size(); ++i) {
      if (standing_[i] != Standing::beside || is_extra(series_[i])) continue;
      const auto newer = static_cast<std::uint32_t>(std::ranges::count_if(
          starts, [&](std::int64_t start) { return start > series_[i].started_ms; }));
      if (newer < policy_.last) keep(i, last_reason(newer + 1));
    }
  }

  [[nodiscard]] KeepReason last_reason(std::uint32_t place) const {
    return {.kind = KeepKind::last, .period = "", .place = place, .count = policy_.last};
  }

  // While the coarsest rule that counts has not as many periods as it keeps, the oldest place stays
  // too: it becomes that rule's when the next period has come.
  void keep_oldest() {
    if (!coarsest_) return;
    const auto count = static_cast<std::uint32_t>(coarsest_->periods.size());
    const auto oldest = std::ranges::find_if(places_, &Place::is_live);
    const bool is_full = count >= coarsest_->rule.keep.count;
    if (!is_full && oldest != places_.end()) keep_place(*oldest, {.kind = KeepKind::oldest});
    for (std::size_t i = 0; i < series_.size(); ++i) {
      if (standing_[i] != Standing::beside || is_extra(series_[i])) continue;
      const std::int64_t period = period_of(coarsest_->rule.kind, zone_, series_[i].started_ms);
      const std::uint32_t with = coarsest_->periods.contains(period) ? count : count + 1;
      const bool is_oldest = oldest == places_.end() || series_[i].started_ms <= oldest->started_ms;
      if (with < coarsest_->rule.keep.count && is_oldest) keep(i, {.kind = KeepKind::oldest});
    }
  }

  // The newest of the line, whatever rules say; and the newest whole one, so that a window over a
  // machine that is no more does not eat its last copy.
  void keep_newest() {
    bool has_newest = false;
    for (std::size_t i = series_.size(); i-- > 0;) {
      if (standing_[i] != Standing::line || !is_live(i)) continue;
      const bool is_whole = !series_[i].is_partial;
      if (!has_newest || is_whole) keep(i, {.kind = KeepKind::newest});
      has_newest = true;
      if (is_whole) return;
    }
  }

  // What needs no look at others.
  void keep_by_itself(std::size_t i) {
    const PlannedSnapshot& snapshot = series_[i];
    const Period& within = policy_.within;
    if (standing_[i] == Standing::future) keep(i, {.kind = KeepKind::future});
    if (!has_rules(policy_)) keep(i, {.kind = KeepKind::no_rules});
    const bool is_within =
        within != Period() &&
        snapshot.started_ms >= zone_.before(options_.now_ms, within.months, within.seconds);
    if (is_within) keep(i, {.kind = KeepKind::within});
    if (options_.is_frozen) keep(i, {.kind = KeepKind::frozen});
    keep_until(i, KeepKind::unretired, snapshot.unretired_ms);
    keep_until(i, KeepKind::minimum, snapshot.minimum_ms);
    if (snapshot.is_held) keep(i, {.kind = KeepKind::hold});
  }

  void keep_until(std::size_t i, KeepKind kind, const std::optional<std::int64_t>& until_ms) {
    if (!until_ms || options_.now_ms >= *until_ms) return;
    KeepReason reason{.kind = kind};
    reason.until_ms = *until_ms;
    keep(i, std::move(reason));
  }

  // A maximum that has passed wins over all but hold and minimum, which the law would not let go.
  [[nodiscard]] bool is_past_maximum(const PlannedSnapshot& snapshot) const {
    const bool is_bound =
        snapshot.is_held || (snapshot.minimum_ms && options_.now_ms < *snapshot.minimum_ms);
    return snapshot.maximum_ms && options_.now_ms >= *snapshot.maximum_ms && !is_bound;
  }

  std::vector<PlanLine> lines() {
    std::vector<PlanLine> out;
    for (std::size_t i = 0; i < series_.size(); ++i) {
      if (!is_live(i)) continue;
      PlanLine line{.snapshot = series_[i].id, .reasons = std::move(reasons_[i])};
      line.is_past_maximum = is_past_maximum(series_[i]);
      if (line.is_past_maximum) line.reasons.clear();
      out.push_back(std::move(line));
    }
    return out;
  }

  struct Coarsest {
    Rule rule;
    Periods periods;
  };

  const Policy& policy_;
  const std::vector<PlannedSnapshot>& series_;
  const PlanOptions& options_;
  const Zone zone_;
  std::vector<Standing> standing_;
  std::vector<Place> places_;  // ascending
  std::vector<std::vector<KeepReason>> reasons_;
  std::optional<Coarsest> coarsest_;  // of the rules, if it counts
};

std::string ordinal(std::uint32_t number) {
  const std::uint32_t tens = number / 10 % 10;
  const std::uint32_t ones = number % 10;
  const bool is_regular = tens == 1 || ones == 0 || ones > 3;
  constexpr std::array<std::string_view, 4> endings{"", "st", "nd", "rd"};
  return concat(number, is_regular ? "th" : endings.at(ones));
}

std::string_view rule_name(KeepKind kind) {
  switch (kind) {
    case KeepKind::hourly:
      return "hourly";
    case KeepKind::daily:
      return "daily";
    case KeepKind::weekly:
      return "weekly";
    case KeepKind::monthly:
      return "monthly";
    case KeepKind::quarterly:
      return "quarterly";
    default:
      return "yearly";
  }
}

std::string time_text(std::int64_t utc_ms) {
  const CivilTime time = Zone("").at(utc_ms);
  return concat(day_text(time.day), " ", two_digits(time.second / hour_seconds), ":",
                two_digits(time.second % hour_seconds / 60), " UTC");
}

}  // namespace

bool has_rules(const Policy& policy) {
  const auto rules = rules_of(policy);
  return policy.last > 0 || policy.within != Period() ||
         std::ranges::any_of(rules, [](const Rule& rule) { return rule.keep != KeepRule(); });
}

std::vector<PlanLine> plan_series(const Policy& policy,
                                  const std::vector<PlannedSnapshot>& series,
                                  const PlanOptions& options) {
  return SeriesPlan(policy, series, options).make();
}

std::string text(const KeepReason& reason) {
  const std::string counted =
      reason.count > 0 ? concat(", ", ordinal(reason.place), " of ", reason.count) : "";
  switch (reason.kind) {
    case KeepKind::last:
      return concat("one of the last", counted);
    case KeepKind::oldest:
      return "the oldest";
    case KeepKind::within:
      return "within the time in which all are kept";
    case KeepKind::newest:
      return "the newest";
    case KeepKind::no_rules:
      return "the policy has no rules";
    case KeepKind::future:
      return "of a time to come";
    case KeepKind::minimum:
      return concat("minimum until ", time_text(reason.until_ms));
    case KeepKind::hold:
      return "held";
    case KeepKind::unretired:
      return concat("unretired until ", time_text(reason.until_ms));
    case KeepKind::frozen:
      return "nothing is retired by rule for now";
    default:
      return concat("last ", rule_name(reason.kind), " of ", reason.period, counted);
  }
}

}  // namespace kist
