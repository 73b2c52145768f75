// An epoch's anchor: where its copies lie, and which of them is right. Nobody writes one but
// whoever begins the epoch; one that is lost is not put back: another epoch is begun.
// docs/format.md, "Anchors".
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/crypto/secret.h"
#include "engine/keys/sealed_object.h"
#include "engine/rules/state.h"
#include "engine/store/store.h"

namespace kist {

std::array<std::string, 4> anchor_paths(std::uint32_t epoch_number, const EpochId& epoch);

// Puts the four copies, and makes them durable. Where one of them has no definite answer, the
// attempt to begin the epoch is over: an anchor is never put again, or one could come back after it
// was destroyed.
void put_anchors(StoreWriter& store, const ObjectOrigin& origin, View anchor);

// Reads the four copies back: Error{corrupt} unless each has that hash, which the first entry of
// the epoch is to name. Once that is committed, nothing opens without them.
void require_anchors(StoreReader& store, const ObjectOrigin& origin, const ObjectHash& hash);

// The share that the anchor of the state's epoch holds: of the first copy whose hash is the one
// that the journal names. Error{missing} where there is no copy, {corrupt} where none is right.
Key read_anchor(StoreReader& store, const State& state);

// A copy of the anchor of the state's epoch that is missing or not right.
struct AnchorProblem {
  std::string path;
  std::string problem;
};

std::vector<AnchorProblem> check_anchors(StoreReader& store, const State& state);

}  // namespace kist
