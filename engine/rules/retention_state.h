// What the state knows of retention: sources, holds, and what is proposed. Plain values;
// rules/retention.h says what follows from them. docs/format.md, "Retention".
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "engine/base/id.h"
#include "engine/format/journal_entry.h"

namespace kist {

// A policy that became longer or stricter for the snapshots that a source had. Of each snapshot
// those count that came after it.
struct RetentionChange {
  std::uint64_t sequence = 0;
  std::uint64_t minimum_seconds = 0;
  std::uint64_t maximum_seconds = 0;  // 0: none
  LockMode lock = LockMode::governance;
  bool operator==(const RetentionChange&) const = default;
};

// A name that snapshots are taken under.
struct SourceState {
  SlotId slot;            // that it belongs to; zero: none, or one that was revoked
  bool is_bound = false;  // by an owner; else by first use
  bool is_ended = false;  // nothing more is expected of it
  std::string continues;  // another source, of which it is the new name
  std::string policy;     // of its own; empty: its slot's, or the default one
  // The series that an owner's binding goes on with, by the entry that began it; 0: none yet. That
  // of its next snapshot is another one, where a slot only uses a name that was free.
  std::uint64_t series = 0;
  std::uint64_t next_series = 0;
  std::int64_t lifted_ms = 0;            // when a hold on it was lifted last
  std::vector<RetentionChange> changes;  // ascending
  bool operator==(const SourceState&) const = default;
};

// A snapshot that was retired.
struct Retired {
  std::uint64_t sequence = 0;  // of the entry; 0: it is not retired
  RetireCause cause = RetireCause::rule;
  std::int64_t time_ms = 0;
  std::uint64_t grace_seconds = 0;
  bool operator==(const Retired&) const = default;
};

struct Hold {
  std::uint64_t sequence = 0;  // of the entry that placed its first part
  std::int64_t time_ms = 0;
  SlotId author;
  std::string reason;
  bool is_whole = false;  // it covers the repository
  std::set<SnapshotId> snapshots;
  std::set<std::string> sources;
  bool operator==(const Hold&) const = default;
};

using ProposedAct = std::variant<PolicySet, PolicyAssigned, CeilingSet>;

// An act that waits for its cooling-off to be over.
struct Proposal {
  std::uint64_t sequence = 0;  // of its entry
  std::int64_t time_ms = 0;
  SlotId author;
  bool needs_other = false;  // another slot than the author's sees the time go by
  std::uint64_t wait_seconds = 0;
  ProposedAct act;
  std::map<SlotId, std::int64_t> seen_ms;  // by slot, the time of its first entry since
  bool operator==(const Proposal&) const = default;
};

}  // namespace kist
