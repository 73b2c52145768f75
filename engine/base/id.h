// Identifiers. Each kind is a type of its own, so that a block's id is never taken for its tag
// or for an object's hash. All are plain bytes, compare bytewise and print as lower-case hex.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kist {

template <std::size_t N, typename Kind>
struct Id {
  static constexpr std::size_t size = N;
  std::array<std::uint8_t, N> bytes{};

  auto operator<=>(const Id&) const = default;  // NOLINT(modernize-use-nullptr)
};

std::string to_hex(const std::uint8_t* bytes, std::size_t size);
// False unless `text` is exactly 2 * size lower-case hex digits.
bool from_hex(std::string_view text, std::uint8_t* bytes, std::size_t size);

template <std::size_t N, typename Kind>
std::string hex(const Id<N, Kind>& id) {
  return to_hex(id.bytes.data(), N);
}

template <typename AnyId>
std::optional<AnyId> parse_id(std::string_view text) {
  AnyId id;
  if (!from_hex(text, id.bytes.data(), AnyId::size)) return std::nullopt;
  return id;
}

using BlockId = Id<32, struct BlockIdKind>;        // keyed BLAKE2b-256 of a block's plaintext
using BlockTag = Id<24, struct BlockTagKind>;      // BLAKE2b-192 of a block id
using ObjectHash = Id<32, struct ObjectHashKind>;  // BLAKE2b-256 of an object's bytes
using RepositoryId = Id<16, struct RepositoryIdKind>;
using SlotId = Id<16, struct SlotIdKind>;
using EpochId = Id<16, struct EpochIdKind>;
using SnapshotId = Id<16, struct SnapshotIdKind>;
using ClientId = Id<16, struct ClientIdKind>;                  // one state directory on one machine
using SigningPublicKey = Id<32, struct SigningPublicKeyKind>;  // Ed25519
using BoxPublicKey = Id<32, struct BoxPublicKeyKind>;          // X25519
using Signature = Id<64, struct SignatureKind>;
using Nonce = Id<24, struct NonceKind>;
using TreeHash = Id<32, struct TreeHashKind>;  // SHA-256, of the Merkle tree over the journal
using KeyHash = Id<32, struct KeyHashKind>;    // BLAKE2b-256 of a secret, to recognise it

// The bytes of a key as a layout holds them: wiped when they go, copies included.
struct KeyBytes : std::array<std::uint8_t, 32> {
  KeyBytes() : array{} {}

  KeyBytes(const KeyBytes&) = default;
  KeyBytes& operator=(const KeyBytes&) = default;
  KeyBytes(KeyBytes&&) = default;
  KeyBytes& operator=(KeyBytes&&) = default;
  ~KeyBytes();
};

}  // namespace kist
