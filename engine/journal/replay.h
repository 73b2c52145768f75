// Following the journal: what others have committed becomes part of this machine's catalog. Reading
// starts where the catalog ends; the store is never listed to catch up.
#pragma once

#include "engine/keys/repository.h"

namespace kist {

struct SyncResult {
  // After the last entry stands something that cannot be read. What is before it can be used;
  // nobody commits over it.
  bool has_undecodable_head = false;
};

// Replays entries until there are no more. Error{corrupt} on damage that no twin mends, on a fork
// or a hole, or when the journal ends before the last head that this machine has seen (a rollback).
SyncResult sync_journal(Repository& repository);

}  // namespace kist
