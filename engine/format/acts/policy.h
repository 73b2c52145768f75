// A retention policy, as genesis states it: how long snapshots are kept, and how they are guarded.
// Pure layout: which policy is in force, and what a snapshot takes over from it, is rules/policy.h.
// docs/format.md, "Policies".
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/bytes.h"

namespace kist {

enum class LockMode : std::uint8_t { governance = 0, compliance = 1 };
enum class Trust : std::uint8_t { own = 0, proved = 1, all = 2 };

// A stretch of the calendar and a stretch of time, one after the other: "1 month", "36 hours". Both
// 0 is "none".
struct Period {
  std::uint32_t months = 0;
  std::uint64_t seconds = 0;
  bool operator==(const Period&) const = default;
};

// What a rule keeps one snapshot of each of: the newest `count` days, say, or those days that end
// within `window`. One of the two is none; both are where there is no rule.
struct KeepRule {
  std::uint32_t count = 0;
  Period window;
  bool operator==(const KeepRule&) const = default;
};

// A time of 0 is "none". The members stand in the order of their numbers in the layout.
struct Policy {
  std::string name = "default";
  std::uint32_t last = 0;  // how many of the latest snapshots are kept
  KeepRule hourly;
  KeepRule daily;
  KeepRule weekly;
  KeepRule monthly;
  KeepRule quarterly;
  KeepRule yearly;
  Period within;                        // every snapshot younger than that is kept
  std::string zone;                     // of days and longer: an IANA name; empty: UTC
  Period interval;                      // between snapshots: the recovery point objective
  std::uint64_t tolerance_seconds = 0;  // by which a snapshot may be late; 0: half the interval
  std::uint64_t restore_seconds = 0;    // that a restore may take: the recovery time objective
  std::uint64_t minimum_seconds = 86'400;
  std::uint64_t maximum_seconds = 0;
  std::uint64_t grace_seconds = 604'800;        // between retirement and removal
  std::uint64_t cooling_off_seconds = 259'200;  // before a weaker policy is in force
  LockMode lock = LockMode::governance;
  Trust dedup = Trust::proved;
  bool allows_redaction = false;
  std::uint32_t approvals = 1;       // of owners, to end the repository's life
  std::uint64_t notice_seconds = 0;  // before that end
  bool operator==(const Policy&) const = default;

  void encode(ByteWriter& out) const;
  static Policy decode(ByteReader& in);
};

// A byte that is 0 or 1, and refuses every other value.
bool take_flag(ByteReader& in);
LockMode take_lock(ByteReader& in);

}  // namespace kist
