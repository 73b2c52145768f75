// Which snapshot and path "SNAPSHOT[:PATH]" means: the one rule for restore, ls, cat and diff.
//
// SNAPSHOT is an id or its first digits, or one of these, which mean the newest snapshot that fits:
//   latest              of the one source that there is
//   latest@SOURCE       of that source; retired snapshots are named by their ids alone
//   TIME, AGE           "2026-11-22T08:00" (local), "3d ago": not after it; with @SOURCE as above
//
// Invariant: whose snapshot it is, is never left to who committed last. Where several sources have
// a snapshot that fits and none is named, the text is refused with the list of them: a slot that
// only writes could otherwise have its own content restored by an owner who types "latest".
//
// A snapshot that does not open because its author never put what it names, or put nonsense, is
// passed over, and the observer is told; so no writer can hold up a restore. A damaged one is not:
// to give an older snapshot for it would hide the damage. docs/trust.md, "Snapshots that do not
// open".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/repository/repository.h"

namespace kist {

struct Selection {
  SnapshotPtr snapshot;
  std::string path;  // as in Entry
  // How many newer snapshots of its source, which the text fits as well, do not open.
  std::size_t passed_over = 0;
};

// Error{invalid} where several snapshots or sources fit, Error{failed} where none does. All but an
// id ask for the capability `read`, since a snapshot has to be opened: Error{refused}.
Selection select(const Repository& repository, const std::string& text);

// "2026-11-22", "2026-11-22T08:00", "2026-11-22 08:00:30", local time, in milliseconds since 1970;
// of a day or minute its end.
std::optional<std::int64_t> parse_local_time(const std::string& text);

}  // namespace kist
