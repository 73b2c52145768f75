// Ending an epoch: new secrets for every slot that is to have them, the keys of all that is stored
// sealed to them, and then, but not before all of that was read back, one journal entry. What only
// the former secrets open is removed last. docs/format.md, "Epochs".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/repository/repository.h"
#include "engine/rules/removal.h"

namespace kist {

// What is to end with the epoch, beside its secrets: a collection.
class EndingPlanner {
 public:
  virtual ~EndingPlanner() = default;
  // The plan for the head that was replayed, with an index that has all entries before it.
  virtual EndedContent plan() = 0;
  // Whether the plan holds behind that entry, too, which takes a snapshot, and is in the index.
  virtual bool admits(const ReplayedEntry& snapshot) = 0;
};

struct EndEpochOptions {
  std::vector<SlotId> revoked;  // slots that get no keys of the new epoch
  // Key segments that are missing or do not open are given up, and with them what they opened;
  // otherwise they are an error.
  bool drops_unreadable = false;
  // Clients forget what they keep of before: block index and file caches, which they make anew.
  bool forgets = false;
  EndingPlanner* ending = nullptr;  // none: nothing ends but the epoch's secrets
};

struct EndEpochResult {
  std::uint64_t sequence = 0;  // of the journal entry; 0: by then, nothing was to end
  std::uint32_t epoch_number = 0;
  std::vector<std::string> dropped;  // key segments
  std::vector<SnapshotId> given_up;  // as find_given_up() names them
  std::uint64_t removed = 0;         // objects of epochs that have ended
  EndedContent ended;
  std::uint64_t removed_content = 0;  // objects of it
};

// What end_epoch() would do to the repository as it is now. Somebody else's entry changes it: an
// epoch's end is planned anew on each head.
struct EndEpochPlan {
  std::uint64_t sequence = 0;  // that the journal entry would have
  std::uint32_t epoch_number = 0;
  EpochSlots slots;
  // Paths of key segments: those whose keys are sealed anew, and those that are given up or open
  // nothing. What is found only while the keys are written is not in it.
  std::vector<std::string> carried;
  std::vector<std::string> dropped;
  std::vector<SnapshotId> given_up;  // as find_given_up() names them
  RemovalPlan removal;               // of what the entry would leave behind
};

// Live snapshots that the end of the epoch gives up, in the journal's order: those of the slots to
// be revoked that do not open because an object is in no copy of the store, so that as far as
// anybody can tell it was never put. The keys of what they lack are left behind. What is damaged is
// not absent: its key is carried on. With `drops_unreadable` both are given up, also of slots that
// were revoked before. Error{refused} without the capability `read`.
std::vector<SnapshotId> find_given_up(const Repository& repository, const EndEpochOptions& options);

// Writes nothing to the store, and throws what end_epoch() would throw before its first write, but
// for a store or a head that nothing may be committed to.
EndEpochPlan plan_end_epoch(Repository& repository, const EndEpochOptions& options);

// Error{refused} without the capability `maintain`, or `own` where slots are revoked or something
// is given up; Error{invalid} for a slot that does not exist, was revoked before, or is the
// caller's own.
EndEpochResult end_epoch(Repository& repository, const EndEpochOptions& options);

}  // namespace kist
