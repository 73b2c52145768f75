#include "engine/catalog/state_record.h"

#include "engine/format/limits.h"

namespace kist {

namespace {

constexpr std::uint8_t state_version = 1;
constexpr std::uint64_t act_bytes_max = std::uint64_t{1} << 30U;
constexpr std::string_view record_object = "catalog record";

// Acts are written as the journal writes them.
void put_act(ByteWriter& out, const Act& act) {
  out.sized(encode_journal_payload(0, act));
}

template <typename Wanted>
Wanted take_act(ByteReader& in) {
  JournalPayload payload = decode_journal_payload(in.sized(act_bytes_max, "an act"), record_object);
  auto* act = std::get_if<Wanted>(&payload.act);
  in.require(act != nullptr, "another act");
  return std::move(*act);
}

void put_slot(ByteWriter& out, const SlotState& slot) {
  put_act(out, SlotAdded{slot.introduction});
  out.id(slot.added_by);
  out.u64(slot.added_sequence);
  out.i64(slot.added_ms);
  out.u8(static_cast<std::uint8_t>(slot.kind));
  out.u32(slot.generation);
  out.id(slot.slot_object);
  out.id(slot.epoch_box);
  out.i64(slot.last_seen_ms);
  out.u8(slot.is_revoked ? 1 : 0);
  out.u32(slot.key_segment_count);
}

SlotState take_slot(ByteReader& in) {
  SlotState out;
  out.introduction = take_act<SlotAdded>(in).slot;
  out.added_by = in.id<SlotId>();
  out.added_sequence = in.u64();
  out.added_ms = in.i64();
  out.kind = static_cast<SlotKind>(in.u8());
  out.generation = in.u32();
  out.slot_object = in.id<ObjectHash>();
  out.epoch_box = in.id<ObjectHash>();
  out.last_seen_ms = in.i64();
  out.is_revoked = in.u8() != 0;
  out.key_segment_count = in.u32();
  return out;
}

// A u32 count, then each element as `put` writes it; and back, as `take` reads it.
template <typename Elements, typename Put>
void put_all(ByteWriter& out, const Elements& elements, const Put& put) {
  out.u32(narrow<std::uint32_t>(elements.size()));
  for (const auto& element : elements) {
    put(element);
  }
}

template <typename Take>
void take_all(ByteReader& in, const Take& take) {
  const std::uint32_t count = in.count(1, "elements");
  for (std::uint32_t i = 0; i < count; ++i) {
    take();
  }
}

}  // namespace

Bytes encode_state(const State& state) {
  ByteWriter out;
  out.u8(state_version);
  out.u64(state.next_sequence);
  out.id(state.head);
  out.i64(state.last_ms);
  out.i64(state.times.believed_ms);
  out.id(state.times.first_slot);
  out.i64(state.times.first_ms);
  out.i64(state.times.second_ms);
  out.id(state.fingerprint);
  put_act(out, state.genesis);  // its policy is the only one there is
  out.u32(state.epoch_number);
  out.id(state.epoch);
  out.id(state.epoch_key);
  out.u64(state.epoch_begun);
  put_all(out, state.epochs, [&](const EpochId& id) { out.id(id); });
  out.u64(state.given_up);
  put_all(out, state.slots, [&](const auto& slot) { put_slot(out, slot.second); });
  put_all(out, state.sources, [&](const auto& source) {
    out.text(source.first);
    out.id(source.second);
  });
  put_all(out, state.pending, [&](const SnapshotId& id) { out.id(id); });
  put_all(out, state.clients, [&](const auto& client) {
    out.id(client.first.first);
    out.id(client.first.second);
    out.u32(client.second);
  });
  out.u64(state.next_number);
  put_all(out, state.voids, [&](const VoidEntry& entry) {
    out.u64(entry.sequence);
    out.text(entry.reason);
    out.u64(entry.closed_by);
  });
  return out.take();
}

State decode_state(View bytes) {
  ByteReader in(bytes, record_object);
  in.require(in.u8() == state_version, "it was made by another version");
  State out;
  out.next_sequence = in.u64();
  out.head = in.id<ObjectHash>();
  out.last_ms = in.i64();
  out.times.believed_ms = in.i64();
  out.times.first_slot = in.id<SlotId>();
  out.times.first_ms = in.i64();
  out.times.second_ms = in.i64();
  out.fingerprint = in.id<ObjectHash>();
  out.genesis = take_act<Genesis>(in);
  out.policies.emplace(out.genesis.policy.name, out.genesis.policy);
  out.epoch_number = in.u32();
  out.epoch = in.id<EpochId>();
  out.epoch_key = in.id<BoxPublicKey>();
  out.epoch_begun = in.u64();
  take_all(in, [&] { out.epochs.insert(in.id<EpochId>()); });
  out.given_up = in.u64();
  take_all(in, [&] {
    SlotState slot = take_slot(in);
    const SlotId id = slot.introduction.slot;
    out.slots.emplace(id, std::move(slot));
  });
  take_all(in, [&] {
    std::string source = in.text(text_bytes_max, "a source");
    out.sources.emplace(std::move(source), in.id<SlotId>());
  });
  take_all(in, [&] { out.pending.insert(in.id<SnapshotId>()); });
  take_all(in, [&] {
    const auto slot = in.id<SlotId>();
    const auto client = in.id<ClientId>();
    out.clients.emplace(ClientName{slot, client}, in.u32());
  });
  out.next_number = in.u64();
  take_all(in, [&] {
    VoidEntry entry;
    entry.sequence = in.u64();
    entry.reason = in.text(text_bytes_max, "a reason");
    entry.closed_by = in.u64();
    out.voids.push_back(std::move(entry));
  });
  in.expect_end();
  return out;
}

Bytes encode_snapshot_row(const SnapshotState& snapshot) {
  ByteWriter out;
  out.u64(snapshot.sequence);
  out.id(snapshot.author);
  out.i64(snapshot.time_ms);
  out.u8(snapshot.is_live ? 1 : 0);
  const bool has_others = snapshot.key_segments != snapshot.taken.key_segments;
  out.u8(has_others ? 1 : 0);
  if (has_others) out.ids(snapshot.key_segments);
  return out.take();
}

std::uint64_t sequence_of_row(View bytes) {
  return ByteReader(bytes, record_object).u64();
}

SnapshotState decode_snapshot_row(View bytes, const SnapshotTaken& taken) {
  ByteReader in(bytes, record_object);
  SnapshotState out;
  out.taken = taken;
  out.sequence = in.u64();
  out.author = in.id<SlotId>();
  out.time_ms = in.i64();
  out.is_live = in.u8() != 0;
  out.key_segments = in.u8() != 0 ? in.ids<ObjectHash>("key segments") : taken.key_segments;
  in.expect_end();
  return out;
}

Bytes encode_segment_row(const SegmentState& segment) {
  ByteWriter out;
  out.u64(segment.introduction.first_number);
  out.u32(segment.introduction.block_count);
  out.id(segment.author);
  out.u64(segment.sequence);
  out.u8(segment.is_proved ? 1 : 0);
  return out.take();
}

SegmentState decode_segment_row(View bytes, const ObjectHash& name) {
  ByteReader in(bytes, record_object);
  SegmentState out;
  out.introduction.index_segment = name;
  out.introduction.first_number = in.u64();
  out.introduction.block_count = in.u32();
  out.author = in.id<SlotId>();
  out.sequence = in.u64();
  out.is_proved = in.u8() != 0;
  in.expect_end();
  return out;
}

}  // namespace kist
