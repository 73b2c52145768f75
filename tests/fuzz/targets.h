// One function per decoder: what parses must print back to the same bytes, what does not must be an
// Error. The same functions run under libFuzzer and, over the committed corpora, in the tests.
#pragma once

#include <map>
#include <string>

#include "engine/base/bytes.h"

namespace kist::test {

using FuzzTarget = void (*)(View);
// Aborts where the promise is broken.
const std::map<std::string, FuzzTarget>& fuzz_targets();
// Inputs to begin with: one encoded value of each layout.
std::map<std::string, std::vector<Bytes>> fuzz_seeds();

}  // namespace kist::test
