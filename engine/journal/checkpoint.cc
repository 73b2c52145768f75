#include "engine/journal/checkpoint.h"

#include <charconv>

#include "engine/crypto/kdf.h"
#include "engine/crypto/sign.h"

namespace kist {

namespace {

constexpr std::string_view signature_mark = "\u2014 ";  // an em dash and a space
constexpr std::size_t signatures_max = 16;
constexpr std::size_t signed_size = 4 + Signature::size;

std::string origin_of(const Journal& journal) {
  return concat("kist/", hex(journal.keyring().repository()));
}

Key checkpoint_seed(const Journal& journal) {
  return derive_key(journal.keyring().slot_seed(), KeyUse::checkpoint_seed);
}

std::vector<TreeHash> leaves_of(const Journal& journal) {
  std::vector<TreeHash> out;
  journal.for_each_entry(0, [&](const ReplayedEntry& replayed) {
    out.push_back(replayed.leaf);
    return true;
  });
  return out;
}

std::string sign_checkpoint(const Journal& journal, std::span<const TreeHash> leaves) {
  const std::string origin = origin_of(journal);
  const Key seed = checkpoint_seed(journal);
  const std::string text =
      concat(origin, "\n", leaves.size(), "\n", to_base64(tree_root(leaves).bytes), "\n");
  const Signature signature = sign(seed, as_view(text));
  const auto id = to_big_endian(note_key_id(origin, signing_public_key(seed)));
  Bytes blob(id.begin(), id.end());
  blob.insert(blob.end(), signature.bytes.begin(), signature.bytes.end());
  return concat(text, "\n", signature_mark, origin, " ", to_base64(blob), "\n");
}

[[noreturn]] void refuse(std::string_view why) {
  throw Error(Code::invalid, concat("this is no checkpoint of a journal: ", why));
}

// The next line without its newline; what is left of `text` follows it.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) refuse("a line without an end");
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

NoteSignature parse_signature(std::string_view line) {
  if (!line.starts_with(signature_mark)) refuse("a line that is no signature");
  line.remove_prefix(signature_mark.size());
  const std::size_t space = line.find(' ');
  if (space == 0 || space == std::string_view::npos) refuse("a signature without a name");
  const auto blob = from_base64(line.substr(space + 1));
  if (!blob || blob->size() < 5) refuse("a signature that is not in base64");
  NoteSignature out;
  out.name = line.substr(0, space);
  out.key_id = from_big_endian<std::uint32_t>(*blob);
  // Other kinds of signature have other sizes; they are somebody else's to check.
  if (blob->size() == signed_size) {
    std::copy(blob->begin() + 4, blob->end(), out.signature.bytes.begin());
  }
  return out;
}

}  // namespace

std::string make_checkpoint(const Journal& journal) {
  return sign_checkpoint(journal, leaves_of(journal));
}

Checkpoint parse_checkpoint(std::string_view text) {
  Checkpoint out;
  const std::size_t blank = text.find("\n\n");
  if (blank == std::string_view::npos) refuse("it has no signature");
  out.signed_text = text.substr(0, blank + 1);
  std::string_view body = out.signed_text;
  out.origin = take_line(body);
  if (out.origin.empty()) refuse("it does not say of what");
  const std::string_view size = take_line(body);
  const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), out.size);
  if (error != std::errc() || end != size.data() + size.size() ||
      std::to_string(out.size) != size) {
    refuse("its size is no number");
  }
  const auto root = from_base64(take_line(body));
  if (!root || root->size() != TreeHash::size) refuse("its root is no hash");
  std::ranges::copy(*root, out.root.bytes.begin());
  std::string_view signatures = text.substr(blank + 2);
  while (!signatures.empty()) {
    if (out.signatures.size() == signatures_max) refuse("it has too many signatures");
    out.signatures.push_back(parse_signature(take_line(signatures)));
  }
  if (out.signatures.empty()) refuse("it has no signature");
  return out;
}

std::string checkpoint_verifier(const Journal& journal) {
  const std::string origin = origin_of(journal);
  const SigningPublicKey key = signing_public_key(checkpoint_seed(journal));
  const auto id = to_big_endian(note_key_id(origin, key));
  Bytes blob = {1};
  blob.insert(blob.end(), key.bytes.begin(), key.bytes.end());
  return concat(origin, "+", to_hex(id.data(), id.size()), "+", to_base64(blob));
}

Consistency check_checkpoint(const Journal& journal, const Checkpoint& checkpoint) {
  const std::string origin = origin_of(journal);
  if (checkpoint.origin != origin) {
    throw Error(Code::invalid, "the checkpoint is of another repository");
  }
  const SigningPublicKey key = signing_public_key(checkpoint_seed(journal));
  Consistency out{.size = checkpoint.size};
  for (const NoteSignature& signature : checkpoint.signatures) {
    if (signature.name != origin || signature.key_id != note_key_id(origin, key)) continue;
    if (!verify_signature(key, as_view(checkpoint.signed_text), signature.signature)) {
      throw Error(Code::invalid, "the checkpoint's signature is wrong: it was changed");
    }
    out.is_signed_by_slot = true;
  }
  const std::vector<TreeHash> leaves = leaves_of(journal);
  out.is_consistent = checkpoint.size <= leaves.size() &&
                      tree_root(std::span(leaves).first(checkpoint.size)) == checkpoint.root;
  return out;
}

std::string prove_entry(const Journal& journal, std::uint64_t sequence) {
  const std::vector<TreeHash> leaves = leaves_of(journal);
  if (sequence >= leaves.size()) {
    throw Error(Code::failed, concat("the journal has no entry ", sequence));
  }
  std::string out = concat("c2sp.org/tlog-proof@v1\nindex ", sequence, "\n");
  for (const TreeHash& hash : inclusion_proof(leaves, sequence)) {
    out += to_base64(hash.bytes) + "\n";
  }
  return concat(out, "\n", sign_checkpoint(journal, leaves));
}

}  // namespace kist
