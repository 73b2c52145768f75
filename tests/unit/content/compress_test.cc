// Compression, and the refusal of anything that is not exactly what was compressed.
#include "engine/content/compress.h"

#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("what was compressed decompresses to itself, and to no other size") {
  Compressor compressor;
  Decompressor decompressor;
  const Bytes plain(300'000, 'a');
  Bytes compressed;
  REQUIRE(compressor.compress(plain, {3}, compressed));
  Bytes out(plain.size());
  REQUIRE(decompressor.decompress(compressed, out));
  REQUIRE(out == plain);
  Bytes shorter(plain.size() - 1);
  REQUIRE_FALSE(decompressor.decompress(compressed, shorter));
  Bytes longer(plain.size() + 1);
  REQUIRE_FALSE(decompressor.decompress(compressed, longer));
}

TEST_CASE("incompressible bytes are left as they are") {
  SeededRandom random(seed());
  const Bytes noise = random_bytes(random, 1U << 20U);
  Compressor compressor;
  Bytes out;
  REQUIRE_FALSE(compressor.compress(noise, {3}, out));
  REQUIRE_FALSE(compressor.compress(Bytes(1000, 'a'), {0}, out));
}

TEST_CASE("trailing bytes after a compressed frame are refused") {
  Compressor compressor;
  Decompressor decompressor;
  Bytes compressed;
  REQUIRE(compressor.compress(Bytes(1000, 'a'), {3}, compressed));
  compressed.push_back(0);
  Bytes out(1000);
  REQUIRE_FALSE(decompressor.decompress(compressed, out));
}
