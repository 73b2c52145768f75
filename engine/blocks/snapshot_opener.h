// The way from a snapshot to its body and its reference set, by the keys that its entry came with.
// After an epoch's end thousands of snapshots have their keys in one key segment, or, where their
// sets were replaced, in two: so the two that were opened last are kept. docs/format.md, "Key
// segments".
#pragma once

#include <array>
#include <optional>

#include "engine/format/index.h"
#include "engine/format/snapshot.h"
#include "engine/journal/journal.h"
#include "engine/keys/rights.h"

namespace kist {

// Belongs to one thread. What it opens is of the epoch that the journal has followed to.
class SnapshotOpener {
 public:
  // `journal` outlives the opener.
  explicit SnapshotOpener(const Journal& journal) : journal_(journal) {}

  [[nodiscard]] const Journal& journal() const { return journal_; }

  // Error{missing} where the key or the body is in no copy; Error{conflict} as of
  // Journal::rethrow().
  SnapshotBody body(const ReadKeys& keys, const SnapshotState& snapshot);
  // Error{refused} for a set that this slot may not open.
  ReferenceSet reference_set(const SnapshotState& snapshot);

 private:
  struct Segment {
    ObjectHash name;
    KeySegmentOuter outer;
    std::optional<KeySegmentSets> sets;    // once they were asked for
    std::optional<KeySegmentInner> inner;  // likewise
  };

  Segment& open_segment(const ObjectHash& name);
  template <typename Find>
  Key find_key(const std::vector<ObjectHash>& key_segments,
               std::uint64_t entry,
               const std::string& object,
               const Find& find);
  std::optional<Key> find_set_key(Segment& segment, std::size_t place, const ObjectHash& set);

  const Journal& journal_;
  std::array<std::optional<Segment>, 2> recent_;  // the one used last comes first
};

// The same of one snapshot.
SnapshotBody get_body(const Journal& journal, const ReadKeys& keys, const SnapshotState& snapshot);
ReferenceSet get_reference_set(const Journal& journal, const SnapshotState& snapshot);

}  // namespace kist
