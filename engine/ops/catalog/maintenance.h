// The catalog, which is what this machine keeps of the journal and the block index: its sizes, its
// rebuilding, and a comparison with one made anew. The catalog is derived from the store, so it can
// be removed at any time and costs a replay. Nothing here writes to the store.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/repository/repository.h"

namespace kist {

struct CatalogInfo {
  std::string directory;  // of this machine, such as "/var/lib/kist/<repository id>"
  std::uint64_t entries = 0;
  std::uint64_t index_entries = 0;  // entries whose segments are loaded
  std::uint64_t blocks = 0;
  std::uint64_t packs = 0;
  std::uint64_t catalog_bytes = 0;
  std::uint64_t index_bytes = 0;
};

// Loads what the block index lacks, then counts.
CatalogInfo catalog_info(Repository& repository);

// Removes catalog and block index and makes them anew from the store. Error{corrupt} when the
// journal does not hold; the catalog then ends where the journal stops holding.
void rebuild_catalog(Repository& repository);

// Makes a second catalog from the store, in a scratch directory beside the first, and compares the
// two. One line for each difference, such as "packs: the catalog has 3, the store says 4"; empty
// where they agree. The catalog itself stays as it is.
std::vector<std::string> check_catalog(Repository& repository);

// Marks the catalogs that this process has open as suspect, so that the next opening rebuilds them.
// For a handler of fatal signals, since damage in LMDB's pages ends the process: it only does what
// such a handler may do.
void mark_catalog_suspect() noexcept;

}  // namespace kist
