// The envelope around every object but packs, epoch boxes and kist.repo: a clear header, a clear
// section whose size the type fixes, a sealed and padded payload, a signature over all of it. Pure
// layout: sealing and signing are keys/sealed_object.h. docs/format.md, "Envelope".
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

enum class ObjectType : std::uint16_t {
  slot = 1,
  grant = 2,
  key_segment = 3,
  index_segment = 4,
  body = 5,
  reference_set = 6,
  journal_entry = 7,
};

struct EnvelopeHeader {
  ObjectType type = ObjectType::slot;
  RepositoryId repository;
  std::uint32_t epoch_number = 0;
  EpochId epoch;
  SlotId author;
  Nonce nonce;
  bool operator==(const EnvelopeHeader&) const = default;
};

// The parts of an encoded envelope; views into it.
struct Envelope {
  EnvelopeHeader header;
  View clear;       // the type's clear section
  View sealed;      // ciphertext with its authenticator
  View associated;  // header and clear section: what the ciphertext is bound to
  View signed_part;
  Signature signature;
};

// The size of a type's clear section.
std::size_t clear_size(ObjectType type);
// Header and clear section as they stand before `sealed_size` bytes of ciphertext.
Bytes encode_envelope_start(const EnvelopeHeader& header, View clear, std::uint64_t sealed_size);
// The header alone, from at least the first bytes of an object.
inline constexpr std::size_t envelope_header_size = 96;
EnvelopeHeader decode_envelope_header(View first_bytes, std::string_view object);
// Refuses another magic, version, type or size. The signature is not checked.
Envelope decode_envelope(View bytes, std::string_view object);

// Padmé (Nikitin et al., PETS 2019): the size with its low bits cleared upwards, at most 12 % more.
std::uint64_t padme(std::uint64_t size);
// The payload's size, the payload, zeros up to a Padmé size; and back, refusing any other fill.
Bytes pad_payload(View payload);
View unpad_payload(View padded, std::string_view object);

}  // namespace kist
