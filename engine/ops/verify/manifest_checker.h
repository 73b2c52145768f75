// Every block that a manifest names is there, as its snapshot has it: in a copy that the snapshot's
// set names, that is whole, and that its author may rely on.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "engine/catalog/block_index.h"
#include "engine/format/snapshot.h"
#include "engine/ops/verify/pack_checker.h"
#include "engine/ops/verify/verify.h"
#include "engine/repository/repository.h"

namespace kist {

// A snapshot's set beside its manifest.
struct SetJudgement {
  // Each block of the manifest has a copy that the set names, that is whole, and that the author
  // may rely on; and the set names nothing else.
  bool is_equal = false;
  std::uint64_t unneeded = 0;  // numbers in the set that no block of the manifest has
  // If it is not equal: what it should be. Nothing where some block has no copy to name.
  std::optional<ReferenceSet> proper{};

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

  // Names the paths that need a block which is not there.
  SetJudgement check(const SnapshotState& snapshot);

 private:
  enum class Presence : std::uint8_t;
  struct Needs;
  struct Found;
  struct Tally;

  void check_reference(const Needs& needs, const BlockId& id, Found& found, Tally& tally) const;
  const TrustedNumbers& trusted_by(const SlotId& author);
  void record_found(const SnapshotState& snapshot, const std::string& path, const Found& found);

  Repository& repository_;
  BlockIndex& index_;
  const PackChecker& packs_;
  Report report_;
  Hurt hurt_;
  std::map<SlotId, TrustedNumbers> trusted_;  // by author
};

}  // namespace kist
