#include "engine/blocks/snapshot_inspector.h"

#include <algorithm>

#include "engine/base/attempt.h"
#include "engine/blocks/block_reader.h"
#include "engine/blocks/index_loader.h"
#include "engine/blocks/objects.h"
#include "engine/blocks/snapshot_opener.h"
#include "engine/format/names.h"

namespace kist {

namespace {

// What cannot be read of a snapshot's objects.
struct Gaps {
  bool is_absent = false;
  bool is_damaged = false;

  [[nodiscard]] bool none() const { return !is_absent && !is_damaged; }

  // Runs `work`, which reads one object; false on damage, which is noted.
  template <typename Work>
  bool read(const Work& work) {
    const auto damage = damage_of(work);
    if (!damage) return true;
    (damage->code() == Code::missing ? is_absent : is_damaged) = true;
    return false;
  }
};

// Calls `each` with the entry's group of keys in each of its key segments that count; one that is
// whole and does not open counts for nobody.
template <typename Each>
void for_each_key_group(const Journal& journal,
                        const std::vector<ObjectHash>& key_segments,
                        std::uint64_t entry,
                        Gaps& gaps,
                        const Each& each) {
  for (const ObjectHash& hash : key_segments) {
    Bytes bytes;
    if (!gaps.read([&] { bytes = get_whole_key_segment(journal, hash); })) continue;
    static_cast<void>(damage_of([&] {
      const KeySegmentOuter outer = open_key_segment(journal, bytes, hash);
      const auto place = outer.find(journal.state().key_group_of(entry));
      if (place) each(outer.groups[*place]);
    }));
  }
}

// Which keys the key segments say that they hold.
struct KeysThere {
  bool has_body = false;
  bool has_set = false;

  [[nodiscard]] bool all() const { return has_body && has_set; }
};

KeysThere find_keys(const Journal& journal, const SnapshotState& snapshot, Gaps& gaps) {
  const State& state = journal.state();
  const SetState& set = snapshot.set;
  KeysThere out;
  for_each_key_group(journal, state.key_segments_of(snapshot), snapshot.sequence, gaps,
                     [&](const KeyGroup& group) {
                       out.has_body |= std::ranges::count(group.bodies, snapshot.taken.body) > 0;
                     });
  for_each_key_group(journal, state.key_segments_of_set(snapshot), set.sequence, gaps,
                     [&](const KeyGroup& group) {
                       out.has_set |= std::ranges::count(group.reference_sets, set.hash) > 0;
                     });
  return out;
}

// Why a snapshot that does not open does not.
Openness diagnose(const Journal& journal, const SnapshotState& snapshot) {
  Gaps gaps;
  if (!find_keys(journal, snapshot, gaps).all() && gaps.none()) return Openness::invalid;
  const auto look = [&](ObjectType type, const ObjectHash& hash) {
    gaps.read(
        [&] { static_cast<void>(get_hashed(journal.reader(), type, hash, journal.observer())); });
  };
  look(ObjectType::body, snapshot.taken.body);
  look(ObjectType::reference_set, snapshot.set.hash);
  if (gaps.is_damaged) return Openness::damaged;
  return gaps.is_absent ? Openness::absent : Openness::invalid;
}

// What a slot that may not open the body can tell of it: the key is there, and the bytes are whole.
void require_closed_body(const Journal& journal, const SnapshotState& snapshot) {
  const ObjectHash& body = snapshot.taken.body;
  static_cast<void>(get_hashed(journal.reader(), ObjectType::body, body, journal.observer()));
  Gaps gaps;
  if (find_keys(journal, snapshot, gaps).has_body) return;
  throw Error(Code::missing, concat("the key of ", body_path(body), " is missing"));
}

}  // namespace

void require_in_range(const State& state, const SnapshotState& snapshot, const ReferenceSet& set) {
  const bool is_in_range =
      (set.absolute.empty() || set.absolute.greatest() < state.next_number) &&
      (set.relative.empty() || set.relative.greatest() < snapshot.taken.numbers.count());
  if (!is_in_range) {
    throw Error(Code::corrupt, "its reference set names block numbers that no entry has reserved");
  }
}

SnapshotInspection inspect_snapshot(SnapshotOpener& opener,
                                    const ReadKeys* keys,
                                    const SnapshotState& snapshot) {
  const Journal& journal = opener.journal();
  // Then no object is read.
  if (journal.state().key_segments_of(snapshot).empty()) {
    return {Openness::invalid, "no key segment of the current epoch has its keys"};
  }
  bool has_body = false;
  const auto damage = damage_of([&] {
    if (keys != nullptr) {
      static_cast<void>(opener.body(*keys, snapshot));
    } else {
      require_closed_body(journal, snapshot);
    }
    has_body = true;
    require_in_range(journal.state(), snapshot, opener.reference_set(snapshot));
  });
  if (!damage) return {.has_body = true};
  return {diagnose(journal, snapshot), damage->text(), has_body};
}

SnapshotInspection inspect_snapshot(const Journal& journal,
                                    const ReadKeys* keys,
                                    const SnapshotState& snapshot) {
  SnapshotOpener opener(journal);
  return inspect_snapshot(opener, keys, snapshot);
}

KeyPresence find_index_key(const Journal& journal,
                           const SnapshotState& snapshot,
                           const ObjectHash& index_segment) {
  Gaps gaps;
  bool is_there = false;
  for_each_key_group(journal, journal.state().key_segments_of(snapshot), snapshot.sequence, gaps,
                     [&](const KeyGroup& group) {
                       is_there |= std::ranges::count(group.index_segments, index_segment,
                                                      &NamedKey::hash) > 0;
                     });
  if (is_there) return KeyPresence::there;
  return gaps.none() ? KeyPresence::nowhere : KeyPresence::unreadable;
}

bool is_given_up(const State& state,
                 const SnapshotState& snapshot,
                 const SnapshotInspection& inspection) {
  return inspection.openness == Openness::invalid && state.slots.at(snapshot.author).is_revoked;
}

std::string author_of(const State& state, const SnapshotState& snapshot) {
  const SlotState& slot = state.slots.at(snapshot.author);
  return concat(slot.introduction.name, " (", hex(snapshot.author).substr(0, 8),
                slot.is_revoked ? ", revoked)" : ")");
}

}  // namespace kist
