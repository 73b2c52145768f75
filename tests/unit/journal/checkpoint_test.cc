// Checkpoints that are kept elsewhere, and proofs that an entry is under one.
#include "engine/journal/checkpoint.h"

#include "engine/crypto/sign.h"
#include "tests/support/roles.h"

using namespace kist;
using namespace kist::test;

namespace {

std::string flipped(std::string text, std::size_t at) {
  text.at(at) = text.at(at) == 'A' ? 'B' : 'A';
  return text;
}

}  // namespace

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
