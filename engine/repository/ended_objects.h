// What the journal says has ended, found in the store and removed: whatever the head does not name
// in the folders that hold secrets, and nothing that may be under way explains. What goes is
// decided by the plans of rules/removal.h; here the store is listed for them, and they are
// executed. An epoch's end removes what it has ended; a verify finds what a clean-up that was cut
// off has left. docs/format.md, "Cleaning up".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/repository/repository.h"
#include "engine/rules/removal.h"

namespace kist {

// All objects in slots/, grants/, epochs/, keys/ and tmp/, with what the rules ask of them. Reads
// each header in keys/.
std::vector<Listed> list_secret_objects(const Repository& repository);

// What a verify says of those objects.
struct Leftovers {
  RemovalPlan ended;
  std::vector<Removal> unnamed;  // objects that stay, each with what is known of it
};

// Changes nothing.
Leftovers find_leftovers(const Repository& repository);

// The plan for what is listed now. Changes nothing.
RemovalPlan find_ended_objects(const Repository& repository);

// Executes a plan, of whatever age; how many objects it removed. First it replays the journal and
// looks at each object once more, so an object that was named meanwhile, or is gone, or that the
// plan should never have held, is left alone. Nothing goes before the entry that the plan relies on
// has come and is durable. The removal is durable when this returns. An object that cannot be
// removed keeps none of the others from going; then the first such Error is thrown.
std::uint64_t remove_planned(const Repository& repository,
                             const RemovalPlan& plan,
                             const Remover& remover);

// Finds and removes ended objects until none is left; how many there were. Error{refused} without
// the capability `maintain`.
std::uint64_t remove_ended_objects(const Repository& repository);

}  // namespace kist
