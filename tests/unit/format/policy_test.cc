// Policies as layouts: what every field says, and nothing that it need not say.
#include "engine/format/acts/policy.h"

#include "tests/support/codec.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

Bytes encode(const Policy& policy) {
  ByteWriter out;
  policy.encode(out);
  return out.take();
}

Policy decode(View bytes) {
  ByteReader in(bytes, "a policy");
  Policy out = Policy::decode(in);
  in.expect_end();
  return out;
}

// A policy's record with these fields, each a number and its value.
Bytes record(const std::vector<std::pair<std::uint8_t, Bytes>>& fields) {
  ByteWriter out;
  for (const auto& [number, value] : fields) {
    out.u8(number);
    out.sized(value);
  }
  ByteWriter whole;
  whole.text("p");
  whole.sized(out.view());
  return whole.take();
}

}  // namespace

TEST_CASE("policies keep their promises as layouts") {
  for (const Policy& policy : {Policy(), sample_policy(), decode(record({}))}) {
    require_codec(policy, &encode, &decode);
  }
}

TEST_CASE("what a policy leaves out is none, and so is what it was not made with") {
  const Policy none = decode(record({}));
  REQUIRE(none.minimum_seconds == 0);
  REQUIRE(none.grace_seconds == 0);
  REQUIRE(none.daily == KeepRule());
  REQUIRE(none.dedup == Trust::own);
  REQUIRE(none.approvals == 1);
  REQUIRE(encode(none) == record({}));
}

TEST_CASE("fields that are unknown, out of order, twice or of no meaning are refused") {
  const Bytes one{1};
  REQUIRE(decode(record({{1, one}})).last == 1);
  for (const Bytes& bad : {record({{0, one}}), record({{22, one}}), record({{20, {2}}, {1, one}}),
                           record({{1, one}, {1, one}}), record({{1, {0}}}), record({{20, one}}),
                           record({{1, {1, 0}}}), record({{2, {0, 0}}}), record({{2, {1, 0, 0}}}),
                           record({{2, {2, 1}}}), record({{17, {0}}}), record({{18, {3}}})}) {
    REQUIRE(error_code([&] { static_cast<void>(decode(bad)); }) == Code::corrupt);
  }
  REQUIRE(decode(record({{3, {1, 6, 0}}})).daily.window == Period{.months = 6, .seconds = 0});
}
