// A retention policy, as genesis states it: how long snapshots are kept, and how they are guarded.
// Pure layout: which policy is in force, and what a snapshot takes over from it, is rules/policy.h.
// docs/format.md, "Journal".
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/bytes.h"

namespace kist {

enum class LockMode : std::uint8_t { governance = 0, compliance = 1 };
enum class Trust : std::uint8_t { own = 0, proved = 1, all = 2 };

// A time of 0 is "none".
struct Policy {
  std::string name = "default";
  std::uint32_t last = 0;  // how many of the latest snapshots, of hourly ones … are kept
  std::uint32_t hourly = 0;
  std::uint32_t daily = 0;
  std::uint32_t weekly = 0;
  std::uint32_t monthly = 0;
  std::uint32_t quarterly = 0;
  std::uint32_t yearly = 0;
  std::uint64_t within_seconds = 0;    // every snapshot younger than that is kept
  std::uint64_t interval_seconds = 0;  // between snapshots: the recovery point objective
  std::uint64_t minimum_seconds = 86'400;
  std::uint64_t maximum_seconds = 0;
  std::uint64_t grace_seconds = 604'800;
  std::uint64_t notice_seconds = 0;  // before the end of the repository's life
  std::uint8_t approvals = 1;        // owners who must agree to it
  LockMode lock = LockMode::governance;
  Trust dedup = Trust::proved;
  bool allows_redaction = false;
  bool operator==(const Policy&) const = default;

  void encode(ByteWriter& out) const;
  static Policy decode(ByteReader& in);
};

// A byte that is 0 or 1, and refuses every other value.
bool take_flag(ByteReader& in);
LockMode take_lock(ByteReader& in);

}  // namespace kist
