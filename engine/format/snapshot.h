// The two objects of a snapshot: its body (for readers) and its reference set (for every slot).
// Pure layout. docs/format.md, "Bodies", "Reference sets".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"
#include "engine/format/number_set.h"

namespace kist {

// A path that is not in the snapshot as it was in the source, and why.
struct SnapshotProblem {
  std::string path;  // as in Entry
  std::string text;
  auto operator<=>(const SnapshotProblem&) const = default;  // NOLINT(modernize-use-nullptr)
};

struct SnapshotBody {
  BlockId root;  // of the manifest
  std::string host;
  std::string user;
  std::string program;             // the writer and its version: "kist 0.1.0"
  std::vector<std::string> paths;  // as given, absolute
  std::vector<std::string> tags;
  std::string description;
  bool is_selective = false;  // options excluded a part of the tree below the paths
  // The first ones in path order; the reference set's statistics count them all.
  std::vector<SnapshotProblem> problems;
  bool operator==(const SnapshotBody&) const = default;
};

Bytes encode_body(const SnapshotBody& body);
SnapshotBody decode_body(View bytes, std::string_view object);

struct SnapshotStatistics {
  std::int64_t finished_ms = 0;
  std::uint64_t files_new = 0;
  std::uint64_t files_changed = 0;
  std::uint64_t files_unmodified = 0;
  std::uint64_t directories = 0;
  std::uint64_t others = 0;        // links, hard links, fifos, sockets, devices
  std::uint64_t bytes_total = 0;   // of all files, holes included
  std::uint64_t bytes_read = 0;    // from the source
  std::uint64_t bytes_new = 0;     // of blocks that were not stored before
  std::uint64_t bytes_stored = 0;  // of the packs and index segments written
  std::uint64_t blocks_new = 0;
  std::uint64_t problems = 0;  // paths that could not be read as they were
  bool operator==(const SnapshotStatistics&) const = default;

  [[nodiscard]] std::uint64_t files() const { return files_new + files_changed + files_unmodified; }
};

// Every block that the snapshot needs.
struct ReferenceSet {
  NumberSet absolute;  // block numbers
  NumberSet relative;  // ordinals of blocks that the same entry introduces
  SnapshotStatistics statistics;
  bool operator==(const ReferenceSet&) const = default;
};

Bytes encode_reference_set(const ReferenceSet& set);
ReferenceSet decode_reference_set(View bytes, std::string_view object);

}  // namespace kist
