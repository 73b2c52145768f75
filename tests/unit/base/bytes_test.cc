// What is read from bytes is what was written, or refused with its place.
#include "engine/base/bytes.h"

#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a number that is not in its shortest form is refused") {
  const Bytes overlong = {0x80, 0x00};
  REQUIRE(error_code([&] { ByteReader(overlong, "x").varint(); }) == Code::corrupt);
  const Bytes too_long(11, 0xff);
  REQUIRE(error_code([&] { ByteReader(too_long, "x").varint(); }) == Code::corrupt);
  const Bytes beyond = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
  REQUIRE(error_code([&] { ByteReader(beyond, "x").varint(); }) == Code::corrupt);
}

TEST_CASE("a count that cannot follow is refused before anything is allocated") {
  ByteWriter out;
  out.u32(0xffffffff);
  REQUIRE(error_code([&] { ByteReader(out.view(), "x").count(1, "things"); }) == Code::corrupt);
}

TEST_CASE("an error of a reader names object and offset") {
  const Bytes bytes = {1, 2, 3};
  try {
    ByteReader in(bytes, "slots/ab");
    in.u16();
    in.u32();
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    REQUIRE(error.text() == "slots/ab at offset 2: needs 4 bytes more, has 1");
  }
}

TEST_CASE("big-endian numbers sort as numbers do, and are read back") {
  REQUIRE(to_big_endian(std::uint32_t{0x01020304}) == std::array<std::uint8_t, 4>{1, 2, 3, 4});
  REQUIRE(to_big_endian(std::uint64_t{255}) < to_big_endian(std::uint64_t{256}));
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{0xfedcba9876543210}}) {
    REQUIRE(from_big_endian<std::uint64_t>(to_big_endian(value)) == value);
  }
  REQUIRE(from_big_endian<std::uint32_t>(Bytes{1, 2, 3, 4, 5}) == 0x01020304);
  REQUIRE(from_big_endian<std::uint64_t>(Bytes{1, 2}) == 0x0102);
}
