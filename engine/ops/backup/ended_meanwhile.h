// What collections have ended while a backup was under way, and it needs: to be asked for the very
// state that its entry is to follow. docs/format.md, "What ends".
#pragma once

#include <cstdint>
#include <vector>

#include "engine/blocks/pack_ranges.h"
#include "engine/blocks/stored_snapshot.h"
#include "engine/repository/repository.h"

namespace kist {

// Whether an entry from number `since` on has removed an object that the snapshot's entry is to
// introduce: all were put after the entries before it.
bool has_lost_objects(const Repository& repository,
                      std::uint64_t since,
                      const StoredSnapshot& stored);

// Whether the snapshot refers to a number that nobody lists any more. `unlisted`: those that nobody
// listed when the backup's walk began, after the entries below `begun`.
bool relies_on_ended(const Repository& repository,
                     std::uint64_t begun,
                     const std::vector<NumberRange>& unlisted,
                     const StoredSnapshot& stored);

}  // namespace kist
