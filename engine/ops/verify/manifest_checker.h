// Every block that a manifest names is there, as its snapshot has it: in a copy that the snapshot's
// set names, that is whole, and that its author may rely on.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "engine/catalog/block_index.h"
#include "engine/format/snapshot.h"
#include "engine/ops/verify/pack_checker.h"
#include "engine/ops/verify/verify.h"
#include "engine/repository/repository.h"

namespace kist {

// A snapshot's set beside its manifest.
struct SetJudgement {
  bool is_lost = false;  // it cannot be opened
  bool is_whole =
      false;  // each block has a copy that it names, whole, on which the author may rely
  std::uint64_t unneeded = 0;  // if it is whole: numbers in the set that no block has
  // If it is not equal: what it should be. Nothing where some block has no copy to name.
  std::optional<ReferenceSet> proper{};

  [[nodiscard]] bool is_equal() const { return is_whole && unneeded == 0; }

  // What is wrong with the set.
  [[nodiscard]] std::string problem() const;
};

class ManifestChecker {
 public:
  using Report = std::function<void(const std::string& object, const std::string& problem)>;
  using Hurt = std::function<void(const HurtPath& hurt)>;

  // `packs` has looked at all packs of the index. All outlive the checker.
  ManifestChecker(
      Repository& repository, BlockIndex& index, const PackChecker& packs, Report report, Hurt hurt)
      : repository_(repository),
        index_(index),
        packs_(packs),
        report_(std::move(report)),
        hurt_(std::move(hurt)) {}

  // Names the paths that need a block which is not there; where the set is lost, those of which a
  // block is in no copy at all.
  SetJudgement check(const SnapshotState& snapshot);
  // Only judges; a set that is lost counts as empty.
  SetJudgement judge(const SnapshotState& snapshot);

 private:
  enum class Presence : std::uint8_t;
  struct Needs;
  struct Found;
  struct Tally;

  enum class Look : std::uint8_t;

  // How much a run says of what it finds.
  enum class Telling : std::uint8_t { nothing, losses, all };

  SetJudgement run(const SnapshotState& snapshot, const ReferenceSet& set, Telling telling);
  Look look_at(const BlockIndex::Reader& index, std::uint32_t pack);
  void check_reference(const Needs& needs, const BlockId& id, Found& found, Tally& tally);
  const TrustedNumbers& trusted_by(const SlotId& author);
  void record_found(const SnapshotState& snapshot,
                    const std::string& path,
                    const Found& found,
                    Telling telling);

  Repository& repository_;
  BlockIndex& index_;
  const PackChecker& packs_;
  Report report_;
  Hurt hurt_;
  std::map<SlotId, TrustedNumbers> trusted_;       // by author
  std::unordered_map<std::uint32_t, Look> looks_;  // by the pack's number in the index
};

}  // namespace kist
