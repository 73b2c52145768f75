// kist.repo, and what stands in for it. The file says which repository a store holds, in 64 bytes
// that nobody has signed, twice; so does the header of each envelope. None of them is believed: a
// slot opens only under the id that it was sealed with, and names the hash of the journal's first
// entry, which is of that repository too. So where the file is damaged or gone, the id is taken
// from the first entry, and proved in the same way. docs/format.md, "kist.repo".
#pragma once

#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"
#include "engine/store/store.h"

namespace kist {

// Which repository a store may hold.
struct RepositoryClaims {
  std::vector<RepositoryId> ids;  // what kist.repo says first, then what the first entry says
  std::string problem;            // of kist.repo, such as "kist.repo is missing"; empty: none
};

// Error{no_repository} when there is neither kist.repo nor a first entry, Error{corrupt} when
// neither says anything, Error{unsupported} when the file is of a newer version.
RepositoryClaims find_repository_claims(StoreReader& store);

// Whether there is a repository, or what is left of one.
[[nodiscard]] bool has_repository(StoreReader& store);

// The file of a repository that has proved to be the one of that id.
Bytes make_repository_file(const RepositoryId& repository);

}  // namespace kist
