#include "engine/blocks/index_loader.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "engine/blocks/objects.h"
#include "engine/blocks/segment_numbering.h"
#include "engine/crypto/hash.h"
#include "engine/format/names.h"

namespace kist {

Bytes get_whole_index_segment(const Journal& journal, const ObjectHash& hash) {
  return get_hashed(journal.reader(), ObjectType::index_segment, hash, journal.observer());
}

Bytes get_whole_key_segment(const Journal& journal, const ObjectHash& hash) {
  return get_hashed(journal.reader(), ObjectType::key_segment, hash, journal.observer());
}

KeySegmentOuter open_key_segment(const Journal& journal, View bytes, const ObjectHash& hash) {
  const State& state = journal.state();
  const std::optional<SlotId> author = state.key_segments.find(hash);
  if (!author) {
    throw Error(Code::corrupt, concat(key_segment_path(hash), " is of no entry of this epoch"));
  }
  return open_key_segment({bytes, hash}, journal.keyring().repository(), journal.index_key(),
                          {.slot = *author,
                           .signing_key = state.slots.at(*author).introduction.signing_key,
                           .epoch = state.epoch});
}

KeySegmentOuter get_key_segment(const Journal& journal, const ObjectHash& hash) {
  return open_key_segment(journal, get_whole_key_segment(journal, hash), hash);
}

KeySegmentOuter get_current_key_segment(const Journal& journal, const ObjectHash& hash) {
  KeySegmentOuter out;
  const auto failure = failure_of([&] { out = get_key_segment(journal, hash); });
  if (!failure) return out;
  journal.rethrow(*failure);
}

namespace {

// What the key segments of an entry say.
struct EntryKeys {
  std::map<ObjectHash, Key> segments;
  std::vector<KeyedPack> packs;  // in their order
  std::map<ObjectHash, ObjectHash> key_segment_of_pack;
};

// An entry that introduces index segments, retires them, or removes objects.
struct IndexEntry {
  std::uint64_t sequence = 0;
  SlotId author;
  std::vector<ObjectHash> key_segments;
  const SnapshotTaken* taken = nullptr;  // of a snapshot
  std::vector<ObjectHash> rewritten;     // segments, of a reindex
  std::vector<ObjectHash> retired;       // segments
  std::vector<ObjectHash> ended;         // names of objects
  std::vector<SnapshotId> forgotten;

  // Those that it introduces.
  [[nodiscard]] std::vector<ObjectHash> segments() const {
    std::vector<ObjectHash> out = rewritten;
    if (taken == nullptr) return out;
    for (const SegmentIntroduction& introduction : taken->segments) {
      out.push_back(introduction.index_segment);
    }
    return out;
  }

  [[nodiscard]] bool introduces() const { return !segments().empty(); }

  [[nodiscard]] bool is_due() const {
    return !retired.empty() || !ended.empty() || !forgotten.empty() || introduces();
  }
};

// What of an entry concerns the index, as long as `entry` lives.
IndexEntry index_entry_of(const JournalEntry& entry) {
  IndexEntry out{.sequence = entry.sequence, .author = entry.author};
  if (const auto* taken = std::get_if<SnapshotTaken>(&entry.act)) {
    out.taken = taken;
    out.key_segments = taken->key_segments;
  } else if (const auto* reindexed = std::get_if<Reindexed>(&entry.act)) {
    out.key_segments = reindexed->key_segments;
    out.rewritten = reindexed->segments;
    for (const ReplacedSegment& segment : reindexed->replaced) {
      out.retired.push_back(segment.hash);
    }
  } else if (const auto* given_up = std::get_if<SegmentsGivenUp>(&entry.act)) {
    out.retired = given_up->segments;
  } else if (const auto* epoch = std::get_if<EpochEnded>(&entry.act)) {
    for (const ReplacedSegment& segment : epoch->ended.segments) {
      out.retired.push_back(segment.hash);
    }
    out.ended = epoch->ended.names;
    out.forgotten = epoch->ended.forgotten;
  }
  return out;
}

JournalEntry entry_of(const Journal& journal, std::uint64_t sequence) {
  JournalEntry out;
  journal.for_each_entry(sequence, [&](const ReplayedEntry& replayed) {
    out = replayed.entry;
    return false;
  });
  return out;
}

// Once an epoch has ended, many entries share a key segment: the last one stays at hand.
class KeysOfEntries {
 public:
  explicit KeysOfEntries(const Journal& journal) : journal_(journal) {}

