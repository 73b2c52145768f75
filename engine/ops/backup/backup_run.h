// One walk of a backup: its source is read, the snapshot built and committed.
#pragma once

#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/pool.h"
#include "engine/blocks/block_writer.h"
#include "engine/ops/backup/backup.h"

namespace kist {

struct BackupRun {
  Repository& repository;
  const BackupOptions& options;
  const std::vector<std::string>& paths;
  Pool& pool;
  BlockWriter& writer;
  std::uint64_t since = 0;  // the writer has put nothing that entries below could name
};

// Something that the snapshot rests on was gone when it was to be committed; nothing was.
struct Overtaken : Error {
  Overtaken(const std::string& what, bool claimed)
      : Error(Code::conflict, what), has_lost_packs(claimed) {}

  bool has_lost_packs;  // what the writer has put counts as another slot's
};

// Overtaken: to walk again may go through, with the writer as BlockWriter::begin_again() leaves it
// or, where it has lost its packs, with another one.
BackupResult walk(const BackupRun& run);

}  // namespace kist
