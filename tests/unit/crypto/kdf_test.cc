// Keys from keys and from passphrases.
#include "engine/crypto/kdf.h"

#include "tests/support/test.h"
#include "tests/unit/crypto/crypto_fixture.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("derived keys differ by number and by context") {
  const Key master = key_of(3);
  REQUIRE_FALSE(equal(derive_key(master, KeyUse::slot_signing_seed).view(),
                      derive_key(master, KeyUse::slot_box_seed).view()));
  REQUIRE_FALSE(equal(derive_key(master, KeyUse::slot_signing_seed).view(),
                      derive_key(master, KeyUse::gear_table).view()));
}

TEST_CASE("a passphrase yields the same key again, and another with another salt") {
  std::array<std::uint8_t, 16> salt{};
  const Key first = derive_key_from_passphrase(as_view("correct horse"), salt, argon2_floor);
  REQUIRE(equal(first.view(),
                derive_key_from_passphrase(as_view("correct horse"), salt, argon2_floor).view()));
  salt[0] = 1;
  REQUIRE_FALSE(
      equal(first.view(),
            derive_key_from_passphrase(as_view("correct horse"), salt, argon2_floor).view()));
}

TEST_CASE("costs of Argon2id out of bounds are not allowed") {
  REQUIRE(is_allowed(argon2_floor));
  REQUIRE(is_allowed(argon2_ceiling));
  REQUIRE_FALSE(is_allowed(Argon2Cost{2, 64U << 10U}));
  REQUIRE_FALSE(is_allowed(Argon2Cost{3, (64U << 10U) - 1}));
  REQUIRE_FALSE(is_allowed(Argon2Cost{17, 64U << 10U}));
  REQUIRE_FALSE(is_allowed(Argon2Cost{3, (4U << 20U) + 1}));
}
