// The promises of engine/store/store.h, as checks that any store can be run through. A new store
// is one more line in the table of tests/unit/store/store_test.cc.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/store/store.h"

namespace kist::test {

// Opens one and the same place each time it is called, as a further client would.
using OpenStore = std::function<std::shared_ptr<Store>()>;

struct StorePromise {
  std::string text;
  // Checks with Catch2's REQUIRE, on a place that is empty and that nobody has opened before.
  void (*check)(const OpenStore& open);
};

const std::vector<StorePromise>& store_promises();

// The paths that a listing gives, sorted.
std::vector<std::string> paths_in(StoreReader& store, const std::string& folder);

}  // namespace kist::test
