#include "engine/blocks/snapshot_objects.h"

#include "engine/format/limits.h"

namespace kist {

void SnapshotObjects::put_body(const SnapshotBody& body) {
  const StoredObject stored = kist::put_body(store_, author_, body);
  body_key_ = stored.key;
  stored_bytes_ += stored.stored_bytes;
}

void SnapshotObjects::put_reference_set(const ReferenceSet& set) {
  const StoredObject stored = kist::put_reference_set(store_, author_, set);
  set_key_ = stored.key;
  stored_bytes_ += stored.stored_bytes;
}

std::vector<ObjectHash> SnapshotObjects::put_key_segments(const KeySegmentKeys& keys,
                                                          const SegmentWriter& segments) {
  const std::vector<NamedKey>& packs = segments.pack_keys();
  std::vector<ObjectHash> out;
  std::size_t next_pack = 0;
  do {
    KeySegmentOuter outer;
    KeySegmentInner inner;
    if (out.empty()) {
      outer.index_segments = segments.segment_keys();
      outer.reference_sets = {set_key_};
      outer.bodies = {body_key_.hash};
      inner.bodies = {body_key_.key};
    }
    for (; next_pack < packs.size() && outer.packs.size() < key_segment_packs_max; ++next_pack) {
      outer.packs.push_back(packs[next_pack].hash);
      inner.packs.push_back({.is_punctured = false, .key = packs[next_pack].key, .frames = {}});
    }
    const SealedObject object = seal_key_segment(author_, keys, std::move(outer), inner);
    stored_bytes_ += put_sealed(store_, ObjectType::key_segment, object);
    out.push_back(object.hash);
  } while (next_pack < packs.size());
  return out;
}

}  // namespace kist
