// Envelopes with keys: what opens one, what its signature covers, and what its size tells.
#include "engine/keys/sealed_object.h"

#include "tests/unit/keys/keys_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

// An object of a slot, sealed with a key of its own.
struct SealedSample {
  Bytes seal(View payload) {
    return seal_object({.type = ObjectType::body, .origin = author.origin()}, key,
                       author.keys.signing_seed, random, payload);
  }

  [[nodiscard]] Bytes open(View bytes) const {
    const SecretBytes payload =
        open_object(bytes, "bodies/x", ObjectType::body, keys_repository(), key);
    return {payload.view().begin(), payload.view().end()};
  }

  NumberedSlot author{5};
  Key key = key_of(6);
  SeededRandom random{seed()};
};

}  // namespace

TEST_CASE("a sealed object opens under its key, and is its author's") {
  SealedSample sample;
  const Bytes bytes = sample.seal(to_bytes("payload"));
  REQUIRE(sample.open(bytes) == to_bytes("payload"));
  const Envelope envelope =
      decode_envelope_of(bytes, "bodies/x", ObjectType::body, keys_repository());
  REQUIRE(envelope.header.author == sample.author.id);
  REQUIRE(envelope.header.epoch == sample.author.origin().epoch);
  REQUIRE(is_signed_by(envelope, sample.author.keys.public_keys().signing));
  REQUIRE_FALSE(is_signed_by(envelope, NumberedSlot(6).keys.public_keys().signing));
  REQUIRE(error_code([&] { open_envelope(envelope, "bodies/x", key_of(7)); }) == Code::corrupt);
}

TEST_CASE("no bit of a sealed object changes unnoticed") {
  SealedSample sample;
  const Bytes bytes = sample.seal(to_bytes("payload"));
  const SigningPublicKey signing_key = sample.author.keys.public_keys().signing;
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    Bytes flipped = bytes;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    INFO("bit " << bit);
    try {
      const Envelope envelope =
          decode_envelope_of(flipped, "bodies/x", ObjectType::body, keys_repository());
      REQUIRE_FALSE(is_signed_by(envelope, signing_key));
      // Only the signature is not bound to the payload.
      const bool is_in_signature = bit / 8 >= bytes.size() - Signature::size;
      if (!is_in_signature) {
        REQUIRE(error_code([&] { open_envelope(envelope, "bodies/x", sample.key); }) ==
                Code::corrupt);
      }
    } catch (const Error& error) {
      REQUIRE(is_damage(error));
    }
  }
}

TEST_CASE("an object of another type or another repository is refused") {
  SealedSample sample;
  const Bytes bytes = sample.seal(to_bytes("payload"));
  REQUIRE(error_code([&] {
            open_object(bytes, "x", ObjectType::reference_set, keys_repository(), sample.key);
          }) == Code::corrupt);
  REQUIRE(error_code([&] {
            open_object(bytes, "x", ObjectType::body, sample_id<RepositoryId>(2), sample.key);
          }) == Code::corrupt);
}

TEST_CASE("the same payload is never sealed to the same bytes") {
  SealedSample sample;
  REQUIRE(sample.seal(to_bytes("payload")) != sample.seal(to_bytes("payload")));
}

TEST_CASE("payloads of about one size cannot be told apart by their objects' sizes") {
  SealedSample sample;
  REQUIRE(sample.seal(Bytes(10'000)).size() == sample.seal(Bytes(10'050)).size());
  REQUIRE(sample.seal(Bytes(10'000)).size() < sample.seal(Bytes(20'000)).size());
  REQUIRE(sample.open(sample.seal({})).empty());
}
