// How a repository comes to be. docs/format.md has the order of
// writing: kist.repo last, so that a store without it holds no repository.
#pragma once

#include <memory>
#include <string>

#include "engine/repository/repository.h"

namespace kist {

struct InitOptions {
  std::uint32_t block_target = 0;  // 0: the default
  int compression = -1;            // -1: the default
  Argon2Cost argon2;
  std::uint64_t minimum_retention_seconds = 86'400;
  std::string zone;  // of the policy's days and weeks: an IANA name; empty: UTC
  std::string owner_name = "owner";
  Trust dedup = Trust::proved;  // whose blocks a client may rely on
};

// Makes a repository in an empty store and opens it. Error{refused} where there is one already, or
// what a crashed init has left.
Repository init_repository(std::shared_ptr<Store> store,
                           const Credential& credential,
                           const InitOptions& options,
                           const std::string& state_parent,
                           Services services);

inline constexpr std::uint32_t block_target_default = 64U << 10U;
inline constexpr int compression_default = 3;

}  // namespace kist
