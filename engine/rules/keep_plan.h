// Which snapshots of a series a policy keeps, and why. Pure: the clock is an argument. What may be
// retired at all is the law's, rules/validate.h; a plan asks it for nothing that it would refuse.
// docs/decisions/0032-places.md.
//
// A *series* is what one source has had backed up, in journal order. Its *line* are the snapshots
// that rules count; beside it stand those that are doubtful, which must not push others out: found
// damaged, marked as suspicious, or of a time before that of an earlier entry. Time is divided into
// *intervals*, as long as the policy says a backup is to come, else an hour; the first snapshot of
// an interval has its *place*, with the first whole one if that first one is partial. Later ones
// are extras. Rules choose places: so a machine that backs up every minute, or somebody who does so
// with its key, pushes out no more than one that does so once an interval. What stands beside the
// line is judged alone, so any number of it may be kept.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/calendar.h"
#include "engine/base/id.h"
#include "engine/format/acts/policy.h"

namespace kist {

enum class Retirement : std::uint8_t {
  none,
  by_rule,    // its place stays taken, so that no extra takes it over
  otherwise,  // by hand, as junk, or past its maximum: as if it had not been
};

// A snapshot as a plan sees it. Times are milliseconds since 1970, UTC.
struct PlannedSnapshot {
  SnapshotId id;
  std::int64_t started_ms = 0;  // the time that it is of
  bool is_partial = false;      // its maker could not read something as it was
  bool is_hurt = false;         // not all that it needs is whole
  bool is_suspicious = false;   // marked so, and the incident is open
  Retirement retirement = Retirement::none;
  std::optional<std::string> matter{};         // of a hold on it
  std::optional<std::int64_t> minimum_ms{};    // before that time the law keeps it
  std::optional<std::int64_t> maximum_ms{};    // after that time it goes
  std::optional<std::int64_t> unretired_ms{};  // somebody wants it kept until that time
  bool operator==(const PlannedSnapshot&) const = default;
};

enum class KeepKind : std::uint8_t {
  last,
  hourly,
  daily,
  weekly,
  monthly,
  quarterly,
  yearly,
  oldest,  // the coarsest rule is not full: the history does not shrink
  within,
  newest,    // of the series, or the newest whole one
  no_rules,  // the policy keeps everything
  future,    // of a time to come: it counts for nothing until then
  tagged,    // by a tag that was named
  pending,   // its backup was not finished
  minimum,
  hold,
  unretired,
  frozen,  // nothing is retired by rule for now
};

struct KeepReason {
  KeepKind kind = KeepKind::no_rules;
  std::string period{};       // of a rule: "2026-11-20"
  std::uint32_t place = 0;    // of a rule that counts: the newest is 1
  std::uint32_t count = 0;    // how many such a rule keeps
  std::int64_t until_ms = 0;  // of minimum, unretired and pending
  std::string matter{};       // of a hold
  bool operator==(const KeepReason&) const = default;
};

// What becomes of a snapshot that was not retired before.
struct PlanLine {
  SnapshotId snapshot;
  std::vector<KeepReason> reasons;  // empty: it is to be retired
  bool is_past_maximum = false;     // that is why it is, whatever would have kept it
  bool operator==(const PlanLine&) const = default;

  [[nodiscard]] bool is_kept() const { return !reasons.empty(); }
};

struct PlanOptions {
  std::int64_t now_ms = 0;
  bool is_frozen = false;
  // Nothing more is expected of the source: its rules go on as if a snapshot came each interval, so
  // that those that they keep run out as time goes by.
  bool has_ended = false;
};

// A line for each snapshot of the series that was not retired, in the order given: the journal's.
// Error{invalid} or {failed} where the policy's zone is not to be had.
[[nodiscard]] std::vector<PlanLine> plan_series(const Policy& policy,
                                                const std::vector<PlannedSnapshot>& series,
                                                const PlanOptions& options);

[[nodiscard]] bool has_rules(const Policy& policy);

// "last daily of 2026-11-20, 3rd of 7"
[[nodiscard]] std::string text(const KeepReason& reason);

}  // namespace kist
