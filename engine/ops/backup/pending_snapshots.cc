#include "engine/ops/backup/pending_snapshots.h"

#include <algorithm>
#include <cstdlib>

#include "engine/journal/journal.h"

namespace kist {

namespace {

constexpr std::uint64_t bytes_default = std::uint64_t{1} << 30U;
constexpr std::uint64_t bytes_max = std::uint64_t{16} << 30U;
constexpr std::uint64_t share = 16;
constexpr std::uint64_t blocks_max = 1U << 20U;  // bounds the table of the run's own blocks
// A collection leaves alone for a day what no entry names, unless it is told otherwise.
constexpr std::int64_t unnamed_ms_max = 4LL * 3'600'000;
constexpr std::int64_t look_ms = 15LL * 60'000;

}  // namespace

bool PendingSnapshots::is_due_by_size(const BlockWriter& writer,
                                      std::uint64_t asked_bytes,
                                      bool is_within_adopted) const {
  if (writer.new_block_count() >= blocks_max) return true;
  const std::uint64_t least = asked_bytes == 0 ? bytes_default : asked_bytes;
  const std::uint64_t due =
      std::clamp(writer.new_bytes() / share, least, std::max(least, bytes_max));
  return writer.new_bytes() - at_bytes_ >= due && !is_within_adopted;
}

bool PendingSnapshots::is_due_by_time(const Repository& repository,
                                      BlockWriter& writer,
                                      std::uint64_t since) {
  if (writer.new_block_count() == 0) return false;
  const std::int64_t now_ms = repository.services().clock.now_ms();
  if (now_ms - at_ms_ >= unnamed_ms_max) return true;
  if (std::abs(now_ms - looked_ms_) < look_ms) return false;
  looked_ms_ = now_ms;
  if (repository.journal().has_gone_on()) writer.follow();
  bool is_condemned = false;
  repository.state().unnamed.for_each(
      [&](const ObjectHash& /*name*/, const Condemnation& condemned) {
        is_condemned |= condemned.sequence >= since;
      });
  return is_condemned;
}

void PendingSnapshots::note_made(const BlockWriter& writer, std::int64_t now_ms) {
  at_bytes_ = writer.new_bytes();
  at_ms_ = now_ms;
  looked_ms_ = now_ms;
}

}  // namespace kist
