// The repository's state after the journal's entries up to some number. Built by apply() alone,
// from entries that validate() let pass, so every client that has replayed the same bytes holds the
// same state. Pure: no I/O, no clock. A field that is added here must be named in
// catalog/state_record.cc, which stores the state: until it is, that file does not compile.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/id.h"
#include "engine/format/journal_entry.h"
#include "engine/format/number_set.h"
#include "engine/rules/retention_state.h"
#include "engine/rules/state_table.h"

namespace kist {

struct SlotState {
  SlotIntroduction introduction;
  SlotId added_by;
  std::uint64_t added_sequence = 0;
  std::int64_t added_ms = 0;
  SlotKind kind = SlotKind::passphrase;
  std::uint32_t generation = 1;   // 0: a recipient that has not accepted yet
  ObjectHash slot_object;         // of that generation; zero for the first owner's first
  ObjectHash epoch_box;           // of the current epoch
  std::int64_t last_seen_ms = 0;  // the time of the slot's last entry, or of its introduction
  std::int64_t bound_ms = 0;      // the greatest time of its entries that it has not doubted
  std::int64_t peak_ms = 0;       // the same; a clock reset does not take it back
  bool has_written = false;       // an entry of its own
  bool is_revoked = false;
  std::string policy;  // of its sources that have none of their own; empty: the default one
  bool operator==(const SlotState&) const = default;
};

// Who has compared a reference set with its snapshot's manifest, and found them to be of the same
// blocks. From little to much.
enum class SetProof : std::uint8_t {
  none,
  by_read,      // a slot that reads
  by_maintain,  // one that maintains, too
};

// A snapshot's reference set.
struct SetState {
  ObjectHash hash;
  SlotId author;               // of the entry that has introduced it
  std::uint64_t sequence = 0;  // of that entry: the snapshot's own, or one that replaced its set
  std::vector<ObjectHash> key_segments;  // of that entry, if it is not the snapshot's own
  SlotId proved_by;  // who has said with most weight that it is right; zero: nobody
  bool operator==(const SetState&) const = default;
};

struct SnapshotState {
  SnapshotTaken taken;
  SetState set;
  SlotId author;
  std::uint64_t sequence = 0;
  std::int64_t time_ms = 0;
  bool is_live = true;       // false once it has ended, or another one has replaced a pending one
  std::uint64_t series = 0;  // the entry that began the series that it is in
  std::int64_t counts_from_ms = 0;      // its age begins then
  std::uint64_t shortened_by = 0;       // the entry that shortened its minimum last; 0: none
  std::uint64_t shortened_seconds = 0;  // to this
  Retired retired;
  std::int64_t kept_until_ms = 0;  // no rule retires it before, for somebody has unretired it
  std::int64_t lifted_ms = 0;      // when a hold on it was lifted last
  std::uint64_t ended_by = 0;      // the entry that ended it: it can be restored no more; 0: none
  bool is_forgotten = false;       // body and reference set are gone
  bool operator==(const SnapshotState&) const = default;

  [[nodiscard]] bool is_retired() const { return retired.sequence != 0; }

  [[nodiscard]] bool has_ended() const { return ended_by != 0; }
};

using SnapshotPtr = std::shared_ptr<const SnapshotState>;

// An index segment, by the entry that has introduced it.
struct SegmentState {
  SlotId author;
  std::uint64_t sequence = 0;
  // Of the entry: which of them are the segment's, it says itself. One that replaces others has
  // none: it lists numbers of theirs.
  EntryNumbers numbers{};
  bool is_current = true;  // false once it was replaced, given up, or has ended: it counts no more
  // Of one that was replaced or has ended: the ordinals that stay taken.
  std::uint32_t first_ordinal = 0;
  std::uint32_t count = 0;
  bool operator==(const SegmentState&) const = default;
};

// When something was condemned, and has been since.
struct Condemnation {
  SlotId author;
  std::uint64_t sequence = 0;
  std::int64_t time_ms = 0;
  bool operator==(const Condemnation&) const = default;
};

// A state directory on some machine, as one slot uses it.
using ClientName = std::pair<SlotId, ClientId>;

enum class IncidentKind : std::uint8_t {
  void_entries = 1,  // that took their numbers and changed nothing
  packs = 2,         // that their author has found missing or damaged, and may not condemn
  sets = 3,          // reference sets of the author's that were lost or wrong, and replaced
};

// Entries that an owner should look into, until one closes them. Those of one author for one reason
// are one incident, whatever stands between them, so that a slot that was taken over cannot fill
// the state with them.
struct Incident {
  std::uint64_t sequence = 0;  // of the first
  std::uint64_t last = 0;      // sequence
  std::uint64_t count = 0;
  SlotId author;  // zero where nobody is known to have signed them
  IncidentKind kind = IncidentKind::void_entries;
  std::string reason;
  std::uint64_t closed_by = 0;  // the sequence of the entry that closed it; 0: open

