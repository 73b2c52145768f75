#include "engine/ops/verify/segment_rebuilder.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>

#include "engine/base/attempt.h"
#include "engine/blocks/block_reader.h"
#include "engine/blocks/frame.h"
#include "engine/blocks/index_loader.h"
#include "engine/blocks/segment_numbering.h"
#include "engine/crypto/hash.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/journal/journal.h"

namespace kist {

namespace {

constexpr std::uint64_t segment_blocks_max = 64U << 10U;

// A pack that another segment lists, and what it has of the entry's numbers: from `first` on, below
// `end`.
struct KnownPack {
  PackKind kind = PackKind::data;
  std::uint64_t first = 0;
  std::uint64_t end = 0;
};

[[noreturn]] void fail(std::string_view why) {
  throw Error(Code::corrupt, concat("it cannot be made anew: ", why));
}

class Rebuilder {
 public:
  Rebuilder(Repository& repository, LostSegments lost, bool drops = false)
      : repository_(repository),
        lost_(std::move(lost)),
        drops_(drops),
        index_(repository.blocks().index()),
        keys_(repository.journal(), rights_.emplace(repository.read_keys())) {}

  Reindexing run() {
    if (auto known = run_by_index()) return std::move(*known);
    if (repository_.state().changed.contains(lost_.sequence)) {
      fail("a repair has changed what its entry has, and this machine had not loaded it");
    }
    taken_ = find_entry(repository_.journal(), lost_.sequence);
    note_whole_segments();
    const std::vector<KeyedPack> packs = keyed_packs(repository_.journal(), lost_.sequence);
    for (const KeyedPack& pack : packs) {
      check_cancelled(repository_.observer());
      note(pack);
    }
    Reindexing out;
    out.replaced = {replaced_.begin(), replaced_.end()};
    for (const PackKind stream : {PackKind::data, PackKind::meta}) {
      number(packs, stream, out);
    }
    if (out.segments.empty()) fail("no pack that it may have listed is known");
    return out;
  }

  // Where this machine had loaded all of them: its index knows packs and numbers, if not the tags.
  std::optional<Reindexing> run_by_index() {
    std::map<ObjectHash, IndexSegment> segments;
    for (const std::uint32_t number : index_.known_packs()) {
      const PackRecord record = index_.pack(number);
      if (!lost_.segments.contains(record.segment)) continue;
      check_cancelled(repository_.observer());
      IndexSegment& segment = segments[record.segment];
      segment.has_numbers = true;
      if (auto pack = read_known_or_drop(number, record)) segment.packs.push_back(std::move(*pack));
    }
    if (segments.size() < lost_.segments.size()) return std::nullopt;
    Reindexing out;
    for (auto& [name, segment] : segments) {
      out.replaced.push_back(ordinals_of(name));
      if (!segment.packs.empty()) out.segments.push_back(std::move(segment));
    }
    if (out.segments.empty()) fail("nothing that it listed counts any more");
    return out;
  }

 private:
  // As the index has them; none of a segment that was rewritten.
  ReplacedSegment ordinals_of(const ObjectHash& name) {
    ReplacedSegment out{.hash = name};
    const SegmentState state = *repository_.state().segments.find(name);
    const std::optional<NumberRun> run = index_.run_of(state.sequence, name);
    if (state.numbers.count() == 0 || !run) return out;
    const PackKind stream =
        run->first < state.numbers.first_of(PackKind::meta) ? PackKind::data : PackKind::meta;
    out.first_ordinal = narrow<std::uint32_t>(run->first - state.numbers.first_of(stream));
    out.count = narrow<std::uint32_t>(run->count);
    return out;
  }

  std::optional<IndexedPack> read_known_or_drop(std::uint32_t number, const PackRecord& record) {
    std::optional<IndexedPack> out;
    const auto damage = damage_of([&] { out = read_known(number, record); });
    if (!damage) return out;
    if (!drops_) throw Error(*damage);
    return gone(record);
  }

  static IndexedPack gone(const PackRecord& record) {
    return {.hash = record.hash, .kind = record.kind, .size = record.size, .born = record.sequence};
  }

  // Nothing where the segment has claimed the pack in vain. One that it calls no more it has to
  // call so again.
  std::optional<IndexedPack> read_known(std::uint32_t number, const PackRecord& record) {
    if (record.frame_count == 0 && index_.is_gone(record.hash)) return gone(record);
    if (index_.find_pack(record.hash) != number) return std::nullopt;
    IndexedPack out = read({record.hash, record.key_segment}, record.sequence);
    const bool agree = out.size == record.size && out.kind == record.kind &&
                       out.frames.size() == record.frame_count;
    if (!agree) fail_differing(record.hash);
    for (std::uint32_t frame = 0; frame < out.frames.size(); ++frame) {
      take_numbers(number, record.hash, frame, out.frames[frame]);
    }
    return out;
  }

