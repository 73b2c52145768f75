// The Merkle tree of RFC 9162, section 2.1, with SHA-256: a root commits to a list of leaves, a
// short proof shows that a leaf is in it. docs/format.md, "Merkle tree".
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

TreeHash hash_leaf(View entry);
// Of all leaves; of none, the hash of nothing.
TreeHash tree_root(std::span<const TreeHash> leaves);
// The hashes beside the way from leaf `index` to the root, from the leaf upwards.
std::vector<TreeHash> inclusion_proof(std::span<const TreeHash> leaves, std::uint64_t index);

struct LeafPosition {
  std::uint64_t index = 0;
  std::uint64_t tree_size = 0;
};

// The root that a leaf and its proof lead to (RFC 9162, section 2.1.3.2); nothing when the proof
// has a wrong length or the position is none.
std::optional<TreeHash> root_of_proof(const TreeHash& leaf,
                                      const LeafPosition& position,
                                      std::span<const TreeHash> proof);

// The first four bytes of a note's key (C2SP signed-note): SHA-256 of name, newline, 1, public key.
std::uint32_t note_key_id(std::string_view name, const SigningPublicKey& key);

// Standard base64 with padding, as notes have it; empty for anything else.
std::string to_base64(View bytes);
std::optional<Bytes> from_base64(std::string_view text);

}  // namespace kist
