// Grants: what one slot may know of the repository's fixed secrets, and no more.
#include "engine/keys/grant.h"

#include "engine/crypto/seal.h"
#include "engine/format/slot.h"
#include "tests/unit/keys/keys_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

// Grants by an owner to a slot.
struct GrantSample {
  Bytes make(const Key* given_id, const Key* given_seed) {
    return make_grant(owner.origin(), owner.keys.signing_seed, slot.keys.public_keys().box,
                      {.id_key = given_id, .chunk_seed = given_seed}, random);
  }

  // What the box seed opens; nothing where it opens nothing.
  static std::optional<Bytes> open(View grant, const Key& box_seed) {
    const Envelope envelope =
        decode_envelope_of(grant, "grants/x", ObjectType::grant, keys_repository());
    const auto key = open_box(box_seed, envelope.clear);
    if (!key) return std::nullopt;
    const SecretBytes secret = open_envelope(envelope, "grants/x", Key::from(key->view()));
    return Bytes(secret.view().begin(), secret.view().end());
  }

  NumberedSlot owner{1};
  NumberedSlot slot{2};
  Key id_key = key_of(11);
  Key chunk_seed = key_of(12);
  SeededRandom random{seed()};
};

}  // namespace

TEST_CASE("a grant opens for its slot alone, and its owner has signed it") {
  GrantSample sample;
  const Bytes grant = sample.make(&sample.id_key, &sample.chunk_seed);
  REQUIRE(GrantSample::open(grant, sample.slot.keys.box_seed));
  REQUIRE_FALSE(GrantSample::open(grant, sample.owner.keys.box_seed));
  const Envelope envelope =
      decode_envelope_of(grant, "grants/x", ObjectType::grant, keys_repository());
  REQUIRE(is_signed_by(envelope, sample.owner.keys.public_keys().signing));
  REQUIRE(grant.size() <= small_object_bytes_max);
}

TEST_CASE("a grant holds the keys that it gives, and zeros for those that it does not") {
  GrantSample sample;
  const Bytes none(Key::size);
  const auto joined = [](View a, View b) {
    Bytes out(a.begin(), a.end());
    out.insert(out.end(), b.begin(), b.end());
    return out;
  };
  const Key& seed = sample.slot.keys.box_seed;
  REQUIRE(GrantSample::open(sample.make(&sample.id_key, &sample.chunk_seed), seed) ==
          joined(sample.id_key.view(), sample.chunk_seed.view()));
  REQUIRE(GrantSample::open(sample.make(&sample.id_key, nullptr), seed) ==
          joined(sample.id_key.view(), none));
  REQUIRE(GrantSample::open(sample.make(nullptr, nullptr), seed) == joined(none, none));
}

TEST_CASE("grants of different rights are of one size") {
  GrantSample sample;
  REQUIRE(sample.make(&sample.id_key, &sample.chunk_seed).size() ==
          sample.make(nullptr, nullptr).size());
}
