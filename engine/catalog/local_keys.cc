#include "engine/catalog/local_keys.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "engine/crypto/hash.h"

namespace kist {

namespace {

// In the order of the uses.
constexpr std::array<std::string_view, 4> labels{
    "kist local index tags",
    "kist local index checksums",
    "kist local index values",
    "kist local file caches",
};

}  // namespace

Key derive_local_key(const LocalKey& secret, LocalKeyUse use) {
  Key parent;
  std::ranges::copy(secret, parent.mutable_view().begin());
  return hash_keyed(parent, as_view(labels.at(static_cast<std::size_t>(use))));
}

LocalKey derive_short_local_key(const LocalKey& secret, LocalKeyUse use) {
  const Key key = derive_local_key(secret, use);
  LocalKey out{};
  std::copy_n(key.data(), out.size(), out.begin());
  return out;
}

}  // namespace kist
