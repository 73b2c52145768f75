// The whole public face of the engine, for the command line and for embedders: open a repository,
// then call an operation on it. Nothing here prints or exits; failures are Error, progress and
// problems go to the Observer that the caller brings.
#pragma once

#include <memory>
#include <string>

#include "engine/base/clock.h"
#include "engine/base/disk/file.h"
#include "engine/base/error.h"
#include "engine/base/observer.h"
#include "engine/base/random.h"
#include "engine/base/version.h"
#include "engine/blocks/index_loader.h"
#include "engine/journal/checkpoint.h"
#include "engine/journal/replay.h"
#include "engine/keys/recipient.h"
#include "engine/keys/repository.h"
#include "engine/ops/backup/backup.h"
#include "engine/ops/browse/browse.h"
#include "engine/ops/browse/compare.h"
#include "engine/ops/epoch/end_epoch.h"
#include "engine/ops/incident/incidents.h"
#include "engine/ops/restore/restore.h"
#include "engine/ops/verify/verify.h"
#include "engine/repository/open.h"
#include "engine/repository/slots.h"
#include "engine/rules/validate.h"

namespace kist {

// The store that a location names: a path of this machine. Error{unsupported} for a URL.
std::shared_ptr<Store> open_store(const std::string& location);

// To be called once, first: no core dumps, room for open files, the libraries made ready. Says
// through the observer if memory cannot be locked.
void prepare_process(Observer& observer);

// A new key file with a fresh key, mode 0600; Error{refused} where one exists. The credential it
// stands for.
Credential make_key_file(const std::string& path, Random& random);
Credential read_key_file(const std::string& path);

// For a handler of fatal signals: the local view is not trusted any more and rebuilt at the next
// opening. Damage in LMDB's pages ends the process.
void distrust_catalog() noexcept;

struct CatalogInfo {
  std::string directory;
  std::uint64_t entries = 0;
  std::uint64_t index_entries = 0;  // entries whose segments are loaded
  std::uint64_t blocks = 0;
  std::uint64_t packs = 0;
  std::uint64_t catalog_bytes = 0;
  std::uint64_t index_bytes = 0;
};

CatalogInfo catalog_info(Repository& repository);
// Removes the local view and makes it anew from the store.
void rebuild_catalog(Repository& repository);
// Compares the local view with one made anew beside it; one line for each difference.
std::vector<std::string> check_catalog(Repository& repository);

}  // namespace kist
