// The libFuzzer driver: KIST_FUZZ_TARGET names the decoder, so one program serves them all.
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const kist::test::FuzzTarget target = [] {
    const char* name = std::getenv("KIST_FUZZ_TARGET");  // NOLINT(concurrency-mt-unsafe)
    const auto found = kist::test::fuzz_targets().find(name == nullptr ? "" : name);
    if (found == kist::test::fuzz_targets().end()) {
      for (const auto& [known, function] : kist::test::fuzz_targets()) {
        static_cast<void>(std::puts(known.c_str()));
      }
      std::exit(0);  // NOLINT(concurrency-mt-unsafe): asked only for the list
    }
    return found->second;
  }();
  target({data, size});
  return 0;
}
