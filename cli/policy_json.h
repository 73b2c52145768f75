// A retention policy in JSON: docs/json.md has the keys.
#pragma once

#include "cli/report.h"
#include "engine/engine.h"

namespace kist::cli {

Json policy_json(const Policy& policy);

}  // namespace kist::cli
