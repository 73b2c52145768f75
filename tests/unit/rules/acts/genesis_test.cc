// The rules of genesis.
#include "tests/unit/rules/rules_fixture.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a second genesis is void, and nothing else can come first") {
  const State state = small_state();
  require_void(state, next_entry(state, owner, sample_genesis()), {11, "a second genesis"});
  const State empty;
  require_void(empty, next_entry(empty, owner, snapshot(1)), {5, "the first entry is no genesis"});
  Genesis weak = sample_genesis();
  weak.owner.capabilities = writer_capabilities;
  require_void(empty, next_entry(empty, owner, weak), {15, "the first slot is no owner"});
  Genesis featured = sample_genesis();
  featured.features = {"b", "a"};
  require_void(empty, next_entry(empty, owner, featured),
               {13, "features out of order, or too many of them"});
  Genesis absurd = sample_genesis();
  absurd.content.block_max = 1U << 30U;
  require_void(empty, next_entry(empty, owner, absurd), {12, "chunking that is not allowed"});
}

TEST_CASE("a genesis introduces its own author") {
  const State empty;
  require_void(empty, next_entry(empty, writer, sample_genesis()),
               {14, "the author is not the first owner"});
}
