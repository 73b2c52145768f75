// A slot on its way into the journal: what is put in the store for it before an entry introduces
// it. docs/format.md, "Grants", "Epoch boxes".
#pragma once

#include <string>
#include <vector>

#include "engine/format/journal_entry.h"
#include "engine/keys/keyring.h"
#include "engine/store/store.h"

namespace kist {

// A slot on its way into the journal.
struct NewSlot {
  SlotId slot;
  SlotPublicKeys keys;
  SlotKind kind = SlotKind::passphrase;
  std::string name;
  Capabilities capabilities = owner_capabilities;
  std::vector<std::string> sources{};  // bound to the slot before anybody has used them
  std::uint64_t epoch_begun = 0;       // the sequence of the entry that began the current epoch

  [[nodiscard]] bool may(Capabilities any) const { return (capabilities & any) != 0; }
};

// Puts the slot's grant and epoch box, which hold what its capabilities ask for and no more; what
// the journal will say of the slot. `secrets` are those of an owner.
SlotIntroduction put_grant_and_box(StoreWriter& store,
                                   const ObjectOrigin& origin,
                                   const Secrets& secrets,
                                   const NewSlot& slot,
                                   Random& random);
// Puts the slot's box of the epoch of `origin`; its hash.
ObjectHash put_epoch_box(StoreWriter& store,
                         const ObjectOrigin& origin,
                         const Secrets& secrets,
                         const NewSlot& slot);

}  // namespace kist
