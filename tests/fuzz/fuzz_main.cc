// The libFuzzer driver. KIST_FUZZ_TARGET names the decoder, so one program serves them all; without
// it, the seeds of every decoder are written below KIST_FUZZ_SEEDS and the decoders' names printed.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "engine/base/error.h"
#include "tests/fuzz/targets.h"

namespace {

kist::test::FuzzTarget chosen;

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing else runs yet
  return value == nullptr ? "" : value;
}

void write_seeds(const std::string& directory) {
  for (const auto& [name, seeds] : kist::test::fuzz_seeds()) {
    std::filesystem::create_directories(directory + "/" + name);
    int number = 0;
    for (const kist::Bytes& seed : seeds) {
      std::ofstream out(kist::concat(directory, "/", name, "/seed-", ++number));
      for (const std::uint8_t byte : seed) {
        out.put(static_cast<char>(byte));
      }
    }
    static_cast<void>(std::puts(name.c_str()));
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming, readability-non-const-parameter): libFuzzer's
extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  const std::string name = variable("KIST_FUZZ_TARGET");
  const auto found = kist::test::fuzz_targets().find(name);
  if (found != kist::test::fuzz_targets().end()) {
    chosen = found->second;
    return 0;
  }
  if (name.empty()) write_seeds(variable("KIST_FUZZ_SEEDS"));
  static_cast<void>(std::fflush(stdout));
  _exit(name.empty() ? 0 : 2);  // past libFuzzer, which takes an exit for a finding
}

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chosen({data, size});
  return 0;
}
