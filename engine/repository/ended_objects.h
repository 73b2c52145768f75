// Objects of epochs that have ended: which they are, and their removal. The end of an epoch removes
// them; a verify finds what a clean-up that was cut off has left. docs/format.md, "Epochs".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/repository/repository.h"

namespace kist {

// Objects that only an epoch that has ended, or one that never began, could open: what a clean-up
// that was cut off has left, or a backup that an epoch's end has caught.
std::vector<std::string> find_ended_objects(Repository& repository);
// Removes them; how many there were. Error{refused} without the capability `maintain`.
std::uint64_t remove_ended_objects(Repository& repository);

}  // namespace kist
