// Named states that a run of many seeds must come to, or it shows little. Each is counted from
// outside: by the trace, by the entries that landed, and by what the acts say of themselves.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace kist::test {

class Simulation;

enum class Reach : std::uint8_t {
  overtaken,
  overtaken_twice,
  lost_answer_had_landed,
  answer_was_no,
  late_put_landed,
  late_put_without_author,
  late_put_of_removed,
  late_entry_landed,
  collection_overtaken_by_backup,
  collections_meet,
  attempt_kept,
  attempt_begun_again,
  moved,
  unnamed_ended,
  snapshots_ended,
  walked_again,
  walked_twice,
  own_objects_removed,
  epoch_ended_under_backup,
  resealed,
  read_on_over_end,
  healed,
  healer_meets_end,
  crash_before_second_copy,
  second_copy_by_another,
  crash_in_clean_up,
  clean_up_finished_by_another,
  listing_lied,
  clock_jumped,
  proved_by_another,
  pending_resumed,
  pending_resumed_after_end,
  slot_replaced_under_way,
  end
};

inline constexpr std::size_t reach_count = static_cast<std::size_t>(Reach::end);

const char* text_of(Reach state);

using ReachCounts = std::array<std::uint64_t, reach_count>;

// The states that this run came to, each counted once.
ReachCounts states_of(const Simulation& simulation);

}  // namespace kist::test
