// A key on paper: the sheet that opens the repository when every machine that could is gone.
#pragma once

#include <string>

#include "engine/engine.h"

namespace kist::cli {

struct RecoverySheet {
  std::string repository;   // id
  std::string fingerprint;  // of its genesis
  std::string location;     // where it was when the sheet was made
  std::string slot;         // id, name and role
  std::string time;
};

// The sheet as text, the key's letters and a QR code of the key file's text included.
SecretBytes make_recovery_sheet(const RecoverySheet& sheet, View key_text);

}  // namespace kist::cli
