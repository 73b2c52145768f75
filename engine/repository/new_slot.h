// A slot on its way into the journal: what is made for it and put in the store before an entry
// introduces it. All of it is of one epoch: an entry of another one does not introduce it.
// docs/format.md, "Grants", "Epoch boxes".
#pragma once

#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/format/journal_entry.h"
#include "engine/keys/keyring.h"

namespace kist {

// A slot on its way into the journal.
struct NewSlot {
  SlotId slot;
  SlotPublicKeys keys;
  SlotKind kind = SlotKind::passphrase;
  std::string name;
  Capabilities capabilities = owner_capabilities;
  std::vector<std::string> sources{};  // bound to the slot before anybody has used them
  std::uint64_t epoch_least = 0;       // as EpochBeginning of the current epoch states it

  [[nodiscard]] bool may(Capabilities any) const { return (capabilities & any) != 0; }
};

// An object that is stored twice, on its way into the store.
struct TwinnedObject {
  std::string path;
  Bytes bytes;
};

struct NewSlotObjects {
  SlotIntroduction introduction;  // what the journal will say of the slot
  TwinnedObject grant;
  TwinnedObject box;  // of the epoch of `origin`
};

// The slot's grant and epoch box, which hold what its capabilities ask for and no more. `secrets`
// are those of an owner.
NewSlotObjects make_grant_and_box(const ObjectOrigin& origin,
                                  const Secrets& secrets,
                                  const NewSlot& slot,
                                  Random& random);

}  // namespace kist
