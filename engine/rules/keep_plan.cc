#include "engine/rules/keep_plan.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <utility>

#include "engine/base/bytes.h"
#include "engine/rules/keep_periods.h"

namespace kist {

namespace {

// The first snapshot of an interval, and the first whole one if that one is partial.
struct LinePlace {
  std::int64_t interval = 0;
  std::int64_t started_ms = 0;
  std::vector<std::size_t> members;        // of the series
  std::optional<std::int64_t> whole_ms{};  // when the whole one was started
  bool is_live = false;                    // one of them was not retired
  bool is_live_whole = false;              // and is whole
};

// More than any rule has periods, of hours too.
constexpr std::size_t expected_places_max = 200'000;

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
    if (options_.has_ended) add_expected_places();
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

  // A place as rules compare places.
  struct Contender {
    std::optional<std::size_t> place;  // none: a snapshot that stands beside the line
    bool is_whole = false;
    std::int64_t started_ms = 0;

    // Of a period the newest is kept, a whole one before one that is not.
    [[nodiscard]] bool beats(const Contender& other) const {
      if (is_whole != other.is_whole) return is_whole;
      return started_ms >= other.started_ms;
    }
  };

  // The places of one period: the one that is kept, and the one that would be without it.
  struct Contest {
    std::optional<Contender> best;
    std::optional<Contender> second;

    void add(const Contender& contender) {
      if (!best || contender.beats(*best)) {
        second = std::exchange(best, contender);
      } else if (!second || contender.beats(*second)) {
        second = contender;
      }
    }

    [[nodiscard]] const std::optional<Contender>& best_without(
        const std::optional<std::size_t>& place) const {
      return place && best && best->place == place ? second : best;
    }
  };

