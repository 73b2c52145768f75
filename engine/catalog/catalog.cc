#include "engine/catalog/catalog.h"

#include <mutex>

#include "engine/catalog/state_record.h"

namespace kist {

namespace {

constexpr std::uint64_t catalog_map_bytes = std::uint64_t{16} << 30U;

enum : Table {
  entries_table,
  snapshots_table,
  segments_table,
  key_segments_table,
  condemned_table,
  unnamed_table,
  state_table,
  catalog_table_count
};

constexpr std::string_view next_key = "next";    // the count of entries
constexpr std::string_view state_key = "state";  // the state but its tables
constexpr std::size_t piece_size = 1500;
constexpr std::size_t unflushed_max = 1024;
constexpr std::size_t unflushed_bytes_max = 16U << 20U;
constexpr std::uint8_t record_version = 6;  // a catalog with another one is rebuilt

// Keys are big-endian, so that they sort in journal order.
std::array<std::uint8_t, 8> sequence_key(std::uint64_t sequence) {
  return to_big_endian(sequence);
}

Bytes piece_key(View key, std::uint32_t piece) {
  Bytes out(key.begin(), key.end());
  const auto number = to_big_endian(piece);
  out.insert(out.end(), number.begin(), number.end());
  return out;
}

// Puts a value of any size as pieces of 1,500 bytes; the first piece begins with the size of the
// whole. Pieces that a longer value has left behind are not read.
void put_long(Transaction& write, Table table, View key, View value) {
  ByteWriter out;
  out.u32(narrow<std::uint32_t>(value.size()));
  out.raw(value);
  const View all = out.view();
  std::uint32_t piece = 0;
  for (std::size_t at = 0; at < all.size(); at += piece_size) {
    write.put(table, piece_key(key, piece++),
              all.subspan(at, std::min(piece_size, all.size() - at)));
  }
}

// Calls `each(key, value)` from that key on, until it returns false.
void scan_long(const Transaction& read,
               Table table,
               View from,
               const std::function<bool(View, View)>& each) {
  Bytes key;
  Bytes value;
  std::size_t left = 0;
  const auto require_whole = [&] {
    if (left > 0) throw Error(Code::corrupt, "a record of the catalog is cut short");
  };
  read.scan(table, from.empty() ? Bytes() : piece_key(from, 0), [&](View row, View piece) {
    const View name = row.first(row.size() - 4);
    ByteReader number(row.last(4), "catalog record");
    if (number.u32() == 0) {
      require_whole();
      ByteReader in(piece, "catalog record");
      left = in.u32();
      key.assign(name.begin(), name.end());
      value.clear();
      piece = in.take(in.left());
    } else if (left == 0 || !equal(name, key)) {
      return true;
    }
    const View taken = piece.first(std::min(left, piece.size()));
    value.insert(value.end(), taken.begin(), taken.end());
    left -= taken.size();
    return left > 0 || each(key, value);
  });
  require_whole();
}

std::optional<Bytes> get_long(const Transaction& read, Table table, View key) {
  std::optional<Bytes> out;
  scan_long(read, table, key, [&](View found, View value) {
    if (equal(found, key)) out.emplace(value.begin(), value.end());
    return false;
  });
  return out;
}

std::uint64_t get_next(const Transaction& read) {
  const auto value = read.get(state_table, as_view(next_key));
  return value ? ByteReader(*value, "catalog record").u64() : 0;
}

Bytes encode_record(const ReplayedEntry& replayed) {
  const JournalEntry& entry = replayed.entry;
  ByteWriter out;
  out.u8(record_version);
  out.id(replayed.hash);
  out.id(replayed.leaf);
  out.text(replayed.void_reason);
  out.id(entry.previous);
  out.id(entry.author);
  out.u32(entry.epoch_number);
  out.id(entry.epoch);
  out.raw(encode_journal_payload(entry));
  return out.take();
}

ReplayedEntry decode_record(std::uint64_t sequence, View bytes) {
  ByteReader in(bytes, "catalog record");
  in.require(in.u8() == record_version, "it was made by another version");
  ReplayedEntry out;
  out.hash = in.id<ObjectHash>();
  out.leaf = in.id<TreeHash>();
  out.void_reason = in.text(1024, "a reason");
  out.entry.sequence = sequence;
  out.entry.previous = in.id<ObjectHash>();
  out.entry.author = in.id<SlotId>();
  out.entry.epoch_number = in.u32();
  out.entry.epoch = in.id<EpochId>();
  JournalPayload payload = decode_journal_payload(in.take(in.left()), "catalog record");
  out.entry.time_ms = payload.time_ms;
  out.entry.is_time_doubted = payload.is_time_doubted;
  out.entry.act = std::move(payload.act);
  return out;
}

template <typename AnyId>
AnyId id_of(View key) {
  AnyId out;
  std::ranges::copy(key, out.bytes.begin());
  return out;
}

}  // namespace

// The rows of the state's tables, as one read transaction sees them. Any thread may read them.
struct Catalog::Tables {
  explicit Tables(Environment& used) : environment(used), read(used, Transaction::Mode::read) {}

