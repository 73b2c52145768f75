// The keys of everything stored, carried over into an epoch that is about to begin. What an entry
// had no right to say of others' packs, segments, bodies or sets is left behind: only the word of
// whoever introduced a thing first goes on. A segment of the new epoch holds the keys of one
// author's entries, or one could from then on speak for what another has introduced.
// docs/format.md, "Epochs".
#pragma once

#include <map>
#include <set>
#include <vector>

#include "engine/blocks/objects.h"
#include "engine/format/index.h"
#include "engine/keys/repository.h"

namespace kist {

// The secrets of one attempt to begin an epoch: another one draws others.
struct NewEpoch {
  ObjectOrigin origin;
  std::uint64_t begun = 0;  // the sequence that its entry is to have
  Key journal_key;
  Key index_key;
  Key secret;
};

NewEpoch draw_epoch(Repository& repository);

// Throws Error{corrupt} unless the store gives back, both copies, what was put.
void require_stored(Repository& repository, const std::string& name, View bytes);

class KeyCarrier {
 public:
  // Keys of the index segments `abandoned` are left behind.
  KeyCarrier(Repository& repository,
             const ReadKeys& keys,
             const NewEpoch& epoch,
             std::set<ObjectHash> abandoned)
      : repository_(repository),
        keys_(keys),
        epoch_(epoch),
        abandoned_(std::move(abandoned)),
        merges_(repository.local->index().gaps().empty()),
        index_(repository.local->index()) {
    find_false_claims();
  }

  // Key segments of which no copy is whole, ascending. What only they open cannot be carried on.
  [[nodiscard]] std::vector<ObjectHash> find_damaged() const;
  // Writes the new key segments, reads them back and opens them by the new secrets alone.
  void carry_all();
  // Throws Error{corrupt} unless every pack that counts has its key in the new epoch, but for those
  // of dropped segments.
  void require_complete() const;

  std::vector<CarriedSegment> carried;
  std::vector<ObjectHash> dropped;  // ascending: nothing, or nothing any more, that opens
  std::vector<ObjectHash> unread;   // ascending: those of them of which no copy was whole

 private:
  // A key segment, and the snapshots whose entries it holds keys for: all of one author.
  struct Referred {
    ObjectHash name;
    std::vector<SnapshotPtr> snapshots;
  };

  // A key segment with both parts open.
  struct OpenSegment {
    KeySegmentOuter outer;  // without its box
    KeySegmentInner inner;
  };

  struct Pending {
    OpenSegment open;
    std::vector<ObjectHash> replaces;
    std::size_t size = 0;
  };

  void find_false_claims();
  [[nodiscard]] bool merges(const SlotId& author) const;
  [[nodiscard]] std::vector<Referred> in_order() const;
  void carry(const Referred& segment);
  void add(const Referred& segment, const OpenSegment& all);
  [[nodiscard]] OpenSegment entitled(const OpenSegment& all, const Referred& segment) const;
  void flush(Pending& pending);
  ObjectHash write(const OpenSegment& open);
  void require_opens(const SealedObject& object, const OpenSegment& meant) const;

  Repository& repository_;
  const ReadKeys& keys_;
  const NewEpoch& epoch_;
  const std::set<ObjectHash> abandoned_;
  // Where the index cannot tell whose packs are whose, each segment is carried on as it is, alone:
  // then it says for whom it speaks what it said before.
  bool merges_;
  // Whose entries have claimed packs to no effect: their segments go on alone, too, or a claim
  // without a key could come by one that another entry has.
  std::set<SlotId> apart_;
  BlockIndex::Reader index_;
  std::map<SlotId, Pending> pending_;
  std::set<ObjectHash> packs_;
};

}  // namespace kist
