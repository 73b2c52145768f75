// Act 20, source bound: an owner says which slot backs a source up, which source's series it goes
// on with, and whether it has ended. docs/format.md, "Retention".
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

struct SourceBound {
  static constexpr std::uint16_t number = 20;

  std::string source;
  SlotId slot;
  std::string continues;  // another source, of which it is the new name; empty: none
  bool is_ended = false;  // nothing more is expected of it
  std::string reason;
  bool operator==(const SourceBound&) const = default;

  [[nodiscard]] std::string name() const { return is_ended ? "source ended" : "source bound"; }

  void encode(ByteWriter& out) const;
  static SourceBound decode(ByteReader& in);
};

}  // namespace kist
