// The Merkle tree over a list of leaves.
#include "engine/crypto/merkle.h"

#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

// The leaves of the tests of Certificate Transparency, and the roots of the first n of them.
std::vector<TreeHash> known_leaves() {
  std::vector<TreeHash> out;
  for (const std::string digits : {"", "00", "10", "2021", "3031", "40414243", "5051525354555657",
                                   "606162636465666768696a6b6c6d6e6f"}) {
    Bytes bytes(digits.size() / 2);
    REQUIRE(from_hex(digits, bytes.data(), bytes.size()));
    out.push_back(hash_leaf(bytes));
  }
  return out;
}

}  // namespace

TEST_CASE("the tree is that of RFC 9162") {
  const std::vector<TreeHash> leaves = known_leaves();
  REQUIRE(hex(tree_root({})) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  REQUIRE(hex(tree_root(std::span(leaves).first(1))) ==
          "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  REQUIRE(hex(tree_root(std::span(leaves).first(2))) ==
          "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
  REQUIRE(hex(tree_root(leaves)) ==
          "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
}

TEST_CASE("a proof leads to the root from its leaf at its place, and from nothing else") {
  SeededRandom random(seed());
  std::vector<TreeHash> leaves;
  for (std::uint64_t size = 1; size <= 40; ++size) {
    leaves.push_back(random.draw_id<TreeHash>());
    const TreeHash root = tree_root(leaves);
    for (std::uint64_t index = 0; index < size; ++index) {
      std::vector<TreeHash> proof = inclusion_proof(leaves, index);
      REQUIRE(root_of_proof(leaves[index], {index, size}, proof) == root);
      REQUIRE(root_of_proof(random.draw_id<TreeHash>(), {index, size}, proof) != root);
      if (size > 1)
        REQUIRE(root_of_proof(leaves[index], {(index + 1) % size, size}, proof) != root);
      REQUIRE_FALSE(root_of_proof(leaves[index], {size, size}, proof));
      proof.push_back(root);
      REQUIRE(root_of_proof(leaves[index], {index, size}, proof) != root);
      proof.resize(proof.size() - std::min<std::size_t>(2, proof.size()));
      if (size > 1) REQUIRE_FALSE(root_of_proof(leaves[index], {index, size}, proof));
    }
  }
}
