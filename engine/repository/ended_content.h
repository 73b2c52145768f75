// What has ended in packs/, index/, bodies/ and refs/, found in the store and removed; and what no
// entry names there. rules/content_standing.h judges; here the store is listed and asked. A listing
// only says what there may be: what it leaves out stays, and is found by a later run.
// docs/format.md, "What ends", "Cleaning up".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/format/acts/epoch_ended.h"
#include "engine/repository/repository.h"

namespace kist {

// Error{corrupt} where an index segment or its key could not be read: whose packs are whose is not
// known then, and nothing may be removed.
void require_whole(BlockIndex& index);

// An object that no entry names, in one or two copies.
struct UnnamedObject {
  std::vector<std::string> paths;
  std::uint64_t bytes = 0;
};

struct ContentLeftovers {
  std::vector<std::string> ended;               // paths
  std::map<ObjectHash, UnnamedObject> unnamed;  // the first ones, by name
  std::uint64_t unnamed_count = 0;
  std::uint64_t unnamed_bytes = 0;
};

// Lists the four folders. Error as of require_whole(). Of unnamed objects `unnamed_max` are
// named.
ContentLeftovers find_content_leftovers(const Repository& repository, std::size_t unnamed_max);

// Removes what has ended, if it still has by the head that is there now, and that head is durable;
// how many objects. The removal is durable when this returns. What cannot be removed keeps nothing
// else from going; then the first Error is thrown. Error{refused} without the capability
// `maintain`.
std::uint64_t remove_ended_content(const Repository& repository,
                                   const std::vector<std::string>& paths);
// The paths that the objects may have that ended with an epoch; not all of them need be there.
std::vector<std::string> paths_of_ended(const State& state, const EndedContent& ended);

}  // namespace kist
