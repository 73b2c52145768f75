// Recipients: slots whose secret was made elsewhere, so that the owner who lets them in never sees
// it. docs/format.md, "Slots"; docs/decisions/0012-recipients.md.
#pragma once

#include <string>
#include <string_view>

#include "engine/keys/slot_object.h"

namespace kist {

// "kist-public-1:" and the public half in hex, with digits that tell a slip of the pen; and back,
// Error{invalid}.
std::string encode_recipient(const SlotPublicKeys& keys);
SlotPublicKeys parse_recipient(std::string_view text);

// The public half of a key file.
SlotPublicKeys recipient_of(const Credential& key_file);

// The slot that an owner made for that key file and that was not accepted yet, by the grant that it
// opens. The fingerprint is what the owner has said. Error{wrong_secret} where there is none.
OpenedSlot open_as_recipient(StoreReader& store,
                             const RepositoryId& repository,
                             const Credential& key_file,
                             const ObjectHash& fingerprint,
                             const SlotChoice& choice);

}  // namespace kist
