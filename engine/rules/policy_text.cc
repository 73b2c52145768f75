#include "engine/rules/policy_text.h"

#include <array>
#include <charconv>

#include "engine/format/limits.h"

namespace kist {

namespace {

constexpr std::uint64_t hour = 3'600;
constexpr std::uint64_t day = 86'400;
constexpr std::uint64_t number_max = 1'000'000;
constexpr std::uint32_t months_in_years_max = 12'000;

struct PeriodUnit {
  std::string_view name;
  std::uint32_t months;
  std::uint64_t seconds;
};

// From the largest; "min" before "m" would be taken for months, so the name is read to its end.
constexpr std::array<PeriodUnit, 7> units{{{"y", 12, 0},
                                           {"m", 1, 0},
                                           {"w", 0, 7 * day},
                                           {"d", 0, day},
                                           {"h", 0, hour},
                                           {"min", 0, 60},
                                           {"s", 0, 1}}};

// Takes digits from the front.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || out > number_max) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return out;
}

// Takes a unit's name from the front: its place in the list.
std::optional<std::size_t> take_unit(std::string_view& text) {
  const std::string_view name = text.substr(0, text.find_first_of("0123456789"));
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (units.at(i).name != name) continue;
    text.remove_prefix(name.size());
    return i;
  }
  return std::nullopt;
}

void add_part(std::string& out, std::string_view part) {
  if (part.empty()) return;
  if (!out.empty()) out += ", ";
  out += part;
}

std::string count_text(std::uint32_t count) {
  return count == UINT32_MAX ? "unlimited" : concat(count);
}

std::string rule_text(std::string_view name, const KeepRule& rule) {
  if (rule == KeepRule()) return {};
  return concat(name, " ", rule.count > 0 ? count_text(rule.count) : period_text(rule.window));
}

std::string rules_text(const Policy& policy) {
  std::string out;
  if (policy.last > 0) add_part(out, concat("last ", count_text(policy.last)));
  add_part(out, rule_text("hourly", policy.hourly));
  add_part(out, rule_text("daily", policy.daily));
  add_part(out, rule_text("weekly", policy.weekly));
  add_part(out, rule_text("monthly", policy.monthly));
  add_part(out, rule_text("quarterly", policy.quarterly));
  add_part(out, rule_text("yearly", policy.yearly));
  if (policy.within != Period()) {
    add_part(out, concat("all within ", period_text(policy.within)));
  }
  return out.empty() ? "keep everything" : concat("keep ", out);
}

}  // namespace

std::optional<Period> parse_period(std::string_view text) {
  Period out;
  std::size_t next = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    const auto number = take_number(text);
    if (!number) return std::nullopt;
    const auto unit = take_unit(text);
    if (!unit || *unit < next) return std::nullopt;
    next = *unit + 1;
    const std::uint64_t months = *number * units.at(*unit).months + out.months;
    if (months > months_in_years_max) return std::nullopt;
    out.months = static_cast<std::uint32_t>(months);
    out.seconds += *number * units.at(*unit).seconds;
    if (out.seconds > period_seconds_max) return std::nullopt;
  }
  return out;
}

std::optional<KeepRule> parse_keep_rule(std::string_view text) {
  std::string_view rest = text;
  const auto number = take_number(rest);
  if (number && rest.empty()) return KeepRule{.count = static_cast<std::uint32_t>(*number)};
  const auto window = parse_period(text);
  if (!window || *window == Period()) return std::nullopt;
  return KeepRule{.window = *window};
}

std::uint64_t seconds_of(const Period& period) {
  const std::uint64_t years = period.months / 12;
  const std::uint64_t months = period.months % 12;
  return years * 366 * day + months * 31 * day + period.seconds;
}

std::string span_text(std::uint64_t seconds) {
  if (seconds == 0) return "none";
  if (seconds % (366 * day) == 0) return concat(seconds / (366 * day), " y");
  if (seconds % day == 0) return concat(seconds / day, " d");
  if (seconds % hour == 0) return concat(seconds / hour, " h");
  if (seconds % 60 == 0) return concat(seconds / 60, " min");
  return concat(seconds, " s");
}

std::string period_text(const Period& period) {
  if (period == Period()) return "none";
  std::string out;
  const auto add = [&](std::uint64_t count, std::string_view unit) {
    if (count == 0) return;
    out += concat(out.empty() ? "" : " ", count, " ", unit);
  };
  add(period.months / 12, "y");
  add(period.months % 12, "m");
  add(period.seconds / day, "d");
  add(period.seconds % day / hour, "h");
  add(period.seconds % hour / 60, "min");
  add(period.seconds % 60, "s");
  return out;
}

std::string policy_text(const Policy& policy) {
  std::string out = rules_text(policy);
  out += concat("; each at least ", span_text(policy.minimum_seconds));
  if (policy.maximum_seconds > 0) out += concat(", at most ", span_text(policy.maximum_seconds));
  out += concat("; restorable for ", span_text(policy.grace_seconds), " once retired");
  if (policy.interval != Period()) {
    out += concat("; one expected every ", period_text(policy.interval));
  }
  if (policy.restore_seconds > 0) {
    out += concat("; restores within ", span_text(policy.restore_seconds));
  }
  if (policy.allows_redaction) out += "; redaction allowed";
  if (policy.cooling_off_seconds != Policy().cooling_off_seconds) {
    out += concat("; cooling-off ", span_text(policy.cooling_off_seconds));
  }
  if (policy.approvals > 1) out += concat("; ", policy.approvals, " approvals");
  if (policy.notice_seconds > 0) out += concat("; notice ", span_text(policy.notice_seconds));
  out += policy.lock == LockMode::compliance ? "; compliance" : "; governance";
  out += concat("; zone ", policy.zone.empty() ? "UTC" : policy.zone);
  return out;
}

std::string_view cause_text(RetireCause cause) {
  switch (cause) {
    case RetireCause::rule:
      return "rule";
    case RetireCause::maximum:
      return "maximum";
    case RetireCause::by_hand:
      return "by hand";
    case RetireCause::junk:
      return "junk";
  }
  return "";
}

}  // namespace kist
