// The rules of features: what an owner requires of every client from an entry on.
#include "engine/format/limits.h"
#include "engine/rules/features.h"
#include "tests/unit/rules/rules_fixture.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("an owner requires features, in order, each once") {
  State state = small_state();
  const auto requires_of = [&](std::vector<std::string> features) {
    return next_entry(state, owner, FeaturesRequired{std::move(features)});
  };
  require_void(state, next_entry(state, writer, FeaturesRequired{{"teleport"}}),
               {9, "its author lacks the capability own"});
  require_void(state, requires_of({}), {48, "no feature"});
  const Violation out_of_order{13, "features out of order, or too many of them"};
  require_void(state, requires_of({"b", "a"}), out_of_order);
  require_void(state, requires_of({"a", "a"}), out_of_order);
  REQUIRE_NOTHROW(require_known_features(state));
  commit(state, requires_of({"a", "b"}));
  REQUIRE(state.features == std::set<std::string>{"a", "b"});
  require_void(state, requires_of({"b", "c"}), {47, "a feature that is required already"});
  commit(state, requires_of({"c"}));
}

TEST_CASE("the features that a journal requires have an end") {
  State state = small_state();
  std::vector<std::string> all;
  for (std::size_t i = 0; i < features_max; ++i) {
    all.push_back(concat(1000 + i));
  }
  commit(state, next_entry(state, owner, FeaturesRequired{all}));
  require_void(state, next_entry(state, owner, FeaturesRequired{{"a"}}),
               {13, "features out of order, or too many of them"});
}

TEST_CASE("a feature that is not known stops this version, from genesis or a later entry") {
  State state;
  Genesis genesis = sample_genesis();
  genesis.features = {"teleport"};
  commit(state, next_entry(state, genesis.owner.slot, genesis));
  REQUIRE(error_code([&] { require_known_features(state); }) == Code::unsupported);
  State later = small_state();
  commit(later, next_entry(later, owner, FeaturesRequired{{"teleport"}}));
  REQUIRE(error_code([&] { require_known_features(later); }) == Code::unsupported);
}
