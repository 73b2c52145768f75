#include "engine/base/random.h"

#include <cerrno>

#include <sys/random.h>

namespace kist {

void SystemRandom::fill(MutableView out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = ::getrandom(out.data() + done, out.size() - done, 0);
    if (got < 0 && errno == EINTR) continue;
    KIST_ENSURE(got > 0);
    done += static_cast<std::size_t>(got);
  }
}

}  // namespace kist
