// Envelopes sealed, signed, opened: format/envelope.h with keys. docs/format.md, "Envelope".
#pragma once

#include <string_view>

#include "engine/base/bytes.h"
#include "engine/base/random.h"
#include "engine/crypto/secret.h"
#include "engine/format/envelope.h"

namespace kist {

// On whose behalf, and in which epoch, objects are made.
struct ObjectOrigin {
  RepositoryId repository;
  std::uint32_t epoch_number = 0;
  EpochId epoch;
  SlotId author;
};

// An encoded envelope. One nonce is drawn.
struct ObjectHead {
  ObjectType type = ObjectType::slot;
  const ObjectOrigin& origin;
  Bytes clear{};  // of the size that the type fixes
};

Bytes seal_object(
    const ObjectHead& head, const Key& key, const Key& signing_seed, Random& random, View payload);

// The payload of an envelope of that type and repository; Error{corrupt} when it is not authentic
// under `key`. Signatures are checked apart, where the author's key is known.
SecretBytes open_object(View bytes,
                        std::string_view object,
                        ObjectType type,
                        const RepositoryId& repository,
                        const Key& key);
// The same for an envelope that was decoded already; empty when it is not authentic.
SecretBytes open_envelope(const Envelope& envelope, std::string_view object, const Key& key);
[[nodiscard]] bool is_signed_by(const Envelope& envelope, const SigningPublicKey& key);
// Decodes and requires type and repository.
Envelope decode_envelope_of(View bytes,
                            std::string_view object,
                            ObjectType type,
                            const RepositoryId& repository);

}  // namespace kist
