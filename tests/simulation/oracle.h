// Who watches a run: a machine of its own that sees the store as it is. It follows the journal, and
// knows what each live snapshot needs; nothing of that may ever be missing. At the end it restores
// every live snapshot, and compares it with the tree as it was when the snapshot was taken.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/base/pinned.h"
#include "engine/crypto/hash.h"
#include "engine/format/number_set.h"
#include "engine/repository/repository.h"
#include "tests/simulation/beginning.h"
#include "tests/simulation/conformance.h"
#include "tests/simulation/objects.h"
#include "tests/simulation/operation.h"
#include "tests/support/fixed_clock.h"
#include "tests/support/repository_fixture.h"
#include "tests/support/seeded_random.h"

namespace kist::test {

// An entry as it came, and who had put it.
struct LandedEntry {
  enum class Kind : std::uint8_t { other, snapshot, end, moved, proved };

  std::uint64_t sequence = 0;
  std::uint64_t step = 0;
  unsigned machine = 0;
  unsigned act = 0;
  Kind kind = Kind::other;
  std::uint64_t ended_snapshots = 0;
  std::uint64_t ended_names = 0;
  std::uint64_t ended_packs = 0;  // of these: that an index segment lists
  bool revokes = false;
  EntryFacts facts{};
};

class Oracle : private Pinned {
 public:
  // Both outlive the oracle; nothing is asked of the store before open().
  Oracle(const Beginning& beginning, const ObjectMap& objects);
  ~Oracle();

  // Looks at a step that was taken; what is wrong, empty where nothing is.
  std::string watch(const TraceStep& step);
  // The tree of which this entry was made, whenever it lands.
  void note_entry(View bytes, const TreeContent& tree);
  // A backup has said that it is done.
  void note_acknowledged(const SnapshotId& snapshot, std::uint64_t sequence);
  // Everything at the end: restores all.
  std::string look_at_all();

  [[nodiscard]] Repository& repository() { return *repository_; }

  [[nodiscard]] const State& state() const { return repository_->state(); }

  // What a snapshot's tree was; null where it is pending, or nobody knows.
  [[nodiscard]] const TreeContent* tree_of(const SnapshotId& snapshot) const;

  // The path of the tree that the snapshot is of, as a restore asks for it.
  [[nodiscard]] std::string path_of(const SnapshotId& snapshot) const;

  [[nodiscard]] const std::vector<LandedEntry>& entries() const { return landed_; }

  // Whether a slot of that name stands.
  [[nodiscard]] bool has_slot(const std::string& name) const;
  // An object that the head does not name, where no run is under way; empty: there is none.
  std::string find_leftover();

  // Whether a collection has ended it.
  [[nodiscard]] bool is_forgotten(const SnapshotId& snapshot) const {
    return state().snapshots.at(snapshot).is_forgotten;
  }

  void set_time(std::int64_t now_ms);

 private:
  std::string keep_entry(const TraceStep& step);
  std::string follow(const TraceStep& step);
  std::string look_at_entry(const TraceStep& step, const ReplayedEntry& replayed);
  void add_removable(const kist::Act& act, std::set<std::string>& out) const;
  void note_landed(const TraceStep& step, const ReplayedEntry& replayed);
  std::string require_present();
  std::string restore_all();
  std::string restore_one(const SnapshotTaken& taken);
  std::string find_needed();
  [[nodiscard]] bool is_needed(const std::string& path) const;

  void need(const std::string& path) { needed_.insert(path); }

  const Beginning& beginning_;
  const ObjectMap& objects_;
  FixedClock clock_;
  SeededRandom random_;
  RecordingObserver observer_;
  std::optional<Repository> repository_;
  std::map<std::string, std::shared_ptr<const Bytes>> entries_;  // first copies, as they came
  std::map<ObjectHash, TreeContent> trees_;                      // by entries' hashes
  std::map<SnapshotId, TreeContent> snapshots_;
  std::map<SnapshotId, std::uint64_t> acknowledged_;  // and the entries
  std::vector<LandedEntry> landed_;
  std::set<std::string> needed_;  // paths of first copies
  std::uint64_t needed_at_ = 0;   // entries
};

}  // namespace kist::test
