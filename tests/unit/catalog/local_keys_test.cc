// The keys of one machine: as many as uses, and none that tells of another.
#include "engine/catalog/local_keys.h"

#include <set>

#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("each use of a local secret has a key of its own, and each secret other ones") {
  std::set<Bytes> seen;
  for (const std::uint8_t fill : {std::uint8_t{0}, std::uint8_t{1}}) {
    LocalKey secret{};
    secret.fill(fill);
    for (const LocalKeyUse use : {LocalKeyUse::index_tags, LocalKeyUse::index_checksums,
                                  LocalKeyUse::index_values, LocalKeyUse::file_caches}) {
      const Key key = derive_local_key(secret, use);
      REQUIRE(equal(key.view(), derive_local_key(secret, use).view()));
      REQUIRE(equal(derive_short_local_key(secret, use), key.view().first(16)));
      seen.insert(Bytes(key.view().begin(), key.view().end()));
    }
  }
  REQUIRE(seen.size() == 8);
}