  // `own` are the key segments that the entry itself names.
  EntryKeys of(std::uint64_t sequence, const std::vector<ObjectHash>& own) {
    const State& state = journal_.state();
    EntryKeys out;
    for (const ObjectHash& hash : state.key_segments_of(sequence, own)) {
      const KeySegmentOuter& outer = open(hash);
      const auto place = outer.find(state.key_group_of(sequence));
      if (!place) continue;
      const KeyGroup& group = outer.groups[*place];
      for (const NamedKey& key : group.index_segments) {
        out.segments.emplace(key.hash, Key::from(key.key));
      }
      for (const ObjectHash& pack : group.packs) {
        out.packs.push_back({pack, hash});
        out.key_segment_of_pack.emplace(pack, hash);
      }
    }
    return out;
  }

 private:
  const KeySegmentOuter& open(const ObjectHash& hash) {
    if (hash == recent_hash_) return recent_;
    const Bytes bytes = get_whole_key_segment(journal_, hash);
    KeySegmentOuter outer;
    passes_over_invalid(journal_.observer(),
                        [&] { outer = open_key_segment(journal_, bytes, hash); });
    recent_ = std::move(outer);
    recent_hash_ = hash;
    return recent_;
  }

  const Journal& journal_;
  ObjectHash recent_hash_;
  KeySegmentOuter recent_;
};

std::optional<ObjectHash> key_segment_in(const EntryKeys& keys, const ObjectHash& pack) {
  const auto found = keys.key_segment_of_pack.find(pack);
  if (found == keys.key_segment_of_pack.end()) return std::nullopt;
  return found->second;
}

const SigningPublicKey& signing_key_of(const Journal& journal, const SlotId& slot) {
  return journal.state().slots.at(slot).introduction.signing_key;
}

// Some megabytes, so that a commit of the index loads many small entries.
constexpr std::size_t entries_at_a_time = 1'024;
constexpr std::uint64_t blocks_at_a_time = 64U << 10U;

// Loads the segments that entries introduce, in the journal's order, and takes out those that they
// retire. A segment that is not its author's to introduce counts as absent, for every client: its
// numbers are burnt. A damaged segment is absent for this machine alone, so the entry is noted as
// unloaded, to be tried again; that is noted before the entry counts as loaded.
class EntryLoader {
 public:
  EntryLoader(const Journal& journal, BlockIndex& index, bool may_follow)
      : journal_(journal), index_(index), may_follow_(may_follow), keys_(journal) {}

  void load(const IndexEntry& entry) {
    EntryToLoad out{.sequence = entry.sequence,
                    .retired = {entry.retired.begin(), entry.retired.end()},
                    .ended = entry.ended};
    for (const SnapshotId& snapshot : entry.forgotten) {
      out.forgotten.push_back({snapshot, journal_.state().snapshots.at(snapshot).set.hash});
    }
    std::shared_ptr<const EntryKeys> keys;
    const bool has_keys =
        entry.introduces() && loads(entry.sequence, ObjectHash{}, [&] {
          keys = std::make_shared<const EntryKeys>(keys_.of(entry.sequence, entry.key_segments));
        });
    if (has_keys && entry.taken != nullptr) load_introduced(entry, keys, out);
    if (has_keys) load_rewritten(entry, keys, out);
    add(std::move(out));
    if (!entry.ended.empty()) finish();  // what entries behind it introduce is asked for there
  }

  // Nothing is loaded for good before.
  void finish() {
    if (pending_.empty()) return;
    const std::vector<std::uint64_t> refused = index_.load_all(pending_);
    for (std::size_t i = 0; i < refused.size(); ++i) {
      if (refused[i] == 0) continue;
      journal_.observer().notice(concat("journal entry ", pending_[i].sequence, " claims ",
                                        refused[i],
                                        " packs that are not its own; they do not count"));
    }
    pending_.clear();
    pending_blocks_ = 0;
  }

  // Whether the store has, by now, all that would count of what the entry introduces.
  bool is_readable(const IndexEntry& entry) {
    return !damage_of([&] {
      const EntryKeys keys = keys_.of(entry.sequence, entry.key_segments);
      for (const ObjectHash& hash : entry.segments()) {
        const auto key = keys.segments.find(hash);
        if (key == keys.segments.end() || !is_current(hash) || index_.has_ended(hash)) continue;
        const Bytes bytes = get_whole_index_segment(journal_, hash);
        if (entry.taken == nullptr) read_keys_of_packs(entry, hash, bytes, key->second);
      }
    });
  }

 private:
  // Of a rewritten segment the keys lie with other entries.
  void read_keys_of_packs(const IndexEntry& entry,
                          const ObjectHash& hash,
                          const Bytes& bytes,
                          const Key& key) {
    IndexSegment segment;
    const bool counts = passes_over_invalid(journal_.observer(), [&] {
      segment = open_index_segment(
          {bytes, hash}, journal_.keyring().repository(), key,
          {.slot = entry.author, .signing_key = signing_key_of(journal_, entry.author)});
    });
    std::set<std::uint64_t> seen;
    for (const IndexedPack& pack : segment.packs) {
      if (!counts || !is_born_before(pack, entry) || !seen.insert(pack.born).second) continue;
      const JournalEntry born = entry_of(journal_, pack.born);
      static_cast<void>(keys_.of(pack.born, index_entry_of(born).key_segments));
    }
  }

