// The one place that includes Catch2, version 2 or 3. A test's name is the promise it keeps.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>  // version 3
#else
#include <catch2/catch.hpp>  // version 2
#endif

#include "engine/base/bytes.h"
#include "engine/base/error.h"
#include "engine/base/random.h"
#include "tests/support/fixed_clock.h"
#include "tests/support/seeded_random.h"

namespace kist::test {

// The seed of a randomised test: KIST_SEED, or a fixed one; shown with every failure.
inline std::uint64_t seed() {
  const char* given = std::getenv("KIST_SEED");  // NOLINT(concurrency-mt-unsafe)
  return given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
}

// Of many like cases only every so many are tried: KIST_STRIDE, or each (sanitizers are slow).
inline std::uint64_t stride() {
  const char* given = std::getenv("KIST_STRIDE");  // NOLINT(concurrency-mt-unsafe)
  return given == nullptr ? 1 : std::max<std::uint64_t>(1, std::strtoull(given, nullptr, 10));
}

inline Bytes to_bytes(std::string_view text) {
  const View view = as_view(text);
  return {view.begin(), view.end()};
}

inline Bytes random_bytes(Random& random, std::size_t size) {
  Bytes out(size);
  random.fill(out);
  return out;
}

// The code of the Error that `work` throws; fails the test when it throws none.
template <typename Work>
Code error_code(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    UNSCOPED_INFO(error.text());
    return error.code();
  }
  FAIL("no error was thrown");
  return Code::failed;
}

// Every proper prefix, and the encoding with a byte too many, is refused as corrupt.
template <typename Decode>
void require_strict(const Bytes& encoded, const Decode& decode) {
  for (std::size_t size = 0; size < encoded.size(); ++size) {
    INFO("cut to " << size << " of " << encoded.size());
    REQUIRE(error_code([&] { decode(View(encoded).first(size)); }) == Code::corrupt);
  }
  Bytes longer = encoded;
  longer.push_back(0);
  REQUIRE(error_code([&] { decode(View(longer)); }) == Code::corrupt);
}

// With any bit flipped the decoder refuses, or what it yields prints back to the flipped bytes.
template <typename Decode, typename Encode>
void require_canonical(const Bytes& encoded, const Decode& decode, const Encode& encode) {
  for (std::size_t bit = 0; bit < encoded.size() * 8; ++bit) {
    Bytes flipped = encoded;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    Bytes again = flipped;
    try {
      again = encode(decode(View(flipped)));
    } catch (const Error&) {
      continue;  // refused: as good
    }
    INFO("bit " << bit);
    REQUIRE(again == flipped);
  }
}

}  // namespace kist::test
