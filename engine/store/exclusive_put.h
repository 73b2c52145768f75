// Whether a store keeps put_if_absent()'s promise when clients race. Servers exist that refuse the
// second of two puts one after the other, and let several of 16 at the same time win; there two
// clients could each believe that their journal entry stands. The test leaves one object of about
// 160 bytes, `probe/<32 hex>`, which nothing reads again. A pass is no proof; a flaw is one.
// docs/decisions/0014-racing-probe.md; docs/format.md, "Store layout".
#pragma once

#include <optional>
#include <string>

#include "engine/base/random.h"
#include "engine/store/store.h"

namespace kist {

// Puts 16 objects with different bytes under one new path at the same time, in 16 threads. Nullopt
// when at most one put was told that it won and the object holds the bytes of the winner (of any of
// the 16 when none was told so: its answer was lost, and the repeated request found it there).
// Else the flaw, as a clause: "3 of 16 puts of one object at the same time succeeded".
//
// Needs no right to remove. Throws the store's own Error when a put or the reading-back fails,
// Error{corrupt} when the object is none of the 16, Error{failed} when threads cannot be started:
// then nothing was found out. May be repeated; each run takes a path of its own.
[[nodiscard]] std::optional<std::string> find_exclusive_put_flaw(StoreReader& reader,
                                                                 StoreWriter& writer,
                                                                 Random& random);

}  // namespace kist