  void renew() {
    const std::lock_guard lock(mutex);
    read.renew();
  }

  SnapshotState snapshot(View row) const {
    const std::uint64_t sequence = sequence_of_row(row);
    const auto record = get_long(read, entries_table, sequence_key(sequence));
    if (!record) environment.fail_damaged("it lacks an entry");
    const ReplayedEntry replayed = decode_record(sequence, *record);
    const auto* taken = std::get_if<SnapshotTaken>(&replayed.entry.act);
    if (taken == nullptr) environment.fail_damaged("a row is of another entry");
    return decode_snapshot_row(row, *taken);
  }

  // The rows of one table, of which `decode` makes values.
  template <typename Key, typename Value, Table table>
  class Rows final : public StateTable<Key, Value>::Rows {
   public:
    using Decode = std::function<Value(View, const Key&)>;

    Rows(const Tables& tables, Decode decode) : tables_(tables), decode_(std::move(decode)) {}

    [[nodiscard]] std::optional<Value> get(const Key& key) const override {
      const std::lock_guard lock(tables_.mutex);
      const auto row = get_long(tables_.read, table, key.bytes);
      return row ? std::optional(decode_(*row, key)) : std::nullopt;
    }

    void scan(const std::function<void(const Key&, Value)>& each) const override {
      const std::lock_guard lock(tables_.mutex);
      scan_long(tables_.read, table, {}, [&](View bytes, View row) {
        const auto key = id_of<Key>(bytes);
        each(key, decode_(row, key));
        return true;
      });
    }

   private:
    const Tables& tables_;
    Decode decode_;
  };

