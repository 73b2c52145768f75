// Slots, their way in, and kist.repo as layouts.
#include "engine/format/slot.h"

#include "engine/crypto/hash.h"
#include "tests/support/codec.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("kist.repo keeps its promises as a layout") {
  const RepositoryFile file{.repository = sample_id<RepositoryId>(1), .features = 0};
  const Bytes encoded = encode_repository_file(file, &hash_object);
  REQUIRE(encoded.size() == repository_file_size);
  const auto decode = [](View bytes) { return decode_repository_file(bytes, &hash_object); };
  REQUIRE(decode(encoded) == file);
  require_strict(encoded, decode);
}

TEST_CASE("kist.repo of a newer version or with unknown features is unsupported, not damaged") {
  const RepositoryFile file{.repository = sample_id<RepositoryId>(1), .features = 4};
  const Bytes featured = encode_repository_file(file, &hash_object);
  REQUIRE(error_code([&] { decode_repository_file(featured, &hash_object); }) == Code::unsupported);
  Bytes newer = featured;
  newer[8] = 2;
  const ObjectHash sum = hash_object(View(newer).first(32));
  std::ranges::copy(sum.bytes, newer.begin() + 32);
  REQUIRE(error_code([&] { decode_repository_file(newer, &hash_object); }) == Code::unsupported);
}

TEST_CASE("kist.repo with any bit flipped is damaged, not of a newer version") {
  const Bytes good = encode_repository_file(
      {.repository = sample_id<RepositoryId>(1), .features = 0}, &hash_object);
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes damaged = good;
    damaged[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    REQUIRE(error_code([&] { decode_repository_file(damaged, &hash_object); }) == Code::corrupt);
  }
}

TEST_CASE("a slot's clear section keeps its promises as a layout") {
  require_codec(sample_slot_clear(), &encode_slot_clear,
                [](View bytes) { return decode_slot_clear(bytes, "slot"); });
}

TEST_CASE("an epoch box keeps its promises as a layout") {
  require_codec(sample_epoch_box(), &encode_epoch_box,
                [](View bytes) { return decode_epoch_box(bytes, "epoch box"); });
}
