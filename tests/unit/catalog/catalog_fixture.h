// Set-up that tests of engine/catalog share.
#pragma once

#include "engine/catalog/catalog.h"
#include "engine/catalog/environment.h"
#include "tests/support/samples.h"

namespace kist::test {

inline constexpr LocalKey checksum_key{1, 2, 3};

// The first entry of a journal, as a replay hands it to the catalog.
inline ReplayedEntry first_entry() {
  Genesis genesis = sample_genesis();
  genesis.policy.name = "default";
  ReplayedEntry out;
  out.entry = {.sequence = 0,
               .author = genesis.owner.slot,
               .epoch = sample_id<EpochId>(1),
               .time_ms = 1'000,
               .act = genesis};
  out.hash = sample_id<ObjectHash>(50);
  return out;
}

}  // namespace kist::test
