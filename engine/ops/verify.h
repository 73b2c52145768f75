// Is everything there that should be, and is it what it should be? Damage is the outcome, never an
// exception: each finding names the object and says what is wrong.
#pragma once

#include <string>
#include <vector>

#include "engine/repository/repository.h"

namespace kist {

enum class VerifyLevel {
  structure,  // journal, slots, keys, segments, sets; every pack exists and has its size
  storage,    // and the bytes of every object hash to its name; needs no content keys
  content,    // and every frame opens, every block is what its id says, every manifest is whole
};

struct Finding {
  std::string object;
  std::string problem;
};

struct VerifyOptions {
  VerifyLevel level = VerifyLevel::structure;
  unsigned threads = 0;
};

struct VerifyReport {
  std::vector<Finding> findings;
  std::uint64_t entries = 0;  // of the journal
  std::uint64_t snapshots = 0;
  std::uint64_t packs = 0;
  std::uint64_t frames = 0;      // opened
  std::uint64_t blocks = 0;      // hashed
  std::uint64_t bytes_read = 0;  // from packs
};

VerifyReport verify(Repository& repository, const VerifyOptions& options);

}  // namespace kist
