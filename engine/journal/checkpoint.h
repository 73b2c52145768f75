// Checkpoints: the journal's length and Merkle root in a signed note (C2SP signed-note and
// tlog-checkpoint) that anyone can keep and check, and proofs that an entry is under one.
// docs/format.md, "Merkle tree".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/crypto/merkle.h"
#include "engine/journal/journal.h"

namespace kist {

struct NoteSignature {
  std::string name;
  std::uint32_t key_id = 0;
  Signature signature;
};

struct Checkpoint {
  std::string origin;  // "kist/<repository id>"
  std::uint64_t size = 0;
  TreeHash root;
  std::string signed_text;  // what the signatures are over
  std::vector<NoteSignature> signatures;
};

// The text of a checkpoint of everything that was replayed, signed with this slot's key for them.
std::string make_checkpoint(const Journal& journal);
// Error{invalid} for anything that is no checkpoint; says nothing about signatures.
Checkpoint parse_checkpoint(std::string_view text);
// The line by which others know this slot's key for checkpoints (a "vkey").
std::string checkpoint_verifier(const Journal& journal);

// Whether the journal as it is now continues the one that the checkpoint is of.
struct Consistency {
  std::uint64_t size = 0;  // of the checkpoint
  bool is_consistent = false;
  bool is_signed_by_slot = false;  // by this slot; another's key is not in the journal
};

// Error{invalid} when the checkpoint is of another repository, or its signature is wrong.
Consistency check_checkpoint(const Journal& journal, const Checkpoint& checkpoint);

// A proof (C2SP tlog-proof) that entry `sequence` is under the checkpoint of everything that was
// replayed. Error{failed} when there is no such entry.
std::string prove_entry(const Journal& journal, std::uint64_t sequence);

}  // namespace kist