  // What a malicious pack says of itself has to be what its segment said: each number is of the
  // block that the index has under it.
  void take_numbers(std::uint32_t number,
                    const ObjectHash& pack,
                    std::uint32_t frame,
                    IndexedFrame& out) {
    const FrameRecord record = index_.frame(number, frame);
    std::uint32_t plain_size = 0;
    const auto damage = damage_of(
        [&] { out.numbers = numbers_of_frame(index_, number, frame, out.blocks.size()); });
    if (damage) fail_differing(pack);
    for (std::size_t i = 0; i < out.blocks.size(); ++i) {
      IndexedBlock& block = out.blocks[i];
      for (const std::uint64_t each : out.numbers[i]) {
        const BlockLocation due{each, number, frame, plain_size, block.size};
        if (index_.find(block.tag, each) != due) fail_differing(pack);
      }
      if (out.numbers[i].empty()) block.tag = {};
      plain_size += block.size;
    }
    const bool agree = record.place == out.place && record.encoding == out.encoding &&
                       record.plain_size == plain_size;
    if (!agree) fail_differing(pack);
  }

  [[noreturn]] static void fail_differing(const ObjectHash& pack) {
    fail(concat(pack_path(pack), " is not what it was said to be"));
  }

  static SnapshotTaken find_entry(const Journal& journal, std::uint64_t sequence) {
    std::optional<SnapshotTaken> out;
    journal.for_each_entry(sequence, [&](const ReplayedEntry& replayed) {
      const auto* taken = std::get_if<SnapshotTaken>(&replayed.entry.act);
      if (taken != nullptr) out = *taken;
      return false;
    });
    if (out) return *out;
    fail("it was written by a repair, and nothing else has its numbers");
  }

  // The packs of the entry's other segments, with their numbers; and of the lost ones all ordinals
  // that lie between those.
  void note_whole_segments() {
    SegmentNumbering numbering(taken_.numbers);
    for (const PackKind stream : {PackKind::data, PackKind::meta}) {
      std::uint64_t next = taken_.numbers.first_of(stream);
      std::vector<ReplacedSegment*> waiting;
      const auto close = [&](std::uint64_t end) {
        for (ReplacedSegment* each : std::exchange(waiting, {})) {
          each->first_ordinal = narrow<std::uint32_t>(next - taken_.numbers.first_of(stream));
          each->count = narrow<std::uint32_t>(end - next);
        }
      };
      for (const SegmentIntroduction& introduction : taken_.segments) {
        const ObjectHash& hash = introduction.index_segment;
        if (introduction.stream != stream) continue;
        if (lost_.segments.contains(hash)) {
          waiting.push_back(&replaced_.emplace_back(ReplacedSegment{.hash = hash}));
          continue;
        }
        IndexSegment segment;
        const auto damage =
            damage_of([&] { segment = get_index_segment(repository_.journal(), hash); });
        const auto first = damage ? std::nullopt : numbering.place(stream, segment);
        if (!first) continue;  // it counts for nobody
        close(*first);
        next = note_packs(segment, *first);
      }
      close(taken_.numbers.first_of(stream) + taken_.numbers.count_of(stream));
    }
  }

  std::uint64_t note_packs(const IndexSegment& segment, std::uint64_t next) {
    for (const IndexedPack& pack : segment.packs) {
      KnownPack known{.kind = pack.kind, .first = next};
      for (const IndexedFrame& frame : pack.frames) {
        next += frame.blocks.size();
      }
      known.end = next;
      known_.emplace(pack.hash, known);
    }
    return next;
  }

  // A pack is one of the lost segments' unless another segment of the entry lists it. One that the
  // index knows otherwise is another entry's, and was claimed in vain: its numbers are not known.
  void note(const KeyedPack& pack) {
    if (known_.contains(pack.pack)) return;
    if (index_.find_pack(pack.pack) || index_.is_gone(pack.pack)) {
      fail(concat(pack_path(pack.pack), " belongs to another entry"));
    }
    found_.emplace(pack.pack, read(pack, lost_.sequence));
  }

  // What a pack of that entry says of itself.
  IndexedPack read(const KeyedPack& keyed, std::uint64_t born) {
    const std::string path = pack_path(keyed.pack);
    const std::optional<std::uint64_t> size = repository_.reader().size(path);
    if (!size) fail(concat(path, ", which it may have listed, is missing"));
    IndexedPack out{.hash = keyed.pack, .size = *size, .born = born};
    const auto damage = damage_of([&] { read_into(keyed, path, out); });
    if (damage) fail(concat(path, ", which it may have listed, is damaged: ", damage->text()));
    return out;
  }

