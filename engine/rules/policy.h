// Which policy a source is under, and what a snapshot takes over from it: the entry keeps its own
// copy of minimum, maximum and lock. Later changes that are longer or stricter reach snapshots that
// exist, shorter ones do not: rules/retention.h. docs/format.md, "Validity", "Retention".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/rules/state.h"
#include "engine/rules/violation.h"

namespace kist {

// The policy of sources that have no other; the repository's rule of deduplication is its own. The
// state has a genesis.
const Policy& default_policy(const State& state);

// The policy that the next snapshot of that source is taken under, by that slot if the source
// belongs to none: the source's own, else its slot's, else the default one.
const Policy& policy_of(const State& state, const std::string& source, const SlotId& author = {});

// The policy that a source or a slot would have with that one assigned; empty: with none.
const Policy& policy_if_assigned(const State& state, const PolicyAssigned& assigned);
// The policy that it has.
const Policy& policy_of_subject(const State& state, const PolicyAssigned& assigned);

// Whether it promises less than `than`: a shorter minimum, grace, cooling-off or notice, fewer
// approvals, redaction, or governance for compliance.
[[nodiscard]] bool is_weaker(const Policy& policy, const Policy& than);
// Whether a change from `before` to `policy` waits for its cooling-off: compliance begins or locks
// for longer, or what it promises for snapshots to come gets weaker.
[[nodiscard]] bool needs_cooling_off(const Policy& policy, const Policy& before);

// V64: whether a policy may be set under that ceiling.
MaybeViolation check_policy(const Policy& policy, std::uint64_t ceiling_seconds);
// V65: what is weaker than before has a reason.
MaybeViolation check_reason(const Policy& policy, const Policy& before, std::string_view reason);

// Writes the policy's name, minimum, maximum and lock into the entry of a snapshot to be taken. A
// pending one has no policy, and none of these three.
void fix_retention(SnapshotTaken& taken, const Policy& policy);

// Whether the entry has the minimum, the maximum and the lock that fix_retention() gives it: V23.
[[nodiscard]] bool has_retention_of(const SnapshotTaken& taken, const Policy& policy);

// How long a policy's grace, cooling-off and notice may be: a year.
inline constexpr std::uint64_t waiting_seconds_max = 366ULL * 86'400;
// The ceiling of minimums that a repository begins with: ten years.
inline constexpr std::uint64_t ceiling_seconds_at_first = 10 * waiting_seconds_max;
inline constexpr std::uint32_t approvals_max = 255;
inline constexpr std::size_t policies_max = 1'024;

}  // namespace kist
