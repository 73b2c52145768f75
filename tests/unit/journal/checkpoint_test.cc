// The Merkle tree over the journal, and checkpoints that are kept elsewhere.
#include "engine/journal/checkpoint.h"

#include "engine/crypto/sign.h"
#include "tests/support/roles.h"

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

std::string flipped(std::string text, std::size_t at) {
  text.at(at) = text.at(at) == 'A' ? 'B' : 'A';
  return text;
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

TEST_CASE("a kept checkpoint holds as the journal grows, and not when it was rolled back") {
  Roles roles(auditor_capabilities);
  Repository& repository = roles.owner_repository;
  const std::string kept = make_checkpoint(repository);
  REQUIRE(make_checkpoint(repository) == kept);
  const Checkpoint checkpoint = parse_checkpoint(kept);
  REQUIRE(checkpoint.size == 3);
  roles.owner.backup(repository, roles.source / "tree");
  const Consistency found = check_checkpoint(repository, checkpoint);
  REQUIRE(found.is_consistent);
  REQUIRE(found.is_signed_by_slot);
  const std::string newer = make_checkpoint(repository);
  REQUIRE(newer != kept);
  // Another slot sees the same tree and knows that the signature is another's.
  Repository auditor = roles.open();
  REQUIRE(check_checkpoint(auditor, checkpoint).is_consistent);
  REQUIRE_FALSE(check_checkpoint(auditor, checkpoint).is_signed_by_slot);
  REQUIRE(parse_checkpoint(make_checkpoint(auditor)).root == parse_checkpoint(newer).root);
  // A machine without memory is shown the journal without its last entry.
  roles.store->remove("journal/0000000003");
  roles.store->remove("journal/0000000003.2");
  Machine fresh(roles.store, 5);
  Repository rolled_back = fresh.open();
  REQUIRE(check_checkpoint(rolled_back, checkpoint).is_consistent);
  REQUIRE_FALSE(check_checkpoint(rolled_back, parse_checkpoint(newer)).is_consistent);
}

TEST_CASE("a checkpoint that was changed is refused") {
  Roles roles(auditor_capabilities);
  const std::string note = make_checkpoint(roles.owner_repository);
  const std::size_t root_at = note.find("\n3\n") + 3;
  REQUIRE(error_code([&] {
            check_checkpoint(roles.owner_repository, parse_checkpoint(flipped(note, root_at)));
          }) == Code::invalid);
  REQUIRE(error_code([&] {
            check_checkpoint(roles.owner_repository,
                             parse_checkpoint(flipped(note, note.size() - 10)));
          }) == Code::invalid);
  // Of another repository: its id stands in the origin and in the signature's name.
  std::string foreign = note;
  const std::string id = hex(roles.owner_repository.keyring().repository());
  for (std::size_t at = foreign.find(id); at != std::string::npos; at = foreign.find(id)) {
    foreign.replace(at, id.size(), std::string(id.size(), '0'));
  }
  REQUIRE(error_code([&] {
            check_checkpoint(roles.owner_repository, parse_checkpoint(foreign));
          }) == Code::invalid);
  // Signed by another slot, the signature cannot be checked, but the root can.
  Repository auditor = roles.open();
  const std::string theirs = make_checkpoint(auditor);
  REQUIRE(check_checkpoint(roles.owner_repository, parse_checkpoint(theirs)).is_consistent);
  REQUIRE_FALSE(check_checkpoint(roles.owner_repository, parse_checkpoint(flipped(theirs, root_at)))
                    .is_consistent);
  for (std::size_t size = 0; size < note.size(); ++size) {
    REQUIRE(error_code([&] { parse_checkpoint(std::string_view(note).substr(0, size)); }) ==
            Code::invalid);
  }
}

TEST_CASE("a proof names the entry's place, the way to the root, and the signed root") {
  Roles roles(auditor_capabilities);
  Repository& repository = roles.owner_repository;
  const Bytes entry = roles.store->objects().at("journal/0000000001");
  const std::string proof = prove_entry(repository, 1);
  const std::string head = "c2sp.org/tlog-proof@v1\nindex 1\n";
  REQUIRE(proof.starts_with(head));
  std::vector<TreeHash> hashes;
  std::string_view rest = std::string_view(proof).substr(head.size());
  while (!rest.starts_with('\n')) {
    const std::size_t end = rest.find('\n');
    const auto bytes = from_base64(rest.substr(0, end));
    REQUIRE((bytes && bytes->size() == TreeHash::size));
    hashes.emplace_back();
    std::ranges::copy(*bytes, hashes.back().bytes.begin());
    rest.remove_prefix(end + 1);
  }
  const Checkpoint checkpoint = parse_checkpoint(rest.substr(1));
  REQUIRE(root_of_proof(hash_leaf(entry), {1, checkpoint.size}, hashes) == checkpoint.root);
  REQUIRE(error_code([&] { prove_entry(repository, 99); }) == Code::failed);
}

TEST_CASE("the line for verifiers is what the C2SP note format asks for") {
  Roles roles(auditor_capabilities);
  const std::string line = checkpoint_verifier(roles.owner_repository);
  const std::size_t plus = line.find('+');
  const std::size_t second = line.find('+', plus + 1);
  REQUIRE(line.substr(0, plus) ==
          concat("kist/", hex(roles.owner_repository.keyring().repository())));
  const auto blob = from_base64(line.substr(second + 1));
  REQUIRE((blob && blob->size() == 33 && blob->front() == 1));
  SigningPublicKey key;
  std::copy(blob->begin() + 1, blob->end(), key.bytes.begin());
  const Checkpoint checkpoint = parse_checkpoint(make_checkpoint(roles.owner_repository));
  const NoteSignature& signature = checkpoint.signatures.at(0);
  REQUIRE(signature.key_id == note_key_id(signature.name, key));
  REQUIRE(line.substr(plus + 1, 8) ==
          to_hex(Bytes{static_cast<std::uint8_t>(signature.key_id >> 24U),
                       static_cast<std::uint8_t>(signature.key_id >> 16U),
                       static_cast<std::uint8_t>(signature.key_id >> 8U),
                       static_cast<std::uint8_t>(signature.key_id)}
                     .data(),
                 4));
  REQUIRE(verify_signature(key, as_view(checkpoint.signed_text), signature.signature));
}
