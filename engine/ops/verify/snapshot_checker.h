// The objects of one snapshot, checked against its entry, and told apart: damage; what is in no
// copy, so that its author never put it or it was lost; and what its author made nonsense of. Once
// the author was revoked, what opens for nobody is noted and is no finding: the repository is as
// whole as it can be. docs/trust.md, "Snapshots that do not open".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/blocks/snapshot_inspector.h"
#include "engine/blocks/snapshot_opener.h"
#include "engine/catalog/block_index.h"
#include "engine/format/number_set.h"
#include "engine/ops/verify/copy_checker.h"
#include "engine/ops/verify/segment_rebuilder.h"
#include "engine/ops/verify/verify.h"

namespace kist {

class SnapshotChecker {
 public:
  using Report = std::function<void(Finding)>;
  using Note = std::function<void(const std::string& object, const std::string& text)>;

  // `keys` of a slot that reads, or null. All outlive the checker.
  SnapshotChecker(
      Repository& repository, const ReadKeys* keys, CopyChecker& copies, Report report, Note note)
      : repository_(repository),
        keys_(keys),
        copies_(copies),
        opener_(repository.journal()),
        report_(std::move(report)),
        note_(std::move(note)) {}

  // What is left to do about a live snapshot.
  enum class Rest : std::uint8_t {
    manifest,  // to check it
    set,       // the snapshot is given up; a repair may make its reference set anew
    nothing,   // it opens for nobody
  };

  // Checks body and reference set. Error{conflict} where one that is missing may have ended.
  Rest check(const SnapshotState& snapshot);
  // The index segments that a snapshot's entry introduced, live or not, and that count.
  void check_introduced(const SnapshotState& snapshot);
  // Those that have replaced others.
  void check_rewritten();

  // Those that are whole in no copy, though they had a key.
  [[nodiscard]] const std::vector<LostSegments>& lost() const { return lost_; }

  // After the last of them: those without a key, which may count for nothing. `index` may be null.
  void report_uncounted(BlockIndex* index);
  // A finding, if an object that the slot has named is in no copy. False: there is a copy, or the
  // store does not say.
  bool report_if_absent(const std::string& path,
                        const SlotId& author,
                        std::string_view advice = {});

 private:
  using StreamOfEntry = std::pair<std::uint64_t, PackKind>;  // the entry's sequence, the stream

  void check_objects(const SnapshotState& snapshot, std::string_view of_set);

  // An index segment that an entry has named and whose key is nowhere.
  struct Uncounted {
    ObjectHash segment;
    SlotId author;
    std::string signer;
    StreamOfEntry stream;
  };

  // What an entry has reserved for a stream, and no segment that counts lists.
  struct Unlisted {
    NumberSet numbers;
    bool is_needed = false;
  };

  void subtract_listed(BlockIndex& index);
  void mark_needed(const SnapshotState& live, const NumberSet& all);
  void report_uncounted(const Uncounted& uncounted);

  Repository& repository_;
  const ReadKeys* keys_;
  CopyChecker& copies_;
  SnapshotOpener opener_;
  Report report_;
  Note note_;
  void check_segment(const ObjectHash& hash, const SlotId& author);
  void note_lost(std::uint64_t sequence, const ObjectHash& hash);

  std::vector<LostSegments> lost_;
  std::vector<Uncounted> uncounted_;
  std::map<StreamOfEntry, Unlisted> unlisted_;  // where something is uncounted
};

}  // namespace kist
