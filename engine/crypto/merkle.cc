#include "engine/crypto/merkle.h"

#include <bit>

#include <sodium.h>

namespace kist {

namespace {

TreeHash sha256(View first, View second = {}, View third = {}) {
  TreeHash out;
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  for (const View part : {first, second, third}) {
    crypto_hash_sha256_update(&state, part.data(), part.size());
  }
  crypto_hash_sha256_final(&state, out.bytes.data());
  return out;
}

constexpr std::uint8_t leaf_prefix[] = {0};
constexpr std::uint8_t node_prefix[] = {1};

TreeHash hash_node(const TreeHash& left, const TreeHash& right) {
  return sha256(node_prefix, left.bytes, right.bytes);
}

// The largest power of two below `size`, which is at least 2.
std::uint64_t left_size(std::uint64_t size) {
  return std::bit_floor(size - 1);
}

}  // namespace

TreeHash hash_leaf(View entry) {
  return sha256(leaf_prefix, entry);
}

TreeHash tree_root(std::span<const TreeHash> leaves) {
  if (leaves.empty()) return sha256({});
  if (leaves.size() == 1) return leaves.front();
  const std::uint64_t left = left_size(leaves.size());
  return hash_node(tree_root(leaves.first(left)), tree_root(leaves.subspan(left)));
}

std::vector<TreeHash> inclusion_proof(std::span<const TreeHash> leaves, std::uint64_t index) {
  KIST_ENSURE(index < leaves.size());
  if (leaves.size() == 1) return {};
  const std::uint64_t left = left_size(leaves.size());
  std::vector<TreeHash> out;
  if (index < left) {
    out = inclusion_proof(leaves.first(left), index);
    out.push_back(tree_root(leaves.subspan(left)));
  } else {
    out = inclusion_proof(leaves.subspan(left), index - left);
    out.push_back(tree_root(leaves.first(left)));
  }
  return out;
}

std::optional<TreeHash> root_of_proof(const TreeHash& leaf,
                                      const LeafPosition& position,
                                      std::span<const TreeHash> proof) {
  if (position.index >= position.tree_size) return std::nullopt;
  std::uint64_t index = position.index;
  std::uint64_t last = position.tree_size - 1;
  TreeHash hash = leaf;
  for (const TreeHash& sibling : proof) {
    if (last == 0) return std::nullopt;
    if ((index & 1U) != 0 || index == last) {
      hash = hash_node(sibling, hash);
      while ((index & 1U) == 0 && index != 0) {
        index >>= 1U;
        last >>= 1U;
      }
    } else {
      hash = hash_node(hash, sibling);
    }
    index >>= 1U;
    last >>= 1U;
  }
  if (last != 0) return std::nullopt;
  return hash;
}

std::uint32_t note_key_id(std::string_view name, const SigningPublicKey& key) {
  constexpr std::uint8_t separator[] = {'\n', 1};
  const TreeHash hash = sha256(as_view(name), separator, key.bytes);
  return from_big_endian<std::uint32_t>(hash.bytes);
}

std::string to_base64(View bytes) {
  if (bytes.empty()) return {};
  std::string out(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(out.data(), out.size(), bytes.data(), bytes.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  out.pop_back();  // the terminating zero
  return out;
}

std::optional<Bytes> from_base64(std::string_view text) {
  if (text.size() < 4) return text.empty() ? std::optional(Bytes()) : std::nullopt;
  Bytes out(text.size() / 4 * 3);
  std::size_t size = 0;
  const char* end = nullptr;
  const int result = sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr,
                                       &size, &end, sodium_base64_VARIANT_ORIGINAL);
  out.resize(size);
  // libsodium's decoder takes some bytes above 0x7f for letters: only what encodes back is taken.
  if (result != 0 || end != text.data() + text.size() || to_base64(out) != text) {
    return std::nullopt;
  }
  return out;
}

}  // namespace kist
