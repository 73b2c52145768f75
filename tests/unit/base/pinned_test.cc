#include "engine/base/pinned.h"

#include "engine/base/clock.h"
#include "engine/base/pool.h"
#include "engine/base/random.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("what is pinned is neither copied nor moved, and still made and destroyed") {
  const auto is_fixed = [](auto* none) {
    using Type = std::remove_pointer_t<decltype(none)>;
    return !std::is_copy_constructible_v<Type> && !std::is_move_constructible_v<Type> &&
           !std::is_copy_assignable_v<Type> && !std::is_move_assignable_v<Type>;
  };
  static_assert(is_fixed(static_cast<Pool*>(nullptr)));
  static_assert(is_fixed(static_cast<Random*>(nullptr)));
  static_assert(is_fixed(static_cast<SystemRandom*>(nullptr)));
  static_assert(is_fixed(static_cast<SystemClock*>(nullptr)));
  static_assert(std::is_default_constructible_v<SystemClock>);
  static_assert(std::has_virtual_destructor_v<Random>);
  static_assert(sizeof(SystemRandom) == sizeof(void*), "the base takes no room");
}
