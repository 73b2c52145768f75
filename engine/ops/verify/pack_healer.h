// What damaged packs held, and is stored elsewhere too: the numbers of those blocks move there, so
// that the snapshots that name them are whole again, and keep what they need. A pack that has no
// number left is no more. docs/format.md, "Index segments"; docs/decisions/0030-reindex.md.
#pragma once

#include <set>

#include "engine/ops/verify/pack_checker.h"
#include "engine/repository/reindex.h"

namespace kist {

class PackHealer {
 public:
  // `checker` has looked at all packs, at level content, in an index without unloaded entries.
  // Numbers move only to packs that it has read and found whole, of entries on which everybody may
  // rely.
  PackHealer(Repository& repository, const PackChecker& checker)
      : repository_(repository), checker_(checker) {}

  // Damaged packs of which all is stored elsewhere too.
  [[nodiscard]] std::set<ObjectHash> find_healable();
  // Moves all numbers that have another place.
  void run();

 private:
  class Move;

  [[nodiscard]] std::set<ObjectHash> damaged_segments();
  bool move_some(const ObjectHash& pack, std::set<ObjectHash>& looked_at);

  Repository& repository_;
  const PackChecker& checker_;
};

}  // namespace kist
