#include "engine/ops/verify/pack_healer.h"

#include <algorithm>
#include <map>

#include "engine/base/attempt.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/journal/journal.h"

namespace kist {

namespace {

// Index segments that one entry replaces: a few megabytes each are in memory.
constexpr std::size_t segments_at_a_time = 16;
// Of what a segment lists, encoded: what is put and sealed must stay below index_segment_bytes_max.
constexpr std::size_t listed_bytes_max = index_segment_bytes_max / 2;

std::size_t size_of(const IndexSegment& segment) {
  std::size_t out = 0;
  for (const IndexedPack& pack : segment.packs) {
    out += 54;
    for (const IndexedFrame& frame : pack.frames) {
      out += 17;
      for (const std::vector<std::uint64_t>& numbers : frame.numbers) {
        out += 45 + 8 * numbers.size();
      }
    }
  }
  return out;
}

bool has_numbers(const IndexedPack& pack) {
  return std::ranges::any_of(pack.frames, [](const IndexedFrame& frame) {
    return std::ranges::any_of(frame.numbers, [](const auto& numbers) { return !numbers.empty(); });
  });
}

// The numbers of the block at that place.
std::vector<std::uint64_t>* find_numbers(IndexSegment& segment,
                                         const ObjectHash& hash,
                                         const BlockLocation& place) {
  const auto pack = std::ranges::find(segment.packs, hash, &IndexedPack::hash);
  if (pack == segment.packs.end() || place.frame >= pack->frames.size()) return nullptr;
  IndexedFrame& frame = pack->frames[place.frame];
  std::uint32_t offset = 0;
  for (std::size_t block = 0; block < frame.blocks.size(); ++block) {
    if (offset == place.offset) return &frame.numbers[block];
    offset += frame.blocks[block].size;
  }
  return nullptr;
}

}  // namespace

// Moves numbers out of the damaged packs of one segment, for one journal entry.
class PackHealer::Move {
 public:
  Move(const PackHealer& healer, const BlockIndex::Reader& index)
      : healer_(healer), index_(index), trusted_(healer.repository_.state(), Trust::proved) {}

  // False if nothing has another place.
  bool out_of(const ObjectHash& segment) {
    Open* from = open(segment);
    if (from == nullptr) return false;
    for (IndexedPack& pack : from->numbered.segment.packs) {
      if (!healer_.checker_.is_known_damaged(pack.hash)) continue;
      packs_.push_back(pack.hash);
      move_out_of(pack);
      if (!pack.frames.empty() && !has_numbers(pack)) pack.frames.clear();
    }
    return has_moved_;
  }

  // The damaged packs of the segment.
  [[nodiscard]] const std::vector<ObjectHash>& packs() const { return packs_; }

  // There was no room for another segment.
  [[nodiscard]] bool is_more() const { return is_more_; }

  Reindexing take() {
    Reindexing out;
    for (auto& [name, open] : open_) {
      for (std::vector<std::uint64_t>* numbers : open.changed) {
        std::ranges::sort(*numbers);
      }
      out.replaced.push_back(open.numbered.former);
      out.segments.push_back(std::move(open.numbered.segment));
    }
    return out;
  }

  // Adds the damaged packs of the segment of which all is stored elsewhere too.
  void find_healable(const ObjectHash& segment, std::set<ObjectHash>& out) const {
    const NumberedSegment numbered = get_numbered_segment(healer_.repository_, index_, segment);
    for (const IndexedPack& pack : numbered.segment.packs) {
      if (!healer_.checker_.is_known_damaged(pack.hash) || pack.frames.empty()) continue;
      const bool are_all_elsewhere = std::ranges::all_of(
          pack.frames, [&](const IndexedFrame& frame) { return is_elsewhere(frame); });
      if (are_all_elsewhere) out.insert(pack.hash);
    }
  }

 private:
  [[nodiscard]] bool is_elsewhere(const IndexedFrame& frame) const {
    for (std::size_t i = 0; i < frame.blocks.size(); ++i) {
      if (!frame.numbers[i].empty() && !find_place(frame.blocks[i])) return false;
    }
    return true;
  }

  // A whole copy of the block elsewhere.
  [[nodiscard]] std::optional<BlockLocation> find_place(const IndexedBlock& block) const {
    std::optional<BlockLocation> out;
    index_.for_each_copy(block.tag, [&](const BlockLocation& copy) {
      const ObjectHash pack = index_.pack(copy.pack).hash;
      const bool serves = copy.size == block.size && trusted_.contains(copy.number) &&
                          healer_.checker_.is_whole(pack) &&
                          !healer_.repository_.state().is_condemned(pack);
      if (serves) out = copy;
      return !serves;
    });
    return out;
  }

