// From written packs to index segments: the packs of one kind that were closed since the last
// segment become one segment.
//
// Invariant: a segment is put only after its packs are durable. The introductions stand in the
// order written, and so do the keys of their packs; the ordinals of a stream's segments follow one
// another from 0. The key of every segment and pack since the last entry stays here until the entry
// is committed, because a new epoch may make it necessary to seal them once more. docs/format.md,
// "Index segments", "Block numbers".
#pragma once

#include <cstdint>
#include <vector>

#include "engine/blocks/objects.h"
#include "engine/blocks/pack_builder.h"
#include "engine/blocks/reference_run.h"
#include "engine/format/journal_entry.h"

namespace kist {

class SegmentWriter {
 public:
  // All must outlive the writer.
  SegmentWriter(StoreWriter& store, const ObjectAuthor& author) : store_(store), author_(author) {}

  // Nothing happens if there are no packs.
  void write(PackKind kind, std::vector<StoredPack> packs);

  // All segments since the last entry, as the coming entry introduces them.
  [[nodiscard]] const std::vector<SegmentIntroduction>& introductions() const {
    return introductions_;
  }

  [[nodiscard]] const std::vector<NamedKey>& segment_keys() const { return segment_keys_; }

  [[nodiscard]] const std::vector<NamedKey>& pack_keys() const { return pack_keys_; }

  // Bytes of all segments.
  [[nodiscard]] std::uint64_t stored_bytes() const { return stored_bytes_; }

  // The entry that introduces the segments so far is committed.
  void begin_next_entry();

 private:
  StoreWriter& store_;
  const ObjectAuthor author_;
  std::vector<SegmentIntroduction> introductions_;
  NewBlockCounts listed_;  // in them
  std::vector<NamedKey> segment_keys_;
  std::vector<NamedKey> pack_keys_;
  std::uint64_t stored_bytes_ = 0;
};

}  // namespace kist
