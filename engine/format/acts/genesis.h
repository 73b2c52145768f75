// Act 1, genesis: the first entry of every journal. It fixes how content is cut, introduces the
// first owner and states the policy. The hash of its entry is the repository's fingerprint.
// docs/format.md, "Journal".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"
#include "engine/format/acts/epoch_beginning.h"
#include "engine/format/acts/policy.h"
#include "engine/format/acts/slot_introduction.h"
#include "engine/format/content_parameters.h"

namespace kist {

struct Genesis {
  static constexpr std::uint16_t number = 1;

  ContentParameters content;
  KeyHash id_key;
  KeyHash chunk_seed;
  EpochBeginning beginning;  // of epoch 0
  SlotIntroduction owner;
  Policy policy;
  std::vector<std::string> features;  // required of every client; ascending
  bool operator==(const Genesis&) const = default;

  static std::string name() { return "genesis"; }

  void encode(ByteWriter& out) const;
  static Genesis decode(ByteReader& in);
};

}  // namespace kist
