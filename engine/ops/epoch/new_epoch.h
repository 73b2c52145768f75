// An attempt to begin an epoch: its secrets, and what is put for it. docs/format.md, "Epoch
// secrets", "Epochs".
#pragma once

#include <string>

#include "engine/keys/epoch_secrets.h"
#include "engine/repository/repository.h"

namespace kist {

// The secrets of one attempt: another one draws others.
struct NewEpoch {
  ObjectOrigin origin;
  EpochParts parts;
  EpochShares shares;
  EpochSecrets secrets;      // what both yield
  EpochBeginning beginning;  // as the epoch's first entry is to state it
};

// Draws the secrets of an epoch after the current one. Writes nothing.
NewEpoch draw_epoch(const Repository& repository);

// The slot's box of that epoch.
Bytes make_box(const NewEpoch& epoch, const SlotIntroduction& slot);

// Throws Error{corrupt} unless the store gives back, both copies, what was put.
void require_stored(const Repository& repository, const std::string& name, View bytes);

}  // namespace kist