  [[nodiscard]] bool is_open() const { return closed_by == 0; }

  bool operator==(const Incident&) const = default;
};

// A lower bound for the time of the next entry, which no writer's clock alone can push. The times
// of slots with `maintain` or `own` (believed slots) raise it alone. The times of the other slots
// count up to the second greatest of them only, so two slots must have come that far: a single slot
// that was taken over cannot keep the others from committing by an entry stamped far ahead.
// Example: writers at 10:00, 10:05 and 23:00 bind the next writer to 10:05. Times that their author
// doubts, and those of slots that were revoked, do not count; an owner takes others back (act 30).
// See docs/decisions/0010 and 0024.
struct EntryTimes {
  void note(const SlotId& author, bool is_believed, std::int64_t time_ms);
  // The least time for the next entry of a slot whose own last entry has the time `own_ms`.
  [[nodiscard]] std::int64_t least_ms(bool is_believed, std::int64_t own_ms) const;
  bool operator==(const EntryTimes&) const = default;

  std::int64_t believed_ms = 0;  // the greatest time of a believed slot
  SlotId first_slot;             // of the others, the slot with the greatest time
  std::int64_t first_ms = 0;     // that time
  std::int64_t second_ms = 0;    // the greatest time of the others but first_slot
};

struct State {
  std::uint64_t next_sequence = 0;  // how many entries were replayed
  ObjectHash head;                  // hash of the last one; zero before genesis
  std::int64_t last_ms = 0;         // the time of the last valid one whose author does not doubt it
  EntryTimes times;
  ObjectHash fingerprint;  // hash of the genesis entry
  Genesis genesis;
  std::set<std::string> features;  // required of every client: see rules/features.h
  std::uint32_t epoch_number = 0;
  EpochId epoch;
  EpochBeginning beginning;       // of the current epoch
  std::uint64_t epoch_begun = 0;  // the sequence of the entry that began the current epoch
  std::set<EpochId> epochs;       // the current one and all former ones
  std::uint32_t kept_from = 0;    // clients keep nothing of epochs before that one
  EpochId kept_from_epoch;
  std::uint64_t given_up = 0;  // how often key segments, or index segments, were given up
  std::map<SlotId, SlotState> slots;
  std::map<std::string, Policy> policies;  // in force
  std::map<std::string, SourceState> sources;
  std::vector<Proposal> proposals;    // ascending
  std::map<std::string, Hold> holds;  // by matter
  std::int64_t lifted_ms = 0;         // when a hold on the repository was lifted last
  std::uint64_t ceiling_seconds = 0;  // of minimums
  StateTable<SnapshotId, SnapshotState> snapshots;
  std::set<SnapshotId> pending;                   // the live snapshots that are pending
  StateTable<ObjectHash, SegmentState> segments;  // by index segment
  std::set<std::uint64_t> changed;              // entries of which an index segment counts no more
  StateTable<ObjectHash, SlotId> key_segments;  // all of the current epoch, and their authors
  std::vector<KeyRange> key_ranges;             // of the entries before epoch_begun
  std::map<ClientName, std::uint32_t> clients;  // the last epoch in which each was remade
  std::uint64_t next_number = 0;                // of blocks
  std::vector<EntryRange> proved;               // by a slot that reads; ascending, apart
  std::vector<Incident> incidents;              // ascending by the first
  StateTable<ObjectHash, bool> condemned;       // packs: what slots with `maintain` have said last
  // Other packs that slots without it have condemned, and who did.
  std::map<ObjectHash, SlotId> doubted_packs;
  std::map<ObjectHash, Condemnation> dead;       // index segments of which nothing is needed
  StateTable<ObjectHash, Condemnation> unnamed;  // objects that no entry named

