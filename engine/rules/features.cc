#include "engine/rules/features.h"

#include <algorithm>
#include <functional>

#include "engine/format/limits.h"

namespace kist {

namespace {

// None is defined yet.
bool is_known(const std::string& /*feature*/) {
  return false;
}

}  // namespace

MaybeViolation check_features(const State& state, const std::vector<std::string>& features) {
  const bool ascend = std::ranges::is_sorted(features, std::less_equal<>());
  if (!ascend || state.features.size() + features.size() > features_max) {
    return Violation{13, "features out of order, or too many of them"};
  }
  const auto is_required = [&](const std::string& name) { return state.features.contains(name); };
  if (std::ranges::any_of(features, is_required)) {
    return Violation{47, "a feature that is required already"};
  }
  return std::nullopt;
}

void require_known_features(const State& state) {
  for (const std::string& name : state.features) {
    if (is_known(name)) continue;
    throw Error(Code::unsupported,
                concat("the repository requires the feature \"", name,
                       "\", which this version does not know: it needs a newer kist; nothing was "
                       "read or changed"));
  }
}

}  // namespace kist
