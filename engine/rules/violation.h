// Why an entry is void: the number of the rule that it breaks, as docs/format.md, "Validity",
// counts them, and the reason in words. The reason is stored with the void entry and shown; every
// client of one version must give the same one, because states are compared with it.
#pragma once

#include <optional>
#include <string>

namespace kist {

struct Violation {
  int rule = 0;  // 17: "V17"
  std::string reason;
  bool operator==(const Violation&) const = default;
};

using MaybeViolation = std::optional<Violation>;

// V1, an entry that is not authentic, is found before there is an entry to validate:
// journal/entry_reader.h.
inline constexpr int authenticity_rule = 1;

}  // namespace kist
