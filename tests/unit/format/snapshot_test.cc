// The two objects of a snapshot as layouts.
#include "engine/format/snapshot.h"

#include "tests/support/codec.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a snapshot's body keeps its promises as a layout") {
  require_codec(sample_body(), &encode_body, [](View bytes) { return decode_body(bytes, "body"); });
}

TEST_CASE("a reference set keeps its promises as a layout") {
  require_codec(sample_reference_set(), &encode_reference_set,
                [](View bytes) { return decode_reference_set(bytes, "set"); });
}
