// Keys for tests of engine/crypto.
#pragma once

#include <cstdint>

#include "engine/crypto/secret.h"

namespace kist::test {

inline Key key_of(std::uint8_t fill) {
  return Key::from(Bytes(Key::size, fill));
}

}  // namespace kist::test
