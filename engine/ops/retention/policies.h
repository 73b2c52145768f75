// Policies, which source or slot has which, and what is proposed. An owner's. docs/format.md,
// "Retention".
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/repository/repository.h"

namespace kist {

// What became of a change: in force at once, or proposed.
struct PolicyChange {
  std::uint64_t sequence = 0;  // of its entry
  bool is_proposed = false;
  bool needs_other = false;  // it waits for what another slot has seen
  std::uint64_t wait_seconds = 0;
};

// Changes a policy, or begins a new one: `change` is given the policy of that name, or one without
// rules that has all else of the default one. Error{invalid} for a policy that is out of bounds,
// with what to do; Error{refused} without the capability `own`, or where it would be weaker and no
// reason is given.
PolicyChange set_policy(Repository& repository,
                        const std::string& name,
                        const std::function<void(Policy&)>& change,
                        const std::string& reason);

// The policy that `change` would make; checked like that, and nothing is written.
Policy preview_policy(const Repository& repository,
                      const std::string& name,
                      const std::function<void(Policy&)>& change,
                      const std::string& reason);

// Error{refused} where it is the default one, or in use.
std::uint64_t remove_policy(Repository& repository,
                            const std::string& name,
                            const std::string& reason);

// Assigns a policy to a source or a slot; an empty name takes away what it has of its own.
PolicyChange assign_policy(Repository& repository, const PolicyAssigned& assigned);

// Sets the longest minimum that policies may have.
PolicyChange set_ceiling(Repository& repository, std::uint64_t seconds, const std::string& reason);

// Cancels the proposal of that entry. Error{invalid} where none waits.
std::uint64_t cancel_proposal(Repository& repository,
                              std::uint64_t sequence,
                              const std::string& reason);

struct PolicyInfo {
  Policy policy;
  bool is_default = false;
  std::vector<std::string> sources;  // that it is assigned to
  std::vector<SlotId> slots;
};

// In force, by name. Any slot may ask.
std::vector<PolicyInfo> list_policies(const Repository& repository);
// Error{invalid} where there is none.
PolicyInfo find_policy(const Repository& repository, const std::string& name);
// The policy that the next snapshot of that source is taken under.
std::string policy_name_of(const Repository& repository, const std::string& source);
std::vector<Proposal> list_proposals(const Repository& repository);
std::uint64_t ceiling_seconds(const Repository& repository);

// Entries of the journal about policies, assignments, the ceiling and proposals, oldest first; with
// a name, those of that policy alone. Error{refused} without `read` and `audit`.
std::vector<JournalEntry> policy_history(Repository& repository, const std::string& name);

}  // namespace kist
