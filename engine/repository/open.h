// How a repository comes to be and how it is opened.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/keys/repository.h"

namespace kist {

struct InitOptions {
  std::uint32_t block_target = 0;  // 0: the default
  int compression = -1;            // -1: the default
  Argon2Cost argon2;
  std::uint64_t minimum_retention_seconds = 86'400;
  std::string owner_name = "owner";
  Trust dedup = Trust::proved;  // whose blocks a client may rely on
};

// Makes a repository in an empty store and opens it. Error{refused} where there is one already, or
// what a crashed init has left.
Repository init_repository(std::shared_ptr<Store> store,
                           const Credential& credential,
                           const InitOptions& options,
                           const std::string& state_parent,
                           Surroundings around);

// An entry that the journal is known to have, from elsewhere: its number, and the first digits of
// its hash, if those were noted too.
struct KnownEntry {
  std::uint64_t sequence = 0;
  std::string hash_digits;
};

struct OpenOptions {
  std::string state_parent;  // the repository's own directory is made below it
  std::optional<SlotId> slot;
  std::optional<KnownEntry> known{};  // Error{corrupt} unless the journal has it
  // A person says that the journal is the right one, however old it looks to a machine that has
  // never seen it.
  bool trusts_journal = false;
  // For a recipient that has not been accepted yet: the repository that it was told of.
  std::optional<ObjectHash> fingerprint{};
};

// Opens the repository and brings the catalog in step with its journal. Error{no_repository},
// Error{wrong_secret}.
Repository open_repository(std::shared_ptr<Store> store,
                           const Credential& credential,
                           const OpenOptions& options,
                           Surroundings around);

inline constexpr std::uint32_t block_target_default = 64U << 10U;
inline constexpr int compression_default = 3;

}  // namespace kist
