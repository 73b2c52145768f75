// What a person or a service shows to get in: a passphrase, or a key file. docs/format.md, "Slots".
#pragma once

#include <string>

#include "engine/base/bytes.h"
#include "engine/crypto/secret.h"
#include "engine/format/slot.h"

namespace kist {

// What a person or a service shows to get in.
struct Credential {
  SlotKind kind = SlotKind::passphrase;
  SecretBytes secret;  // the passphrase's bytes, or the 32 bytes of a key file
};

// The text of a key file, and the credential that such a text yields (Error{invalid} otherwise).
// Space between its digits, as on paper, says nothing.
SecretBytes encode_key_file(const Key& key);
Credential parse_key_file(View text, const std::string& path);

}  // namespace kist
