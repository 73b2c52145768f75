// A recovery sheet: a key on paper, which opens the repository when every machine with a key is
// gone.
#pragma once

#include <string>

#include "engine/engine.h"

namespace kist::cli {

struct RecoverySheet {
  std::string repository;   // its id
  std::string fingerprint;  // the hash of the genesis entry
  std::string location;     // its path or URL when the sheet was made
  std::string slot;         // id, name and role
  std::string time;
};

// The sheet as text, with the digits of the key and a QR code of the key file's text.
SecretBytes make_recovery_sheet(const RecoverySheet& sheet, View key_text);

}  // namespace kist::cli
