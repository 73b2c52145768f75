// Journal entries as layouts.
#include "engine/format/journal_entry.h"

#include "tests/support/codec.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("journal entries keep their promises as layouts") {
  const auto decode = [](View bytes) {
    JournalPayload payload = decode_journal_payload(bytes, "entry");
    return JournalEntry{.time_ms = payload.time_ms,
                        .is_time_doubted = payload.is_time_doubted,
                        .act = std::move(payload.act)};
  };
  bool is_doubted = false;
  for (const Act& act : sample_acts()) {
    INFO(act_name(act));
    is_doubted = !is_doubted;
    require_codec(JournalEntry{.time_ms = 1234, .is_time_doubted = is_doubted, .act = act},
                  &encode_journal_payload, decode);
  }
}

TEST_CASE("an act of a type that is not known is kept as it is") {
  const Act act = UnknownAct{.type = 999, .payload = {1, 2, 3}};
  const JournalPayload decoded =
      decode_journal_payload(encode_journal_payload({.time_ms = 5, .act = act}), "entry");
  REQUIRE(decoded.act == act);
}
