// Act 7, incidents closed: an owner has looked into the incidents between `first` and `last`, and
// may accept bytes that nothing else names as entries. docs/format.md, "Journal", "Validity".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

struct IncidentsClosed {
  static constexpr std::uint16_t number = 7;

  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::string note;
  // Hashes of the entries right before this one, in their order, where both copies of each are
  // damaged and nothing else names its bytes: the journal goes on with these bytes.
  std::vector<ObjectHash> accepted;
  bool operator==(const IncidentsClosed&) const = default;

  static std::string name() { return "incidents closed"; }

  void encode(ByteWriter& out) const;
  static IncidentsClosed decode(ByteReader& in);
};

}  // namespace kist
