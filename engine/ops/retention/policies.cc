#include "engine/ops/retention/policies.h"

#include <algorithm>

#include "engine/rules/policy.h"
#include "engine/rules/policy_text.h"
#include "engine/rules/proposals.h"

namespace kist {

namespace {

// A policy as it is, or as a new one of that name begins.
Policy starting_policy(const State& state, const std::string& name) {
  const auto found = state.policies.find(name);
  if (found != state.policies.end()) return found->second;
  const Policy& model = default_policy(state);
  Policy out;
  out.name = name;
  out.zone = model.zone;
  out.minimum_seconds = model.minimum_seconds;
  out.grace_seconds = model.grace_seconds;
  out.cooling_off_seconds = model.cooling_off_seconds;
  out.dedup = model.dedup;
  return out;
}

// Error{invalid}, with what to do, for what check_policy() would refuse.
void require_in_bounds(const State& state, const Policy& policy) {
  if (!check_policy(policy, state.ceiling_seconds)) return;
  if (policy.minimum_seconds > state.ceiling_seconds) {
    throw Error(
        Code::refused,
        concat("a minimum of ", span_text(policy.minimum_seconds),
               " is longer than the ceiling of this repository, ", span_text(state.ceiling_seconds),
               "; if it is meant, an owner raises that first (kist policy ceiling)"));
  }
  if (policy.maximum_seconds != 0 && policy.maximum_seconds < policy.minimum_seconds) {
    throw Error(Code::invalid,
                concat("the maximum, ", span_text(policy.maximum_seconds),
                       ", is shorter than the minimum, ", span_text(policy.minimum_seconds)));
  }
  if (policy.name.empty() || policy.name.size() > 255) {
    throw Error(Code::invalid, "a policy has a name of up to 255 bytes");
  }
  throw Error(Code::invalid,
              "grace, cooling-off and notice are at most 1 y (366 days), and approvals 1 to 255");
}

void require_reason(const Policy& policy, const Policy& before, const std::string& reason) {
  if (!check_reason(policy, before, reason)) return;
  throw Error(Code::refused,
              concat("\"", policy_text(policy), "\" promises less than \"", policy_text(before),
                     "\": say why, with --reason TEXT, which the journal keeps"));
}

Policy changed_policy(const State& state,
                      const std::string& name,
                      const std::function<void(Policy&)>& change,
                      const std::string& reason) {
  const Policy before = starting_policy(state, name);
  Policy out = before;
  change(out);
  require_in_bounds(state, out);
  if (state.policies.contains(name)) require_reason(out, before, reason);
  return out;
}

// A change would take the place of what waits, and that would never come into force.
void require_none_waiting(const State& state, const ProposedAct& act) {
  const Proposal* waiting = find_waiting(state, act);
  if (waiting == nullptr) return;
  const bool is_same = waiting->act == act;
  throw Error(
      Code::refused,
      concat(is_same ? "that is proposed already, with entry " : "entry ", waiting->sequence,
             is_same ? ", and waits; to ask again would begin the wait anew"
                     : " proposes a change of the same, which waits; take it back first",
             " (kist policy list, kist policy cancel ", waiting->sequence, ")"));
}

PolicyChange commit_change(Repository& repository,
                           const std::function<ProposedAct(const State&)>& make) {
  repository.require(can_own);
  const Journal::Writable writable = repository.journal().require_writable();
  const JournalEntry entry = repository.journal().commit(writable, [&](const State& state) {
    const ProposedAct proposed = make(state);
    require_none_waiting(state, proposed);
    return std::visit([](const auto& act) { return Act(act); }, proposed);
  });
  PolicyChange out{.sequence = entry.sequence};
  for (const Proposal& proposal : repository.state().proposals) {
    if (proposal.sequence != entry.sequence) continue;
    out.is_proposed = true;
    out.needs_other = proposal.needs_other;
    out.wait_seconds = proposal.wait_seconds;
  }
  return out;
}

void require_policy(const State& state, const std::string& name) {
  if (state.policies.contains(name)) return;
  throw Error(Code::invalid,
              concat("there is no policy called ", name, "; kist policy list shows them"));
}

void require_not_proposed(const State& state, const std::string& name) {
  for (const Proposal& proposal : state.proposals) {
    const auto* set = std::get_if<PolicySet>(&proposal.act);
    const auto* assigned = std::get_if<PolicyAssigned>(&proposal.act);
    const bool names_it = (set != nullptr && set->policy.name == name) ||
                          (assigned != nullptr && assigned->policy == name);
    if (!names_it) continue;
    throw Error(Code::refused, concat("entry ", proposal.sequence, " proposes something about ",
                                      name, ", which waits: take it back first (kist policy ",
                                      "cancel ", proposal.sequence, ")"));
  }
}

// Whether the act is about that policy; any, where none is named.
bool is_about(const Act& act, const std::string& name) {
  const auto fits = [&](const std::string& policy) { return name.empty() || policy == name; };
  if (const auto* genesis = std::get_if<Genesis>(&act)) return fits(genesis->policy.name);
  if (const auto* set = std::get_if<PolicySet>(&act)) return fits(set->policy.name);
  if (const auto* removed = std::get_if<PolicyRemoved>(&act)) return fits(removed->policy);
  if (const auto* assigned = std::get_if<PolicyAssigned>(&act)) return fits(assigned->policy);
  return name.empty() && (std::holds_alternative<CeilingSet>(act) ||
                          std::holds_alternative<ProposalCancelled>(act));
}

}  // namespace

PolicyChange set_policy(Repository& repository,
                        const std::string& name,
                        const std::function<void(Policy&)>& change,
                        const std::string& reason) {
  return commit_change(repository, [&](const State& state) {
    return PolicySet{.policy = changed_policy(state, name, change, reason), .reason = reason};
  });
}

Policy preview_policy(const Repository& repository,
                      const std::string& name,
                      const std::function<void(Policy&)>& change,
                      const std::string& reason) {
  return changed_policy(repository.state(), name, change, reason);
}

std::uint64_t remove_policy(Repository& repository,
                            const std::string& name,
                            const std::string& reason) {
  repository.require(can_own);
  const Journal::Writable writable = repository.journal().require_writable();
  const JournalEntry entry = repository.journal().commit(writable, [&](const State& state) {
    require_policy(state, name);
    if (name == default_policy(state).name) {
      throw Error(Code::refused, concat(name,
                                        " is the policy of all that has no other; it can be "
                                        "changed (kist policy set), not removed"));
    }
    const PolicyInfo info = find_policy(repository, name);
    if (!info.sources.empty() || !info.slots.empty()) {
      throw Error(
          Code::refused,
          concat(name, " is assigned to ", info.sources.size(), " sources and ", info.slots.size(),
                 " slots (kist policy show ", name, "): assign them another first"));
    }
    require_not_proposed(state, name);
    return Act(PolicyRemoved{.policy = name, .reason = reason});
  });
  return entry.sequence;
}

PolicyChange assign_policy(Repository& repository, const PolicyAssigned& assigned) {
  return commit_change(repository, [&](const State& state) {
    if (!assigned.policy.empty()) require_policy(state, assigned.policy);
    require_reason(policy_if_assigned(state, assigned), policy_of_subject(state, assigned),
                   assigned.reason);
    return assigned;
  });
}

PolicyChange set_ceiling(Repository& repository, std::uint64_t seconds, const std::string& reason) {
  return commit_change(repository, [&](const State& state) {
    for (const auto& [name, policy] : state.policies) {
      if (policy.minimum_seconds > seconds) {
        throw Error(Code::refused,
                    concat("policy ", name, " has a minimum of ", span_text(policy.minimum_seconds),
                           ", which is longer than that"));
      }
    }
    return CeilingSet{.seconds = seconds, .reason = reason};
  });
}

std::uint64_t cancel_proposal(Repository& repository,
                              std::uint64_t sequence,
                              const std::string& reason) {
  repository.require(can_own);
  const Journal::Writable writable = repository.journal().require_writable();
  const JournalEntry entry = repository.journal().commit(writable, [&](const State& state) {
    if (std::ranges::find(state.proposals, sequence, &Proposal::sequence) ==
        state.proposals.end()) {
      throw Error(Code::refused,
                  concat("no proposal of entry ", sequence,
                         " waits: it is in force, was cancelled, or was none (kist policy list)"));
    }
    return Act(ProposalCancelled{.sequence = sequence, .reason = reason});
  });
  return entry.sequence;
}

std::vector<PolicyInfo> list_policies(const Repository& repository) {
  const State& state = repository.state();
  std::vector<PolicyInfo> out;
  for (const auto& [name, policy] : state.policies) {
    PolicyInfo info{.policy = policy,
                    .is_default = name == default_policy(state).name,
                    .sources = {},
                    .slots = {}};
    for (const auto& [source, row] : state.sources) {
      if (row.policy == name) info.sources.push_back(source);
    }
    for (const auto& [id, slot] : state.slots) {
      if (slot.policy == name && !slot.is_revoked) info.slots.push_back(id);
    }
    out.push_back(std::move(info));
  }
  return out;
}

PolicyInfo find_policy(const Repository& repository, const std::string& name) {
  require_policy(repository.state(), name);
  const std::vector<PolicyInfo> all = list_policies(repository);
  return *std::ranges::find(all, name, [](const PolicyInfo& info) { return info.policy.name; });
}

std::string policy_name_of(const Repository& repository, const std::string& source) {
  return policy_of(repository.state(), source, repository.keyring().slot()).name;
}

std::vector<Proposal> list_proposals(const Repository& repository) {
  return repository.state().proposals;
}

std::uint64_t ceiling_seconds(const Repository& repository) {
  return repository.state().ceiling_seconds;
}

std::vector<JournalEntry> policy_history(Repository& repository, const std::string& name) {
  repository.require_view();
  std::vector<JournalEntry> out;
  repository.journal().for_each_entry(0, [&](const ReplayedEntry& replayed) {
    const bool is_valid = replayed.void_reason.empty();
    if (is_valid && is_about(replayed.entry.act, name)) out.push_back(replayed.entry);
    return true;
  });
  return out;
}

}  // namespace kist
