// The secrets of an epoch. What opens anything that is stored is derived from three things: a part,
// which the boxes of those who may have it hold; a share in the entry that begins the epoch; and a
// share in the epoch's *anchor*, an object of 80 bytes that lies in four copies, is written before
// that entry, and by nobody ever again. So once its anchor is destroyed, what was sealed in an
// epoch opens for nobody, whatever boxes, key segments and passwords have been kept or come back
// late. The journal's key alone is drawn, not derived: the journal stays readable. docs/format.md,
// "Epoch secrets".
#pragma once

#include <cstdint>

#include "engine/crypto/secret.h"
#include "engine/format/acts/epoch_beginning.h"
#include "engine/format/acts/slot_introduction.h"
#include "engine/keys/sealed_object.h"

namespace kist {

// What an epoch box holds.
struct EpochParts {
  Key journal_key;
  Key index_part;
  Key audit_part;  // zero for a slot with neither `read` nor `audit`
  Key read_part;   // zero for a slot without `read`

  [[nodiscard]] EpochParts clone() const;
};

// What parts and shares yield.
struct EpochSecrets {
  Key index_key;
  Key audit_secret;  // zero without its part, as the next
  Key read_secret;
};

// The two shares, of which each lies somewhere else.
struct EpochShares {
  KeyBytes entry;
  Key anchor;
};

EpochParts draw_epoch_parts(Random& random);
EpochShares draw_epoch_shares(Random& random);
// `share` is the entry's, `anchor_share` the anchor's.
EpochSecrets derive_epoch_secrets(const EpochParts& parts,
                                  const KeyBytes& share,
                                  const Key& anchor_share);

// The parts that a slot with these capabilities may have; the others are zero.
EpochParts parts_for(const EpochParts& parts, Capabilities capabilities);

// A slot's epoch box: a function of its arguments alone, so whoever holds all parts can remake it.
struct BoxedEpoch {
  const EpochParts& parts;  // all of them
  std::uint64_t least = 0;  // as the epoch's first entry states it
};

Bytes make_epoch_box(const ObjectOrigin& origin,
                     const SlotId& slot,
                     const BoxPublicKey& recipient,
                     const BoxedEpoch& epoch,
                     Capabilities capabilities);

// The anchor of the epoch that `origin` states, as its bytes.
Bytes make_anchor(const ObjectOrigin& origin, const Key& anchor_share);
// What the entry says that begins the epoch, with the hash of that anchor; `least` is the number
// that it would have if it were committed at once.
EpochBeginning make_beginning(const EpochParts& parts,
                              const EpochShares& shares,
                              const ObjectHash& anchor,
                              std::uint64_t least);

}  // namespace kist
