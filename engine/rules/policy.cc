#include "engine/rules/policy.h"

#include "engine/format/limits.h"

namespace kist {

namespace {

const Policy& named(const State& state, const std::string& name) {
  const auto found = state.policies.find(name);
  KIST_ENSURE(found != state.policies.end());
  return found->second;
}

// The first of these policies that there is, else the default one.
const Policy& first_named(const State& state, const std::string& own, const std::string& slots) {
  if (!own.empty()) return named(state, own);
  return slots.empty() ? default_policy(state) : named(state, slots);
}

std::string slot_policy(const State& state, const SlotId& slot) {
  const auto found = state.slots.find(slot);
  return found == state.slots.end() ? std::string() : found->second.policy;
}

// Of the policy of a source: what it has of its own, and what its slot has.
struct AssignedNames {
  std::string own;
  std::string slots;
};

AssignedNames assigned_to(const State& state, const std::string& source, const SlotId& author) {
  const auto found = state.sources.find(source);
  if (found == state.sources.end()) return {{}, slot_policy(state, author)};
  const SlotId& owner = found->second.slot;
  return {found->second.policy, slot_policy(state, owner == SlotId{} ? author : owner)};
}

}  // namespace

const Policy& default_policy(const State& state) {
  return named(state, state.genesis.policy.name);
}

const Policy& policy_of(const State& state, const std::string& source, const SlotId& author) {
  const AssignedNames names = assigned_to(state, source, author);
  return first_named(state, names.own, names.slots);
}

const Policy& policy_if_assigned(const State& state, const PolicyAssigned& assigned) {
  const auto* source = std::get_if<std::string>(&assigned.subject);
  if (source == nullptr) return first_named(state, {}, assigned.policy);
  return first_named(state, assigned.policy, assigned_to(state, *source, {}).slots);
}

const Policy& policy_of_subject(const State& state, const PolicyAssigned& assigned) {
  if (const auto* source = std::get_if<std::string>(&assigned.subject)) {
    return policy_of(state, *source);
  }
  return first_named(state, {}, slot_policy(state, std::get<SlotId>(assigned.subject)));
}

bool is_weaker(const Policy& policy, const Policy& than) {
  return policy.minimum_seconds < than.minimum_seconds ||
         policy.grace_seconds < than.grace_seconds ||
         policy.cooling_off_seconds < than.cooling_off_seconds ||
         policy.notice_seconds < than.notice_seconds || policy.approvals < than.approvals ||
         (policy.allows_redaction && !than.allows_redaction) || policy.lock < than.lock;
}

bool needs_cooling_off(const Policy& policy, const Policy& before) {
  const bool is_locked = policy.lock == LockMode::compliance;
  const bool was_locked = before.lock == LockMode::compliance;
  const bool locks_more =
      is_locked && (!was_locked || policy.minimum_seconds > before.minimum_seconds);
  return locks_more || (was_locked && is_weaker(policy, before));
}

MaybeViolation check_policy(const Policy& policy, std::uint64_t ceiling_seconds) {
  const bool is_named = !policy.name.empty() && policy.name.size() <= name_bytes_max;
  const bool may_end =
      policy.maximum_seconds == 0 || policy.maximum_seconds >= policy.minimum_seconds;
  const bool is_bounded = policy.minimum_seconds <= ceiling_seconds &&
                          policy.grace_seconds <= waiting_seconds_max &&
                          policy.cooling_off_seconds <= waiting_seconds_max &&
                          policy.notice_seconds <= waiting_seconds_max && policy.approvals >= 1 &&
                          policy.approvals <= approvals_max;
  if (is_named && may_end && is_bounded) return std::nullopt;
  return Violation{64, "a policy that is out of bounds"};
}

MaybeViolation check_reason(const Policy& policy, const Policy& before, std::string_view reason) {
  if (!reason.empty() || !is_weaker(policy, before)) return std::nullopt;
  return Violation{65, "a weaker policy without a reason"};
}

void fix_retention(SnapshotTaken& taken, const Policy& policy) {
  taken.policy = taken.is_pending ? std::string() : policy.name;
  taken.minimum_seconds = taken.is_pending ? 0 : policy.minimum_seconds;
  taken.maximum_seconds = taken.is_pending ? 0 : policy.maximum_seconds;
  taken.lock = taken.is_pending ? LockMode::governance : policy.lock;
}

bool has_retention_of(const SnapshotTaken& taken, const Policy& policy) {
  SnapshotTaken due{.is_pending = taken.is_pending};
  fix_retention(due, policy);
  return taken.minimum_seconds == due.minimum_seconds &&
         taken.maximum_seconds == due.maximum_seconds && taken.lock == due.lock;
}

}  // namespace kist
