// Journal entries: the payloads that the envelopes in journal/ seal. Pure layout; what makes an
// entry valid is rules/validate.h. docs/format.md, "Journal".
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"
#include "engine/format/slot.h"

namespace kist {

// What a slot may do. Bits, so that a set of them is one number.
enum Capability : std::uint8_t {
  can_write = 1,
  can_read = 2,
  can_audit = 4,
  can_maintain = 8,
  can_own = 16,
};

using Capabilities = std::uint8_t;
inline constexpr Capabilities writer_capabilities = can_write;
inline constexpr Capabilities reader_capabilities = can_read;
inline constexpr Capabilities auditor_capabilities = can_audit;
inline constexpr Capabilities operator_capabilities =
    can_write | can_read | can_audit | can_maintain;
inline constexpr Capabilities owner_capabilities = operator_capabilities | can_own;

// A journal key under AEAD: what the catalog keeps of an entry holds no key.
inline constexpr std::size_t sealed_journal_key_size = 48;
using SealedJournalKey = std::array<std::uint8_t, sealed_journal_key_size>;

// How a slot enters the journal.
struct SlotIntroduction {
  SlotId slot;
  SlotKind kind = SlotKind::passphrase;
  Capabilities capabilities = 0;
  std::string name;
  SigningPublicKey signing_key;
  BoxPublicKey box_key;
  ObjectHash grant;      // of the grant object
  ObjectHash epoch_box;  // of the slot's box of the current epoch
  // Of generation 1; zero in genesis, whose hash that object holds, and for a recipient, which
  // makes its own.
  ObjectHash slot_object;
  std::vector<std::string> sources;  // bound to the slot from the start; usually none
  bool operator==(const SlotIntroduction&) const = default;
};

enum class LockMode : std::uint8_t { governance = 0, compliance = 1 };
enum class Trust : std::uint8_t { own = 0, proved = 1, all = 2 };

// How long snapshots are kept. Times in seconds; 0 is "none" except for `minimum`.
struct Policy {
  std::string name = "default";
  std::uint32_t last = 0;
  std::uint32_t hourly = 0;
  std::uint32_t daily = 0;
  std::uint32_t weekly = 0;
  std::uint32_t monthly = 0;
  std::uint32_t quarterly = 0;
  std::uint32_t yearly = 0;
  std::uint64_t within = 0;
  std::uint64_t interval = 0;  // between snapshots: the recovery point objective
  std::uint64_t minimum = 86'400;
  std::uint64_t maximum = 0;
  std::uint64_t grace = 604'800;
  std::uint64_t notice = 0;    // before the end of the repository's life
  std::uint8_t approvals = 1;  // owners who must agree to it
  LockMode lock = LockMode::governance;
  Trust dedup = Trust::proved;
  bool allows_redaction = false;
  bool operator==(const Policy&) const = default;
};

// How content is cut, named and packed: fixed for the repository's life.
struct ContentParameters {
  std::uint16_t algorithm = 1;  // 1: Gear, normalised, keyed table
  std::uint32_t block_min = 0;
  std::uint32_t block_target = 0;
  std::uint32_t block_max = 0;
  std::uint32_t frame_target = 1U << 20U;
  std::uint8_t compression = 0;  // the level a client uses unless told otherwise
  bool operator==(const ContentParameters&) const = default;
};

struct Genesis {
  ContentParameters content;
  KeyHash id_key;
  KeyHash chunk_seed;
  BoxPublicKey epoch_key;  // pk[0]
  SlotIntroduction owner;
  Policy policy;
  std::vector<std::string> features;  // required of every client; none is defined yet
  bool operator==(const Genesis&) const = default;
};

// One index segment: its blocks are numbered first_number, first_number + 1, …
struct SegmentIntroduction {
  ObjectHash index_segment;
  std::uint64_t first_number = 0;
  std::uint32_t block_count = 0;
  bool operator==(const SegmentIntroduction&) const = default;
};

struct SnapshotTaken {
  SnapshotId snapshot;
  bool is_pending = false;  // a checkpoint of a backup that goes on
  SnapshotId replaces;      // the pending snapshot that this one continues; zero for none
  std::string source;
  std::string policy;
  std::uint64_t minimum = 0;  // seconds, from the policy in force
  std::uint64_t maximum = 0;
  LockMode lock = LockMode::governance;
  ObjectHash body;
  ObjectHash reference_set;
  std::vector<SegmentIntroduction> segments;
  std::vector<ObjectHash> key_segments;
  bool operator==(const SnapshotTaken&) const = default;
};

struct SlotAdded {
  SlotIntroduction slot;
  bool operator==(const SlotAdded&) const = default;
};

// The author's slot has a new slot object: another passphrase, the same keys.
struct SlotRewrapped {
  std::uint32_t generation = 0;
  SlotKind kind = SlotKind::passphrase;
  ObjectHash slot_object;
  bool operator==(const SlotRewrapped&) const = default;
};

// How a slot finds its keys in a new epoch.
struct NamedBox {
  SlotId slot;
  ObjectHash hash;
  bool operator==(const NamedBox&) const = default;
};

// A key segment of the new epoch, with those of the former one whose keys it carries on.
struct CarriedSegment {
  ObjectHash name;
  std::vector<ObjectHash> replaces;
  bool operator==(const CarriedSegment&) const = default;
};

// What the keys of the epoch before a new one were: the journal is followed back through these.
struct FormerEpoch {
  EpochId epoch;
  std::uint64_t begun = 0;       // the sequence of the entry that began it
  SealedJournalKey journal_key;  // its journal_key, sealed with the new one
  bool operator==(const FormerEpoch&) const = default;
};

// The current epoch ends; that of the entry's envelope, which is sealed in it already, begins.
struct EpochEnded {
  FormerEpoch former;
  BoxPublicKey epoch_key;               // pk of the new one
  std::vector<SlotId> revoked;          // they have no part in it; ascending
  std::vector<NamedBox> boxes;          // of every other slot; ascending
  std::vector<CarriedSegment> carried;  // together with `dropped`: all key segments till now
  std::vector<ObjectHash> dropped;      // those that could not be opened
  bool operator==(const EpochEnded&) const = default;
};

// A client's first word in an epoch: what it had kept of former ones is gone from its machine.
struct StateRemade {
  ClientId client;
  bool operator==(const StateRemade&) const = default;
};

// An owner has looked into the void entries from `first` to `last`.
struct IncidentsClosed {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::string note;
  // Hashes of the entries right before this one, where nothing else says which bytes are theirs:
  // with these the journal goes on.
  std::vector<ObjectHash> accepted;
  bool operator==(const IncidentsClosed&) const = default;
};

// The author has opened every frame of these segments and found each block to be what the index
// says.
struct SegmentsProved {
  std::vector<ObjectHash> segments;
  bool operator==(const SegmentsProved&) const = default;
};

// A type that this version does not know: kept as it is.
struct UnknownAct {
  std::uint16_t type = 0;
  Bytes payload;
  bool operator==(const UnknownAct&) const = default;
};

using Act = std::variant<Genesis,
                         SnapshotTaken,
                         SlotAdded,
                         SlotRewrapped,
                         EpochEnded,
                         StateRemade,
                         IncidentsClosed,
                         SegmentsProved,
                         UnknownAct>;

// The numbers of the types, and the names they are shown by.
enum class ActType : std::uint16_t {
  genesis = 1,
  snapshot = 2,
  slot_added = 3,
  slot_rewrapped = 4,
  epoch_ended = 5,
  state_remade = 6,
  incidents_closed = 7,
  segments_proved = 8,
};
std::uint16_t act_type(const Act& act);
std::string act_name(const Act& act);

struct JournalEntry {
  std::uint64_t sequence = 0;
  ObjectHash previous{};  // of the raw bytes of the entry before; zero for genesis
  SlotId author{};
  std::uint32_t epoch_number = 0;
  EpochId epoch{};
  std::int64_t time_ms = 0;
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
Bytes encode_journal_payload(std::int64_t time_ms, const Act& act);

struct JournalPayload {
  std::int64_t time_ms = 0;
  Act act;
};

JournalPayload decode_journal_payload(View bytes, std::string_view object);

}  // namespace kist
