// What a slot may do, as types. Only Repository makes them, and only when the journal gives the
// slot the capability: code that has none of them in its hands can follow the journal and look up
// what is stored where, and nothing else. docs/architecture.md, "Rights".
#pragma once

#include "engine/repository/keyring.h"
#include "engine/store/store.h"

namespace kist {

class Repository;

// To name, cut and store blocks (`write`). Opens nothing that is stored.
class WriteKeys {
 public:
  [[nodiscard]] const Key& id_key() const { return secrets_->id_key; }

  [[nodiscard]] const Key& chunk_seed() const { return secrets_->chunk_seed; }

 private:
  friend class Repository;

  explicit WriteKeys(const Secrets& secrets) : secrets_(&secrets) {}

  const Secrets* secrets_;
};

// To open packs, bodies and manifests (`read`).
class ReadKeys {
 public:
  [[nodiscard]] const Key& id_key() const { return secrets_->id_key; }

  // Opens the inner parts of the current epoch's key segments.
  [[nodiscard]] const Key& epoch_secret() const { return secrets_->epoch_secret; }

 private:
  friend class Repository;

  explicit ReadKeys(const Secrets& secrets) : secrets_(&secrets) {}

  const Secrets* secrets_;
};

// To let others in (`own`): all that a grant or an epoch box can hold.
class OwnKeys {
 public:
  [[nodiscard]] const Secrets& secrets() const { return *secrets_; }

 private:
  friend class Repository;

  explicit OwnKeys(const Secrets& secrets) : secrets_(&secrets) {}

  const Secrets* secrets_;
};

// The one type that destroys or overwrites what is stored.
class Remover {
 public:
  void remove(const std::string& name) const { store_->remove(name); }

  // Both copies of what is stored twice.
  void remove_twinned(const std::string& name) const {
    store_->remove(name);
    store_->remove(name + ".2");
  }

  void replace(const std::string& name, View bytes) const { store_->replace(name, bytes); }

 private:
  friend class Repository;

  explicit Remover(StoreRemover& store) : store_(&store) {}

  StoreRemover* store_;
};

}  // namespace kist
