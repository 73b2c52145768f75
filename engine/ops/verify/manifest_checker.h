// Every block that a manifest names is there, as its snapshot has it: in a copy that the snapshot's
// set names, that is whole, and that its author may rely on.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "engine/catalog/block_index.h"
#include "engine/ops/verify/pack_checker.h"
#include "engine/ops/verify/verify.h"
#include "engine/repository/repository.h"

namespace kist {

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
  void check(const SnapshotState& snapshot);

 private:
  enum class Presence : std::uint8_t;
  struct Needs;
  struct Found;

  void check_reference(const Needs& needs, const BlockId& id, Found& found) const;
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