  // The least time that an entry of that slot may have.
  [[nodiscard]] std::int64_t least_time_ms(const SlotId& author) const;
  // Makes `times` anew from what the slots have come to: after some were revoked or set back.
  void renew_times();
  // The key segments of the current epoch in which the keys are that entry `sequence` came with;
  // `own` are those that the entry itself names.
  [[nodiscard]] const std::vector<ObjectHash>& key_segments_of(
      std::uint64_t sequence, const std::vector<ObjectHash>& own) const;

  [[nodiscard]] const std::vector<ObjectHash>& key_segments_of(
      const SnapshotState& snapshot) const {
    return key_segments_of(snapshot.sequence, snapshot.taken.key_segments);
  }

  // Those in which the key of its reference set is.
  [[nodiscard]] const std::vector<ObjectHash>& key_segments_of_set(
      const SnapshotState& snapshot) const {
    const bool is_its_own = snapshot.set.sequence == snapshot.sequence;
    return key_segments_of(snapshot.set.sequence,
                           is_its_own ? snapshot.taken.key_segments : snapshot.set.key_segments);
  }

  // The number under which these have the keys of that entry: see KeyGroup::entry.
  [[nodiscard]] std::uint64_t key_group_of(std::uint64_t sequence) const {
    return sequence > epoch_begun ? 0 : sequence;
  }

  // Whether others may rely on the blocks that entry `sequence` of that author has introduced: a
  // slot that reads has opened them, and one that reads has seen its own as it wrote them.
  [[nodiscard]] bool is_proved(std::uint64_t sequence, const SlotId& author) const;
  // Whether nobody relies on that pack, because a slot has found it missing or damaged.
  [[nodiscard]] bool is_condemned(const ObjectHash& pack) const;
  // All such packs.
  [[nodiscard]] std::set<ObjectHash> condemned_packs() const;
  // What a slot's word on a set weighs; that of a slot that was revoked weighs nothing.
  [[nodiscard]] SetProof proof_by(const SlotId& slot) const;

  // Live snapshots, pending ones included, in journal order.
  [[nodiscard]] std::vector<SnapshotPtr> live_snapshots() const;
  // All snapshots, in journal order; those that were replaced too.
  [[nodiscard]] std::vector<SnapshotPtr> all_snapshots() const;
  [[nodiscard]] std::vector<const Incident*> open_incidents() const;
  // The slots that were not revoked, ordered by id.
  [[nodiscard]] std::vector<const SlotState*> current_slots() const;
  bool operator==(const State&) const = default;
};

// Whether no client will ever open an object of that epoch again: the epoch has ended, or it was an
// attempt to begin the current one and another attempt was committed. False for a greater number
// than the current one: such an epoch may be about to begin.
[[nodiscard]] bool is_of_ended_epoch(const State& state,
                                     std::uint32_t epoch_number,
                                     const EpochId& epoch);

// The block numbers that a slot may rely on, by the rule of a policy: those of its own entries
// (Trust::own), of proved entries too (Trust::proved), or all. Copied from the state, so
// later entries do not change it; an answer costs one binary search.
class TrustedNumbers {
 public:
  TrustedNumbers() = default;  // all
  TrustedNumbers(const State& state, Trust rule, const SlotId& slot = {});

  [[nodiscard]] bool contains(std::uint64_t number) const { return next(number) == number; }

  // All others.
  [[nodiscard]] NumberSet distrusted() const;

  // The least such number that is not below `number`.
  [[nodiscard]] std::uint64_t next(std::uint64_t number) const;

 private:
  struct Range {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
  };

  std::vector<Range> distrusted_;  // ascending
};

// Adds an entry, given as an incident of its own, to the open incident that it belongs to.
void note_incident(State& state, Incident incident);

// The state after a valid entry whose raw bytes have that hash.
void apply(State& state, const JournalEntry& entry, const ObjectHash& hash);
// The state after an entry that is void for that reason. The author is zero where every client that
// comes later may be unable to tell who it is.
void apply_void(State& state,
                const std::string& reason,
                const ObjectHash& hash,
                const SlotId& author = {});

}  // namespace kist
