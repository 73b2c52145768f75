// Re-seals every stored key to the secrets of a new epoch. A key is carried only from the entry
// that introduced its object first; keys of objects that others introduced are left behind, so that
// their claims do not outlive the epoch. The new key segments hold keys of one author each: if two
// authors shared one, a false claim of the second could be opened by the first one's key.
// docs/format.md, "Epochs".
#pragma once

#include <map>
#include <set>
#include <vector>

#include "engine/blocks/objects.h"
#include "engine/format/index.h"
#include "engine/repository/repository.h"

namespace kist {

// The secrets of one attempt to begin an epoch: another one draws others.
struct NewEpoch {
  ObjectOrigin origin;
  std::uint64_t begun = 0;  // the sequence that its entry is to have
  Key journal_key;
  Key index_key;
  Key secret;
};

NewEpoch draw_epoch(const Repository& repository);

// Throws Error{corrupt} unless the store gives back, both copies, what was put.
void require_stored(const Repository& repository, const std::string& name, View bytes);

// An object that entries of one author name.
struct AuthoredObject {
  SlotId author;
  ObjectHash hash;
  auto operator<=>(const AuthoredObject&) const = default;  // NOLINT(modernize-use-nullptr)
};

class KeyRewriter {
 public:
  // Keys of the objects `abandoned` are left behind: of index segments, bodies and reference sets.
  // Only that author's keys are: somebody else may hold one for the same object.
  KeyRewriter(const Repository& repository,
              BlockIndex& index,
              const ReadKeys& keys,
              const NewEpoch& epoch,
              std::set<AuthoredObject> abandoned)
      : repository_(repository),
        keys_(keys),
        epoch_(epoch),
        abandoned_(std::move(abandoned)),
        may_merge_(index.unloaded_entries().empty()),
        index_(index) {
    find_false_claims(index.false_claims());
  }

  // Key segments of which no copy is whole, ascending. What only they open cannot be carried on.
  [[nodiscard]] std::vector<ObjectHash> find_damaged() const;

  // What carry_all() would do with each current key segment, as far as reading alone tells. Writes
  // nothing. Both ascending.
  struct Forecast {
    std::vector<ObjectHash> carried;
    std::vector<ObjectHash> dropped;
  };

  [[nodiscard]] Forecast foresee() const;
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

  void find_false_claims(const std::set<std::uint64_t>& entries);
  [[nodiscard]] bool merges(const SlotId& author) const;
  [[nodiscard]] std::vector<Referred> in_order() const;
  [[nodiscard]] std::optional<OpenSegment> open_if_valid(View bytes, const ObjectHash& name) const;
  void carry(const Referred& segment);
  void add(const Referred& segment, const OpenSegment& all);
  void leave_behind_abandoned(const SlotId& author, OpenSegment& kept) const;
  [[nodiscard]] OpenSegment entitled(const OpenSegment& all, const Referred& segment) const;
  void flush(Pending& pending);
  ObjectHash write(const OpenSegment& open);
  void require_opens(const SealedObject& object, const OpenSegment& meant) const;

  const Repository& repository_;
  const ReadKeys& keys_;
  const NewEpoch& epoch_;
  const std::set<AuthoredObject> abandoned_;
  // False while some index segment is unreadable: ownership of packs is then unknown, and segments
  // must be carried one by one.
  bool may_merge_;
  // Authors with a false claim: their segments are never merged, or the claim would find a key that
  // another entry has.
  std::set<SlotId> unmerged_authors_;
  BlockIndex::Reader index_;
  std::map<SlotId, Pending> pending_;
  std::set<ObjectHash> packs_;
};

}  // namespace kist
