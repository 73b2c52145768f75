#include "engine/catalog/state_record.h"

#include <tuple>

#include "engine/format/limits.h"

namespace kist {

namespace {

constexpr std::uint8_t state_version = 12;  // a record of another version is refused
constexpr std::string_view record_object = "catalog record";

// What is stored of each struct, in its order: the one list that encoding and decoding share. Each
// list begins by naming every member of its struct, so a member that is added to the struct, and is
// not named here, does not compile.

template <typename Times>
requires std::same_as<std::remove_const_t<Times>, EntryTimes>

auto fields_of(Times& value) {
  auto& [believed_ms, first_slot, first_ms, second_ms] = value;
  return std::tie(believed_ms, first_slot, first_ms, second_ms);
}

template <typename Entry>
requires std::same_as<std::remove_const_t<Entry>, Incident>

auto fields_of(Entry& value) {
  auto& [sequence, last, count, author, kind, reason, closed_by] = value;
  return std::tie(sequence, last, count, author, kind, reason, closed_by);
}

template <typename Range>
requires std::same_as<std::remove_const_t<Range>, KeyRange>

auto fields_of(Range& value) {
  auto& [last, segments] = value;
  return std::tie(last, segments);
}

template <typename Range>
requires std::same_as<std::remove_const_t<Range>, EntryRange>

auto fields_of(Range& value) {
  auto& [first, last] = value;
  return std::tie(first, last);
}

template <typename Slot>
requires std::same_as<std::remove_const_t<Slot>, SlotState>

auto fields_of(Slot& value) {
  auto& [introduction, added_by, added_sequence, added_ms, kind, generation, slot_object, epoch_box,
         last_seen_ms, bound_ms, peak_ms, has_written, is_revoked, policy] = value;
  return std::tie(introduction, added_by, added_sequence, added_ms, kind, generation, slot_object,
                  epoch_box, last_seen_ms, bound_ms, peak_ms, has_written, is_revoked, policy);
}

template <typename Change>
requires std::same_as<std::remove_const_t<Change>, RetentionChange>

auto fields_of(Change& value) {
  auto& [sequence, minimum_seconds, maximum_seconds, lock] = value;
  return std::tie(sequence, minimum_seconds, maximum_seconds, lock);
}

template <typename Source>
requires std::same_as<std::remove_const_t<Source>, SourceState>

auto fields_of(Source& value) {
  auto& [slot, is_bound, is_ended, continues, policy, series, next_series, lifted_ms, changes] =
      value;
  return std::tie(slot, is_bound, is_ended, continues, policy, series, next_series, lifted_ms,
                  changes);
}

template <typename Row>
requires std::same_as<std::remove_const_t<Row>, Retired>

auto fields_of(Row& value) {
  auto& [sequence, cause, time_ms, grace_seconds] = value;
  return std::tie(sequence, cause, time_ms, grace_seconds);
}

template <typename Row>
requires std::same_as<std::remove_const_t<Row>, Hold>

auto fields_of(Row& value) {
  auto& [sequence, time_ms, author, reason, is_whole, snapshots, sources] = value;
  return std::tie(sequence, time_ms, author, reason, is_whole, snapshots, sources);
}

template <typename Row>
requires std::same_as<std::remove_const_t<Row>, Proposal>

auto fields_of(Row& value) {
  auto& [sequence, time_ms, author, needs_other, wait_seconds, act, seen_ms] = value;
  return std::tie(sequence, time_ms, author, needs_other, wait_seconds, act, seen_ms);
}

// Left out: the tables (snapshots, segments, key_segments, condemned, unnamed), whose rows are
// stored one by one.
template <typename AnyState>
requires std::same_as<std::remove_const_t<AnyState>, State>

auto fields_of(AnyState& value) {
  auto& [next_sequence, head, last_ms, times, fingerprint, genesis, features, epoch_number, epoch,
         beginning, epoch_begun, epochs, kept_from, kept_from_epoch, given_up, slots, policies,
         sources, proposals, holds, lifted_ms, ceiling_seconds, snapshots, pending, segments,
         changed, key_segments, key_ranges, clients, next_number, proved, incidents, condemned,
         doubted_packs, dead, unnamed] = value;
  return std::tie(next_sequence, head, last_ms, times, fingerprint, genesis, features, epoch_number,
                  epoch, beginning, epoch_begun, epochs, kept_from, kept_from_epoch, given_up,
                  slots, policies, sources, proposals, holds, lifted_ms, ceiling_seconds, pending,
                  changed, key_ranges, clients, next_number, proved, incidents, doubted_packs,
                  dead);
}

template <typename Row>
requires std::same_as<std::remove_const_t<Row>, Condemnation>

auto fields_of(Row& value) {
  auto& [author, sequence, time_ms] = value;
  return std::tie(author, sequence, time_ms);
}

template <typename Numbers>
requires std::same_as<std::remove_const_t<Numbers>, EntryNumbers>

auto fields_of(Numbers& value) {
  auto& [first_number, data, meta] = value;
  return std::tie(first_number, data, meta);
}

template <typename Segment>
requires std::same_as<std::remove_const_t<Segment>, SegmentState>

auto fields_of(Segment& value) {
  auto& [author, sequence, numbers, is_current, first_ordinal, count] = value;
  return std::tie(author, sequence, numbers, is_current, first_ordinal, count);
}

template <typename Set>
requires std::same_as<std::remove_const_t<Set>, SetState>

auto fields_of(Set& value) {
  auto& [hash, author, sequence, key_segments, proved_by] = value;
  return std::tie(hash, author, sequence, key_segments, proved_by);
}

// Left out: what the journal's entry says (taken). The sequence is the first, for
// sequence_of_row().
template <typename Snapshot>
requires std::same_as<std::remove_const_t<Snapshot>, SnapshotState>

auto fields_of(Snapshot& value) {
  auto& [taken, set, author, sequence, time_ms, is_live, series, counts_from_ms, shortened_by,
         shortened_seconds, retired, kept_until_ms, lifted_ms, ended_by, is_forgotten] = value;
  return std::tie(sequence, set, author, time_ms, is_live, series, counts_from_ms, shortened_by,
                  shortened_seconds, retired, kept_until_ms, lifted_ms, ended_by, is_forgotten);
}

// Writes a value of each type that occurs in the lists above; a type that is missing here does not
// compile. RecordReader is its mirror.
class RecordWriter {
 public:
  explicit RecordWriter(ByteWriter& out) : out_(out) {}

