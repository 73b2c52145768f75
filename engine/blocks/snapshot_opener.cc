#include "engine/blocks/snapshot_opener.h"

#include <algorithm>

#include "engine/base/attempt.h"
#include "engine/blocks/block_reader.h"
#include "engine/blocks/index_loader.h"
#include "engine/blocks/objects.h"
#include "engine/format/names.h"

namespace kist {

namespace {

// Bodies and reference sets go with the snapshots that have ended.
Bytes get_current(const Journal& journal, ObjectType type, const ObjectHash& hash) {
  Bytes out;
  const auto failure =
      failure_of([&] { out = get_hashed(journal.reader(), type, hash, journal.observer()); });
  if (failure) journal.rethrow(*failure);
  return out;
}

}  // namespace

SnapshotOpener::Segment& SnapshotOpener::open_segment(const ObjectHash& name) {
  const auto is_it = [&](const std::optional<Segment>& kept) { return kept && kept->name == name; };
  if (is_it(recent_[0])) return *recent_[0];
  if (!is_it(recent_[1])) {
    recent_[1].reset();
    recent_[1] = Segment{.name = name, .outer = get_current_key_segment(journal_, name)};
  }
  std::swap(recent_[0], recent_[1]);
  return *recent_[0];
}

// Finds the key of a body or reference set in the groups of keys of the entry that introduced it:
// `find` is given a key segment and the group's place in it.
template <typename Find>
Key SnapshotOpener::find_key(const std::vector<ObjectHash>& key_segments,
                             std::uint64_t entry,
                             const std::string& object,
                             const Find& find) {
  for (const ObjectHash& name : key_segments) {
    Segment& segment = open_segment(name);
    const auto place = segment.outer.find(journal_.state().key_group_of(entry));
    if (!place) continue;
    if (std::optional<Key> key = find(segment, *place)) return std::move(*key);
  }
  throw Error(Code::missing, concat("the key of ", object, " is missing"));
}

SnapshotBody SnapshotOpener::body(const ReadKeys& keys, const SnapshotState& snapshot) {
  const ObjectHash& hash = snapshot.taken.body;
  const Bytes bytes = get_current(journal_, ObjectType::body, hash);
  const Key key =
      find_key(journal_.state().key_segments_of(snapshot), snapshot.sequence, body_path(hash),
               [&](Segment& segment, std::size_t place) -> std::optional<Key> {
                 const std::vector<ObjectHash>& bodies = segment.outer.groups[place].bodies;
                 const auto found = std::ranges::find(bodies, hash);
                 if (found == bodies.end()) return std::nullopt;
                 if (!segment.inner) segment.inner = open_inner(keys, segment.outer, segment.name);
                 const auto number = static_cast<std::size_t>(found - bodies.begin());
                 return Key::from(segment.inner->groups[place].bodies[number]);
               });
  return open_body({bytes, hash}, journal_.keyring().repository(), key);
}

// The key of a set in that group of the key segment, for what this slot may open.
std::optional<Key> SnapshotOpener::find_set_key(Segment& segment,
                                                std::size_t place,
                                                const ObjectHash& set) {
  const Keyring& keyring = journal_.keyring();
  const KeyGroup& group = segment.outer.groups[place];
  const auto found = std::ranges::find(group.reference_sets, set);
  if (found == group.reference_sets.end()) return std::nullopt;
  if (const Key* secret = keyring.audit_secret()) {
    if (!segment.sets) {
      segment.sets = open_key_segment_sets(segment.outer, segment.name, *secret);
    }
    const auto number = static_cast<std::size_t>(found - group.reference_sets.begin());
    return Key::from(segment.sets->groups[place][number]);
  }
  const std::optional<SecretBytes> own = keyring.open_own_box(group.author_box);
  if (own && own->view().size() == Key::size) return Key::from(own->view());
  throw Error(Code::refused, concat(reference_set_path(set),
                                    " opens for slots that read or audit, and, of a pending "
                                    "snapshot, for its own slot"));
}

ReferenceSet SnapshotOpener::reference_set(const SnapshotState& snapshot) {
  const ObjectHash& hash = snapshot.set.hash;
  const Bytes bytes = get_current(journal_, ObjectType::reference_set, hash);
  const Key key = find_key(journal_.state().key_segments_of_set(snapshot), snapshot.set.sequence,
                           reference_set_path(hash), [&](Segment& segment, std::size_t place) {
                             return find_set_key(segment, place, hash);
                           });
  return open_reference_set({bytes, hash}, journal_.keyring().repository(), key);
}

SnapshotBody get_body(const Journal& journal, const ReadKeys& keys, const SnapshotState& snapshot) {
  return SnapshotOpener(journal).body(keys, snapshot);
}

ReferenceSet get_reference_set(const Journal& journal, const SnapshotState& snapshot) {
  return SnapshotOpener(journal).reference_set(snapshot);
}

}  // namespace kist
