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
                                                          const SegmentWriter& segments,
                                                          const BoxPublicKey* pending_author) {
  const std::vector<NamedKey>& packs = segments.pack_keys();
  std::vector<ObjectHash> out;
  std::size_t next_pack = 0;
  do {
    OpenKeySegment parts;
    KeyGroup& names = parts.outer.groups.emplace_back();
    std::vector<KeyBytes>& sets = parts.sets.groups.emplace_back();
    InnerKeyGroup& secrets = parts.inner.groups.emplace_back();
    if (out.empty()) {
      names.index_segments = segments.segment_keys();
      names.reference_sets = {set_key_.hash};
      sets = {set_key_.key};
      if (pending_author != nullptr) {
        names.author_box = seal_author_box(author_.random, *pending_author, set_key_.key);
      }
      names.bodies = {body_key_.hash};
      secrets.bodies = {body_key_.key};
    }
    for (; next_pack < packs.size() && names.packs.size() < key_segment_packs_max; ++next_pack) {
      names.packs.push_back(packs[next_pack].hash);
      secrets.packs.push_back(packs[next_pack].key);
    }
    const SealedObject object = seal_key_segment(author_, keys, std::move(parts));
    stored_bytes_ += put_sealed(store_, ObjectType::key_segment, object);
    out.push_back(object.hash);
  } while (next_pack < packs.size());
  return out;
}

}  // namespace kist
