// Which features a repository requires of every client. A client that does not know one of them
// would misjudge what follows, so it neither reads nor writes. docs/format.md, "Features".
#pragma once

#include <string>
#include <vector>

#include "engine/rules/state.h"
#include "engine/rules/violation.h"

namespace kist {

// The rules that genesis and a features entry share: V13 and, for those that are required already,
// V47.
MaybeViolation check_features(const State& state, const std::vector<std::string>& features);

// Error{unsupported} where the state requires a feature that this version does not know.
void require_known_features(const State& state);

}  // namespace kist
