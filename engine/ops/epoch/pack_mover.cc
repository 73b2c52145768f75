#include "engine/ops/epoch/pack_mover.h"

#include <algorithm>
#include <list>
#include <optional>

#include "engine/base/attempt.h"
#include "engine/blocks/pack_builder.h"
#include "engine/crypto/hash.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/journal/journal.h"

namespace kist {

namespace {

// What one entry moves, and the segments that it replaces: about a hundred megabytes of memory.
constexpr std::uint64_t moved_bytes_max = std::uint64_t{1} << 30U;
constexpr std::uint64_t opened_blocks_max = 512U << 10U;
constexpr std::size_t segments_max = 64;
constexpr std::uint64_t listed_blocks_max = 64U << 10U;  // by a new segment, and numbers of them
// Of one stored block: where a thousand clients had the same, it is stored some thirty times.
constexpr std::size_t numbers_each_max = 32;
constexpr std::size_t recent_frames_max = 8;
constexpr std::size_t read_back_bytes = 1U << 20U;
// So many segments that list less than that are merged.
constexpr std::size_t small_segments_max = 32;
constexpr std::uint64_t small_segment_blocks = listed_blocks_max / 4;

// What becomes of the packs of a segment.
struct SegmentUse {
  std::size_t staying = 0;
  std::size_t rewritten = 0;
  std::size_t dead = 0;
  std::uint64_t blocks = 0;

  // All of it stays, and that is little.
  [[nodiscard]] bool is_small() const {
    return rewritten == 0 && dead == 0 && blocks < small_segment_blocks;
  }

  // It is all dead already, or nothing of it goes.
  [[nodiscard]] bool is_done() const { return rewritten == 0 && (dead == 0 || staying == 0); }
};

std::map<ObjectHash, SegmentUse> uses_of(const BlockIndex::Reader& index,
                                         const CollectionPlan& plan) {
  std::map<ObjectHash, SegmentUse> out;
  for (const std::uint32_t pack : index.packs()) {
    const PackRecord record = index.pack(pack);
    SegmentUse& use = out[record.segment];
    use.blocks += record.number_count;
    ++(plan.dead.contains(pack)        ? use.dead
       : plan.rewritten.contains(pack) ? use.rewritten
                                       : use.staying);
  }
  return out;
}

// A block that leaves its place, and all numbers that go with it.
struct MovedBlock {
  BlockTag tag;
  std::uint32_t size = 0;
  std::uint32_t offset = 0;  // in its frame
  std::vector<std::uint64_t> numbers;
};

// The live ones go, the others stay listed where they are.
std::vector<std::uint64_t> take_live(std::vector<std::uint64_t>& numbers, const NumberSet& live) {
  std::vector<std::uint64_t> out;
  std::ranges::copy_if(numbers, std::back_inserter(out),
                       [&](std::uint64_t number) { return live.contains(number); });
  std::erase_if(numbers, [&](std::uint64_t number) { return live.contains(number); });
  return out;
}

class Move {
 public:
  Move(Repository& repository,
       Pool& pool,
       const NumberSet& live,
       const CollectionPlan& plan,
       std::uint64_t done_bytes)
      : repository_(repository),
        pool_(pool),
        live_(live),
        plan_(plan),
        done_bytes_(done_bytes),
        index_(repository.blocks().index()),
        keys_(repository.read_keys()),
        frames_(repository.journal(), keys_),
        trusted_(repository.state(), Trust::proved) {}

  // False where there is nothing to do.
  bool collect() {
    const std::map<ObjectHash, SegmentUse> uses = uses_of(index_, plan_);
    for (const auto& [name, use] : uses) {
      if (use.is_done()) continue;
      if (is_full()) break;
      check_cancelled(repository_.observer());
      open(name);
      take_out_of(name);
    }
    if (plan_.merges_segments) open_small(uses);
    return !open_.empty();
  }

  // Stores the blocks again, and the segments that list them. Nothing where a pack is damaged.
  std::optional<Reindexing> store(MoveResult& result) {
    find_other_places(result);
    if (!result.damaged.empty()) return std::nullopt;
    Reindexing out;
    std::vector<StoredPack> packs = write(result);
    if (!result.damaged.empty()) return std::nullopt;
    require_stored(packs);
    for (const StoredPack& pack : packs) {
      NamedKey& key = out.packs.emplace_back();
      key.hash = pack.indexed.hash;
      std::ranges::copy(pack.key.view(), key.key.begin());
      result.written_bytes += pack.indexed.size;
    }
    list(std::move(packs), out);
    return out;
  }