  // By period, the newest first.
  using Periods = std::map<std::int64_t, Contest, std::greater<>>;

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
      } else if (places_.back().whole_ms || snapshot.is_partial) {
        continue;  // an extra
      }
      LinePlace& place = places_.back();
      place.members.push_back(i);
      if (!snapshot.is_partial) place.whole_ms = snapshot.started_ms;
      place.is_live |= is_live(i);
      place.is_live_whole |= is_live(i) && !snapshot.is_partial;
    }
  }

  // The places that would be there by now, of no snapshot.
  void add_expected_places() {
    if (places_.empty()) return;
    constexpr std::int64_t month_ms = 31LL * 86'400'000;
    constexpr std::int64_t hour_ms = 3'600'000;
    const Period& spacing = policy_.interval;
    std::int64_t step_ms = hour_ms;
    if (spacing.seconds > 0) step_ms = static_cast<std::int64_t>(spacing.seconds) * 1000;
    if (spacing.months > 0) step_ms = spacing.months * month_ms;
    std::int64_t at_ms = places_.back().started_ms;
    for (std::size_t i = 0; i < expected_places_max; ++i) {
      if (at_ms > options_.now_ms - step_ms) return;
      at_ms += step_ms;
      const std::int64_t interval = interval_at(at_ms);
      if (interval == places_.back().interval) continue;
      LinePlace place{.interval = interval, .started_ms = at_ms};
      place.whole_ms = at_ms;
      place.is_live = true;
      place.is_live_whole = true;
      places_.push_back(place);
    }
  }

  void keep(std::size_t i, KeepReason reason) {
    if (is_live(i)) reasons_[i].push_back(std::move(reason));
  }

  void keep_place(const LinePlace& place, const KeepReason& reason) {
    for (const std::size_t member : place.members) {
      keep(member, reason);
    }
  }

  [[nodiscard]] Periods periods_of(KeepKind kind) const {
    Periods out;
    for (std::size_t i = 0; i < places_.size(); ++i) {
      const LinePlace& place = places_[i];
      if (!place.is_live) continue;
      out[period_of(kind, zone_, place.started_ms)].add({i, place.is_live_whole, place.started_ms});
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
    std::vector<std::int64_t> ids;  // of the periods, descending
    for (const auto& [period, contest] : periods) {
      ids.push_back(period);
      if (counts ? ids.size() > rule.keep.count : period < start) continue;
      const Contender& best = *contest.best;
      keep_place(places_[*best.place],
                 reason_of(rule, best.started_ms, static_cast<std::uint32_t>(ids.size())));
    }
    for_each_beside([&](std::size_t i, const Contender& alone) {
      const std::int64_t period = period_of(rule.kind, zone_, alone.started_ms);
      const auto here = periods.find(period);
      const bool is_best = here == periods.end() || !here->second.best_without(alone.place) ||
                           alone.beats(*here->second.best_without(alone.place));
      const std::uint32_t newer = newer_periods(rule.kind, periods, ids, alone, period);
      const bool is_reached = counts ? newer < rule.keep.count : period >= start;
      if (is_best && is_reached) keep(i, reason_of(rule, alone.started_ms, newer + 1));
    });
    coarsest_.reset();
    if (counts) coarsest_ = Coarsest{rule, periods};
  }

  // How many periods are newer than that one, once the contender has taken the place that it takes.
  [[nodiscard]] std::uint32_t newer_periods(KeepKind kind,
                                            const Periods& periods,
                                            const std::vector<std::int64_t>& ids,
                                            const Contender& alone,
                                            std::int64_t period) const {
    const auto newer = static_cast<std::uint32_t>(
        std::ranges::lower_bound(ids, period, std::greater()) - ids.begin());
    const auto emptied = emptied_period(kind, periods, alone);
    return emptied && *emptied > period ? newer - 1 : newer;
  }

  // The period of which the contender takes the only place.
  [[nodiscard]] std::optional<std::int64_t> emptied_period(KeepKind kind,
                                                           const Periods& periods,
                                                           const Contender& alone) const {
    if (!alone.place || !places_[*alone.place].is_live) return std::nullopt;
    const std::int64_t period = period_of(kind, zone_, places_[*alone.place].started_ms);
    const bool is_only = !periods.at(period).best_without(alone.place);
    return is_only ? std::optional(period) : std::nullopt;
  }

  // What stands beside the line is judged as if it stood alone in it, at its time: so it displaces
  // nothing, and is not lost for being doubted. Of extras there is nothing to judge.
  template <typename Each>
  void for_each_beside(const Each& each) {
    for (std::size_t i = 0; i < series_.size(); ++i) {
      if (standing_[i] != Standing::beside || !is_live(i)) continue;
      if (const auto alone = contender_of(series_[i])) each(i, *alone);
    }
  }

  // The place that such a snapshot would have: a new one, that of its interval if it is earlier, or
  // a share in it, if it is the first whole one there. Nothing for an extra.
  [[nodiscard]] std::optional<Contender> contender_of(const PlannedSnapshot& snapshot) const {
    Contender out{.place = {}, .is_whole = !snapshot.is_partial, .started_ms = snapshot.started_ms};
    const std::int64_t interval = interval_at(snapshot.started_ms);
    const auto found = std::ranges::lower_bound(places_, interval, {}, &LinePlace::interval);
    if (found == places_.end() || found->interval != interval) return out;
    const bool is_first = snapshot.started_ms < found->started_ms;
    const bool is_first_whole =
        !snapshot.is_partial && (!found->whole_ms || snapshot.started_ms < *found->whole_ms);
    if (!is_first && !is_first_whole) return std::nullopt;
    out.place = static_cast<std::size_t>(found - places_.begin());
    if (!is_first) out.started_ms = found->started_ms;
    if (is_first && snapshot.is_partial) out.is_whole = found->is_live_whole;
    return out;
  }

  void choose_last() {
    if (policy_.last == 0) return;
    std::vector<std::int64_t> starts;  // of the places, descending
    for (std::size_t i = places_.size(); i-- > 0;) {
      const LinePlace& place = places_[i];
      if (!place.is_live) continue;
      starts.push_back(place.started_ms);
      if (starts.size() > policy_.last) continue;
      keep_place(place, last_reason(static_cast<std::uint32_t>(starts.size())));
    }
    for_each_beside([&](std::size_t i, const Contender& alone) {
      auto newer = static_cast<std::uint32_t>(
          std::ranges::lower_bound(starts, alone.started_ms, std::greater()) - starts.begin());
      const bool takes_newer = alone.place && places_[*alone.place].is_live &&
                               places_[*alone.place].started_ms > alone.started_ms;
      if (takes_newer) --newer;
      if (newer < policy_.last) keep(i, last_reason(newer + 1));
    });
  }

  [[nodiscard]] KeepReason last_reason(std::uint32_t place) const {
    return {.kind = KeepKind::last, .period = "", .place = place, .count = policy_.last};
  }

  // While the coarsest rule that counts has not as many periods as it keeps, the oldest place stays
  // too: it becomes that rule's when the next period has come.
  void keep_oldest() {
    if (!coarsest_) return;
    const auto& [rule, periods] = *coarsest_;
    const KeepKind kind = rule.kind;
    const std::size_t due = rule.keep.count;
    const auto oldest = std::ranges::find_if(places_, &LinePlace::is_live);
    const bool has_oldest = oldest != places_.end();
    if (has_oldest && periods.size() < due) keep_place(*oldest, {.kind = KeepKind::oldest});
    for_each_beside([&, &all = periods](std::size_t i, const Contender& alone) {
      const bool is_new = !all.contains(period_of(kind, zone_, alone.started_ms));
      const auto emptied = emptied_period(kind, all, alone);
      const bool is_emptied = emptied && *emptied != period_of(kind, zone_, alone.started_ms);
      const std::size_t with = all.size() + (is_new ? 1 : 0) - (is_emptied ? 1 : 0);
      const bool is_oldest = !has_oldest || alone.started_ms <= oldest->started_ms;
      if (with < due && is_oldest) keep(i, {.kind = KeepKind::oldest});
    });
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
    if (snapshot.matter) {
      KeepReason held{.kind = KeepKind::hold};
      held.matter = *snapshot.matter;
      keep(i, std::move(held));
    }
  }

  void keep_until(std::size_t i, KeepKind kind, const std::optional<std::int64_t>& until_ms) {
    if (!until_ms || options_.now_ms >= *until_ms) return;
    KeepReason reason{.kind = kind};
    reason.until_ms = *until_ms;
    keep(i, std::move(reason));
  }

  // A maximum that has passed wins over all but hold and minimum, which the law would not let go.
  [[nodiscard]] bool is_past_maximum(const PlannedSnapshot& snapshot) const {
    const bool is_bound = snapshot.matter.has_value() ||
                          (snapshot.minimum_ms && options_.now_ms < *snapshot.minimum_ms);
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
  std::vector<LinePlace> places_;  // ascending
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
  const bool is_counted = reason.count > 0 && reason.count < UINT32_MAX;
  const std::string counted =
      is_counted ? concat(", ", ordinal(reason.place), " of ", reason.count) : "";
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
    case KeepKind::tagged:
      return "tagged";
    case KeepKind::pending:
      return concat("of a backup that was not finished, until ", minute_text(reason.until_ms));
    case KeepKind::minimum:
      return concat("minimum until ", minute_text(reason.until_ms));
    case KeepKind::hold:
      return concat("held: matter ", reason.matter);
    case KeepKind::unretired:
      return concat("unretired until ", minute_text(reason.until_ms));
    case KeepKind::frozen:
      return "nothing is retired by rule for now";
    default:
      return concat("last ", rule_name(reason.kind), " of ", reason.period, counted);
  }
}

}  // namespace kist