  void put(bool value) { out_.u8(value ? 1 : 0); }

  void put(std::uint32_t value) { out_.u32(value); }

  void put(std::uint64_t value) { out_.u64(value); }

  void put(std::int64_t value) { out_.i64(value); }

  void put(const std::string& value) { out_.text(value); }

  void put(SlotKind value) { out_.u8(static_cast<std::uint8_t>(value)); }

  void put(LockMode value) { out_.u8(static_cast<std::uint8_t>(value)); }

  void put(RetireCause value) { out_.u8(static_cast<std::uint8_t>(value)); }

  void put(IncidentKind value) { out_.u8(static_cast<std::uint8_t>(value)); }

  // Parts of acts are written as the journal writes them.
  void put(const Genesis& value) { value.encode(out_); }

  void put(const EpochBeginning& value) { value.encode(out_); }

  void put(const Policy& value) { value.encode(out_); }

  void put(const SlotIntroduction& value) { value.encode(out_); }

  // A proposed act: its number, as in the journal, before it.
  void put(const ProposedAct& value) {
    std::visit(
        [&](const auto& act) {
          out_.u16(act.number);
          act.encode(out_);
        },
        value);
  }

  template <std::size_t N, typename Kind>
  void put(const Id<N, Kind>& value) {
    out_.id(value);
  }

  template <typename A, typename B>
  void put(const std::pair<A, B>& value) {
    put(value.first);
    put(value.second);
  }

  template <typename Element>
  void put(const std::set<Element>& values) {
    put_all(values);
  }

  template <typename Element>
  void put(const std::vector<Element>& values) {
    put_all(values);
  }

  template <typename Key, typename Value>
  void put(const std::map<Key, Value>& values) {
    put_all(values);
  }

  template <typename Struct>

  requires requires(const Struct& value) { fields_of(value); }

  void put(const Struct& value) {
    std::apply([&](const auto&... field) { (put(field), ...); }, fields_of(value));
  }

 private:
  // A u32 count, then each element.
  template <typename Elements>
  void put_all(const Elements& elements) {
    out_.u32(narrow<std::uint32_t>(elements.size()));
    for (const auto& element : elements) {
      put(element);
    }
  }

  ByteWriter& out_;
};

class RecordReader {
 public:
  explicit RecordReader(ByteReader& in) : in_(in) {}

  void take(bool& value) { value = take_flag(in_); }

  void take(std::uint32_t& value) { value = in_.u32(); }

  void take(std::uint64_t& value) { value = in_.u64(); }

  void take(std::int64_t& value) { value = in_.i64(); }

