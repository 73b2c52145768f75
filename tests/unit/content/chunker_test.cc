// Where files are cut into blocks.
#include "engine/content/chunker.h"

#include "tests/support/samples.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

std::vector<std::size_t> cut(const Chunker& chunker, View bytes) {
  std::vector<std::size_t> out;
  for (std::size_t at = 0; at < bytes.size();) {
    out.push_back(chunker.first_block(bytes.subspan(at)));
    at += out.back();
  }
  return out;
}

}  // namespace

TEST_CASE("blocks keep their bounds and come near their target size") {
  const Chunker chunker(chunker_parameters(16U << 10U), sample_gear_table(1));
  SeededRandom random(seed());
  const Bytes bytes = random_bytes(random, 8U << 20U);
  const auto sizes = cut(chunker, bytes);
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
    REQUIRE(sizes[i] >= chunker.parameters().size_min);
    REQUIRE(sizes[i] <= chunker.parameters().size_max);
  }
  const std::size_t average = bytes.size() / sizes.size();
  REQUIRE(average > 12U << 10U);
  REQUIRE(average < 24U << 10U);
}

TEST_CASE("another gear table cuts elsewhere") {
  SeededRandom random(seed());
  const Bytes bytes = random_bytes(random, 1U << 20U);
  REQUIRE(cut(Chunker(chunker_parameters(16U << 10U), sample_gear_table(1)), bytes) !=
          cut(Chunker(chunker_parameters(16U << 10U), sample_gear_table(2)), bytes));
}

TEST_CASE("an answer does not depend on bytes beyond the largest block") {
  const Chunker chunker(chunker_parameters(16U << 10U), sample_gear_table(1));
  const Bytes zeros(1U << 20U);
  REQUIRE(chunker.first_block(zeros) == chunker.first_block(View(zeros).first(64U << 10U)));
}

TEST_CASE("parameters that would make blocks absurd are not allowed") {
  REQUIRE(is_chunking_allowed(chunker_parameters(64U << 10U)));
  REQUIRE_FALSE(is_chunking_allowed({0, 65536, 262144}));
  REQUIRE_FALSE(is_chunking_allowed({16384, 65537, 262144}));
  REQUIRE_FALSE(is_chunking_allowed({16384, 65536, 65536}));
  REQUIRE_FALSE(is_chunking_allowed(chunker_parameters(8U << 20U)));
}
