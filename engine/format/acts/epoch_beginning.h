// What the entry that begins an epoch says of its secrets: genesis, and the entry that ends the
// epoch before. docs/format.md, "Epoch secrets".
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

// Where the four copies of the anchor lie.
enum class AnchorPlace : std::uint8_t {
  store = 0,  // in the repository's own folder `anchors`
  apart = 1,  // in a place that each machine is told, and that the label names for people
};

struct EpochBeginning {
  // The least number that the entry could have come to have: what the epoch's boxes state.
  std::uint64_t least = 0;
  KeyBytes share;          // the entry's share of the secrets; opens nothing by itself
  ObjectHash anchor;       // of the object that has the other share
  BoxPublicKey epoch_key;  // pk: keys of packs and bodies are sealed to it
  BoxPublicKey audit_key;  // apk: keys of reference sets are sealed to it
  AnchorPlace place = AnchorPlace::store;
  std::string place_label;  // of a place apart
  bool operator==(const EpochBeginning&) const = default;

  void encode(ByteWriter& out) const;
  static EpochBeginning decode(ByteReader& in);
};

}  // namespace kist
