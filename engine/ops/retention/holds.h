// Holds: what they cover is neither retired nor ended, until an owner lifts them. docs/format.md,
// "Retention".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/repository/repository.h"

namespace kist {

struct HoldInfo {
  std::string matter;
  Hold hold;
};

// By matter. Any slot may ask: every slot can read matters and reasons.
std::vector<HoldInfo> list_holds(const Repository& repository);

// Places a hold, or adds parts to it; the sequence of its entry. Error{refused} without the
// capability `maintain`; Error{invalid} for a matter that holds another kind of thing already.
std::uint64_t place_hold(Repository& repository, const HoldPlaced& placed);
// Error{refused} without the capability `own`, Error{invalid} where nothing of it is held.
std::uint64_t lift_hold(Repository& repository, const HoldLifted& lifted);

}  // namespace kist
