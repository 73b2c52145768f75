// Vouching for journal entries: writers may rely on the blocks that a slot which reads has opened
// and compared. docs/format.md, "Journal".
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "engine/catalog/block_index.h"
#include "engine/repository/repository.h"

namespace kist {

// Counts, for each entry that nobody has vouched for, the blocks that were opened and are what the
// index says. An entry is proved if all blocks that it introduces were counted; so it must not name
// a segment, nor list a pack, that does not count.
class EntryProver {
 public:
  // The entries of `state`, as `index` has them.
  EntryProver(const State& state, const BlockIndex::Reader& index);

  // Counts a block that was opened, whose id was computed, and that lies where the index has it.
  // Each block once; any thread.
  void add(std::uint64_t number);
  // Whether all blocks of the number's entry were counted. False for an entry that was proved
  // before.
  [[nodiscard]] bool has_proved(std::uint64_t number) const;
  // Records the proved entries in the journal, and returns how many they are. Error as commit()
  // throws.
  std::uint64_t commit_proofs(Repository& repository) const;

 private:
  struct Unproved {
    Unproved(std::uint64_t of, const EntryNumbers& reserved) : sequence(of), numbers(reserved) {}

    [[nodiscard]] bool is_proved() const { return due && found == *due; }

    std::uint64_t sequence = 0;
    EntryNumbers numbers;
    std::optional<std::uint64_t> due;  // blocks; empty: the entry cannot be proved
    std::atomic<std::uint64_t> found{0};
  };

  // The place of the entry that has the number.
  [[nodiscard]] std::optional<std::size_t> find(std::uint64_t number) const;
  [[nodiscard]] std::vector<EntryRange> proved_ranges() const;

  std::deque<Unproved> entries_;  // in the journal's order, which is that of their numbers
};

}  // namespace kist
