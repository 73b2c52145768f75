// What the engine is known to say wrongly, and loses nothing by: counted and shown at the end of
// every run, so that it is not forgotten, and not taken for a failure of the run.
#pragma once

#include <array>
#include <cstdint>

namespace kist::test {

enum class Known : std::uint8_t {
  // A restore whose snapshot a collection ends meanwhile says that an object is missing, where it
  // should say that the journal has gone on.
  restore_of_what_ends,
  // The same of a collection.
  collection_of_what_ends,
  // A backup that looks at a pack after a collection has removed it, and before it has followed the
  // journal, takes it for lost, and records an incident.
  ended_pack_is_lost,
  // A verify that a collection overtakes, which replaces index segments and removes them, takes one
  // for lost: it compares the epoch before it reports, and no epoch has ended.
  replaced_segment_is_lost,
  // The same of a restore, which then leaves out a file that is there.
  restore_over_replaced_segments,
  // A backup that walks again, and is stopped before it has read anything, ends in an assertion: it
  // wants to keep a pending snapshot of nothing. Here nobody stops one that walks again.
  stopped_as_it_walks_again,
  end
};

inline constexpr std::size_t known_count = static_cast<std::size_t>(Known::end);

inline const char* text_of(Known known) {
  switch (known) {
    case Known::restore_of_what_ends:
      return "a restore of what ends meanwhile speaks of damage";
    case Known::collection_of_what_ends:
      return "and so does a collection";
    case Known::ended_pack_is_lost:
      return "a backup takes a pack that has ended for lost";
    case Known::replaced_segment_is_lost:
      return "a verify takes an index segment that was replaced meanwhile for lost";
    case Known::restore_over_replaced_segments:
      return "and a restore leaves out a file for that";
    case Known::stopped_as_it_walks_again:
      return "a backup that is stopped as it walks again ends in an assertion (left out)";
    case Known::end:
      break;
  }
  return "";
}

using KnownCounts = std::array<std::uint64_t, known_count>;

}  // namespace kist::test
