#include "engine/base/error.h"

#include <cstdio>
#include <cstdlib>

namespace kist::detail {

void ensure_failed(const char* condition, const char* file, int line) noexcept {
  static_cast<void>(
      std::fprintf(stderr, "kist: bug: %s does not hold (%s:%d)\n", condition, file, line));
  std::abort();
}

}  // namespace kist::detail
