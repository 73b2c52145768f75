#include "engine/blocks/index_loader.h"

#include <map>

#include "engine/blocks/objects.h"
#include "engine/format/names.h"
#include "engine/journal/replay.h"

namespace kist {

Bytes get_whole_index_segment(Repository& repository, const ObjectHash& name) {
  return get_hashed(repository.reader(), ObjectType::index_segment, name, repository.observer());
}

Bytes get_whole_key_segment(Repository& repository, const ObjectHash& name) {
  return get_hashed(repository.reader(), ObjectType::key_segment, name, repository.observer());
}

KeySegmentOuter open_key_segment(const Repository& repository, View bytes, const ObjectHash& name) {
  const State& state = repository.state();
  const std::optional<SlotId> author = state.key_segments.find(name);
  if (!author) {
    throw Error(Code::corrupt, concat(key_segment_name(name), " is of no entry of this epoch"));
  }
  return open_key_segment({bytes, name}, repository.keyring.repository(),
                          repository.keyring.index_key(),
                          {.slot = *author,
                           .signing_key = state.slots.at(*author).introduction.signing_key,
                           .epoch = state.epoch});
}

KeySegmentOuter get_key_segment(Repository& repository, const ObjectHash& name) {
  return open_key_segment(repository, get_whole_key_segment(repository, name), name);
}

namespace {

// What the key segments of an entry say.
struct EntryKeys {
  std::map<ObjectHash, Key> segments;
  std::map<ObjectHash, ObjectHash> key_segment_of_pack;
};

// Once an epoch has ended, the entries of a slot share theirs: the last ones stay at hand.
class KeysOfEntries {
 public:
  explicit KeysOfEntries(Repository& repository) : repository_(repository) {}

  std::shared_ptr<const EntryKeys> of(const SnapshotState& snapshot) {
    if (snapshot.key_segments.size() == 1) return of_segment(snapshot.key_segments.front());
    auto all = std::make_shared<EntryKeys>();
    for (const ObjectHash& name : snapshot.key_segments) {
      const std::shared_ptr<const EntryKeys> keys = of_segment(name);
      for (const SegmentIntroduction& introduction : snapshot.taken.segments) {
        const auto key = keys->segments.find(introduction.index_segment);
        if (key != keys->segments.end()) all->segments.emplace(key->first, key->second.clone());
      }
      all->key_segment_of_pack.insert(keys->key_segment_of_pack.begin(),
                                      keys->key_segment_of_pack.end());
    }
    return all;
  }

 private:
  std::shared_ptr<const EntryKeys> of_segment(const ObjectHash& name) {
    const auto found = recent_.find(name);
    if (found != recent_.end()) return found->second;
    const Bytes bytes = get_whole_key_segment(repository_, name);
    auto keys = std::make_shared<EntryKeys>();
    ignoring_junk(repository_.observer(), [&] {
      const KeySegmentOuter outer = open_key_segment(repository_, bytes, name);
      for (const NamedKey& key : outer.index_segments) {
        keys->segments.emplace(key.name, Key::from(key.key));
      }
      for (const ObjectHash& pack : outer.packs) {
        keys->key_segment_of_pack.emplace(pack, name);
      }
    });
    const std::size_t names = keys->segments.size() + keys->key_segment_of_pack.size();
    if (recent_.size() == recent_max || recent_names_ + names > recent_names_max) {
      recent_.clear();
      recent_names_ = 0;
    }
    recent_.emplace(name, keys);
    recent_names_ += names;
    return keys;
  }

  static constexpr std::size_t recent_max = 64;
  static constexpr std::size_t recent_names_max = 1U << 20U;

  Repository& repository_;
  std::map<ObjectHash, std::shared_ptr<const EntryKeys>> recent_;
  std::size_t recent_names_ = 0;
};

// One segment, ready to load. Error{corrupt} when it does not count.
SegmentToLoad segment_to_load(Repository& repository,
                              const Bytes& bytes,
                              const SnapshotState& snapshot,
                              const SegmentIntroduction& introduction,
                              const std::shared_ptr<const EntryKeys>& keys) {
  const std::string label = index_segment_name(introduction.index_segment);
  const auto key = keys->segments.find(introduction.index_segment);
  if (key == keys->segments.end()) throw Error(Code::corrupt, concat(label, " has no key"));
  SegmentToLoad load;
  load.segment = open_index_segment(
      {bytes, introduction.index_segment}, repository.keyring.repository(), key->second,
      {.slot = snapshot.author,
       .signing_key = repository.state().slots.at(snapshot.author).introduction.signing_key});
  if (load.segment.block_count() != introduction.block_count) {
    throw Error(Code::corrupt, concat(label, " disagrees with its entry"));
  }
  load.first_number = introduction.first_number;
  load.key_segment_of = [keys](const ObjectHash& pack) -> std::optional<ObjectHash> {
    const auto found = keys->key_segment_of_pack.find(pack);
    if (found == keys->key_segment_of_pack.end()) return std::nullopt;
    return found->second;
  };
  return load;
}

// Loads what one snapshot entry introduces. What is not the author's to introduce is as good as
// absent, for everybody: its numbers are burnt, the rest goes on. So does what is damaged, but here
// alone: that is noted as a gap.
class SnapshotLoader {
 public:
  explicit SnapshotLoader(Repository& repository) : repository_(repository), keys_(repository) {}

