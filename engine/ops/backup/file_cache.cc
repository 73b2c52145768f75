#include "engine/ops/backup/file_cache.h"

#include <algorithm>
#include <cstring>

#include "engine/base/attempt.h"
#include "engine/base/disk/tree.h"
#include "engine/crypto/seal.h"
#include "engine/format/limits.h"
#include "engine/format/manifest.h"

namespace kist {

struct FileCacheWriter::FactsFile {
  Id<16, struct GenerationKind> generation;
  Key key;
  CacheFacts facts;
  std::uint64_t piece_count = 0;
};

namespace {

constexpr std::string_view magic = "KISTCAC5";
constexpr std::size_t piece_target = 256U << 10U;
constexpr std::uint32_t piece_max = 64U << 20U;
// An entry with more runs than this is not worth keeping: its file is read again next time.
constexpr std::size_t runs_max = 1U << 20U;
using Generation = Id<16, struct GenerationKind>;

constexpr std::uint32_t eras_max = 1U << 16U;

std::string facts_path(const std::string& directory,
                       const std::string& source_key,
                       CacheKind kind) {
  return concat(directory, "/", source_key, kind == CacheKind::complete ? ".key" : ".pending");
}

std::string pieces_path(const std::string& directory,
                        const std::string& source_key,
                        const std::string& generation) {
  return concat(directory, "/", source_key, ".", generation);
}

// Each piece is sealed once under the cache's key: its number is the nonce.
Nonce piece_nonce(std::uint64_t number) {
  Nonce nonce;
  std::memcpy(nonce.bytes.data(), &number, sizeof number);
  return nonce;
}

using FactsFile = FileCacheWriter::FactsFile;

SecretBytes encode_facts(const FactsFile& file) {
  // Growing would leave the key behind.
  const Bytes numbers = file.facts.numbers.encode();
  ByteWriter out(256 + file.facts.last_path.size() + 16 * file.facts.eras.size() + numbers.size());
  out.id(file.generation);
  out.raw(file.key.view());
  out.id(file.facts.snapshot);
  out.i64(file.facts.started_ms);
  out.u64(file.facts.files);
  out.u64(file.facts.bytes);
  out.u64(file.facts.stored_again_from);
  out.u64(file.piece_count);
  out.text(file.facts.last_path);
  out.u32(narrow<std::uint32_t>(file.facts.eras.size()));
  for (const EntryNumbers& era : file.facts.eras) {
    out.u64(era.first_number);
    out.u32(era.data);
    out.u32(era.meta);
  }
  out.sized(numbers);
  return SecretBytes(out.take());
}

FactsFile decode_facts(View bytes) {
  ByteReader in(bytes, "file cache");
  FactsFile out;
  out.generation = in.id<Generation>();
  out.key = Key::from(in.take(Key::size));
  out.facts.snapshot = in.id<SnapshotId>();
  out.facts.started_ms = in.i64();
  out.facts.files = in.u64();
  out.facts.bytes = in.u64();
  out.facts.stored_again_from = in.u64();
  out.piece_count = in.u64();
  out.facts.last_path = in.text(path_bytes_max, "a path");
  out.facts.eras.resize(in.count(16, "a count of eras"));
  for (EntryNumbers& era : out.facts.eras) {
    era.first_number = in.u64();
    era.data = in.u32();
    era.meta = in.u32();
  }
  out.facts.numbers = NumberSet::decode(in.sized(in.left(), "a number set"), "file cache");
  in.expect_end();
  return out;
}

// The facts file: magic, nonce, sealed facts.
Bytes seal_facts(const Key& key, const Nonce& nonce, const FactsFile& file) {
  const SecretBytes facts = encode_facts(file);
  Bytes sealed(facts.view().size() + seal_overhead);
  seal(key, nonce, as_view(magic), facts.view(), sealed);
  ByteWriter out;
  out.raw(as_view(magic));
  out.id(nonce);
  out.raw(sealed);
  return out.take();
}

FactsFile open_facts(const Key& key, View bytes) {
  ByteReader in(bytes, "file cache");
  in.require(equal(in.take(magic.size()), as_view(magic)), "this is not a file cache");
  const auto nonce = in.id<Nonce>();
  const View sealed = in.take(in.left());
  in.require(sealed.size() >= seal_overhead, "it is cut short");
  Bytes facts(sealed.size() - seal_overhead);
  in.require(open(key, nonce, as_view(magic), sealed, facts), "it is not authentic");
  const SecretBytes wiped(std::move(facts));
  return decode_facts(wiped.view());
}

// Empty where the file is absent, damaged, or of an epoch that this machine has left.
std::optional<FactsFile> read_facts(const Key& key, const std::string& path) {
  return value_of([&] {
    return open_facts(key, read_file(path, 4096 + path_bytes_max + std::uint64_t{16} * eras_max +
                                               reference_set_bytes_max));
  });
}

}  // namespace

std::unique_ptr<FileCacheReader> FileCacheReader::open(const LocalDirectory& local,
                                                       const std::string& source_key,
                                                       CacheKind kind) {
  const std::string directory = local.cache_directory();
  std::optional<FactsFile> facts =
      read_facts(local.cache_key(), facts_path(directory, source_key, kind));
  if (!facts) return nullptr;
  const std::string path = pieces_path(directory, source_key, hex(facts->generation));
  if (!path_exists(path)) return nullptr;
  return std::unique_ptr<FileCacheReader>(new FileCacheReader(
      File::open(path), std::move(facts->key), std::move(facts->facts), facts->piece_count));
}

bool FileCacheReader::read_piece() {
  if (piece_number_ == piece_count_) return false;
  std::array<std::uint8_t, 4> size_bytes{};
  if (file_.read_at(file_offset_, size_bytes) != size_bytes.size()) return false;
  const std::uint32_t size = ByteReader(size_bytes, "file cache").u32();
  if (size < seal_overhead || size > piece_max + seal_overhead) return false;
  Bytes sealed(size);
  if (file_.read_at(file_offset_ + 4, sealed) != size) return false;
  piece_.resize(size - seal_overhead);
  if (!kist::open(key_, piece_nonce(piece_number_), {}, sealed, piece_)) return false;
  file_offset_ += 4 + size;
  ++piece_number_;
  ByteReader in(piece_, "file cache");
  era_ = in.varint_up_to(eras_max, "an era");
  if (era_ >= facts_.eras.size()) return false;
  piece_offset_ = in.offset();
  current_.entry.path.clear();
  return true;
}

// Reads the next entry. A piece that is damaged or absent ends the cache: what follows is read
// anew.
bool FileCacheReader::advance() {
  if (at_end_) return false;
  const auto failure = failure_of([&] {
    at_end_ = piece_offset_ == piece_.size() && !read_piece();
    if (at_end_) return;
    ByteReader in(View(piece_).subspan(piece_offset_), "file cache");
    CachedEntry next;
    next.entry = decode_entry(in, current_.entry.path);
    next.runs.resize(in.varint_up_to(runs_max, "a count of runs"));
    for (ReferenceRun& run : next.runs) {
      run = {static_cast<NumberBase>(in.varint_up_to(2, "a base")), in.varint(), in.varint()};
      run = to_absolute(run, facts_.eras[era_]);
    }
    piece_offset_ += in.offset();
    current_ = std::move(next);
    has_current_ = true;
  });
  if (failure) at_end_ = true;
  return !at_end_;
}

const CachedEntry* FileCacheReader::find(std::string_view path) {
  while (!has_current_ || compare_paths(current_.entry.path, path) < 0) {
    if (!advance()) return nullptr;
  }
  return current_.entry.path == path ? &current_ : nullptr;
}

template <typename Work>
void FileCacheWriter::attempt(const Work& work) {
  if (is_given_up_) return;
  const auto failure = failure_of(work);
  if (!failure) return;
  is_given_up_ = true;
  observer_.notice(concat("which files are unchanged cannot be noted: ", failure->text(),
                          "; the next backup reads them all"));
}

FileCacheWriter::FileCacheWriter(const LocalDirectory& local,
                                 std::string source_key,
                                 Random& random,
                                 Observer& observer)
    : local_(local),
      random_(random),
      observer_(observer),
      directory_(local.cache_directory()),
      source_key_(std::move(source_key)) {
  generation_ = hex(random.draw_id<Generation>());
  random.fill(key_.mutable_view());
  attempt([&] {
    make_directories(directory_);
    remove_strays();
    file_ = File::create(pieces_path(directory_, source_key_, generation_));
  });
}

// What runs that were killed have left: sealed under keys that went with them.
void FileCacheWriter::remove_strays() {
  const Key key = local_.cache_key();
  std::vector<std::string> used;
  for (const CacheKind kind : {CacheKind::complete, CacheKind::pending}) {
    const auto facts = read_facts(key, facts_path(directory_, source_key_, kind));
    if (facts) used.push_back(concat(source_key_, ".", hex(facts->generation)));
  }
  std::vector<std::string> strays;
  Directory::open(directory_).for_each_name([&](std::string_view name) {
    const bool is_pieces =
        name.starts_with(source_key_ + ".") &&
        parse_id<Generation>(std::string(name.substr(source_key_.size() + 1))).has_value();
    if (is_pieces && std::ranges::find(used, name) == used.end()) {
      strays.emplace_back(name);
    }
  });
  for (const std::string& name : strays) {
    remove_file(concat(directory_, "/", name));
  }
}

FileCacheWriter::~FileCacheWriter() {
  if (is_committed_) return;
  // It is sealed under a key that goes with this object: nothing in it can be read.
  try_to([&] { remove_file(pieces_path(directory_, source_key_, generation_)); });
}

void FileCacheWriter::add(const Entry& entry, const std::vector<ReferenceRun>& runs) {
  if (runs.size() > runs_max || is_given_up_) return;
  if (piece_.size() == 0) piece_.varint(eras_.size());
  encode_entry(piece_, entry, previous_path_);
  piece_.varint(runs.size());
  for (const ReferenceRun& run : runs) {
    piece_.varint(static_cast<std::uint64_t>(run.base));
    piece_.varint(run.first);
    piece_.varint(run.count);
  }
  previous_path_ = entry.path;
  last_path_ = entry.path;
  if (piece_.size() >= piece_target) attempt([&] { flush_piece(); });
}

void FileCacheWriter::flush_piece() {
  if (piece_.size() == 0) return;
  Bytes sealed(piece_.size() + seal_overhead);
  seal(key_, piece_nonce(piece_number_++), {}, piece_.view(), sealed);
  ByteWriter size;
  size.u32(narrow<std::uint32_t>(sealed.size()));
  file_.append(size.view());
  file_.append(sealed);
  piece_.clear();
  previous_path_.clear();
}

void FileCacheWriter::end_era(const EntryNumbers& numbers) {
  attempt([&] { flush_piece(); });
  if (eras_.size() < eras_max) eras_.push_back(numbers);
}

void FileCacheWriter::commit(CacheKind kind, CacheFacts facts) {
  facts.eras = eras_;
  facts.last_path = last_path_;
  attempt([&] {
    put_in_place(kind, {.generation = *parse_id<Generation>(generation_),
                        .key = key_.clone(),
                        .facts = std::move(facts),
                        .piece_count = piece_number_});
  });
}

void FileCacheWriter::put_in_place(CacheKind kind, const FactsFile& file) {
  const Key key = local_.cache_key();  // of now: another epoch may have been entered meanwhile
  const Bytes sealed = seal_facts(key, random_.draw_id<Nonce>(), file);
  std::vector<CacheKind> replaced = {CacheKind::pending};
  if (kind == CacheKind::complete) replaced.push_back(CacheKind::complete);
  std::vector<std::string> former_pieces;
  for (const CacheKind old : replaced) {
    const std::string path = facts_path(directory_, source_key_, old);
    const std::optional<FactsFile> former = read_facts(key, path);
    if (former && former->generation != file.generation) {
      former_pieces.push_back(hex(former->generation));
    }
    wipe_file(path);  // overwritten first, so that the former key does not linger
  }
  replace_file(facts_path(directory_, source_key_, kind), sealed);
  is_committed_ = true;
  for (const std::string& generation : former_pieces) {
    remove_file(pieces_path(directory_, source_key_, generation));
  }
}

}  // namespace kist
