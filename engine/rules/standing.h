// How an object of the folders that hold secrets (slots/, grants/, epochs/, keys/, tmp/) stands to
// the journal's head. A whitelist by the state: the head names the object, or something that may
// be under way explains it, or it has ended, whatever it is called. So a copy under another name,
// such as a file synchroniser's `<path>.sync-conflict-…`, goes like the object itself. Pure: no I/O
// and no clock.
//
// Invariant: no object has ended that an entry may still come to name. That rests on three rules of
// docs/format.md ("Cleaning up"): an entry of an ended epoch is void; so is a generation that
// is not newer, and any entry of a revoked slot; and an entry introduces a slot only with objects
// that were made in the entry's own epoch. docs/decisions/0020-clean-up-by-whitelist.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/format/names.h"
#include "engine/rules/state.h"

namespace kist {

// An object of the store, and what was read of it. What is to be read, asks_for_bytes()
// says.
struct Listed {
  std::string path;  // such as "keys/3f9a….2"
  // The epoch in its header. Nothing: the header could not be read, or it is not that of an object
  // that belongs in the folder, of this repository. In tmp/: of a slot object, grant, key segment
  // or epoch box.
  std::optional<EpochBoxPath> header{};
  // Of all its bytes. Nothing: they were not asked for, or could not be read.
  std::optional<ObjectHash> hash{};
  // Of a slot object: the key that has signed all of it, as the object of the slot and generation
  // of its path.
  std::optional<SigningPublicKey> signer{};
  // Of a slot object in tmp/: where it was to be put.
  std::optional<SlotPath> slot{};
  // In tmp/: what has the name is no file.
  bool is_no_file = false;
  // The store failed to give it, though it may be there: nothing is concluded from what is absent
  // above.
  bool is_unread = false;
  // Of a key segment: the header is that of the other copy, for this one could not be read.
  bool is_told_by_other = false;
};

// Whether something of the object is to be read before it can be judged: of a slot object all, of
// other objects the header. Otherwise its path tells.
[[nodiscard]] bool asks_for_bytes(const State& state, const std::string& path);
// Of a key segment whose header was read: whether the hash of all its bytes is needed as well. The
// head names it and the header calls it one of another epoch, as damage does too; or nobody names
// it, and the header alone would excuse it.
[[nodiscard]] bool asks_for_hash(const State& state, const Listed& listed);

enum class ObjectStanding {
  named,      // the head names it; or it is in a folder for which no rule speaks
  explained,  // a command that is under way may need it: a backup, or an epoch's end
  unnamed,    // a slot may need it that is on its way into the journal, or was; stays, and is said
  ended,      // nobody will ever need it; goes
};

struct Judgement {
  ObjectStanding standing = ObjectStanding::named;
  std::string reason{};  // such as "of epoch 3, which ended with journal entry 120"
};

[[nodiscard]] Judgement judge(const State& state, const Listed& listed);

// Why the object will have ended once the next entry has ended the epoch and revoked those slots;
// nothing: it will not have, or nobody can tell yet.
[[nodiscard]] std::optional<std::string> reason_after_epoch_end(const State& state,
                                                                const std::vector<SlotId>& revoked,
                                                                const Listed& listed);

// Whether the head names the object, as either copy of what has that path. True in folders for
// which no rule speaks.
[[nodiscard]] bool is_named(const State& state, const std::string& path);

}  // namespace kist