  void load(const SnapshotState& snapshot) {
    std::vector<SegmentToLoad> segments;
    std::shared_ptr<const EntryKeys> keys;
    const bool has_keys = attempt(snapshot, [&] { keys = keys_.of(snapshot); });
    for (const SegmentIntroduction& introduction : snapshot.taken.segments) {
      if (!has_keys || !keys->segments.contains(introduction.index_segment)) continue;
      Bytes bytes;
      const bool is_whole = attempt(snapshot, [&] {
        bytes = get_whole_index_segment(repository_, introduction.index_segment);
      });
      if (!is_whole) continue;
      ignoring_junk(repository_.observer(), [&] {
        segments.push_back(segment_to_load(repository_, bytes, snapshot, introduction, keys));
      });
    }
    const std::uint64_t refused = repository_.local->index().load(snapshot.sequence, segments);
    if (refused == 0) return;
    repository_.observer().notice(concat("journal entry ", snapshot.sequence, " claims ", refused,
                                         " packs that are not its own; they do not count"));
  }

  // Whether the store has, by now, all that would count of what the entry introduces.
  bool is_readable(const SnapshotState& snapshot) {
    try {
      const std::shared_ptr<const EntryKeys> keys = keys_.of(snapshot);
      for (const SegmentIntroduction& introduction : snapshot.taken.segments) {
        if (!keys->segments.contains(introduction.index_segment)) continue;
        static_cast<void>(get_whole_index_segment(repository_, introduction.index_segment));
      }
      return true;
    } catch (const Error& error) {
      if (!is_damage(error)) throw;
      return false;
    }
  }

 private:
  template <typename Work>
  bool attempt(const SnapshotState& snapshot, const Work& work) {
    try {
      work();
      return true;
    } catch (const Error& error) {
      if (!is_damage(error)) throw;
      repository_.observer().notice(concat(error.text(), "; what it lists cannot be read"));
      repository_.local->index().note_gap(snapshot.sequence);
      return false;
    }
  }

  Repository& repository_;
  KeysOfEntries keys_;
};

}  // namespace

void sync_index(Repository& repository, Cancelling cancelling) {
  const auto is_ahead = [&] {
    return repository.local->index().loaded_sequence() > repository.state().next_sequence;
  };
  // Another process of this machine may have replayed more by now, and be in a later epoch.
  if (is_ahead()) sync_journal(repository);
  if (is_ahead()) repository.local->reset_index();
  const std::uint64_t first = repository.local->index().loaded_sequence();
  std::vector<SnapshotId> to_load;
  const std::uint64_t end = repository.state().next_sequence;
  repository.local->catalog().for_each(first, [&](const ReplayedEntry& replayed) {
    if (replayed.entry.sequence >= end) return false;
    const auto* taken = std::get_if<SnapshotTaken>(&replayed.entry.act);
    if (taken != nullptr && !taken->segments.empty()) to_load.push_back(taken->snapshot);
    return true;
  });
  SnapshotLoader loader(repository);
  for (const SnapshotId& id : to_load) {
    if (cancelling == Cancelling::yes) check_cancelled(repository.observer());
    loader.load(repository.state().snapshots.at(id));
  }
}

void sync_whole_index(Repository& repository) {
  sync_index(repository);
  const std::set<std::uint64_t> gaps = repository.local->index().gaps();
  if (gaps.empty()) return;
  SnapshotLoader loader(repository);
  for (const SnapshotPtr& snapshot : repository.state().all_snapshots()) {
    check_cancelled(repository.observer());
    if (!gaps.contains(snapshot->sequence) || !loader.is_readable(*snapshot)) continue;
    repository.local->reset_index();
    return sync_index(repository);
  }
}

}  // namespace kist
