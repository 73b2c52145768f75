#include "engine/ops/verify/pack_healer.h"

#include <algorithm>
#include <map>

#include "engine/base/attempt.h"
#include "engine/format/names.h"
#include "engine/journal/journal.h"

namespace kist {

namespace {

// Index segments that one entry replaces: a few megabytes each are in memory.
constexpr std::size_t segments_at_a_time = 16;

IndexedPack& find_pack(IndexSegment& segment, const ObjectHash& hash) {
  const auto found = std::ranges::find(segment.packs, hash, &IndexedPack::hash);
  KIST_ENSURE(found != segment.packs.end());
  return *found;
}

bool has_numbers(const IndexedPack& pack) {
  return std::ranges::any_of(pack.frames, [](const IndexedFrame& frame) {
    return std::ranges::any_of(frame.numbers, [](const auto& numbers) { return !numbers.empty(); });
  });
}

void add_numbers(IndexedPack& pack,
                 const BlockLocation& place,
                 const std::vector<std::uint64_t>& numbers) {
  IndexedFrame& frame = pack.frames.at(place.frame);
  std::uint32_t offset = 0;
  std::size_t block = 0;
  while (offset < place.offset) {
    offset += frame.blocks.at(block++).size;
  }
  std::vector<std::uint64_t>& out = frame.numbers.at(block);
  out.insert(out.end(), numbers.begin(), numbers.end());
  std::ranges::sort(out);
}

}  // namespace

// The segments that one entry is to replace, with the numbers moved.
struct PackHealer::Heal {
  std::map<ObjectHash, IndexSegment> segments;
  bool has_moved = false;
  bool is_more = false;  // there was no room for another segment
};

std::vector<ObjectHash> PackHealer::damaged_packs() const {
  std::vector<ObjectHash> out;
  for (const auto& [pack, problem] : checker_.damaged_packs()) {
    if (problem != PackProblem::unreadable) out.push_back(pack);
  }
  return out;
}

bool PackHealer::may_move_to(const BlockIndex::Reader& index,
                             const TrustedNumbers& trusted,
                             const BlockLocation& copy) const {
  if (!trusted.contains(copy.number)) return false;
  const ObjectHash pack = index.pack(copy.pack).hash;
  return !checker_.has_doubt_of(pack) && !repository_.state().is_condemned(pack);
}

std::set<ObjectHash> PackHealer::find_healable() {
  const BlockIndex::Reader index(repository_.blocks().index());
  const TrustedNumbers trusted(repository_.state(), Trust::proved);
  std::set<ObjectHash> out;
  for (const ObjectHash& hash : damaged_packs()) {
    const auto number = index.find_pack(hash);
    if (!number) continue;
    const IndexSegment segment =
        get_numbered_segment(repository_, index, index.pack(*number).segment);
    const auto pack = std::ranges::find(segment.packs, hash, &IndexedPack::hash);
    if (pack == segment.packs.end()) continue;
    bool are_all_elsewhere = true;
    for (const IndexedFrame& frame : pack->frames) {
      for (std::size_t i = 0; i < frame.blocks.size() && are_all_elsewhere; ++i) {
        if (frame.numbers[i].empty()) continue;
        bool is_elsewhere = false;
        index.for_each_copy(frame.blocks[i].tag, [&](const BlockLocation& copy) {
          is_elsewhere = may_move_to(index, trusted, copy);
          return !is_elsewhere;
        });
        are_all_elsewhere = is_elsewhere;
      }
    }
    if (are_all_elsewhere) out.insert(hash);
  }
  return out;
}

void PackHealer::run() {
  for (const ObjectHash& pack : damaged_packs()) {
    // Where an index segment cannot be read, that is said already, and nothing moves.
    static_cast<void>(damage_of([&] {
      while (move_some(pack)) {
        check_cancelled(repository_.observer());
      }
    }));
  }
}

// False once nothing more of the pack can be moved.
bool PackHealer::move_some(const ObjectHash& hash) {
  Heal heal;
  {
    const BlockIndex::Reader index(repository_.blocks().index(Cancelling::no));
    const TrustedNumbers trusted(repository_.state(), Trust::proved);
    const auto number = index.find_pack(hash);
    if (!number) return false;
    const ObjectHash own = index.pack(*number).segment;
    heal.segments.emplace(own, get_numbered_segment(repository_, index, own));
    IndexedPack& pack = find_pack(heal.segments.at(own), hash);
    for (IndexedFrame& frame : pack.frames) {
      for (std::size_t i = 0; i < frame.blocks.size(); ++i) {
        if (frame.numbers[i].empty()) continue;
        std::optional<BlockLocation> place;
        index.for_each_copy(frame.blocks[i].tag, [&](const BlockLocation& copy) {
          if (may_move_to(index, trusted, copy) && copy.size == frame.blocks[i].size) place = copy;
          return !place;
        });
        if (!place) continue;
        const PackRecord to = index.pack(place->pack);
        const bool is_open = heal.segments.contains(to.segment);
        heal.is_more |= !is_open && heal.segments.size() == segments_at_a_time;
        if (!is_open && heal.segments.size() == segments_at_a_time) continue;
        if (!is_open) {
          heal.segments.emplace(to.segment, get_numbered_segment(repository_, index, to.segment));
        }
        add_numbers(find_pack(heal.segments.at(to.segment), to.hash), *place, frame.numbers[i]);
        frame.numbers[i].clear();
        frame.blocks[i].tag = {};
        heal.has_moved = true;
      }
    }
    if (!heal.has_moved) return false;
    if (!has_numbers(pack)) pack.frames.clear();
  }
  Reindexing reindexing;
  for (auto& [name, segment] : heal.segments) {
    reindexing.replaced.insert(name);
    reindexing.segments.push_back(std::move(segment));
  }
  commit_reindexing(repository_, reindexing);
  return heal.is_more;
}

}  // namespace kist
