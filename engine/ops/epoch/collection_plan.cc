#include "engine/ops/epoch/collection_plan.h"

#include <algorithm>

#include "engine/blocks/pack_ranges.h"
#include "engine/format/limits.h"

namespace kist {

namespace {

// A pack below that is small.
constexpr std::uint64_t small_bytes = pack_bytes_max / 4;

// A pack that holds live blocks and others.
struct MixedPack {
  std::uint32_t pack = 0;
  std::uint64_t size = 0;
  std::uint64_t live_bytes = 0;

  [[nodiscard]] std::uint64_t unused_bytes() const { return size - live_bytes; }
};

// Adds up what a plan does.
class Planner {
 public:
  explicit Planner(const CollectionLimits& limits) : limits_(limits) {
    plan_.unreadable = limits.unreadable;
  }

  void add(std::uint32_t pack, const PackRecord& record, std::uint64_t live_count) {
    ++plan_.pack_count;
    plan_.total_bytes += record.size;
    if (live_count == 0) {
      plan_.dead.insert(pack);
      plan_.dead_bytes += record.size;
      return;
    }
    const std::uint64_t count = std::max<std::uint64_t>(record.number_count, 1);
    const std::uint64_t live_bytes = record.size * std::min(live_count, count) / count;
    plan_.live_bytes += live_bytes;
    if (limits_.unreadable.contains(pack)) return;
    if (live_count < count) mixed_.push_back({pack, record.size, live_bytes});
    if (live_count >= count && record.size < small_bytes) {
      small_[record.kind == PackKind::data ? 0 : 1].push_back({pack, record.size, live_bytes});
    }
  }

  CollectionPlan finish() {
    rewrite_mixed();
    for (std::vector<MixedPack>& small : small_) {
      merge(small);
    }
    return std::move(plan_);
  }

 private:
  bool rewrite(const MixedPack& pack) {
    if (plan_.written_bytes + pack.live_bytes > limits_.write_bytes_max) return false;
    plan_.rewritten.insert(pack.pack);
    plan_.rewritten_bytes += pack.size;
    plan_.written_bytes += pack.live_bytes;
    return true;
  }

  // Those first that give most back for what is written.
  void rewrite_mixed() {
    std::ranges::sort(mixed_, [](const MixedPack& a, const MixedPack& b) {
      const auto share = [](const MixedPack& each) {
        return static_cast<double>(each.live_bytes) / static_cast<double>(each.size);
      };
      return std::pair(share(a), a.pack) < std::pair(share(b), b.pack);
    });
    for (const MixedPack& pack : mixed_) {
      plan_.unused_bytes += pack.unused_bytes();
    }
    for (const MixedPack& pack : mixed_) {
      const std::uint64_t staying = plan_.live_bytes + plan_.unused_bytes;
      if (plan_.unused_bytes <= staying / 100 * limits_.unused_percent) break;
      if (rewrite(pack)) plan_.unused_bytes -= pack.unused_bytes();
    }
  }

  // Each byte is stored again so only until it is in a pack that is not small.
  void merge(const std::vector<MixedPack>& small) {
    std::uint64_t bytes = 0;
    for (const MixedPack& pack : small) {
      bytes += pack.size;
    }
    if (bytes < pack_bytes_max) return;
    for (const MixedPack& pack : small) {
      static_cast<void>(rewrite(pack));
    }
  }

  const CollectionLimits& limits_;
  CollectionPlan plan_;
  std::vector<MixedPack> mixed_;
  std::vector<MixedPack> small_[2];  // data, meta
};

}  // namespace

// Numbers that nobody lists would count for the pack before them.
std::map<std::uint32_t, std::uint64_t> counts_of_live(const BlockIndex::Reader& index,
                                                      NumberSet live) {
  live.intersect(listed_numbers(index));
  return PackRanges(index).counts_of(live);
}

CollectionPlan plan_collection(const BlockIndex::Reader& index,
                               const NumberSet& live,
                               const CollectionLimits& limits) {
  const std::map<std::uint32_t, std::uint64_t> counts = counts_of_live(index, live);
  Planner planner(limits);
  for (const std::uint32_t pack : index.packs()) {
    const auto count = counts.find(pack);
    planner.add(pack, index.pack(pack), count == counts.end() ? 0 : count->second);
  }
  return planner.finish();
}

}  // namespace kist
