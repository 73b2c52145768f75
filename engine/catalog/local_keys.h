// The keys that hide what one machine keeps of an epoch: block index and file caches. All of them
// are derived from one secret of 16 bytes. It is drawn at random for each epoch, and stands on disk
// in `local.key` alone.
//
// So forgetting an epoch is one overwrite of 16 bytes. Whatever was written under the secret can be
// read by nobody from then on, wherever its bytes still lie: in a file that was unlinked, in a free
// page of LMDB, in what a process that was killed has left, or in what another process writes late.
#pragma once

#include "engine/catalog/environment.h"
#include "engine/crypto/secret.h"

namespace kist {

enum class LocalKeyUse {
  index_tags,
  index_checksums,
  index_values,
  file_caches,
};

// The key of that use. Any thread may call it.
Key derive_local_key(const LocalKey& secret, LocalKeyUse use);
// The first 16 bytes of that key, where a hash takes no more.
LocalKey derive_short_local_key(const LocalKey& secret, LocalKeyUse use);

}  // namespace kist
