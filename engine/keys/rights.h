// What a slot may do, as types. Only Repository makes them, and only when the journal gives the
// slot the capability: code that has none of them in its hands can follow the journal and look up
// what is stored where, and nothing else. docs/architecture.md, "Rights".
#pragma once

#include "engine/crypto/kdf.h"
#include "engine/keys/keyring.h"

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

  // Of labels that tell the slot's own sources apart, and to nobody else what they are of.
  [[nodiscard]] Key source_label_key() const {
    return derive_key(all().slot_seed, KeyUse::source_label);
  }

 private:
  friend class Repository;
  using Right::Right;
};

// To open packs, bodies and manifests (`read`).
class ReadKeys : private Right {
 public:
  [[nodiscard]] const Key& id_key() const { return all().id_key; }

  // Opens the inner parts of the key segments of the epoch that the slot is in, once the keyring
  // has derived it.
  [[nodiscard]] const Key& epoch_secret() const { return all().epoch.read_secret; }

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

}  // namespace kist
