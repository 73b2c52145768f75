// What the stored bytes are there for: which are needed, by what, and which nothing needs any more.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/repository/repository.h"

namespace kist {

// Bytes in the store. Each pack's are shared out by how many of its blocks are needed by what, so
// live, held, retired and dead are estimates, which add up to the packs' bytes. What is needed for
// several reasons counts under the first.
struct SpaceUse {
  std::uint64_t live = 0;       // needed by snapshots that are kept
  std::uint64_t held = 0;       // by retired snapshots that a hold covers
  std::uint64_t retired = 0;    // by other retired ones
  std::uint64_t dead = 0;       // by none
  std::uint64_t condemned = 0;  // of these: packs that stand condemned in the journal
  std::uint64_t unnamed = 0;    // of objects that no entry names
  std::uint64_t left_over = 0;  // objects that have ended, and are still there; their number

  bool operator==(const SpaceUse&) const = default;
};

// For slots that read or audit. Nothing, and a notice, where it is not known what a snapshot needs.
std::optional<SpaceUse> count_space(Repository& repository);

}  // namespace kist
