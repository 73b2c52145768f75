#include "engine/blocks/index_loader.h"

#include <algorithm>
#include <map>
#include <memory>

#include "engine/blocks/objects.h"
#include "engine/blocks/segment_numbering.h"
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
  const bool has_gone_on = failure->code() == Code::missing &&
                           journal.reader().size(journal_path(journal.state().next_sequence));
  if (!has_gone_on) throw Error(*failure);
  throw Error(Code::conflict,
              "a new epoch has begun meanwhile, and the keys are others; run the command again");
}

namespace {

// What the key segments of an entry say.
struct EntryKeys {
  std::map<ObjectHash, Key> segments;
  std::map<ObjectHash, ObjectHash> key_segment_of_pack;
};

// Once an epoch has ended, many entries share a key segment: the last one stays at hand.
class KeysOfEntries {
 public:
  explicit KeysOfEntries(const Journal& journal) : journal_(journal) {}

  EntryKeys of(const SnapshotState& snapshot) {
    const State& state = journal_.state();
    EntryKeys out;
    for (const ObjectHash& hash : state.key_segments_of(snapshot)) {
      const KeySegmentOuter& outer = open(hash);
      const auto place = outer.find(state.key_group_of(snapshot.sequence));
      if (!place) continue;
      const KeyGroup& group = outer.groups[*place];
      for (const NamedKey& key : group.index_segments) {
        out.segments.emplace(key.hash, Key::from(key.key));
      }
      for (const ObjectHash& pack : group.packs) {
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

// One segment, ready to load but for its numbers. Error{corrupt} when it does not count.
SegmentToLoad segment_to_load(const Journal& journal,
                              const Bytes& bytes,
                              const SnapshotState& snapshot,
                              const ObjectHash& hash,
                              const std::shared_ptr<const EntryKeys>& keys) {
  SegmentToLoad load;
  load.segment = open_index_segment(
      {bytes, hash}, journal.keyring().repository(), keys->segments.at(hash),
      {.slot = snapshot.author,
       .signing_key = journal.state().slots.at(snapshot.author).introduction.signing_key});
  load.key_segment_of = [keys](const ObjectHash& pack) -> std::optional<ObjectHash> {
    const auto found = keys->key_segment_of_pack.find(pack);
    if (found == keys->key_segment_of_pack.end()) return std::nullopt;
    return found->second;
  };
  return load;
}

// Some megabytes, so that a commit of the index loads many small entries.
constexpr std::size_t entries_at_a_time = 1'024;
constexpr std::uint64_t blocks_at_a_time = 64U << 10U;

// Loads the segments that snapshot entries introduce, in the journal's order. A segment that is not
// its author's to introduce counts as absent, for every client: its numbers are burnt. A damaged
// segment is absent for this machine alone, so the entry is noted as unloaded, to be tried again;
// that is noted before the entry counts as loaded.
class SnapshotLoader {
 public:
  SnapshotLoader(const Journal& journal, BlockIndex& index)
      : journal_(journal), index_(index), keys_(journal) {}

  void load(const SnapshotState& snapshot) {
    EntryToLoad entry{.sequence = snapshot.sequence};
    SegmentNumbering numbering(snapshot.taken.numbers);
    std::shared_ptr<const EntryKeys> keys;
    const bool has_keys =
        loads(snapshot, [&] { keys = std::make_shared<const EntryKeys>(keys_.of(snapshot)); });
    for (const SegmentIntroduction& introduction : snapshot.taken.segments) {
      if (!has_keys || !keys->segments.contains(introduction.index_segment)) continue;
      Bytes bytes;
      const bool is_whole = loads(
          snapshot, [&] { bytes = get_whole_index_segment(journal_, introduction.index_segment); });
      if (!is_whole) continue;
      passes_over_invalid(journal_.observer(), [&] {
        const ObjectHash& hash = introduction.index_segment;
        SegmentToLoad segment = segment_to_load(journal_, bytes, snapshot, hash, keys);
        const auto first = numbering.place(introduction.stream, segment.segment);
        if (!first) {
          throw Error(Code::corrupt, concat(index_segment_path(hash), " disagrees with its entry"));
        }
        segment.first_number = *first;
        entry.segments.push_back(std::move(segment));
      });
    }
    entry.is_all = entry.segments.size() == snapshot.taken.segments.size();
    for (const SegmentToLoad& segment : entry.segments) {
      pending_blocks_ += segment.segment.block_count();
    }
    pending_.push_back(std::move(entry));
    if (pending_.size() >= entries_at_a_time || pending_blocks_ >= blocks_at_a_time) finish();
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
  bool is_readable(const SnapshotState& snapshot) {
    return !damage_of([&] {
      const EntryKeys keys = keys_.of(snapshot);
      for (const SegmentIntroduction& introduction : snapshot.taken.segments) {
        if (!keys.segments.contains(introduction.index_segment)) continue;
        static_cast<void>(get_whole_index_segment(journal_, introduction.index_segment));
      }
    });
  }

 private:
  // Runs `work`; damage makes the entry an unloaded one. Whether there was none.
  template <typename Work>
  bool loads(const SnapshotState& snapshot, const Work& work) {
    const auto damage = damage_of(work);
    if (!damage) return true;
    journal_.observer().notice(concat(damage->text(), "; what it lists cannot be read"));
    index_.note_unloaded(snapshot.sequence);
    return false;
  }

  const Journal& journal_;
  BlockIndex& index_;
  KeysOfEntries keys_;
  std::vector<EntryToLoad> pending_;
  std::uint64_t pending_blocks_ = 0;
};

}  // namespace

BlockIndex& Blocks::index(Cancelling cancelling) {
  journal_.unlock_current();
  LocalDirectory& local = journal_.local();
  const auto is_ahead = [&] {
    return local.index().loaded_sequence() > journal_.state().next_sequence;
  };
  // Another process of this machine may have replayed more by now, and be in a later epoch.
  if (is_ahead()) journal_.replay();
  if (is_ahead()) local.reset_index();
  std::vector<SnapshotId> to_load;
  const std::uint64_t end = journal_.state().next_sequence;
  const std::uint64_t loaded = local.index().loaded_sequence();
  // Entries that introduce nothing do not move the index on; they are looked at once.
  const std::uint64_t first = loaded == loaded_ ? std::max(loaded, scanned_) : loaded;
  journal_.for_each_entry(first, [&](const ReplayedEntry& replayed) {
    if (replayed.entry.sequence >= end) return false;
    const auto* taken = std::get_if<SnapshotTaken>(&replayed.entry.act);
    if (taken != nullptr && !taken->segments.empty()) to_load.push_back(taken->snapshot);
    return true;
  });
  SnapshotLoader loader(journal_, local.index());
  for (const SnapshotId& id : to_load) {
    if (cancelling == Cancelling::yes) check_cancelled(journal_.observer());
    loader.load(journal_.state().snapshots.at(id));
  }
  loader.finish();
  loaded_ = local.index().loaded_sequence();
  scanned_ = end;
  return local.index();
}

BlockIndex& Blocks::complete_index() {
  BlockIndex& loaded = index();
  const std::set<std::uint64_t> unloaded = loaded.unloaded_entries();
  if (unloaded.empty()) return loaded;
  SnapshotLoader loader(journal_, loaded);
  for (const SnapshotPtr& snapshot : journal_.state().all_snapshots()) {
    check_cancelled(journal_.observer());
    if (!unloaded.contains(snapshot->sequence) || !loader.is_readable(*snapshot)) continue;
    journal_.local().reset_index();
    break;
  }
  return index();
}

}  // namespace kist
