// The directory that one machine keeps for a repository: catalog, block index, file caches, the
// last head seen, and the keys that protect these. All but the last head can be deleted at any
// time; damage is removed and rebuilt. Several processes may use one directory at once.
//
// Invariant: index and caches are hidden under one secret (local_keys.h), and once an epoch's end
// has told clients to forget, no byte of the secret of before is on the disk.
// Refused is a directory that somebody else may write: its owner would decide what is restored.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/id.h"
#include "engine/base/observer.h"
#include "engine/base/random.h"
#include "engine/catalog/block_index.h"
#include "engine/catalog/catalog.h"
#include "engine/catalog/damage_record.h"
#include "engine/catalog/local_keys.h"

namespace kist {

struct Head {
  std::uint64_t sequence = 0;
  ObjectHash hash;
  bool operator==(const Head&) const = default;
};

class LocalDirectory {
 public:
  // The directory is made where it does not exist. Error{refused} where it, or the directory that
  // it lies in, can be changed by somebody else (base/disk/permissions.h).
  LocalDirectory(std::string directory, Random& random, Observer& observer);

  Catalog& catalog() { return *catalog_; }

  // Removes what is there and starts empty.
  void reset_catalog();
  void reset_index();
  // What was kept before that epoch, the last one that made clients forget, is forgotten, for all
  // processes that use the directory: its secret is overwritten, then block index and file caches
  // are removed. No reader of the index may be in use.
  void forget_before(const EpochId& epoch, Random& random);
  // Forgets all that the directory of that path keeps, the last head included: its keys are
  // overwritten, then it is removed. Absent is fine. Nobody may be using it.
  static void destroy(const std::string& directory);

  // By which the journal tells this directory from others that the slot is used with.
  [[nodiscard]] const ClientId& client() const { return keys_.client; }

  [[nodiscard]] std::optional<Head> last_head() const;
  void remember_head(const Head& head);
  // True if, when this machine first saw the journal, its last entry was older than 7 days, and
  // neither --head nor --yes has confirmed it since.
  [[nodiscard]] bool is_head_doubted() const;
  void doubt_head(bool is_doubted) const;
  // Whether this machine has seen the store keep put-if-absent in a race (store/exclusive_put.h).
  [[nodiscard]] bool has_seen_exclusive_put() const;
  void remember_exclusive_put() const;
  [[nodiscard]] std::optional<SlotId> last_slot() const;
  void remember_slot(const SlotId& slot);

  // That slot's epoch box, as it was entered last: it serves where the store has lost it.
  [[nodiscard]] std::optional<Bytes> kept_box(const SlotId& slot) const;
  void keep_box(const SlotId& slot, const Bytes& box) const;

  // Packs that this machine has found gone or damaged: no copy in them counts as stored.
  [[nodiscard]] DamageRecord& damage() { return *damage_; }

  // The local record of what each source's last backup saw: all of it is read again.
  void forget_file_caches() const;

  [[nodiscard]] const std::string& directory() const { return directory_; }

  [[nodiscard]] std::string cache_directory() const { return directory_ + "/cache"; }

  // Of the epoch that was entered last: whoever keeps it longer seals what nobody can open.
  [[nodiscard]] Key cache_key() const {
    return derive_local_key(keys_.secret, LocalKeyUse::file_caches);
  }

  // Where a directory of this kind may be made for a while. It is forgotten with the epoch.
  [[nodiscard]] std::string scratch_directory() const { return directory_ + "/check"; }

 private:
  friend class Blocks;  // which brings it in step before it hands it out

  BlockIndex& index() { return *index_; }

  // What local.key holds.
  struct Keys {
    LocalKey checksum{};  // of the catalog, which holds what the journal says to everybody
    LocalKey secret{};    // block index and file caches are hidden under it
    EpochId epoch;        // before which nothing is kept
    ClientId client;
  };

  [[nodiscard]] std::optional<Keys> read_keys() const;
  void create_keys(const Keys& keys) const;
  void overwrite_keys(const Keys& keys) const;
  void load_keys(Random& random, Observer& observer);
  void open_catalog(Observer& observer);
  void open_index(Observer& observer);

  std::string directory_;
  Keys keys_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<BlockIndex> index_;
  std::unique_ptr<DamageRecord> damage_;
};

}  // namespace kist
