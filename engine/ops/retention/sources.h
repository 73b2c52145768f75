// Sources: what is backed up, by which slot, under which policy. docs/format.md, "Retention".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/repository/repository.h"

namespace kist {

struct SourceInfo {
  std::string name;
  SourceState state;
  std::string policy;          // that its next snapshot is taken under
  std::size_t snapshots = 0;   // finished ones that are not retired
  std::int64_t newest_ms = 0;  // the time that the newest of these is of
};

// By name. Error{refused} without `read` and `audit`.
std::vector<SourceInfo> list_sources(const Repository& repository);

// Whether something was backed up under that name, or an owner has bound it.
bool knows_source(const Repository& repository, const std::string& name);

// Binds a source to a slot, says what it continues, or that it has ended. The sequence of the
// entry. Error{refused} without the capability `own`, or where the slot cannot back it up.
std::uint64_t bind_source(Repository& repository, const SourceBound& bound);

// Nothing more is expected of the source; its next snapshot would begin again.
std::uint64_t end_source(Repository& repository,
                         const std::string& name,
                         const std::string& reason);

}  // namespace kist