  struct Open {
    NumberedSegment numbered;
    std::size_t size = 0;
    std::set<std::vector<std::uint64_t>*> changed{};  // numbers that are to be sorted again
  };

  // Null where there is no room for another one, or the segment is too large to be written anew.
  Open* open(const ObjectHash& name) {
    const auto found = open_.find(name);
    if (found != open_.end()) return &found->second;
    is_more_ |= open_.size() == segments_at_a_time;
    if (open_.size() == segments_at_a_time || too_large_.contains(name)) return nullptr;
    NumberedSegment numbered = get_numbered_segment(healer_.repository_, index_, name);
    const std::size_t size = size_of(numbered.segment);
    if (size > listed_bytes_max) {
      too_large_.insert(name);
      return nullptr;
    }
    return &open_.emplace(name, Open{std::move(numbered), size}).first->second;
  }

  void move_out_of(IndexedPack& pack) {
    for (IndexedFrame& frame : pack.frames) {
      for (std::size_t i = 0; i < frame.blocks.size(); ++i) {
        std::vector<std::uint64_t>& numbers = frame.numbers[i];
        const auto place = numbers.empty() ? std::nullopt : find_place(frame.blocks[i]);
        if (!place || !take_over(*place, numbers)) continue;
        numbers.clear();
        frame.blocks[i].tag = {};
        has_moved_ = true;
      }
    }
  }

  bool take_over(const BlockLocation& place, const std::vector<std::uint64_t>& numbers) {
    const PackRecord pack = index_.pack(place.pack);
    Open* to = open(pack.segment);
    const std::size_t more = 8 * numbers.size();
    if (to == nullptr || to->size + more > listed_bytes_max) return false;
    std::vector<std::uint64_t>* out = find_numbers(to->numbered.segment, pack.hash, place);
    if (out == nullptr) return false;
    out->insert(out->end(), numbers.begin(), numbers.end());
    to->changed.insert(out);
    to->size += more;
    return true;
  }

  const PackHealer& healer_;
  const BlockIndex::Reader& index_;
  const TrustedNumbers trusted_;
  std::map<ObjectHash, Open> open_;
  std::set<ObjectHash> too_large_;
  std::vector<ObjectHash> packs_;
  bool has_moved_ = false;
  bool is_more_ = false;
};

// The segments that list damaged packs.
std::set<ObjectHash> PackHealer::damaged_segments() {
  const BlockIndex::Reader index(repository_.blocks().index());
  std::set<ObjectHash> out;
  for (const auto& [pack, problem] : checker_.damaged_packs()) {
    const auto number = index.find_pack(pack);
    if (number && checker_.is_known_damaged(pack)) out.insert(index.pack(*number).segment);
  }
  return out;
}

std::set<ObjectHash> PackHealer::find_healable() {
  std::set<ObjectHash> out;
  const std::set<ObjectHash> segments = damaged_segments();
  const BlockIndex::Reader index(repository_.blocks().index());
  const Move move(*this, index);
  for (const ObjectHash& segment : segments) {
    static_cast<void>(damage_of([&] { move.find_healable(segment, out); }));
  }
  return out;
}

void PackHealer::run() {
  std::set<ObjectHash> looked_at;  // packs
  for (const auto& [pack, problem] : checker_.damaged_packs()) {
    if (!checker_.is_known_damaged(pack)) continue;
    // Where an index segment cannot be read, that is said already, and nothing moves.
    static_cast<void>(damage_of([&, name = pack] {
      while (!looked_at.contains(name) && move_some(name, looked_at)) {
        check_cancelled(repository_.observer());
      }
    }));
  }
}

// Of the packs of the segment that lists this one; notes them once nothing more of them can be
// moved. False then.
bool PackHealer::move_some(const ObjectHash& pack, std::set<ObjectHash>& looked_at) {
  Reindexing reindexing;
  bool is_more = false;
  {
    const BlockIndex::Reader index(repository_.blocks().index(Cancelling::no));
    const auto number = index.find_pack(pack);
    if (!number) return false;
    Move move(*this, index);
    const bool has_moved = move.out_of(index.pack(*number).segment);
    is_more = has_moved && move.is_more();
    if (!is_more) looked_at.insert(move.packs().begin(), move.packs().end());
    if (!has_moved) return false;
    reindexing = move.take();
  }
  commit_reindexing(repository_, reindexing);
  return is_more;
}

}  // namespace kist
