// Before a backup reads anything: which of what earlier backups stored may it rely on? The caches
// of unchanged files name blocks by number, and the index knows copies; neither knows whether the
// packs still exist. Twice a day the packs behind them are looked at (blocks/pack_look.h); what is
// not in the caches is looked at when the index is first about to be relied on for it.
#pragma once

#include <string>
#include <vector>

#include "engine/blocks/block_writer.h"
#include "engine/blocks/pack_ranges.h"
#include "engine/blocks/snapshot_numbers.h"
#include "engine/format/number_set.h"
#include "engine/repository/repository.h"

namespace kist {

// The snapshot that stands for what a backup without a cache is going to meet: the newest live one
// of the source that this slot has signed.
std::optional<SnapshotState> find_newest_snapshot(const State& state,
                                                  const std::string& source,
                                                  const SlotId& slot);

struct ReliedOn {
  std::string source_key;  // as the file caches name the source
  NumberSet numbers;       // that the caches name
  // Where there is no cache: what is going to be met. A set that cannot be read may name anything.
  std::optional<SnapshotState> newest;
  std::vector<NumberRange> unlisted{};  // numbers that no segment lists
  std::uint64_t rely_from = 0;          // lesser numbers are not relied on
  bool is_dry_run = false;              // the store is not asked
};

// Looks at the packs of these, unless that was done in this round, and returns what the
// caches may name in vain.
UnreliedNumbers look_at_relied_packs(const Repository& repository,
                                     BlockWriter& writer,
                                     Pool& pool,
                                     const ReliedOn& relied);

}  // namespace kist