  Environment& environment;
  mutable std::mutex mutex;
  Transaction read;
  Rows<SnapshotId, SnapshotState, snapshots_table> snapshots{
      *this, [this](View row, const SnapshotId& /*id*/) { return snapshot(row); }};
  Rows<ObjectHash, SegmentState, segments_table> segments{
      *this, [](View row, const ObjectHash& /*name*/) { return decode_segment_row(row); }};
  Rows<ObjectHash, SlotId, key_segments_table> key_segments{
      *this, [](View row, const ObjectHash& /*name*/) { return id_of<SlotId>(row); }};
  Rows<ObjectHash, bool, condemned_table> condemned{
      *this, [](View row, const ObjectHash& /*pack*/) { return decode_flag_row(row); }};
  Rows<ObjectHash, Condemnation, unnamed_table> unnamed{
      *this, [](View row, const ObjectHash& /*name*/) { return decode_condemnation_row(row); }};
};

Catalog::Catalog(const std::string& directory, const LocalKey& checksum_key)
    : environment_(directory,
                   {.map_bytes = catalog_map_bytes,
                    .table_count = catalog_table_count,
                    .checksum_key = checksum_key}),
      tables_(std::make_unique<Tables>(environment_)) {
  load_state();
}

Catalog::~Catalog() = default;

// Attaches the rows as they are stored now. If another process has added entries meanwhile, the
// state is loaded anew too, because rows and state must be of the same moment.
void Catalog::show_stored() {
  tables_->renew();
  if (get_next(tables_->read) != state_.next_sequence) return load_state();
  attach_tables();
}

void Catalog::load_state() {
  tables_->renew();
  const auto record = get_long(tables_->read, state_table, as_view(state_key));
  if (!record && tables_->read.count(entries_table) > 0) {
    throw Error(Code::corrupt, "the catalog was made by another version");
  }
  state_ = record ? decode_state(*record) : State();
  attach_tables();
}

void Catalog::attach_tables() {
  state_.snapshots.attach(tables_->snapshots);
  state_.segments.attach(tables_->segments);
  state_.key_segments.attach(tables_->key_segments);
  state_.condemned.attach(tables_->condemned);
  state_.unnamed.attach(tables_->unnamed);
}

void Catalog::apply_to_state(const ReplayedEntry& replayed) {
  if (replayed.entry.sequence != state_.next_sequence) {
    throw Error(Code::corrupt, "the catalog has a gap");
  }
  if (replayed.void_reason.empty()) {
    apply(state_, replayed.entry, replayed.hash);
  } else {
    apply_void(state_, replayed.void_reason, replayed.hash, replayed.entry.author);
  }
}

// Entries are stored in batches: a commit of LMDB for each would take most of a long replay's time.
void Catalog::add(const ReplayedEntry& replayed) {
  apply_to_state(replayed);
  unflushed_.push_back({replayed, encode_record(replayed)});
  unflushed_bytes_ += unflushed_.back().record.size();
  if (unflushed_.size() >= unflushed_max || unflushed_bytes_ >= unflushed_bytes_max) flush();
}

namespace {

// Stores the changes of one table.
template <typename Changed, typename Encode>
void write_changes(Transaction& write, Table table, const Changed& changed, const Encode& encode) {
  if (changed.is_cleared()) write.clear(table);
  for (const auto& [key, value] : changed.changes()) {
    put_long(write, table, key.bytes, encode(value));
  }
}

}  // namespace

// Returns false when another process has added entries meanwhile.
bool Catalog::write_unflushed() {
  Transaction write(environment_, Transaction::Mode::write);
  if (get_next(write) != unflushed_.front().replayed.entry.sequence) return false;
  for (const Unflushed& added : unflushed_) {
    put_long(write, entries_table, sequence_key(added.replayed.entry.sequence), added.record);
  }
  write_changes(write, snapshots_table, state_.snapshots, &encode_snapshot_row);
  write_changes(write, segments_table, state_.segments, &encode_segment_row);
  write_changes(write, key_segments_table, state_.key_segments, [](const SlotId& author) {
    return Bytes(author.bytes.begin(), author.bytes.end());
  });
  write_changes(write, condemned_table, state_.condemned, &encode_flag_row);
  write_changes(write, unnamed_table, state_.unnamed, &encode_condemnation_row);
  put_long(write, state_table, as_view(state_key), encode_state(state_));
  ByteWriter next;
  next.u64(state_.next_sequence);
  write.put(state_table, as_view(next_key), next.view());
  write.commit();
  return true;
}

void Catalog::flush() {
  while (!unflushed_.empty()) {
    if (write_unflushed()) {
      unflushed_.clear();
      unflushed_bytes_ = 0;
      return show_stored();
    }
    // The other process has validated the same entries by the same rules: its state is taken over.
    std::vector<Unflushed> ours = std::exchange(unflushed_, {});
    unflushed_bytes_ = 0;
    load_state();
    for (Unflushed& added : ours) {
      if (added.replayed.entry.sequence < state_.next_sequence) continue;
      apply_to_state(added.replayed);
      unflushed_bytes_ += added.record.size();
      unflushed_.push_back(std::move(added));
    }
  }
}

void Catalog::refresh() {
  flush();
  const Transaction read(environment_, Transaction::Mode::read);
  if (get_next(read) != state_.next_sequence) load_state();
}

void Catalog::for_each(std::uint64_t first, const std::function<bool(const ReplayedEntry&)>& each) {
  flush();
  const Transaction read(environment_, Transaction::Mode::read);
  scan_long(read, entries_table, sequence_key(first), [&](View key, View record) {
    return each(decode_record(from_big_endian<std::uint64_t>(key), record));
  });
}

}  // namespace kist
