// The committed corpora and, from them, a few thousand mutations each, under any compiler.
#include <filesystem>

#include "tests/fuzz/targets.h"
#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

const std::string corpora = std::string(KIST_SOURCE_DIR) + "/tests/fuzz/corpus/";

Bytes mutate(Random& random, Bytes bytes) {
  std::array<std::uint8_t, 8> draw{};
  for (int i = 0; i < 4; ++i) {
    random.fill(draw);
    if (bytes.empty()) return bytes;
    const std::size_t at = (draw[0] | std::size_t{draw[1]} << 8U) % bytes.size();
    if (draw[2] % 4 == 0) bytes.resize(at);
    if (draw[2] % 4 == 1) bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), draw[3]);
    if (draw[2] % 4 >= 2) bytes[at] = draw[3];
  }
  return bytes;
}

}  // namespace

TEST_CASE("every fuzz target has seeds, and a seed is what the decoder takes") {
  const auto seeds = fuzz_seeds();
  for (const auto& [name, target] : fuzz_targets()) {
    INFO(name);
    REQUIRE(seeds.contains(name));
    for (const Bytes& bytes : seeds.at(name)) {
      target(bytes);
    }
  }
}

TEST_CASE("no committed input and no mutation of one breaks a decoder") {
  SeededRandom random(seed());
  for (const auto& [name, target] : fuzz_targets()) {
    std::vector<Bytes> inputs = fuzz_seeds().at(name);
    if (std::filesystem::exists(corpora + name)) {
      for (const auto& file : std::filesystem::directory_iterator(corpora + name)) {
        inputs.push_back(slurp(file.path().string()));
      }
    }
    for (const Bytes& input : inputs) {
      target(input);
      for (int i = 0; i < 3000 / static_cast<int>(inputs.size()) + 10; ++i) {
        target(mutate(random, input));
      }
    }
  }
}
