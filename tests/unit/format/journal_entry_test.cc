// Journal entries as layouts.
#include "engine/format/journal_entry.h"

#include "tests/support/codec.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("journal entries keep their promises as layouts") {
  const auto encode = [](const std::pair<std::int64_t, Act>& value) {
    return encode_journal_payload(value.first, value.second);
  };
  const auto decode = [](View bytes) {
    JournalPayload payload = decode_journal_payload(bytes, "entry");
    return std::pair(payload.time_ms, std::move(payload.act));
  };
  for (const Act& act : sample_acts()) {
    INFO(act_name(act));
    require_codec(std::pair(std::int64_t{1234}, act), encode, decode);
  }
}

TEST_CASE("an act of a type that is not known is kept as it is") {
  const Act act = UnknownAct{.type = 999, .payload = {1, 2, 3}};
  const JournalPayload decoded = decode_journal_payload(encode_journal_payload(5, act), "entry");
  REQUIRE(decoded.act == act);
}