 private:
  // What they list goes into fewer segments.
  void open_small(const std::map<ObjectHash, SegmentUse>& uses) {
    const auto is_small = [](const auto& each) { return each.second.is_small(); };
    if (std::ranges::count_if(uses, is_small) < std::ptrdiff_t{small_segments_max}) return;
    for (const auto& [name, use] : uses) {
      if (is_full()) return;
      check_cancelled(repository_.observer());
      if (use.is_small()) open(name);
    }
  }

  [[nodiscard]] bool is_full() const {
    return open_.size() >= segments_max || opened_blocks_ >= opened_blocks_max ||
           moved_bytes_ >= moved_bytes_max;
  }

  NumberedSegment& open(const ObjectHash& name) {
    const auto found = open_.find(name);
    if (found != open_.end()) return found->second;
    NumberedSegment numbered = get_numbered_segment(repository_, index_, name);
    opened_blocks_ += numbered.segment.block_count();
    return open_.emplace(name, std::move(numbered)).first->second;
  }

  void take_out_of(const ObjectHash& name) {
    for (IndexedPack& pack : open_.at(name).segment.packs) {
      const auto number = index_.find_pack(pack.hash);
      const bool goes = number && plan_.rewritten.contains(*number) && !is_full();
      if (goes) take_out_of(*number, pack);
    }
  }

  void take_out_of(std::uint32_t number, IndexedPack& pack) {
    leaving_.insert(pack.hash);
    for (std::uint32_t i = 0; i < pack.frames.size(); ++i) {
      IndexedFrame& frame = pack.frames[i];
      std::uint32_t offset = 0;
      for (std::size_t block = 0; block < frame.blocks.size(); ++block) {
        IndexedBlock& indexed = frame.blocks[block];
        std::vector<std::uint64_t> numbers = take_live(frame.numbers[block], live_);
        if (!numbers.empty()) {
          add({number, i}, {indexed.tag, indexed.size, offset, std::move(numbers)});
        }
        offset += indexed.size;
        if (frame.numbers[block].empty()) indexed.tag = {};
      }
    }
    if (!has_numbers(pack)) pack.frames.clear();
  }

  static bool has_numbers(const IndexedPack& pack) {
    return std::ranges::any_of(pack.frames, [](const IndexedFrame& frame) {
      return std::ranges::any_of(frame.numbers, [](const auto& each) { return !each.empty(); });
    });
  }

  // The same content in two places is stored once.
  void add(const FrameId& frame, MovedBlock block) {
    const auto known = by_tag_.find(block.tag);
    const bool is_same = known != by_tag_.end() && known->second->size == block.size;
    if (is_same && has_room(known->second->numbers, block)) {
      std::vector<std::uint64_t>& numbers = known->second->numbers;
      numbers.insert(numbers.end(), block.numbers.begin(), block.numbers.end());
      std::ranges::sort(numbers);
      return;
    }
    moved_bytes_ += block.size;
    std::list<MovedBlock>& blocks = moved_[frame];
    blocks.push_back(std::move(block));
    by_tag_.insert_or_assign(blocks.back().tag, &blocks.back());
  }

  static bool has_room(const std::vector<std::uint64_t>& numbers, const MovedBlock& more) {
    return numbers.size() + more.numbers.size() <= numbers_each_max;
  }

  // A copy of the block that stays where it is, and on which everybody may rely.
  [[nodiscard]] std::optional<BlockLocation> find_place(const MovedBlock& block) const {
    std::optional<BlockLocation> out;
    index_.for_each_copy(block.tag, [&](const BlockLocation& copy) {
      const bool goes = plan_.rewritten.contains(copy.pack) || plan_.dead.contains(copy.pack);
      const bool serves = !goes && copy.size == block.size && trusted_.contains(copy.number) &&
                          !plan_.unreadable.contains(copy.pack);
      if (serves) out = copy;
      return !serves;
    });
    return out;
  }

  void find_other_places(MoveResult& result) {
    for (auto& [frame, blocks] : moved_) {
      for (auto block = blocks.begin(); block != blocks.end();) {
        const auto place = find_place(*block);
        const bool has_moved = place && take_over(*block, *place, result);
        block = has_moved ? blocks.erase(block) : std::next(block);
      }
    }
    std::erase_if(moved_, [](const auto& row) { return row.second.empty(); });
  }

