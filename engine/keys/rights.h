// What a slot may do, as types. Only Repository makes them, and only when the journal gives the
// slot the capability: code that has none of them in its hands can follow the journal and look up
// what is stored where, and nothing else. docs/architecture.md, "Rights".
#pragma once

#include <string>
#include <utility>

#include "engine/keys/keyring.h"
#include "engine/store/store.h"
#include "engine/store/twins.h"

namespace kist {

class Repository;

// The keys of a slot, as one right shows them.
class Right {
 protected:
  friend class Repository;

  explicit Right(const Secrets& secrets) : secrets_(&secrets) {}

  [[nodiscard]] const Secrets& all() const { return *secrets_; }

 private:
  const Secrets* secrets_;
};

// To name, cut and store blocks (`write`). Opens nothing that is stored.
class WriteKeys : private Right {
 public:
  [[nodiscard]] const Key& id_key() const { return all().id_key; }

  [[nodiscard]] const Key& chunk_seed() const { return all().chunk_seed; }

 private:
  friend class Repository;
  using Right::Right;
};

// To open packs, bodies and manifests (`read`).
class ReadKeys : private Right {
 public:
  [[nodiscard]] const Key& id_key() const { return all().id_key; }

  // Opens the inner parts of the key segments of the epoch that the slot is in.
  [[nodiscard]] const Key& epoch_secret() const { return all().epoch_secret; }

 private:
  friend class Repository;
  using Right::Right;
};

// To let others in (`own`): all that a grant or an epoch box can hold.
class OwnKeys : private Right {
 public:
  [[nodiscard]] const Secrets& secrets() const { return all(); }

 private:
  friend class Repository;
  using Right::Right;
};

// The one type that destroys or overwrites what is stored, below the names that it was made for.
class Remover {
 public:
  // Both copies of what is stored twice.
  void remove_twinned(const std::string& name) const {
    for (const std::string& copy : copies_of(within(name))) {
      store_->remove(copy);
    }
  }

  void remove(const std::string& name) const { store_->remove(within(name)); }

  void replace(const std::string& name, View bytes) const { store_->replace(within(name), bytes); }

 private:
  friend class Repository;

  Remover(StoreRemover& store, std::string prefix) : store_(&store), prefix_(std::move(prefix)) {}

  [[nodiscard]] const std::string& within(const std::string& name) const {
    KIST_ENSURE(name.starts_with(prefix_));
    return name;
  }

  StoreRemover* store_;
  std::string prefix_;
};

}  // namespace kist
