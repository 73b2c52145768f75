#include "engine/ops/verify/pack_checker.h"

#include <algorithm>
#include <future>
#include <thread>
#include <vector>

#include "engine/base/attempt.h"
#include "engine/base/pool.h"
#include "engine/blocks/frame.h"
#include "engine/blocks/pack_ranges.h"
#include "engine/content/compress.h"
#include "engine/crypto/hash.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"

namespace kist {

PackChecker::PackChecker(Repository& repository, VerifyLevel level, PacksRead& read, Report report)
    : repository_(repository), level_(level), read_(read), report_(std::move(report)) {
  if (level != VerifyLevel::content) return;
  rights_ = repository.read_keys();
  keys_.emplace(repository.journal(), *rights_);
}

// What `work` fails with is reported.
template <typename Work>
std::optional<Error> PackChecker::attempt(const std::string& object, const Work& work) {
  auto failure = failure_except(Code::refused, work);
  if (!failure) return failure;
  require_current(*failure);
  report_(object, failure->text(), std::nullopt);
  return failure;
}

// Error{conflict} where what is missing may have ended meanwhile.
void PackChecker::require_current(const Error& failure) const {
  if (failure.code() == Code::conflict) throw Error(failure);
  if (failure.code() == Code::missing) {
    const auto judged = failure_of([&] { repository_.journal().rethrow(failure); });
    if (judged->code() == Code::conflict) throw Error(*judged);
  }
}

namespace {

// A store that does not answer now says nothing of the pack.
PackProblem problem_of(const Error& failure, PackProblem damage) {
  return is_damage(failure) ? damage : PackProblem::unreadable;
}

}  // namespace

void PackChecker::check_all(BlockIndex& of, unsigned threads, const std::function<void()>& follow) {
  repository_.state().segments.for_each(
      [&](const ObjectHash& /*name*/, const SegmentState& segment) {
        if (segment.numbers.count() == 0) reindexes_.insert(segment.sequence);
      });
  std::vector<std::uint32_t> packs;
  {
    const BlockIndex::Reader index(of);
    prover_.emplace(repository_.state(), index);
    packs = index.packs();
    pack_count_ = narrow<std::uint32_t>(packs.size());
    std::erase_if(packs, [&](std::uint32_t pack) { return is_read_already(index, pack); });
    done_count_ = pack_count_ - packs.size();
  }
  for (;;) {
    packs = check(of, packs, threads);
    if (packs.empty()) return;
    follow();
  }
}

// Those that another attempt has read count as if they had been read now.
bool PackChecker::is_read_already(const BlockIndex::Reader& index, std::uint32_t number) {
  const PackRecord pack = index.pack(number);
  const auto known = read_.whole.find(pack.hash);
  if (known == read_.whole.end()) return false;
  if (known->second != pack.segment) {
    read_.whole.erase(known);
    return false;
  }
  if (level_ == VerifyLevel::content) {
    numbers_in_pack(index, number).for_each([&](std::uint64_t block) { prover_->add(block); });
  }
  return true;
}

// Those that are left where the journal has gone on.
std::vector<std::uint32_t> PackChecker::check(BlockIndex& of,
                                              const std::vector<std::uint32_t>& packs,
                                              unsigned threads_requested) {
  std::atomic<std::size_t> next{0};
  std::atomic<bool> is_overtaken{false};
  std::vector<std::uint32_t> left;
  const auto work = [&] {
    const BlockIndex::Reader own(of);
    while (!is_overtaken) {
      const std::size_t place = next++;
      if (place >= packs.size()) return;
      check_cancelled(repository_.observer());
      const auto failure = failure_of([&] { check_pack(own, packs[place]); });
      if (!failure) continue;
      if (failure->code() != Code::conflict) throw Error(*failure);
      is_overtaken = true;
      const std::lock_guard lock(mutex_);
      left.push_back(packs[place]);
    }
  };
  const unsigned threads = threads_requested != 0
                               ? threads_requested
                               : std::max(1U, std::thread::hardware_concurrency());
  Pool pool(threads);
  std::vector<std::future<void>> workers;
  for (unsigned i = 0; i < threads; ++i) {
    workers.push_back(pool.submit(work));
  }
  for (std::future<void>& worker : workers) {
    worker.get();
  }
  if (!is_overtaken) return {};
  for (std::size_t place = next; place < packs.size(); ++place) {
    left.push_back(packs[place]);
  }
  return left;
}

void PackChecker::renew(const BlockIndex::Reader& index) {
  std::set<FrameId> renewed;
  for (const FrameId& frame : damaged_frames_) {
    const auto number = index.find_pack(index.pack(frame.pack).hash);
    if (number) renewed.insert({*number, frame.frame});
  }
  damaged_frames_ = std::move(renewed);
}

void PackChecker::check_pack(const BlockIndex::Reader& index, std::uint32_t number) {
  Reading reading{.index = index, .number = number, .pack = index.pack(number)};
  const std::string path = pack_path(reading.pack.hash);
  const auto absence = attempt(path, [&] {
    const std::optional<std::uint64_t> size = repository_.reader().size(path);
    if (!size) throw Error(Code::missing, describe(PackProblem::missing));
    if (*size != reading.pack.size) {
      throw Error(Code::corrupt, describe(PackProblem::wrong_size));
    }
  });
  if (absence) {
    const bool is_missing = absence->code() == Code::missing;
    record_damage(
        reading, problem_of(*absence, is_missing ? PackProblem::missing : PackProblem::wrong_size));
  }
  if (level_ == VerifyLevel::structure) return;
  if (!absence) {
    const auto damage = attempt(path, [&] { read_pack(reading); });
    if (damage) record_damage(reading, problem_of(*damage, PackProblem::damaged));
    note_if_whole(reading.pack);
  }
  repository_.observer().progress({.files_done = ++done_count_,
                                   .files_total = pack_count_,
                                   .bytes_done = read_.bytes,
                                   .bytes_total = 0,
                                   .is_estimate = false,
                                   .current = path});
}

// Reads a pack once, front to back: its hash, and on the way, frame by frame, its content.
void PackChecker::read_pack(Reading& reading) {
  const PackRecord& pack = reading.pack;
  const std::string path = pack_path(pack.hash);
  ObjectHasher hasher;
  std::uint64_t at = 0;
  const auto read = [&](std::uint64_t end) {
    Bytes bytes(end - at);
    if (repository_.reader().get_range(path, at, bytes) != bytes.size()) {
      throw Error(Code::corrupt, "it is cut short");
    }
    hasher.update(bytes);
    at = end;
    read_.bytes += bytes.size();
    return bytes;
  };
  const Bytes header = read(pack_header_size);
  std::vector<FramePlace> places;
  for (std::uint32_t& frame = reading.frames_read; frame < pack.frame_count; ++frame) {
    const FrameRecord record = reading.index.frame(reading.number, frame);
    if (record.place.offset != at) throw Error(Code::corrupt, "the index misplaces a frame");
    const Bytes sealed =
        read(at + record.place.contents_size + std::uint64_t{record.place.list_size});
    places.push_back(record.place);
    check_cancelled(repository_.observer());
    if (level_ != VerifyLevel::content) continue;
    check_frame(reading, frame, record, sealed);
  }
  Bytes tail;
  while (at < pack.size) {
    tail = read(std::min(pack.size, at + (1U << 20U)));
  }
  if (hasher.finish() != pack.hash) {
    throw Error(Code::corrupt, "its bytes do not hash to its name");
  }
  const PackHeader decoded = decode_pack_header(header, path);
  if (decoded.kind != pack.kind || decoded.repository != repository_.keyring().repository()) {
    throw Error(Code::corrupt, "its header is another's");
  }
  if (level_ != VerifyLevel::content || is_unopened(pack.hash)) return;
  check_directory(pack, places, path);
  for (const std::uint64_t block : reading.blocks) {
    prover_->add(block);
  }
}

void PackChecker::check_frame(Reading& reading,
                              std::uint32_t frame,
                              const FrameRecord& record,
                              View sealed) {
  const ObjectHash& pack = reading.pack.hash;
  std::optional<Key> secret;
  auto failure = failure_of(
      [&] { secret = derive_frame_secret(keys_->keys().pack_key(reading.pack), frame); });
  // A key that is missing says nothing of the pack.
  const bool has_key = !failure;
  if (has_key) {
    failure = failure_of([&] { check_frame_content(reading, frame, record, *secret, sealed); });
  }
  if (!failure) return;
  require_current(*failure);
  report_(pack_path(pack), concat("frame ", frame, ": ", failure->text()), record.place.offset);
  const std::lock_guard lock(mutex_);
  damaged_frames_.insert({reading.number, frame});
  if (has_key) {
    note_problem(pack, problem_of(*failure, PackProblem::damaged));
  } else {
    unopened_packs_.insert(pack);
  }
}

// There was no key to look into all of it.
bool PackChecker::is_unopened(const ObjectHash& pack) {
  const std::lock_guard lock(mutex_);
  return unopened_packs_.contains(pack);
}

void PackChecker::note_if_whole(const PackRecord& pack) {
  const std::lock_guard lock(mutex_);
  if (!has_doubt_of(pack.hash)) read_.whole.emplace(pack.hash, pack.segment);
}

// Damage that is known counts for more than bytes that could not be read.
void PackChecker::note_problem(const ObjectHash& pack, PackProblem problem) {
  PackProblem& known = damaged_packs_.emplace(pack, problem).first->second;
  if (known == PackProblem::unreadable) known = problem;
}

// The pack is damaged, and its frames from the one on that was being read cannot be read.
void PackChecker::record_damage(const Reading& reading, PackProblem problem) {
  const std::lock_guard lock(mutex_);
  note_problem(reading.pack.hash, problem);
  for (std::uint32_t frame = reading.frames_read; frame < reading.pack.frame_count; ++frame) {
    damaged_frames_.insert({reading.number, frame});
  }
}

void PackChecker::check_directory(const PackRecord& pack,
                                  const std::vector<FramePlace>& places,
                                  const std::string& path) {
  Bytes footer(pack_footer_size);
  repository_.reader().get_range(path, pack.size - pack_footer_size, footer);
  const std::uint32_t size = decode_pack_footer(footer, path);
  if (size + pack_footer_size > pack.size) throw Error(Code::corrupt, "its footer is wrong");
  Bytes sealed(size);
  repository_.reader().get_range(path, pack.size - pack_footer_size - size, sealed);
  const FramePosition position{repository_.keyring().repository(), pack.kind, 0};
  const Key key = derive_directory_key(keys_->keys().pack_key(pack));
  if (open_directory(key, position, sealed, path) != places) {
    throw Error(Code::corrupt, "its directory and the index differ");
  }
}

void PackChecker::check_frame_content(Reading& reading,
                                      std::uint32_t frame,
                                      const FrameRecord& record,
                                      const Key& secret,
                                      View sealed) {
  const PackRecord& pack = reading.pack;
  const std::string path = pack_path(pack.hash);
  const FramePosition position{repository_.keyring().repository(), pack.kind, frame};
  const View contents = sealed.first(record.place.contents_size);
  const View sealed_list = sealed.subspan(record.place.contents_size);
  const Bytes plain = open_frame(
      secret, position,
      {.contents = contents, .encoding = record.encoding, .plain_size = record.plain_size},
      thread_decompressor(), path);
  const FrameList list = open_frame_list(secret, position, sealed_list, path);
  std::size_t at = 0;
  for (const ListedBlock& block : list.blocks) {
    if (at + block.size > plain.size()) throw Error(Code::corrupt, "a list exceeds its frame");
    check_block(rights_->id_key(), block.id, View(plain).subspan(at, block.size));
    at += block.size;
  }
  const bool agree = at == plain.size() && list.encoding == record.encoding &&
                     list.has_numbers == reindexes_.contains(pack.sequence);
  if (!agree) throw Error(Code::corrupt, "a frame's list and the index differ");
  check_block_places(reading, frame, record, list);
  ++read_.frames;
  read_.blocks += list.blocks.size();
}

namespace {

std::vector<std::uint32_t> offsets_of(const FrameList& list) {
  std::vector<std::uint32_t> out;
  std::uint32_t offset = 0;
  for (const ListedBlock& block : list.blocks) {
    out.push_back(offset);
    offset += block.size;
  }
  return out;
}

}  // namespace

// Each block is in the index, under each of its numbers, where it is in the frame.
void PackChecker::check_block_places(Reading& reading,
                                     std::uint32_t frame,
                                     const FrameRecord& record,
                                     const FrameList& list) {
  const std::vector<std::uint32_t> offsets = offsets_of(list);
  const auto require = [&](std::size_t place, std::uint64_t number) {
    if (place >= list.blocks.size()) throw Error(Code::corrupt, "the index lists more blocks");
    const ListedBlock& block = list.blocks[place];
    const auto copy = reading.index.find(tag_of(block.id), number);
    const BlockLocation due{number, reading.number, frame, offsets[place], block.size};
    if (copy != due) {
      throw Error(Code::corrupt, concat("block ", hex(block.id), " is not where the index has it"));
    }
    reading.blocks.push_back(number);
  };
  if (!record.is_rewritten) {
    for (std::size_t i = 0; i < list.blocks.size(); ++i) {
      require(i, record.first_number + i);
    }
    return;
  }
  for (const BlockRun& run : reading.index.block_runs(reading.number, frame)) {
    for (std::uint32_t i = 0; i < run.count; ++i) {
      require(std::size_t{run.block} + i, run.first + i);
    }
  }
}

std::set<ObjectHash> PackChecker::find_condemned_whole(const BlockIndex::Reader& index) const {
  std::set<ObjectHash> out;
  if (level_ != VerifyLevel::content) return out;
  for (const ObjectHash& pack : repository_.state().condemned_packs()) {
    const bool is_found_whole = !has_doubt_of(pack) && index.find_pack(pack);
    if (is_found_whole || index.is_gone(pack)) out.insert(pack);
  }
  return out;
}

DamagedPacks PackChecker::find_whole_again(const BlockIndex::Reader& index,
                                           const DamagedPacks& recorded) const {
  const bool has_read_all = level_ == VerifyLevel::content;
  DamagedPacks out;
  for (const auto& [pack, problem] : recorded) {
    if (index.is_gone(pack)) out.emplace(pack, problem);
    if (!has_read_all && !shows_in_size(problem)) continue;
    if (!has_doubt_of(pack) && index.find_pack(pack)) out.emplace(pack, problem);
  }
  return out;
}

}  // namespace kist
