// What one machine keeps of a repository: catalog, block index, file caches, the last head seen,
// keys that protect these. All but the last head can be deleted at any time; damage is removed and
// rebuilt.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "engine/base/id.h"
#include "engine/base/observer.h"
#include "engine/base/random.h"
#include "engine/catalog/block_index.h"
#include "engine/catalog/catalog.h"

namespace kist {

struct Head {
  std::uint64_t sequence = 0;
  ObjectHash hash;
  bool operator==(const Head&) const = default;
};

class LocalState {
 public:
  // The directory is made where it does not exist.
  LocalState(std::string directory, Random& random, Observer& observer);

  Catalog& catalog() { return *catalog_; }

  BlockIndex& index() { return *index_; }

  // Removes what is there and starts empty.
  void reset_catalog();
  void reset_index();

  [[nodiscard]] std::optional<Head> last_head() const;
  void remember_head(const Head& head);
  [[nodiscard]] std::optional<SlotId> last_slot() const;
  void remember_slot(const SlotId& slot);

  // Packs that this machine has found damaged: no copy in them counts as stored.
  [[nodiscard]] std::set<ObjectHash> distrusted_packs() const;
  void distrust_packs(const std::set<ObjectHash>& packs);
  // The local record of what each source's last backup saw: all of it is read again.
  void forget_file_caches() const;

  [[nodiscard]] const std::string& directory() const { return directory_; }

  [[nodiscard]] std::string cache_directory() const { return directory_ + "/cache"; }

 private:
  void load_keys(Random& random, Observer& observer);
  void open_catalog(Observer& observer);
  void open_index(Observer& observer);

  std::string directory_;
  BlockIndex::Keys keys_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<BlockIndex> index_;
};

}  // namespace kist
