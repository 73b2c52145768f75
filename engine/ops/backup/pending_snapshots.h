// The pending snapshots of a running backup, and when it commits one: after so much that is new;
// when something new has had no name for hours; and at once when a collection condemns what no
// entry names. docs/operations.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/blocks/block_writer.h"
#include "engine/format/number_set.h"
#include "engine/repository/repository.h"

namespace kist {

struct PendingSnapshots {
  std::vector<SnapshotId> own;  // the next entry replaces the newest of them that is still live
  // What the pending snapshots of earlier backups hold, and the path that the file cache of the
  // newest had reached (empty without a cache). No pending snapshot is made for its size before
  // this backup has passed that path, since it would hold less; a million new blocks force one all
  // the same.
  NumberSet adopted;
  std::string adopted_last_path;

  // `asked_bytes`: 0 for the default.
  [[nodiscard]] bool is_due_by_size(const BlockWriter& writer,
                                    std::uint64_t asked_bytes,
                                    bool is_within_adopted) const;
  // Follows the journal now and then, by the writer. What the run has put since its last entry,
  // entries below `since` cannot have met.
  [[nodiscard]] bool is_due_by_time(const Repository& repository,
                                    BlockWriter& writer,
                                    std::uint64_t since);
  // One was made; or the backup begins.
  void note_made(const BlockWriter& writer, std::int64_t now_ms);

 private:
  std::uint64_t at_bytes_ = 0;  // of new blocks, when the last one was made
  std::int64_t at_ms_ = 0;
  std::int64_t looked_ms_ = 0;  // when the journal was last looked at
};

}  // namespace kist
