// A store in a directory of this machine. An object is written to a file without a name, synced,
// then linked to its path: no path ever leads to part of an object, and link(2) refuses a path that
// is taken, which is put_if_absent(). Paths become durable at a barrier, by syncing the directories
// that changed. What is removed is overwritten at the barrier, for it is removed for its
// secrets. Names that are no object's stand in tmp/ alone. Rejects what stands at a path and is no
// regular file.
#pragma once

#include <memory>
#include <string>

#include "engine/base/disk/disk.h"
#include "engine/store/store.h"

namespace kist {

// A store whose root is the disk's. Touches nothing.
std::unique_ptr<Store> open_local_store(std::unique_ptr<Disk> disk);

}  // namespace kist
