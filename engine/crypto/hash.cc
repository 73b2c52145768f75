#include "engine/crypto/hash.h"

#include <cstring>

#include <sodium.h>

namespace kist {

namespace {

template <typename Out>
Out blake2b(View message, View key) {
  Out out;
  const int result = crypto_generichash(out.bytes.data(), Out::size, message.data(), message.size(),
                                        key.data(), key.size());
  KIST_ENSURE(result == 0);
  return out;
}

}  // namespace

BlockId hash_block(const Key& id_key, View plaintext) {
  return blake2b<BlockId>(plaintext, id_key.view());
}

BlockTag tag_of(const BlockId& id) {
  return blake2b<BlockTag>(id.bytes, {});
}

ObjectHash hash_object(View bytes) {
  return blake2b<ObjectHash>(bytes, {});
}

KeyHash hash_key(const Key& key) {
  return blake2b<KeyHash>(key.view(), {});
}

Key hash_keyed(const Key& key, View message) {
  Key out;
  const int result = crypto_generichash(out.mutable_view().data(), Key::size, message.data(),
                                        message.size(), key.data(), Key::size);
  KIST_ENSURE(result == 0);
  return out;
}

static_assert(sizeof(crypto_generichash_state) <= 384);

ObjectHasher::ObjectHasher() {
  auto* state = reinterpret_cast<crypto_generichash_state*>(state_.data());
  KIST_ENSURE(crypto_generichash_init(state, nullptr, 0, ObjectHash::size) == 0);
}

void ObjectHasher::update(View bytes) {
  auto* state = reinterpret_cast<crypto_generichash_state*>(state_.data());
  KIST_ENSURE(crypto_generichash_update(state, bytes.data(), bytes.size()) == 0);
}

ObjectHash ObjectHasher::finish() {
  ObjectHash out;
  auto* state = reinterpret_cast<crypto_generichash_state*>(state_.data());
  KIST_ENSURE(crypto_generichash_final(state, out.bytes.data(), ObjectHash::size) == 0);
  return out;
}

std::uint64_t short_hash(const std::array<std::uint8_t, 16>& key, View bytes) {
  std::array<std::uint8_t, 8> out{};
  KIST_ENSURE(crypto_shorthash(out.data(), bytes.data(), bytes.size(), key.data()) == 0);
  std::uint64_t value = 0;
  std::memcpy(&value, out.data(), sizeof value);
  return value;
}

std::array<std::uint8_t, 16> short_hash_128(const std::array<std::uint8_t, 16>& key, View bytes) {
  std::array<std::uint8_t, 16> out{};
  KIST_ENSURE(crypto_shorthash_siphashx24(out.data(), bytes.data(), bytes.size(), key.data()) == 0);
  return out;
}

}  // namespace kist
