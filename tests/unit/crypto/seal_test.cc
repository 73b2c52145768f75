// What is sealed opens for whom it was sealed, and for nobody else.
#include "engine/crypto/seal.h"

#include "tests/support/test.h"
#include "tests/unit/crypto/crypto_fixture.h"

using namespace kist;
using namespace kist::test;

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

TEST_CASE("a stream hides bytes, and shows them again under the same key and nonce alone") {
  const Bytes plain = to_bytes("forty-two frames of pack seven");
  const auto with = [&](std::uint8_t key, std::uint8_t nonce_byte, Bytes bytes) {
    Nonce nonce;
    nonce.bytes[23] = nonce_byte;
    xor_stream(key_of(key), nonce, bytes);
    return bytes;
  };
  const Bytes hidden = with(1, 2, plain);
  REQUIRE(hidden != plain);
  REQUIRE(with(1, 2, hidden) == plain);
  REQUIRE(with(1, 3, hidden) != plain);
  REQUIRE(with(2, 2, hidden) != plain);
  REQUIRE(with(1, 2, Bytes()).empty());
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
