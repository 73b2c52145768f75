// References to blocks while a run goes on. A block that an entry has introduced has a block
// number; a block that the run stores itself has only an ordinal, because its number depends on the
// journal entry that will introduce it. docs/format.md, "Block numbers".
//
// New data blocks are counted by themselves in the order they come, new meta blocks likewise: a
// block's ordinal in its stream, known when the block is met. The entry reserves numbers for the
// data blocks, then for the meta blocks (EntryNumbers), which makes numbers of the ordinals.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/format/acts/snapshot_taken.h"

namespace kist {

// The start from which `first` of a reference counts.
enum class NumberBase : std::uint8_t { absolute = 0, new_data = 1, new_meta = 2 };

// `count` successive blocks.
struct ReferenceRun {
  NumberBase base = NumberBase::absolute;
  std::uint64_t first = 0;  // a block number, or an ordinal among the run's new blocks
  std::uint64_t count = 1;
  bool operator==(const ReferenceRun&) const = default;
};

// Appends a run, or lengthens the last one where the new run continues it.
void append_run(std::vector<ReferenceRun>& runs, const ReferenceRun& run);

// How many new blocks of each stream there are.
struct NewBlockCounts {
  std::uint64_t data = 0;
  std::uint64_t meta = 0;
};

// What the coming entry reserves for them. Its first number is known once it is committed.
[[nodiscard]] EntryNumbers numbers_for(const NewBlockCounts& counts);

// The reference as block numbers, after the entry that introduced its blocks was committed with
// these.
[[nodiscard]] ReferenceRun to_absolute(ReferenceRun run, const EntryNumbers& numbers);

}  // namespace kist
