#include "engine/crypto/hash.h"
#include "engine/crypto/kdf.h"
#include "engine/crypto/seal.h"
#include "engine/crypto/sign.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

Key key_of(std::uint8_t fill) {
  return Key::from(Bytes(32, fill));
}

}  // namespace

TEST_CASE("the name of an object is BLAKE2b-256, as RFC 7693 computes it") {
  // BLAKE2b-256 of the empty string and of "abc", from the reference implementation.
  REQUIRE(hex(hash_object({})) ==
          "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
  REQUIRE(hex(hash_object(as_view("abc"))) ==
          "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

TEST_CASE("hashing piece by piece gives the hash of the whole") {
  ObjectHasher hasher;
  hasher.update(as_view("a"));
  hasher.update(as_view("bc"));
  REQUIRE(hasher.finish() == hash_object(as_view("abc")));
}

TEST_CASE("a sealed message opens only whole, under its key, nonce and associated data") {
  const Bytes plain = to_bytes("attack at dawn");
  Bytes sealed(plain.size() + seal_overhead);
  Nonce nonce;
  nonce.bytes[3] = 9;
  seal(key_of(1), nonce, as_view("header"), plain, sealed);
  Bytes out(plain.size());
  REQUIRE(open(key_of(1), nonce, as_view("header"), sealed, out));
  REQUIRE(out == plain);
  REQUIRE_FALSE(open(key_of(2), nonce, as_view("header"), sealed, out));
  REQUIRE_FALSE(open(key_of(1), Nonce{}, as_view("header"), sealed, out));
  REQUIRE_FALSE(open(key_of(1), nonce, as_view("Header"), sealed, out));
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    Bytes flipped = sealed;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    REQUIRE_FALSE(open(key_of(1), nonce, as_view("header"), flipped, out));
  }
}

TEST_CASE("a box opens with the recipient's seed alone") {
  const Bytes box = seal_box(box_public_key(key_of(5)), key_of(6), as_view("secret"));
  const auto opened = open_box(key_of(5), box);
  REQUIRE(opened);
  REQUIRE(as_text(opened->view()) == "secret");
  REQUIRE_FALSE(open_box(key_of(6), box));
  Bytes flipped = box;
  flipped[40] ^= 1;
  REQUIRE_FALSE(open_box(key_of(5), flipped));
  REQUIRE_FALSE(open_box(key_of(5), Bytes(10)));
}

TEST_CASE("a signature holds for its message and key alone") {
  const Signature signature = sign(key_of(1), as_view("message"));
  REQUIRE(verify_signature(signing_public_key(key_of(1)), as_view("message"), signature));
  REQUIRE_FALSE(verify_signature(signing_public_key(key_of(1)), as_view("massage"), signature));
  REQUIRE_FALSE(verify_signature(signing_public_key(key_of(2)), as_view("message"), signature));
}

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

TEST_CASE("a moved key leaves zeros behind") {
  Key key = key_of(4);
  const Key taken = std::move(key);
  REQUIRE(key.is_zero());  // NOLINT(bugprone-use-after-move, clang-analyzer-cplusplus.Move)
  REQUIRE(equal(taken.view(), Bytes(32, 4)));
}