  [[nodiscard]] Bytes get(const std::string& path, std::uint64_t offset, std::uint64_t size) const {
    Bytes out(size);
    if (repository_.reader().get_range(path, offset, out) == size) return out;
    throw Error(Code::corrupt, "it is cut short");
  }

  void read_into(const KeyedPack& keyed, const std::string& path, IndexedPack& out) {
    if (out.size < pack_header_size + pack_footer_size || out.size > pack_bytes_max) {
      throw Error(Code::corrupt, "its size is no pack's");
    }
    const Key key = keys_.pack_key(
        {.hash = keyed.pack, .sequence = out.born, .key_segment = keyed.key_segment});
    out.kind = decode_pack_header(get(path, 0, pack_header_size), path).kind;
    const std::uint32_t directory_size =
        decode_pack_footer(get(path, out.size - pack_footer_size, pack_footer_size), path);
    if (directory_size > out.size - pack_footer_size) {
      throw Error(Code::corrupt, "its footer is wrong");
    }
    FramePosition position{repository_.keyring().repository(), out.kind, 0};
    const std::vector<FramePlace> places = open_directory(
        derive_directory_key(key), position,
        get(path, out.size - pack_footer_size - directory_size, directory_size), path);
    for (const FramePlace& place : places) {
      const std::uint64_t list_at = std::uint64_t{place.offset} + place.contents_size;
      if (list_at + place.list_size > out.size) throw Error(Code::corrupt, "a frame is misplaced");
      const FrameList list = open_frame_list(derive_frame_secret(key, position.frame), position,
                                             get(path, list_at, place.list_size), path);
      IndexedFrame& frame = out.frames.emplace_back();
      frame.place = place;
      frame.encoding = list.encoding;
      for (const ListedBlock& block : list.blocks) {
        frame.blocks.push_back({tag_of(block.id), block.size});
      }
      ++position.frame;
    }
  }

  // The blocks of a stream have numbers without a gap, in the order of the packs: what stands
  // between two packs of which they are known has to fill what lies between exactly.
  void number(const std::vector<KeyedPack>& packs, PackKind stream, Reindexing& out) {
    const EntryNumbers& numbers = taken_.numbers;
    std::uint64_t next = numbers.first_of(stream);
    bool is_open = false;  // numbers were given since the last pack of which they are known
    const auto require = [&](bool fits) {
      if (!fits) fail("its packs do not tell which numbers their blocks have");
      is_open = false;
    };
    for (const KeyedPack& pack : packs) {
      const auto known = known_.find(pack.pack);
      if (known != known_.end()) {
        if (known->second.kind != stream) continue;
        require(!is_open || known->second.first == next);
        next = std::max(next, known->second.end);
        continue;
      }
      const auto found = found_.find(pack.pack);
      if (found == found_.end() || found->second.kind != stream) continue;
      is_open = true;
      for (IndexedFrame& frame : found->second.frames) {
        for (std::size_t i = 0; i < frame.blocks.size(); ++i) {
          frame.numbers.push_back({next++});
        }
      }
      add(std::move(found->second), out);
      found_.erase(found);
    }
    const std::uint64_t count = next - numbers.first_of(stream);
    require(!is_open || reserved_count(count) == numbers.count_of(stream));
    is_open_segment_ = false;
  }

  void add(IndexedPack pack, Reindexing& out) {
    if (!is_open_segment_ || out.segments.back().block_count() >= segment_blocks_max) {
      out.segments.push_back({.has_numbers = true});
      is_open_segment_ = true;
    }
    out.segments.back().packs.push_back(std::move(pack));
  }

  Repository& repository_;
  const LostSegments lost_;
  const bool drops_;  // packs that cannot be read
  SnapshotTaken taken_;
  const BlockIndex::Reader index_;
  std::optional<ReadKeys> rights_;
  PackKeyring keys_;
  std::map<ObjectHash, KnownPack> known_;
  std::map<ObjectHash, IndexedPack> found_;  // that the lost segments listed
  std::deque<ReplacedSegment> replaced_;
  bool is_open_segment_ = false;
};

}  // namespace

Reindexing rebuild_known(Repository& repository, const ObjectHash& segment, bool drops) {
  repository.require(can_read);
  if (auto known = Rebuilder(repository, {.segments = {segment}}, drops).run_by_index()) {
    return std::move(*known);
  }
  fail("this machine does not know what it listed");
}

Reindexing rebuild(Repository& repository, const LostSegments& lost) {
  repository.require(can_read);
  return Rebuilder(repository, lost).run();
}

}  // namespace kist
