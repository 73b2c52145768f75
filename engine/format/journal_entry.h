// Journal entries: the payloads that the envelopes in journal/ seal. Pure layout; what makes an
// entry valid is rules/validate.h. docs/format.md, "Journal".
//
// An entry holds one act; each kind of act has a file of its own in format/acts/. `Act` is the only
// list of them: encoding, decoding, names and rules are derived from it, so a kind that is added to
// it and lacks one of these does not compile. To add a kind: acts/<name>.{h,cc} with `number`,
// name(), encode() and decode(); its type in `Act`, right before UnknownAct; then rules/acts/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "engine/base/bytes.h"
#include "engine/base/id.h"
#include "engine/format/acts/ceiling_set.h"
#include "engine/format/acts/clock_reset.h"
#include "engine/format/acts/dead_condemned.h"
#include "engine/format/acts/entries_proved.h"
#include "engine/format/acts/epoch_ended.h"
#include "engine/format/acts/features_required.h"
#include "engine/format/acts/genesis.h"
#include "engine/format/acts/hold_lifted.h"
#include "engine/format/acts/hold_placed.h"
#include "engine/format/acts/incident_opened.h"
#include "engine/format/acts/incidents_closed.h"
#include "engine/format/acts/minimums_shortened.h"
#include "engine/format/acts/packs_cleared.h"
#include "engine/format/acts/packs_condemned.h"
#include "engine/format/acts/policy_assigned.h"
#include "engine/format/acts/policy_removed.h"
#include "engine/format/acts/policy_set.h"
#include "engine/format/acts/proposal_cancelled.h"
#include "engine/format/acts/reindexed.h"
#include "engine/format/acts/segments_given_up.h"
#include "engine/format/acts/sets_proved.h"
#include "engine/format/acts/slot_added.h"
#include "engine/format/acts/slot_rewrapped.h"
#include "engine/format/acts/snapshot_taken.h"
#include "engine/format/acts/snapshots_retired.h"
#include "engine/format/acts/snapshots_unretired.h"
#include "engine/format/acts/source_bound.h"
#include "engine/format/acts/state_remade.h"
#include "engine/format/acts/unnamed_condemned.h"

namespace kist {

// An act of a type that this version does not know: its bytes are kept as they are.
struct UnknownAct {
  std::uint16_t type = 0;
  Bytes payload;
  bool operator==(const UnknownAct&) const = default;

  [[nodiscard]] std::string name() const { return concat("unknown type ", type); }

  void encode(ByteWriter& out) const { out.raw(payload); }
};

// In the order of their numbers.
using Act = std::variant<Genesis,
                         SnapshotTaken,
                         SlotAdded,
                         SlotRewrapped,
                         EpochEnded,
                         StateRemade,
                         IncidentsClosed,
                         FeaturesRequired,
                         EntriesProved,
                         Reindexed,
                         SegmentsGivenUp,
                         PacksCondemned,
                         DeadCondemned,
                         UnnamedCondemned,
                         PacksCleared,
                         SetsProved,
                         PolicySet,
                         PolicyAssigned,
                         SourceBound,
                         SnapshotsRetired,
                         MinimumsShortened,
                         SnapshotsUnretired,
                         HoldPlaced,
                         HoldLifted,
                         CeilingSet,
                         IncidentOpened,
                         ClockReset,
                         ProposalCancelled,
                         PolicyRemoved,
                         UnknownAct>;

// The number of an act's type on disk.
std::uint16_t act_type(const Act& act);
// The name that an act is shown by.
std::string act_name(const Act& act);

struct JournalEntry {
  std::uint64_t sequence = 0;
  ObjectHash previous{};  // of the raw bytes of the entry before; zero for genesis
  SlotId author{};
  std::uint32_t epoch_number = 0;
  EpochId epoch{};
  std::int64_t time_ms = 0;
  bool is_time_doubted = false;  // by its author: it binds nobody, and is no witness of any time
  Act act{};
  bool operator==(const JournalEntry&) const = default;
};

// The envelope's clear section: sequence and previous hash.
struct JournalClear {
  std::uint64_t sequence = 0;
  ObjectHash previous;
};

Bytes encode_journal_clear(const JournalClear& clear);
JournalClear decode_journal_clear(View bytes, std::string_view object);

// The payload: time and act. The rest of an entry stands in its envelope.
Bytes encode_journal_payload(const JournalEntry& entry);

struct JournalPayload {
  std::int64_t time_ms = 0;
  bool is_time_doubted = false;
  Act act;
};

JournalPayload decode_journal_payload(View bytes, std::string_view object);

}  // namespace kist
