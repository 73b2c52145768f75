// Which store a location names. A location is what a person gives as the repository: a path of this
// machine, or `scheme://…`. One table, in location.cc, maps schemes to the functions that open
// them: a new store is one row there and one file here. A scheme that is in no row is refused.
#pragma once

#include <memory>
#include <string>

#include "engine/store/store.h"

namespace kist {

// Opens the store; touches nothing there, and does not ask whether anything is there.
// Error{unsupported} for an unknown scheme, Error{invalid} for a location that cannot be resolved.
std::unique_ptr<Store> open_location(const std::string& location);

}  // namespace kist
