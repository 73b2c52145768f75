// Which block numbers a manifest needs: what its reference set is compared with. Subtrees that
// several manifests share are read once. docs/format.md, "Reference sets".
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "engine/base/pinned.h"
#include "engine/blocks/block_reader.h"
#include "engine/catalog/block_index.h"
#include "engine/format/snapshot.h"
#include "engine/repository/repository.h"

namespace kist {

// What a part of a manifest needs.
struct Needs {
  NumberSet single;        // blocks of which there is one copy
  NumberSet several;       // the least number of each block that has several copies
  std::uint64_t lost = 0;  // blocks of which nobody has a copy, and parts that are nonsense

  void add(const Needs& other);
};

// A reference set beside what its snapshot's manifest needs.
struct SetComparison {
  bool is_equal = false;
  // What the set should be, if it is not equal and there is a set that is.
  std::optional<ReferenceSet> proper{};
  // Whatever the snapshot may need: the set, and all copies of what the manifest names.
  NumberSet needed;
};

class ManifestNeeds : private Pinned {
 public:
  // For slots that read. The index has no unloaded entries, and outlives this.
  ManifestNeeds(const Repository& repository, BlockIndex& index);
  ~ManifestNeeds() = default;

  // Compares a finished snapshot's set. Damage where a part of the manifest cannot be read, and no
  // entry says that it is lost: it may be there tomorrow.
  SetComparison compare(const SnapshotState& snapshot, const ReferenceSet& set);

 private:
  std::shared_ptr<const Needs> of_node(const BlockId& id, unsigned depth);
  Needs read_node(const BlockId& id, unsigned depth);
  bool add_block(Needs& to, const BlockId& id);
  [[nodiscard]] NumberSet all_of(const NumberSet& several) const;
  [[nodiscard]] std::optional<NumberSet> choose(const NumberSet& several,
                                                const NumberSet& set,
                                                const NumberSet& distrusted) const;
  [[nodiscard]] bool is_known_lost(const BlockId& id) const;
  const NumberSet& distrusted_by(const SlotId& author);

  const Repository& repository_;
  BlockIndex::Reader index_;
  ReadKeys keys_;
  BlockReader blocks_;
  std::map<BlockId, std::shared_ptr<const Needs>> nodes_;  // that were read last
  // The numbers of a block that has several copies, by the least.
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> copies_;
  std::map<SlotId, NumberSet> distrusted_;
};

}  // namespace kist