  static bool is_born_before(const IndexedPack& pack, const IndexEntry& entry) {
    return pack.born != 0 && pack.born < entry.sequence;
  }

  [[nodiscard]] bool is_current(const ObjectHash& segment) const {
    const std::optional<SegmentState> known = journal_.state().segments.find(segment);
    return known && known->is_current;
  }

  // One segment, if it is current, can be read, and counts, which `place` says: its numbers are
  // noted there. False where the entry lists it in vain.
  template <typename Place>
  bool load_segment(const IndexEntry& entry,
                    const EntryKeys& keys,
                    const ObjectHash& hash,
                    const Place& place,
                    EntryToLoad& out) {
    const auto key = keys.segments.find(hash);
    if (key == keys.segments.end() || !is_current(hash) || index_.has_ended(hash)) return false;
    Bytes bytes;
    const bool is_whole =
        loads(entry.sequence, hash, [&] { bytes = get_whole_index_segment(journal_, hash); });
    if (!is_whole) return false;
    return passes_over_invalid(journal_.observer(), [&] {
      SegmentToLoad segment{.hash = hash};
      segment.segment = open_index_segment(
          {bytes, hash}, journal_.keyring().repository(), key->second,
          {.slot = entry.author, .signing_key = signing_key_of(journal_, entry.author)});
      if (!place(segment)) {
        throw Error(Code::corrupt, concat(index_segment_path(hash), " disagrees with its entry"));
      }
      out.segments.push_back(std::move(segment));
    });
  }

  void load_introduced(const IndexEntry& entry,
                       const std::shared_ptr<const EntryKeys>& keys,
                       EntryToLoad& out) {
    SegmentNumbering numbering(entry.taken->numbers);
    for (const SegmentIntroduction& introduction : entry.taken->segments) {
      const auto known = journal_.state().segments.find(introduction.index_segment);
      if (known && !known->is_current) {
        numbering.skip(introduction.stream, known->first_ordinal, known->count);
      }
      const auto place = [&](SegmentToLoad& segment) {
        const auto first = numbering.place(introduction.stream, segment.segment);
        segment.first_number = first.value_or(0);
        segment.key_segment_of = [keys](const IndexedPack& pack) {
          return key_segment_in(*keys, pack.hash);
        };
        return first.has_value();
      };
      out.is_all &= load_segment(entry, *keys, introduction.index_segment, place, out);
    }
  }

  // The keys of its packs are those of the entries that have introduced these.
  void load_rewritten(const IndexEntry& entry,
                      const std::shared_ptr<const EntryKeys>& keys,
                      EntryToLoad& out) {
    for (const ObjectHash& hash : entry.rewritten) {
      const auto place = [&](SegmentToLoad& segment) {
        if (!segment.segment.has_numbers) return false;
        const auto owners = keys_of_packs(entry, hash, segment.segment);
        segment.key_segment_of = [owners,
                                  keys](const IndexedPack& pack) -> std::optional<ObjectHash> {
          if (pack.born == 0) return key_segment_in(*keys, pack.hash);
          const auto owner = owners->find(pack.born);
          if (owner == owners->end()) return std::nullopt;
          return key_segment_in(owner->second, pack.hash);
        };
        return true;
      };
      load_segment(entry, *keys, hash, place, out);
    }
  }

  using KeysByEntry = std::map<std::uint64_t, EntryKeys>;

  std::shared_ptr<const KeysByEntry> keys_of_packs(const IndexEntry& entry,
                                                   const ObjectHash& hash,
                                                   const IndexSegment& segment) {
    auto out = std::make_shared<KeysByEntry>();
    for (const IndexedPack& pack : segment.packs) {
      if (!is_born_before(pack, entry) || out->contains(pack.born)) continue;
      loads(entry.sequence, hash, [&] {
        const JournalEntry born = entry_of(journal_, pack.born);
        out->emplace(pack.born, keys_.of(pack.born, index_entry_of(born).key_segments));
      });
    }
    return out;
  }

  void add(EntryToLoad entry) {
    for (const SegmentToLoad& segment : entry.segments) {
      pending_blocks_ += segment.segment.block_count();
    }
    pending_.push_back(std::move(entry));
    if (pending_.size() >= entries_at_a_time || pending_blocks_ >= blocks_at_a_time) finish();
  }