  // The numbers go to that copy, if it is read and found whole, and there is room for its segment.
  bool take_over(const MovedBlock& block, const BlockLocation& place, MoveResult& result) {
    const PackRecord pack = index_.pack(place.pack);
    if (!open_.contains(pack.segment) && open_.size() >= 2 * segments_max) return false;
    const std::optional<Bytes> plain = read({place.pack, place.frame}, result);
    if (!plain || !find_block(block, *plain, place.offset)) return false;
    for (IndexedPack& listed : open(pack.segment).segment.packs) {
      if (listed.hash != pack.hash) continue;
      std::vector<std::uint64_t>* numbers = numbers_at(listed.frames.at(place.frame), place.offset);
      if (numbers == nullptr || !has_room(*numbers, block)) return false;
      numbers->insert(numbers->end(), block.numbers.begin(), block.numbers.end());
      std::ranges::sort(*numbers);
      return true;
    }
    return false;
  }

  static std::vector<std::uint64_t>* numbers_at(IndexedFrame& frame, std::uint32_t offset) {
    std::uint32_t at = 0;
    for (std::size_t block = 0; block < frame.blocks.size(); ++block) {
      if (at == offset) return &frame.numbers[block];
      at += frame.blocks[block].size;
    }
    return nullptr;
  }

  // The block at that place of a frame, if it is what its tag says.
  [[nodiscard]] std::optional<BlockId> find_block(const MovedBlock& block,
                                                  View plain,
                                                  std::uint32_t offset) const {
    if (std::uint64_t{offset} + block.size > plain.size()) return std::nullopt;
    const BlockId id = hash_block(keys_.id_key(), plain.subspan(offset, block.size));
    return tag_of(id) == block.tag ? std::optional(id) : std::nullopt;
  }

  // A frame's plaintext; of the last ones once. Nothing where it is damaged, which is noted.
  std::optional<Bytes> read(const FrameId& frame, MoveResult& result) {
    const auto found = std::ranges::find(recent_, frame, &RecentFrame::first);
    if (found != recent_.end()) return found->second;
    OpenedFrame opened = open_checked(FrameReader::plan(index_, frame), {});
    if (!is_whole(opened, result)) return std::nullopt;
    recent_.emplace_front(frame, opened.plain);
    if (recent_.size() > recent_frames_max) recent_.pop_back();
    return std::move(opened.plain);
  }

  // A frame that blocks leave.
  struct OpenedFrame {
    ObjectHash pack;
    PackKind kind = PackKind::data;
    std::optional<Error> damage;
    Bytes plain;
    std::vector<std::optional<BlockId>> ids;  // of the blocks; none where one is not there
  };

  // Belongs to no thread.
  OpenedFrame open_checked(const FrameReader::Plan& plan, const std::list<MovedBlock>& blocks) {
    OpenedFrame out;
    out.pack = plan.pack.hash;
    out.kind = plan.pack.kind;
    static_cast<void>(frames_.keys().pack_key(plan.pack));  // a lost key is no damage of the pack
    out.damage = damage_of([&] { out.plain = frames_.read(plan, thread_decompressor()); });
    if (out.damage) return out;
    for (const MovedBlock& block : blocks) {
      out.ids.push_back(find_block(block, out.plain, block.offset));
    }
    return out;
  }

  // Damage is noted.
  bool is_whole(const OpenedFrame& opened, MoveResult& result) const {
    result.read_bytes += opened.plain.size();
    if (!opened.damage) return true;
    repository_.observer().notice(concat(
        opened.damage->text(), "; the pack stays until a kist verify --repair has mended it"));
    result.damaged.insert(opened.pack);
    return false;
  }

  std::vector<StoredPack> write(MoveResult& result) {
    const ContentParameters& content = repository_.state().genesis.content;
    PackBuilder builder(repository_.writer(), pool_, repository_.services().random,
                        {.repository = repository_.keyring().repository(),
                         .frame_target = content.frame_target,
                         .compression = Compression{content.compression}},
                        [](PackKind) {});
    OrderedTasks<OpenedFrame> frames(pool_);
    auto next = moved_.begin();
    for (const auto& [frame, blocks] : moved_) {
      for (; next != moved_.end() && frames.has_room(); ++next) {
        frames.submit([this, plan = FrameReader::plan(index_, next->first),
                       &leaving = next->second] { return open_checked(plan, leaving); });
      }
      check_cancelled(repository_.observer());
      const OpenedFrame opened = frames.take();
      if (is_whole(opened, result)) add(blocks, opened, builder, result);
      report_progress(builder.stored_bytes());
    }
    if (!result.damaged.empty()) return {};
    builder.close_all();
    std::vector<StoredPack> out = builder.take_closed(PackKind::data);
    for (StoredPack& pack : builder.take_closed(PackKind::meta)) {
      out.push_back(std::move(pack));
    }
    repository_.writer().barrier();
    return out;
  }