  void take(std::string& value) { value = in_.text(text_bytes_max, "a text"); }

  void take(SlotKind& value) { value = take_slot_kind(in_); }

  void take(LockMode& value) { value = take_lock(in_); }

  void take(RetireCause& value) { value = take_retire_cause(in_); }

  void take(IncidentKind& value) {
    const std::uint8_t kind = in_.u8();
    in_.require(kind >= 1 && kind <= 3, "an unknown kind of incident");
    value = static_cast<IncidentKind>(kind);
  }

  void take(Genesis& value) { value = Genesis::decode(in_); }

  void take(EpochBeginning& value) { value = EpochBeginning::decode(in_); }

  void take(Policy& value) { value = Policy::decode(in_); }

  void take(SlotIntroduction& value) { value = SlotIntroduction::decode(in_); }

  void take(ProposedAct& value) {
    const std::uint16_t number = in_.u16();
    if (number == PolicySet::number) {
      value = PolicySet::decode(in_);
    } else if (number == PolicyAssigned::number) {
      value = PolicyAssigned::decode(in_);
    } else {
      in_.require(number == CeilingSet::number, "an act that cannot be proposed");
      value = CeilingSet::decode(in_);
    }
  }

  template <std::size_t N, typename Kind>
  void take(Id<N, Kind>& value) {
    value = in_.id<Id<N, Kind>>();
  }

  template <typename A, typename B>
  void take(std::pair<A, B>& value) {
    take(value.first);
    take(value.second);
  }

  template <typename Element>
  void take(std::set<Element>& values) {
    take_all<Element>([&](Element&& element) { values.insert(std::move(element)); });
  }

  template <typename Element>
  void take(std::vector<Element>& values) {
    take_all<Element>([&](Element&& element) { values.push_back(std::move(element)); });
  }

  template <typename Key, typename Value>
  void take(std::map<Key, Value>& values) {
    using Element = std::pair<Key, Value>;
    take_all<Element>([&](Element&& element) { values.insert(std::move(element)); });
  }

  template <typename Struct>

  requires requires(Struct& value) { fields_of(value); }

  void take(Struct& value) {
    std::apply([&](auto&... field) { (take(field), ...); }, fields_of(value));
  }

 private:
  // The elements come one by one: a record that claims many costs no memory before they are there.
  template <typename Element, typename Add>
  void take_all(const Add& add) {
    const std::uint32_t count = in_.count(1, "elements");
    for (std::uint32_t i = 0; i < count; ++i) {
      Element element{};
      take(element);
      add(std::move(element));
    }
  }

  ByteReader& in_;
};

}  // namespace

Bytes encode_state(const State& state) {
  ByteWriter out;
  out.u8(state_version);
  RecordWriter(out).put(state);
  return out.take();
}

State decode_state(View bytes) {
  ByteReader in(bytes, record_object);
  in.require(in.u8() == state_version, "it was made by another version");
  State out;
  RecordReader(in).take(out);
  in.expect_end();
  return out;
}

Bytes encode_snapshot_row(const SnapshotState& snapshot) {
  ByteWriter out;
  RecordWriter(out).put(snapshot);
  return out.take();
}

std::uint64_t sequence_of_row(View bytes) {
  return ByteReader(bytes, record_object).u64();
}

SnapshotState decode_snapshot_row(View bytes, const SnapshotTaken& taken) {
  ByteReader in(bytes, record_object);
  SnapshotState out;
  out.taken = taken;
  RecordReader(in).take(out);
  in.expect_end();
  return out;
}

Bytes encode_segment_row(const SegmentState& segment) {
  ByteWriter out;
  RecordWriter(out).put(segment);
  return out.take();
}

namespace {

template <typename Row>
Row decode_row(View bytes) {
  ByteReader in(bytes, record_object);
  Row out;
  RecordReader(in).take(out);
  in.expect_end();
  return out;
}

}  // namespace

SegmentState decode_segment_row(View bytes) {
  return decode_row<SegmentState>(bytes);
}

Bytes encode_condemnation_row(const Condemnation& condemnation) {
  ByteWriter out;
  RecordWriter(out).put(condemnation);
  return out.take();
}

Condemnation decode_condemnation_row(View bytes) {
  return decode_row<Condemnation>(bytes);
}

Bytes encode_flag_row(bool flag) {
  return {static_cast<std::uint8_t>(flag ? 1 : 0)};
}

bool decode_flag_row(View bytes) {
  ByteReader in(bytes, record_object);
  const bool flag = take_flag(in);
  in.expect_end();
  return flag;
}

}  // namespace kist
