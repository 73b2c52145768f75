// A store in a directory. An object is written without a name, synced, then linked to its name, so
// nothing half-written ever has one; names become durable at barriers, by syncing their
// directories.
#pragma once

#include <memory>
#include <string>

#include "engine/base/disk/disk.h"
#include "engine/store/store.h"

namespace kist {

std::unique_ptr<Store> open_local_store(std::unique_ptr<Disk> disk);

}  // namespace kist