  void add(const std::list<MovedBlock>& blocks,
           const OpenedFrame& opened,
           PackBuilder& builder,
           MoveResult& result) const {
    std::size_t i = 0;
    for (const MovedBlock& block : blocks) {
      const std::optional<BlockId>& id = opened.ids[i++];
      if (id) {
        builder.add(opened.kind, *id, View(opened.plain).subspan(block.offset, block.size),
                    block.numbers);
      } else {
        result.damaged.insert(opened.pack);
      }
    }
  }

  void report_progress(std::uint64_t written_bytes) const {
    repository_.observer().progress({.bytes_done = done_bytes_ + written_bytes,
                                     .bytes_total = done_bytes_ + plan_.written_bytes,
                                     .is_estimate = true,
                                     .current = "blocks that stay"});
  }

  // The store gives back what was put.
  void require_stored(const std::vector<StoredPack>& packs) const {
    TaskGroup tasks(pool_);
    for (const StoredPack& pack : packs) {
      tasks.submit([this, &pack] { require_stored(pack.indexed); });
    }
    tasks.finish();
  }

  void require_stored(const IndexedPack& pack) const {
    const std::string path = pack_path(pack.hash);
    ObjectHasher hasher;
    Bytes part(read_back_bytes);
    for (std::uint64_t at = 0; at < pack.size; at += part.size()) {
      check_cancelled(repository_.observer());
      part.resize(std::min<std::uint64_t>(read_back_bytes, pack.size - at));
      if (repository_.reader().get_range(path, at, part) != part.size()) break;
      hasher.update(part);
    }
    if (hasher.finish() == pack.hash) return;
    throw Error(Code::corrupt, concat(path, " is not what was just written; nothing has changed"));
  }

  // Packs that stay in some segments, those without a live number in others.
  void list(std::vector<StoredPack> packs, Reindexing& out) {
    std::vector<IndexedPack> living;
    std::vector<IndexedPack> dying;
    for (auto& [name, numbered] : open_) {
      out.replaced.push_back(numbered.former);
      for (IndexedPack& pack : numbered.segment.packs) {
        const auto number = index_.find_pack(pack.hash);
        const bool dies = leaving_.contains(pack.hash) || (number && plan_.dead.contains(*number));
        // Of packs that are no more the claim goes on to be refused.
        (dies || pack.frames.empty() ? dying : living).push_back(std::move(pack));
      }
    }
    for (StoredPack& pack : packs) {
      living.push_back(std::move(pack.indexed));
    }
    add_segments(std::move(living), out);
    add_segments(std::move(dying), out);
  }

  static void add_segments(std::vector<IndexedPack> packs, Reindexing& out) {
    std::uint64_t blocks = listed_blocks_max;
    for (IndexedPack& pack : packs) {
      std::uint64_t count = 1;
      for (const IndexedFrame& frame : pack.frames) {
        for (const std::vector<std::uint64_t>& numbers : frame.numbers) {
          count += std::max<std::size_t>(numbers.size(), 1);
        }
      }
      if (blocks + count > listed_blocks_max) {
        out.segments.push_back({.has_numbers = true});
        blocks = 0;
      }
      blocks += count;
      out.segments.back().packs.push_back(std::move(pack));
    }
  }

  using RecentFrame = std::pair<FrameId, Bytes>;

  Repository& repository_;
  Pool& pool_;
  const NumberSet& live_;
  const CollectionPlan& plan_;
  const std::uint64_t done_bytes_;
  const BlockIndex::Reader index_;
  const ReadKeys keys_;
  FrameReader frames_;
  const TrustedNumbers trusted_;
  std::map<ObjectHash, NumberedSegment> open_;  // that are replaced
  std::set<ObjectHash> leaving_;                // packs
  std::map<FrameId, std::list<MovedBlock>> moved_;
  std::map<BlockTag, MovedBlock*> by_tag_;
  std::uint64_t moved_bytes_ = 0;
  std::uint64_t opened_blocks_ = 0;
  std::list<RecentFrame> recent_;
};

}  // namespace

MoveResult move_some(Repository& repository,
                     Pool& pool,
                     const NumberSet& live,
                     const CollectionPlan& plan,
                     std::uint64_t done_bytes) {
  MoveResult out;
  std::optional<Reindexing> reindexing;
  {
    Move move(repository, pool, live, plan, done_bytes);
    if (!move.collect()) return out;
    reindexing = move.store(out);
  }
  if (!reindexing) return out;
  commit_reindexing(repository, *reindexing);
  out.has_moved = true;
  return out;
}

}  // namespace kist
