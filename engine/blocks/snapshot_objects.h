// The objects that a snapshot consists of beside its blocks: body and reference set, and the key
// segments that open these and all that the snapshot's entry introduces.
//
// Invariant: the first key segment holds the keys of all index segments, of the reference set and
// of the body; packs are spread over as many key segments as they need, key_segment_packs_max in
// each, in the order written. docs/format.md, "Bodies", "Reference sets", "Key segments".
#pragma once

#include <cstdint>
#include <vector>

#include "engine/blocks/objects.h"
#include "engine/blocks/segment_writer.h"

namespace kist {

class SnapshotObjects {
 public:
  // All must outlive this object.
  SnapshotObjects(StoreWriter& store, const ObjectAuthor& author)
      : store_(store), author_(author) {}

  void put_body(const SnapshotBody& body);
  void put_reference_set(const ReferenceSet& set);
  // Puts the keys of the body and the set that were put last, and of all segments and packs of
  // `segments`. The set's key is sealed to `pending_author` too, where there is one: whoever
  // resumes its backup must open it. Returns the hashes of the key segments, in the order of their
  // entry.
  std::vector<ObjectHash> put_key_segments(const KeySegmentKeys& keys,
                                           const SegmentWriter& segments,
                                           const BoxPublicKey* pending_author);

  [[nodiscard]] const ObjectHash& body() const { return body_key_.hash; }

  [[nodiscard]] const ObjectHash& reference_set() const { return set_key_.hash; }

  // Bytes of all objects put, second copies included.
  [[nodiscard]] std::uint64_t stored_bytes() const { return stored_bytes_; }

 private:
  StoreWriter& store_;
  const ObjectAuthor author_;
  NamedKey body_key_;
  NamedKey set_key_;
  std::uint64_t stored_bytes_ = 0;
};

}  // namespace kist
