// Vouching for index segments: writers may rely on what a slot that reads has opened and compared.
// docs/format.md, "Journal".
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "engine/repository/repository.h"

namespace kist {

// Counts, for each segment that nobody has vouched for, the blocks that were opened and are what
// the index says. A segment whose blocks were all counted is proved.
class SegmentProver {
 public:
  explicit SegmentProver(const State& state);

  // Counts a block that was opened, whose id was computed, and that lies where the index has it.
  // Each block once; any thread.
  void add(std::uint64_t number);
  // Whether all blocks of the number's segment were counted. False for a segment that was proved
  // before.
  [[nodiscard]] bool has_proved(std::uint64_t number) const;
  // Records the proved segments in the journal, and returns how many they are. Error as commit()
  // throws.
  std::uint64_t commit_proofs(Repository& repository) const;

 private:
  struct Segment {
    explicit Segment(const SegmentIntroduction& introduced) : introduction(introduced) {}

    SegmentIntroduction introduction;
    std::atomic<std::uint64_t> found{0};
  };

  // The place of the segment that has the number.
  [[nodiscard]] std::optional<std::size_t> find(std::uint64_t number) const;

  std::deque<Segment> segments_;  // by first number
};

}  // namespace kist
