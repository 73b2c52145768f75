#include "engine/format/journal_entry.h"

#include <algorithm>

#include "engine/format/limits.h"

namespace kist {

namespace {

bool take_flag(ByteReader& in) {
  const std::uint8_t flag = in.u8();
  in.require(flag <= 1, "a flag is neither 0 nor 1");
  return flag == 1;
}

SlotKind take_slot_kind(ByteReader& in) {
  const std::uint8_t kind = in.u8();
  in.require(kind >= 1 && kind <= 4, "an unknown kind of slot");
  return static_cast<SlotKind>(kind);
}

LockMode take_lock(ByteReader& in) {
  return take_flag(in) ? LockMode::compliance : LockMode::governance;
}

void encode(ByteWriter& out, const SlotIntroduction& slot) {
  out.id(slot.slot);
  out.u8(static_cast<std::uint8_t>(slot.kind));
  out.u8(slot.capabilities);
  out.text(slot.name);
  out.id(slot.signing_key);
  out.id(slot.box_key);
  out.id(slot.grant);
  out.id(slot.epoch_box);
  out.id(slot.slot_object);
  out.texts(slot.sources);
}

SlotIntroduction decode_slot(ByteReader& in) {
  SlotIntroduction out;
  out.slot = in.id<SlotId>();
  out.kind = take_slot_kind(in);
  out.capabilities = in.u8();
  in.require(out.capabilities != 0 && out.capabilities <= owner_capabilities,
             "unknown capabilities");
  out.name = in.text(text_bytes_max, "a slot's name");
  out.signing_key = in.id<SigningPublicKey>();
  out.box_key = in.id<BoxPublicKey>();
  out.grant = in.id<ObjectHash>();
  out.epoch_box = in.id<ObjectHash>();
  out.slot_object = in.id<ObjectHash>();
  out.sources = in.texts(list_items_max, text_bytes_max);
  return out;
}

void encode(ByteWriter& out, const Policy& policy) {
  out.text(policy.name);
  for (const std::uint32_t count : {policy.last, policy.hourly, policy.daily, policy.weekly,
                                    policy.monthly, policy.quarterly, policy.yearly}) {
    out.varint(count);
  }
  for (const std::uint64_t seconds : {policy.within, policy.interval, policy.minimum,
                                      policy.maximum, policy.grace, policy.notice}) {
    out.varint(seconds);
  }
  out.u8(policy.approvals);
  out.u8(static_cast<std::uint8_t>(policy.lock));
  out.u8(static_cast<std::uint8_t>(policy.dedup));
  out.u8(policy.allows_redaction ? 1 : 0);
}

Policy decode_policy(ByteReader& in) {
  Policy out;
  out.name = in.text(text_bytes_max, "a policy's name");
  for (std::uint32_t* count : {&out.last, &out.hourly, &out.daily, &out.weekly, &out.monthly,
                               &out.quarterly, &out.yearly}) {
    *count = narrow<std::uint32_t>(in.varint_up_to(UINT32_MAX, "a policy's count"));
  }
  for (std::uint64_t* seconds :
       {&out.within, &out.interval, &out.minimum, &out.maximum, &out.grace, &out.notice}) {
    *seconds = in.varint_up_to(UINT32_MAX * std::uint64_t{100}, "a policy's time");
  }
  out.approvals = in.u8();
  out.lock = take_lock(in);
  const std::uint8_t dedup = in.u8();
  in.require(dedup <= 2, "an unknown rule of deduplication");
  out.dedup = static_cast<Trust>(dedup);
  out.allows_redaction = take_flag(in);
  return out;
}

void encode(ByteWriter& out, const Genesis& genesis) {
  out.u16(genesis.content.algorithm);
  out.u32(genesis.content.block_min);
  out.u32(genesis.content.block_target);
  out.u32(genesis.content.block_max);
  out.u32(genesis.content.frame_target);
  out.u8(genesis.content.compression);
  out.id(genesis.id_key);
  out.id(genesis.chunk_seed);
  out.id(genesis.epoch_key);
  encode(out, genesis.owner);
  encode(out, genesis.policy);
  out.texts(genesis.features);
}

Genesis decode_genesis(ByteReader& in) {
  Genesis out;
  out.content.algorithm = in.u16();
  out.content.block_min = in.u32();
  out.content.block_target = in.u32();
  out.content.block_max = in.u32();
  out.content.frame_target = in.u32();
  out.content.compression = in.u8();
  out.id_key = in.id<KeyHash>();
  out.chunk_seed = in.id<KeyHash>();
  out.epoch_key = in.id<BoxPublicKey>();
  out.owner = decode_slot(in);
  out.policy = decode_policy(in);
  out.features = in.texts(list_items_max, text_bytes_max);
  return out;
}

void encode(ByteWriter& out, const SnapshotTaken& snapshot) {
  out.id(snapshot.snapshot);
  out.u8(snapshot.is_pending ? 1 : 0);
  out.id(snapshot.replaces);
  out.text(snapshot.source);
  out.text(snapshot.policy);
  out.varint(snapshot.minimum);
  out.varint(snapshot.maximum);
  out.u8(static_cast<std::uint8_t>(snapshot.lock));
  out.id(snapshot.body);
  out.id(snapshot.reference_set);
  out.u32(narrow<std::uint32_t>(snapshot.segments.size()));
  for (const SegmentIntroduction& segment : snapshot.segments) {
    out.id(segment.index_segment);
    out.u64(segment.first_number);
    out.u32(segment.block_count);
  }
  out.ids(snapshot.key_segments);
}

SnapshotTaken decode_snapshot(ByteReader& in) {
  SnapshotTaken out;
  out.snapshot = in.id<SnapshotId>();
  out.is_pending = take_flag(in);
  out.replaces = in.id<SnapshotId>();
  out.source = in.text(text_bytes_max, "a source's name");
  out.policy = in.text(text_bytes_max, "a policy's name");
  out.minimum = in.varint();
  out.maximum = in.varint();
  out.lock = take_lock(in);
  out.body = in.id<ObjectHash>();
  out.reference_set = in.id<ObjectHash>();
  out.segments.resize(in.count(44, "segments"));
  for (SegmentIntroduction& segment : out.segments) {
    segment.index_segment = in.id<ObjectHash>();
    segment.first_number = in.u64();
    segment.block_count = in.u32();
  }
  out.key_segments = in.ids<ObjectHash>("key segments");
  return out;
}

void encode(ByteWriter& out, const SlotRewrapped& act) {
  out.u32(act.generation);
  out.u8(static_cast<std::uint8_t>(act.kind));
  out.id(act.slot_object);
}

SlotRewrapped decode_rewrapped(ByteReader& in) {
  SlotRewrapped out;
  out.generation = in.u32();
  out.kind = take_slot_kind(in);
  out.slot_object = in.id<ObjectHash>();
  return out;
}

void encode(ByteWriter& out, const EpochEnded& act) {
  out.id(act.former.epoch);
  out.u64(act.former.begun);
  out.raw(act.former.journal_key);
  out.id(act.epoch_key);
  out.ids(act.revoked);
  out.u32(narrow<std::uint32_t>(act.boxes.size()));
  for (const NamedBox& box : act.boxes) {
    out.id(box.slot);
    out.id(box.hash);
  }
  out.u32(narrow<std::uint32_t>(act.carried.size()));
  for (const CarriedSegment& segment : act.carried) {
    out.id(segment.name);
    out.ids(segment.replaces);
  }
  out.ids(act.dropped);
}

EpochEnded decode_epoch_ended(ByteReader& in) {
  EpochEnded out;
  out.former.epoch = in.id<EpochId>();
  out.former.begun = in.u64();
  std::ranges::copy(in.take(sealed_journal_key_size), out.former.journal_key.begin());
  out.epoch_key = in.id<BoxPublicKey>();
  out.revoked = in.ids<SlotId>("revoked slots");
  out.boxes.resize(in.count(SlotId::size + ObjectHash::size, "epoch boxes"));
  for (NamedBox& box : out.boxes) {
    box.slot = in.id<SlotId>();
    box.hash = in.id<ObjectHash>();
  }
  out.carried.resize(in.count(ObjectHash::size + 4, "key segments"));
  for (CarriedSegment& segment : out.carried) {
    segment.name = in.id<ObjectHash>();
    segment.replaces = in.ids<ObjectHash>("key segments");
  }
  out.dropped = in.ids<ObjectHash>("key segments");
  return out;
}

void encode(ByteWriter& out, const IncidentsClosed& act) {
  out.u64(act.first);
  out.u64(act.last);
  out.text(act.note);
  out.ids(act.accepted);
}

IncidentsClosed decode_incidents_closed(ByteReader& in) {
  IncidentsClosed out;
  out.first = in.u64();
  out.last = in.u64();
  out.note = in.text(text_bytes_max, "a note");
  out.accepted = in.ids<ObjectHash>("entries");
  return out;
}

Act decode_act(ByteReader& in, std::uint16_t type) {
  switch (static_cast<ActType>(type)) {
    case ActType::genesis:
      return decode_genesis(in);
    case ActType::snapshot:
      return decode_snapshot(in);
    case ActType::slot_added:
      return SlotAdded{decode_slot(in)};
    case ActType::slot_rewrapped:
      return decode_rewrapped(in);
    case ActType::epoch_ended:
      return decode_epoch_ended(in);
    case ActType::state_remade:
      return StateRemade{in.id<ClientId>()};
    case ActType::incidents_closed:
      return decode_incidents_closed(in);
    case ActType::segments_proved:
      return SegmentsProved{in.ids<ObjectHash>("index segments")};
  }
  const View payload = in.take(in.left());
  return UnknownAct{type, Bytes(payload.begin(), payload.end())};
}

}  // namespace

std::uint16_t act_type(const Act& act) {
  if (const auto* unknown = std::get_if<UnknownAct>(&act)) return unknown->type;
  return static_cast<std::uint16_t>(act.index() + 1);
}

static_assert(static_cast<std::uint16_t>(ActType::genesis) == 1);
static_assert(static_cast<std::uint16_t>(ActType::segments_proved) == std::variant_size_v<Act> - 1);

std::string act_name(const Act& act) {
  switch (static_cast<ActType>(act_type(act))) {
    case ActType::genesis:
      return "genesis";
    case ActType::snapshot:
      return std::get<SnapshotTaken>(act).is_pending ? "pending" : "snapshot";
    case ActType::slot_added:
      return "slot added";
    case ActType::slot_rewrapped:
      return "slot rewrapped";
    case ActType::epoch_ended:
      return "epoch ended";
    case ActType::state_remade:
      return "state remade";
    case ActType::incidents_closed:
      return "incidents closed";
    case ActType::segments_proved:
      return "proved";
  }
  return concat("unknown type ", act_type(act));
}

Bytes encode_journal_clear(const JournalClear& clear) {
  ByteWriter out;
  out.u64(clear.sequence);
  out.id(clear.previous);
  return out.take();
}

JournalClear decode_journal_clear(View bytes, std::string_view object) {
  ByteReader in(bytes, object);
  JournalClear out;
  out.sequence = in.u64();
  out.previous = in.id<ObjectHash>();
  in.expect_end();
  return out;
}

Bytes encode_journal_payload(std::int64_t time_ms, const Act& act) {
  ByteWriter out;
  out.u16(act_type(act));
  out.i64(time_ms);
  std::visit(
      [&](const auto& value) {
        using Value = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Value, UnknownAct>) {
          out.raw(value.payload);
        } else if constexpr (std::is_same_v<Value, SlotAdded>) {
          encode(out, value.slot);
        } else if constexpr (std::is_same_v<Value, StateRemade>) {
          out.id(value.client);
        } else if constexpr (std::is_same_v<Value, SegmentsProved>) {
          out.ids(value.segments);
        } else {
          encode(out, value);
        }
      },
      act);
  return out.take();
}

JournalPayload decode_journal_payload(View bytes, std::string_view object) {
  ByteReader in(bytes, object);
  const std::uint16_t type = in.u16();
  JournalPayload out;
  out.time_ms = in.i64();
  out.act = decode_act(in, type);
  in.expect_end();
  return out;
}

}  // namespace kist
