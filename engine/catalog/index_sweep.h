// Takes out of the block index what packs have left in it that are gone. docs/decisions/0036.
#pragma once

#include "engine/catalog/environment.h"

namespace kist {

// Does nothing until the rows are those of a quarter of all packs, for it looks at every row. In
// many transactions: rows of packs that are gone count for nobody, so it may end between any two.
void sweep_index(Environment& environment, const LocalKey& tag_key);

}  // namespace kist
