// What stands behind the last entry that can be followed. The journal ends at the first number
// without an entry. Objects under greater numbers show that entries are missing only if a slot has
// signed one of them for that very number: anybody who may put an object into the store can put one
// there, or put an entry there once more. What is shown so stops commits, and nothing else: what is
// before it was signed and chained all the same. docs/format.md, "Validity".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/base/error.h"
#include "engine/base/id.h"
#include "engine/base/observer.h"
#include "engine/rules/state.h"
#include "engine/store/store.h"

namespace kist {

// Why the journal cannot be followed past an entry. Reading uses what is before it; nobody commits.
struct JournalBreak {
  enum class Kind {
    unsigned_tail,  // no slot has signed what stands there: junk, or damage
    damage,         // the entry is damaged in both copies: the next one, which is signed, names it
    hole,           // the entry is missing, and a later one is there
  };

  Kind kind = Kind::unsigned_tail;
  std::uint64_t sequence = 0;  // of the entry
  std::string problem;         // such as "the journal lacks entry 4, though …"
  std::string advice;          // what makes commits possible again

  // What whoever wants to commit is told.
  [[nodiscard]] Error error() const;
};

// Where to look for an entry behind a missing number.
enum class Beyond {
  everywhere,     // lists the whole journal
  powers_of_two,  // 1, 2, 4 … 1,024 numbers further: for a machine that has seen the end before
};

// Error{missing} where an entry before the head is in no copy: a machine that has replayed it goes
// on without it, and others do not.
void require_entries(StoreReader& store, const State& state);

// The hole at the end of `state`, if the store shows one. `observer` is told of objects that no
// slot has signed, where all are looked at.
std::optional<JournalBreak> find_hole(StoreReader& store,
                                      const RepositoryId& repository,
                                      const State& state,
                                      Beyond beyond,
                                      Observer& observer);

}  // namespace kist
