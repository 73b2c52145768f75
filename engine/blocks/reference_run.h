// References to blocks while a run goes on. A block that an entry has introduced has a block
// number; a block that the run stores itself has only an ordinal, because its number depends on the
// journal entry that will introduce it. docs/format.md, "Block numbers".
//
// New data blocks are counted by themselves in the order they come, new meta blocks likewise. An
// entry lists data segments before meta segments. So, with the entry's first number F and D new
// data blocks, data block i gets the number F + i, and meta block i the number F + D + i.
// Example: F = 100, D = 7: data block 2 is 102, meta block 0 is 107.
#pragma once

#include <cstdint>
#include <vector>

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

// The numbers that an entry has given to the blocks it introduces; known once it is committed.
struct EntryNumbers {
  std::uint64_t first_number = 0;
  std::uint64_t new_data_count = 0;  // meta blocks are numbered after these
  bool operator==(const EntryNumbers&) const = default;
};

// The reference as block numbers, after the entry that introduced its blocks was committed.
[[nodiscard]] ReferenceRun to_absolute(ReferenceRun run, const EntryNumbers& numbers);

}  // namespace kist
