// Which pack holds which block numbers. The numbers in a pack that an entry has introduced ascend
// without a gap: they are one run. Those that a rewritten segment lists are several.
//
// A run is known by its first number, and ends where the next one begins. Numbers that no pack
// holds, because they were reserved for nothing or their segment does not count, fall to the run
// before them: whoever asks for packs asks for one too many, and whoever avoids a pack avoids too
// much. docs/format.md, "Block numbers".
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "engine/blocks/reference_run.h"
#include "engine/catalog/block_index.h"
#include "engine/format/number_set.h"
#include "engine/rules/state.h"

namespace kist {

struct NumberRange {
  std::uint64_t first = 0;
  std::uint64_t end = 0;  // one past the last
};

class PackRanges {
 public:
  // Reads some records of each pack of the index.
  explicit PackRanges(const BlockIndex::Reader& index);

  // The packs that hold a number of the set, by the index's own numbers of them.
  [[nodiscard]] std::vector<std::uint32_t> packs_of(const NumberSet& numbers) const;
  // How many numbers of the set each pack holds, by the index's own numbers of them.
  [[nodiscard]] std::map<std::uint32_t, std::uint64_t> counts_of(const NumberSet& numbers) const;
  // What these packs hold, ascending.
  [[nodiscard]] std::vector<NumberRange> ranges_of(const std::vector<std::uint32_t>& packs) const;

 private:
  struct Start {
    std::uint64_t first = 0;
    std::uint32_t pack = 0;
  };

  std::vector<Start> starts_;  // ascending
};

// The numbers that the index lists in a pack.
NumberSet numbers_in_pack(const BlockIndex::Reader& index, std::uint32_t pack);
// All that it lists.
NumberSet listed_numbers(const BlockIndex::Reader& index);

// The numbers that no segment lists any more, because one was given up: ascending.
std::vector<NumberRange> find_given_up_numbers(const State& state, const BlockIndex::Reader& index);

// The block numbers that a run does not rely on, though the caches of unchanged files name them.
// May be read from any thread.
struct UnreliedNumbers {
  std::uint64_t below = 0;          // all less than this
  std::vector<NumberRange> ranges;  // and these, ascending

  // Adds some, which may overlap those that are there.
  void add(std::vector<NumberRange> more);
  // Whether one of the runs, which stand by themselves, has such a number.
  [[nodiscard]] bool touch(const std::vector<ReferenceRun>& runs) const;
};

}  // namespace kist
