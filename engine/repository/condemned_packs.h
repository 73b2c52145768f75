// What this slot tells everybody of packs, in the journal: that they are missing or damaged, or
// whole again. docs/format.md, "Condemned packs".
#pragma once

#include <cstdint>
#include <set>

#include "engine/base/id.h"
#include "engine/repository/repository.h"

namespace kist {

// Packs that a command has found missing or damaged, each asked for by its name.
struct FoundPacks {
  std::set<ObjectHash> all;
  std::set<ObjectHash> fresh;  // of these: no command of this machine had found them before
};

// Condemns those that are not condemned yet, as far as this slot may; of fresh ones that it may
// not, opens an incident. Returns how many it has condemned. Error as of Journal::commit().
std::uint64_t tell_damaged(Repository& repository, const FoundPacks& found);
// Clears of these the condemned ones, as far as this slot may, and returns how many. Error as of
// Journal::commit().
std::uint64_t tell_whole(Repository& repository, const std::set<ObjectHash>& packs);

}  // namespace kist