  // Runs `work`, which reads the index segment of that name, or key segments where it is zero;
  // damage makes the entry an unloaded one. Whether there was none. Error{conflict} where what is
  // missing may have been replaced.
  template <typename Work>
  bool loads(std::uint64_t sequence, const ObjectHash& segment, const Work& work) {
    const auto damage = damage_of(work);
    if (!damage) return true;
    if (may_follow_) {
      const auto judged = failure_of([&] { journal_.rethrow(*damage); });
      if (judged->code() == Code::conflict) throw Error(*judged);
    }
    journal_.observer().notice(concat(damage->text(), "; what it lists cannot be read"));
    ObjectHash object = segment;
    if (object == ObjectHash{}) object = hash_object(to_big_endian(sequence));
    index_.note_unloaded({sequence, object});
    return false;
  }

  const Journal& journal_;
  BlockIndex& index_;
  const bool may_follow_;  // the journal, if it has gone on
  KeysOfEntries keys_;
  std::vector<EntryToLoad> pending_;
  std::uint64_t pending_blocks_ = 0;
};

}  // namespace

IndexSegment get_index_segment(const Journal& journal, const ObjectHash& hash) {
  const std::optional<SegmentState> segment = journal.state().segments.find(hash);
  const std::string path = index_segment_path(hash);
  if (!segment) throw Error(Code::missing, concat(path, " is of no journal entry"));
  const JournalEntry entry = entry_of(journal, segment->sequence);
  const EntryKeys keys =
      KeysOfEntries(journal).of(segment->sequence, index_entry_of(entry).key_segments);
  const auto key = keys.segments.find(hash);
  if (key == keys.segments.end()) throw Error(Code::missing, concat(path, " has no key"));
  const Bytes bytes = get_whole_index_segment(journal, hash);
  return open_index_segment(
      {bytes, hash}, journal.keyring().repository(), key->second,
      {.slot = segment->author, .signing_key = signing_key_of(journal, segment->author)});
}

std::vector<KeyedPack> keyed_packs(const Journal& journal, std::uint64_t sequence) {
  const JournalEntry entry = entry_of(journal, sequence);
  return KeysOfEntries(journal).of(sequence, index_entry_of(entry).key_segments).packs;
}

BlockIndex& Blocks::index(Cancelling cancelling) {
  int tries = 0;
  keep_up([&] { journal_.replay(); }, [&] { load(cancelling, ++tries < keep_up_tries); });
  return journal_.local().index();
}

void Blocks::load(Cancelling cancelling, bool may_follow) {
  journal_.unlock_current();
  LocalDirectory& local = journal_.local();
  const auto is_ahead = [&] {
    return local.index().loaded_sequence() > journal_.state().next_sequence;
  };
  // Another process of this machine may have replayed more by now, and be in a later epoch.
  if (is_ahead()) journal_.replay();
  if (is_ahead()) local.reset_index();
  std::vector<std::uint64_t> to_load;
  std::optional<std::set<ObjectHash>> gives_up;
  const std::uint64_t end = journal_.state().next_sequence;
  const std::uint64_t loaded = local.index().loaded_sequence();
  // Entries that concern the index not at all do not move it on; they are looked at once.
  const std::uint64_t first = loaded == loaded_ ? std::max(loaded, scanned_) : loaded;
  journal_.for_each_entry(first, [&](const ReplayedEntry& replayed) {
    if (replayed.entry.sequence >= end) return false;
    const bool counts = replayed.void_reason.empty();
    if (counts && index_entry_of(replayed.entry).is_due()) {
      to_load.push_back(replayed.entry.sequence);
    }
    const auto* given_up = std::get_if<SegmentsGivenUp>(&replayed.entry.act);
    if (counts && given_up != nullptr) {
      if (!gives_up) gives_up.emplace();
      gives_up->insert(given_up->segments.begin(), given_up->segments.end());
    }
    return true;
  });
  // What a segment listed that was given up others may have claimed since, and siblings of it may
  // count by now.
  if (gives_up && local.index().lists_any_of(*gives_up)) {
    local.reset_index();
    return load(cancelling, may_follow);
  }
  EntryLoader loader(journal_, local.index(), may_follow);
  for (const std::uint64_t sequence : to_load) {
    if (cancelling == Cancelling::yes) check_cancelled(journal_.observer());
    const JournalEntry entry = entry_of(journal_, sequence);
    loader.load(index_entry_of(entry));
  }
  loader.finish();
  loaded_ = local.index().loaded_sequence();
  scanned_ = end;
}

BlockIndex& Blocks::complete_index() {
  BlockIndex& loaded = index();
  EntryLoader loader(journal_, loaded, false);
  for (const std::uint64_t sequence : loaded.unloaded_entries()) {
    check_cancelled(journal_.observer());
    const JournalEntry entry = entry_of(journal_, sequence);
    if (!loader.is_readable(index_entry_of(entry))) continue;
    journal_.local().reset_index();
    break;
  }
  return index();
}

}  // namespace kist
