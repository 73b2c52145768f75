// A file of this machine against what a manifest says it holds, byte for byte.
#pragma once

#include <vector>

#include "engine/base/disk/tree.h"
#include "engine/base/entry.h"
#include "engine/crypto/secret.h"

namespace kist {

// Throws Error{failed} unless the file at the entry's path below `root` holds exactly the items
// (blocks and holes; content nodes resolved) or the inline content.
void compare_file(const Key& id_key,
                  const Directory& root,
                  const Entry& entry,
                  const std::vector<ContentItem>& items);

}  // namespace kist
