#include "engine/catalog/catalog.h"

namespace kist {

namespace {

constexpr std::uint64_t catalog_map_bytes = std::uint64_t{4} << 30U;
constexpr Table entries_table = 0;
constexpr std::size_t piece_size = 1500;
constexpr std::size_t unflushed_max = 1024;
constexpr std::uint8_t record_version = 2;  // another one is rebuilt

// Sequence and piece, big-endian, so that keys sort in journal order.
Bytes piece_key(std::uint64_t sequence, std::uint32_t piece) {
  Bytes key;
  for (int shift = 56; shift >= 0; shift -= 8) {
    key.push_back(static_cast<std::uint8_t>(sequence >> shift));
  }
  for (int shift = 24; shift >= 0; shift -= 8) {
    key.push_back(static_cast<std::uint8_t>(piece >> shift));
  }
  return key;
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
  out.raw(encode_journal_payload(entry.time_ms, entry.act));
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
  out.entry.act = std::move(payload.act);
  return out;
}

std::uint64_t key_sequence(View key) {
  std::uint64_t sequence = 0;
  for (const std::uint8_t byte : key.first(8)) {
    sequence = sequence << 8U | byte;
  }
  return sequence;
}

}  // namespace

Catalog::Catalog(const std::string& directory, const LocalKey& checksum_key)
    : environment_(
          directory,
          {.map_bytes = catalog_map_bytes, .table_count = 1, .checksum_key = checksum_key}) {
  refresh();
}

void Catalog::replay(const ReplayedEntry& replayed) {
  if (replayed.entry.sequence != state_.next_sequence) {
    throw Error(Code::corrupt, "the catalog has a gap");
  }
  if (replayed.void_reason.empty()) {
    apply(state_, replayed.entry, replayed.hash);
  } else {
    apply_void(state_, replayed.void_reason, replayed.hash);
  }
}

// A commit of LMDB for each entry would be most of what a long replay takes.
void Catalog::add(const ReplayedEntry& replayed) {
  replay(replayed);
  unflushed_.push_back({replayed.entry.sequence, encode_record(replayed)});
  if (unflushed_.size() == unflushed_max) flush();
}

void Catalog::flush() {
  if (unflushed_.empty()) return;
  Transaction write(environment_, Transaction::Mode::write);
  for (const Record& record : unflushed_) {
    // Another process may have added it, and more, meanwhile: its judgement is the same as ours.
    if (write.get(entries_table, piece_key(record.sequence, 0))) continue;
    std::uint32_t piece = 0;
    for (std::size_t at = 0; at < record.bytes.size(); at += piece_size) {
      const std::size_t size = std::min(piece_size, record.bytes.size() - at);
      write.append(entries_table, piece_key(record.sequence, piece++),
                   View(record.bytes).subspan(at, size));
    }
  }
  write.commit();
  unflushed_.clear();
}

void Catalog::refresh() {
  for_each(state_.next_sequence, [&](const ReplayedEntry& replayed) {
    replay(replayed);
    return true;
  });
}

void Catalog::for_each(std::uint64_t first, const std::function<bool(const ReplayedEntry&)>& each) {
  flush();
  const Transaction read(environment_, Transaction::Mode::read);
  Bytes record;
  std::uint64_t sequence = first;
  bool goes_on = true;
  const auto finish_record = [&] {
    if (record.empty()) return true;
    const ReplayedEntry replayed = decode_record(sequence, record);
    record.clear();
    return each(replayed);
  };
  read.scan(entries_table, piece_key(first, 0), [&](View key, View value) {
    if (key_sequence(key) != sequence) {
      goes_on = finish_record();
      if (!goes_on) return false;
      sequence = key_sequence(key);
    }
    record.insert(record.end(), value.begin(), value.end());
    return true;
  });
  if (goes_on) static_cast<void>(finish_record());
}

}  // namespace kist
