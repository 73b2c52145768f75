#include "engine/format/envelope.h"

#include <bit>

#include "engine/format/limits.h"

namespace kist {

namespace {

constexpr std::string_view magic = "KISTENVL";

// magic 8, version 2, type 2, epoch number 4, repository 16, epoch 16, author 16, sealed size 8,
// nonce 24
constexpr std::size_t header_size = 8 + 2 + 2 + 4 + 16 + 16 + 16 + 8 + 24;
static_assert(header_size == 96);

}  // namespace

std::size_t clear_size(ObjectType type) {
  switch (type) {
    case ObjectType::slot:
      return 32 + 32 + 1 + 3 + 4 + 4 + 4 + 16;  // format/slot.h
    case ObjectType::grant:
      return 80;  // the payload's key in a sealed box
    case ObjectType::journal_entry:
      return 8 + 32;  // sequence and the previous entry's hash
    case ObjectType::key_segment:
    case ObjectType::index_segment:
    case ObjectType::body:
    case ObjectType::reference_set:
      return 0;
  }
  KIST_ENSURE(false);
  return 0;
}

Bytes encode_envelope_start(const EnvelopeHeader& header, View clear, std::uint64_t sealed_size) {
  KIST_ENSURE(clear.size() == clear_size(header.type));
  ByteWriter out;
  out.raw(as_view(magic));
  out.u16(format_version);
  out.u16(static_cast<std::uint16_t>(header.type));
  out.u32(header.epoch_number);
  out.id(header.repository);
  out.id(header.epoch);
  out.id(header.author);
  out.u64(sealed_size);
  out.id(header.nonce);
  out.raw(clear);
  return out.take();
}

namespace {

// The header, and the size of the sealed part.
std::uint64_t take_header(ByteReader& in, EnvelopeHeader& header, std::string_view object) {
  in.require(equal(in.take(magic.size()), as_view(magic)), "this is not an object of Kist");
  const std::uint16_t version = in.u16();
  if (version != format_version) {
    throw Error(Code::unsupported,
                concat(object, " has format version ", version, "; this needs a newer kist"));
  }
  const std::uint16_t type = in.u16();
  in.require(type >= 1 && type <= 7, "an unknown type of object");
  header.type = static_cast<ObjectType>(type);
  header.epoch_number = in.u32();
  header.repository = in.id<RepositoryId>();
  header.epoch = in.id<EpochId>();
  header.author = in.id<SlotId>();
  const std::uint64_t sealed_size = in.u64();
  header.nonce = in.id<Nonce>();
  return sealed_size;
}

}  // namespace

EnvelopeHeader decode_envelope_header(View first_bytes, std::string_view object) {
  ByteReader in(first_bytes, object);
  EnvelopeHeader out;
  static_cast<void>(take_header(in, out, object));
  return out;
}

Envelope decode_envelope(View bytes, std::string_view object) {
  ByteReader in(bytes, object);
  Envelope out;
  const std::uint64_t sealed_size = take_header(in, out.header, object);
  out.clear = in.take(clear_size(out.header.type));
  out.associated = bytes.first(in.offset());
  in.require(sealed_size >= authenticator_bytes, "the sealed part is too short");
  out.sealed = in.take(sealed_size);
  out.signed_part = bytes.first(in.offset());
  out.signature = in.id<Signature>();
  in.expect_end();
  return out;
}

std::uint64_t padme(std::uint64_t size) {
  if (size < 2) return size;
  const auto exponent = static_cast<unsigned>(std::bit_width(size) - 1);
  const auto exponent_bits = static_cast<unsigned>(std::bit_width(exponent));
  const std::uint64_t mask = (std::uint64_t{1} << (exponent - exponent_bits)) - 1;
  return (size + mask) & ~mask;
}

Bytes pad_payload(View payload) {
  // Allocated once: payloads hold secrets, and a growing buffer would leave copies behind.
  Bytes bytes(padme(8 + payload.size()));
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::uint8_t>(std::uint64_t{payload.size()} >> (8 * i));
  }
  std::ranges::copy(payload, bytes.begin() + 8);
  return bytes;
}

View unpad_payload(View padded, std::string_view object) {
  ByteReader in(padded, object);
  const View payload = in.take(in.u64());
  in.require(padded.size() == padme(in.offset()), "the padding has a wrong size");
  const View fill = in.take(in.left());
  in.require(std::ranges::all_of(fill, [](std::uint8_t byte) { return byte == 0; }),
             "the padding is not zero");
  return payload;
}

}  // namespace kist
