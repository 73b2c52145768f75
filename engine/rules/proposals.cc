#include "engine/rules/proposals.h"

#include <algorithm>
#include <utility>

#include "engine/rules/clock.h"
#include "engine/rules/retention.h"

namespace kist {

namespace {

std::uint64_t wait_between(const Policy& policy, const Policy& before) {
  if (!needs_cooling_off(policy, before)) return 0;
  return std::max(
      {cooling_off_seconds_min, policy.cooling_off_seconds, before.cooling_off_seconds});
}

std::uint64_t wait_of(const State& state, const PolicySet& set) {
  const auto before = state.policies.find(set.policy.name);
  return before == state.policies.end() ? 0 : wait_between(set.policy, before->second);
}

std::uint64_t wait_of(const State& state, const PolicyAssigned& assigned) {
  return wait_between(policy_if_assigned(state, assigned), policy_of_subject(state, assigned));
}

std::uint64_t wait_of(const State& state, const CeilingSet& ceiling) {
  return ceiling.seconds > state.ceiling_seconds ? cooling_off_seconds_min : 0;
}

void put_in_force(State& state, const PolicySet& set) {
  state.policies.insert_or_assign(set.policy.name, set.policy);
}

void put_in_force(State& state, const PolicyAssigned& assigned) {
  if (const auto* source = std::get_if<std::string>(&assigned.subject)) {
    state.sources[*source].policy = assigned.policy;
  } else {
    state.slots.at(std::get<SlotId>(assigned.subject)).policy = assigned.policy;
  }
}

void put_in_force(State& state, const CeilingSet& ceiling) {
  state.ceiling_seconds = ceiling.seconds;
}

bool is_about_same(const PolicySet& a, const PolicySet& b) {
  return a.policy.name == b.policy.name;
}

bool is_about_same(const PolicyAssigned& a, const PolicyAssigned& b) {
  return a.subject == b.subject;
}

bool is_about_same(const CeilingSet& /*a*/, const CeilingSet& /*b*/) {
  return true;
}

template <typename A, typename B>
bool is_about_same(const A& /*a*/, const B& /*b*/) {
  return false;
}

void put_in_force_at(State& state, const ProposedAct& act, std::uint64_t sequence) {
  change_policies(state, sequence,
                  [&] { std::visit([&](const auto& each) { put_in_force(state, each); }, act); });
}

// Whether another slot than that one could see the time go by: one that has written entries.
bool has_other_witness(const State& state, const SlotId& author) {
  return std::ranges::any_of(state.current_slots(), [&](const SlotState* slot) {
    return slot->introduction.slot != author && slot->has_written;
  });
}

// Whether the author of that entry sees the time go by for the proposal: it was there before.
bool is_witness(const State& state, const Proposal& proposal, const SlotId& author) {
  if (proposal.needs_other && author == proposal.author) return false;
  return state.slots.at(author).added_sequence < proposal.sequence;
}

// What has come into force since it was proposed may ask for a longer wait.
bool is_due(const State& state, Proposal& proposal, const JournalEntry& entry) {
  if (entry.sequence == proposal.sequence || !is_witness(state, proposal, entry.author)) {
    return false;
  }
  const auto seen = proposal.seen_ms.emplace(entry.author, entry.time_ms).first;
  if (entry.time_ms < seconds_after(seen->second, proposal.wait_seconds)) return false;
  proposal.wait_seconds = std::max(proposal.wait_seconds, cooling_off_of(state, proposal.act));
  return entry.time_ms >= seconds_after(seen->second, proposal.wait_seconds);
}

}  // namespace

std::uint64_t cooling_off_of(const State& state, const ProposedAct& act) {
  return std::visit([&](const auto& each) { return wait_of(state, each); }, act);
}

MaybeViolation check_proposals(const State& state, const ProposedAct& act) {
  if (state.proposals.size() < proposals_max || cooling_off_of(state, act) == 0) {
    return std::nullopt;
  }
  return Violation{90, "more proposals than may wait"};
}

const Proposal* find_waiting(const State& state, const ProposedAct& act) {
  const auto found = std::ranges::find_if(state.proposals, [&](const Proposal& proposal) {
    return std::visit([](const auto& a, const auto& b) { return is_about_same(a, b); },
                      proposal.act, act);
  });
  return found == state.proposals.end() ? nullptr : &*found;
}

void enact(State& state, ProposedAct act, const JournalEntry& entry) {
  std::erase_if(state.proposals, [&](const Proposal& proposal) {
    return std::visit([](const auto& a, const auto& b) { return is_about_same(a, b); },
                      proposal.act, act);
  });
  const std::uint64_t wait_seconds = cooling_off_of(state, act);
  if (wait_seconds == 0) return put_in_force_at(state, act, entry.sequence);
  state.proposals.push_back({.sequence = entry.sequence,
                             .time_ms = entry.time_ms,
                             .author = entry.author,
                             .needs_other = has_other_witness(state, entry.author),
                             .wait_seconds = wait_seconds,
                             .act = std::move(act)});
}

void advance_proposals(State& state, const JournalEntry& entry) {
  std::erase_if(state.proposals, [&](Proposal& proposal) {
    const bool is_over = is_due(state, proposal, entry);
    if (is_over) put_in_force_at(state, proposal.act, entry.sequence);
    return is_over;
  });
}

void drop_proposals_of(State& state, const SlotId& slot) {
  std::erase_if(state.proposals, [&](const Proposal& proposal) {
    const auto* assigned = std::get_if<PolicyAssigned>(&proposal.act);
    const bool is_about_it =
        assigned != nullptr && assigned->subject == decltype(assigned->subject)(slot);
    return proposal.author == slot || is_about_it;
  });
}

void take_back_times(State& state, std::int64_t time_ms) {
  for (Proposal& proposal : state.proposals) {
    std::erase_if(proposal.seen_ms, [&](const auto& seen) { return seen.second > time_ms; });
  }
}

}  // namespace kist
