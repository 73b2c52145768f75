// Which slots a repository has, which of them this one is, and what this one may do. All of it is
// read from the replayed journal; no key leaves the engine here. docs/format.md, "Slots".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/repository/repository.h"

namespace kist {

// The repository as this slot has opened it. Any slot may ask.
struct Identity {
  RepositoryId repository;
  ObjectHash fingerprint;  // of the repository: the hash of its genesis entry
  SlotId slot;
  std::string name;  // the slot's, such as "laptop"
  Capabilities capabilities = 0;
};

Identity who_am_i(const Repository& repository);

struct SlotInfo {
  SlotId slot;
  std::string name;
  SlotKind kind = SlotKind::passphrase;
  Capabilities capabilities = 0;
  SlotId added_by;                   // the slot itself, for the first owner's
  std::vector<std::string> sources;  // that belong to it: those bound to it, and those it has used
  std::int64_t added_ms = 0;
  std::int64_t last_seen_ms = 0;  // the time of its last entry, or of its introduction
  bool is_accepted = true;        // false: a recipient whose holder has not accepted yet
  bool is_revoked = false;
  bool is_own = false;  // the slot that the repository was opened with
};

// All slots by id, revoked ones too. Error{refused} without `read`, `audit` and `own`.
std::vector<SlotInfo> list_slots(const Repository& repository);

// Throws Error{refused} unless this slot has the capability: for a command that asks a person for
// something, or makes a file, before it calls the operation that needs the capability.
void require_capability(const Repository& repository, Capability capability);
// The same for looking at snapshots and journal, which takes `read` or `audit`.
void require_view(const Repository& repository);
// Whether require_view() would pass.
bool may_view(const Repository& repository);

}  // namespace kist
