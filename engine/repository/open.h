// How a repository is opened: a credential opens a slot, the slot's keys follow the journal.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/repository/repository.h"

namespace kist {

// An entry that the journal is known to have, from elsewhere: its number, and the first digits of
// its hash, if those were noted too.
struct KnownEntry {
  std::uint64_t sequence = 0;
  std::string hash_digits;
};

struct OpenOptions {
  std::string state_parent;  // the repository's own directory is made below it
  std::optional<SlotId> slot;
  std::optional<std::uint32_t> slot_generation{};  // of its objects in slots/, this one alone
  std::optional<KnownEntry> known{};               // Error{corrupt} unless the journal has it
  // A person says that the journal is the right one, however old it looks to a machine that has
  // never seen it.
  bool trusts_journal = false;
  // For a recipient that has not been accepted yet: the repository that it was told of.
  std::optional<ObjectHash> fingerprint{};
};

// Opens the repository and brings the catalog in step with its journal. Where kist.repo is damaged
// or gone, the journal's first entry says which repository it is, and the observer is told.
// Error{no_repository}; Error{wrong_secret}, Error{refused} or Error{corrupt} as open_slot() throws
// them.
Repository open_repository(std::shared_ptr<Store> store,
                           const Credential& credential,
                           const OpenOptions& options,
                           Services services);

// The directory, below `parent`, that a machine keeps for a repository.
std::string state_directory(const std::string& parent, const RepositoryId& repository);

}  // namespace kist
