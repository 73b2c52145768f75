// Re-seals every stored key to the secrets of a new epoch, entry by entry, in the journal's order.
// A key is carried on only by the entry that introduced its object; what else an entry's key
// segments hold is left behind. The new key segments keep a group of keys for each entry, so nobody
// comes by the keys of another one. docs/format.md, "Epochs".
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "engine/blocks/objects.h"
#include "engine/format/index.h"
#include "engine/ops/epoch/new_epoch.h"

namespace kist {

// An object that entries of one author name.
struct AuthoredObject {
  SlotId author;
  ObjectHash hash;
  auto operator<=>(const AuthoredObject&) const = default;  // NOLINT(modernize-use-nullptr)
};

class KeyRewriter {
 public:
  // Keys of the objects `abandoned` are left behind: of index segments, bodies and reference sets.
  // Only that author's keys are: somebody else may hold one for the same object. Of `unloaded`
  // entries an index segment cannot be read: whose packs are theirs is not known.
  KeyRewriter(const Repository& repository,
              const ReadKeys& keys,
              const NewEpoch& epoch,
              std::set<AuthoredObject> abandoned,
              std::set<std::uint64_t> unloaded)
      : repository_(repository),
        keys_(keys),
        epoch_(epoch),
        abandoned_(std::move(abandoned)),
        unloaded_(with_changed(repository.state(), std::move(unloaded))) {}

  // The keys of what ends with the epoch are left behind. Before anything is carried.
  void leave_behind(const EndedContent& ended);

  // Key segments of which no copy is whole, ascending. What only they open cannot be carried on.
  [[nodiscard]] std::vector<ObjectHash> find_damaged() const;

  // What carry_to() would do with each current key segment, as far as reading alone tells. Writes
  // nothing. Both ascending.
  struct Forecast {
    std::vector<ObjectHash> carried;
    std::vector<ObjectHash> dropped;
  };

  [[nodiscard]] Forecast foresee() const;
  // Writes the new key segments for the entries before `end` that have none yet, reads them back
  // and opens them by the new secrets alone. `index` has loaded those entries.
  void carry_to(std::uint64_t end, BlockIndex& index);

  // The entries before that number were carried.
  [[nodiscard]] std::uint64_t carried_to() const { return carried_to_; }

  // Throws Error{corrupt} unless every pack that counts has its key in the new epoch, but for those
  // of entries that have lost a key segment.
  void require_complete(BlockIndex& index) const;

  // What the entry of the new epoch is to say.
  std::vector<KeyRange> ranges;
  // The key segments of which no copy was whole, ascending. The entry says how many.
  std::vector<ObjectHash> dropped;

 private:
  // And, if a segment that has replaced others is among what could not be read, the entries of
  // those.
  static std::set<std::uint64_t> with_changed(const State& state, std::set<std::uint64_t> unloaded);

  // An entry that has introduced something.
  struct Introduction {
    std::uint64_t sequence = 0;
    SlotId author;
    std::vector<ObjectHash> key_segments;
    std::set<ObjectHash> due;  // objects of which the keys are to be carried on; packs apart
    SnapshotId snapshot;       // zero: it is none
  };

  [[nodiscard]] std::optional<Introduction> introduction_of(const ReplayedEntry& replayed) const;
  [[nodiscard]] bool is_current_set(const SnapshotId& snapshot, const ObjectHash& set) const;

  // The keys of an entry, or of several of them: groups.
  struct Keys {
    std::vector<KeyGroup> names;
    std::vector<std::vector<KeyBytes>> sets;
    std::vector<InnerKeyGroup> secrets;
    std::set<ObjectHash> packs;  // of one entry: each once
    std::size_t pack_count = 0;
    std::size_t size = 0;  // about what they take, encoded
  };

  // A key segment of the epoch that ends, open.
  struct OpenSegment {
    ObjectHash name;
    bool is_whole = false;
    OpenKeySegment parts;  // no group of it where its author wrote nonsense
  };

  [[nodiscard]] std::optional<Bytes> get_if_whole(const ObjectHash& name) const;
  [[nodiscard]] bool open(View bytes, OpenSegment& out) const;
  [[nodiscard]] bool is_of_range(const ObjectHash& name) const;
  const OpenSegment& open_segment(const ObjectHash& name);
  void carry(const Introduction& entry);
  void take(const Introduction& entry, const OpenSegment& segment, Keys& keys);
  void take_group(const Introduction& entry,
                  const OpenKeySegment& parts,
                  std::size_t place,
                  Keys& keys);
  void seal_to_author(const Introduction& entry, Keys& keys) const;
  [[nodiscard]] bool is_forgotten(const SnapshotId& snapshot) const;
  [[nodiscard]] bool ends(const ObjectHash& pack) const;
  [[nodiscard]] bool is_introduced_by(const Introduction& entry, const ObjectHash& pack) const;
  static void merge_group(const Keys& from, std::size_t place, Keys& to);
  static OpenKeySegment parts_of(Keys keys);
  void add(const Introduction& entry, const Keys& keys);
  void add_large(const Introduction& entry, const Keys& keys);
  void flush(std::uint64_t last);
  ObjectHash write(const OpenKeySegment& parts);
  void require_opens(const SealedObject& object, const OpenKeySegment& meant) const;

  const Repository& repository_;
  const ReadKeys keys_;
  const NewEpoch& epoch_;
  const std::set<AuthoredObject> abandoned_;
  const std::set<std::uint64_t> unloaded_;
  std::set<ObjectHash> ended_;               // index segments, with their packs
  std::set<SnapshotId> forgotten_;           // with body and set
  std::optional<BlockIndex::Reader> index_;  // while keys are carried
  OpenSegment recent_;                       // the key segment that was opened last
  Keys pending_;
  std::uint64_t carried_to_ = 0;
  std::uint64_t carried_packs_ = 0;    // by the entries that the index says they are of
  std::set<std::uint64_t> lost_from_;  // entries that have lost a key segment
};

}  // namespace kist
