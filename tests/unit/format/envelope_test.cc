// Envelopes and padding as layouts.
#include "engine/format/envelope.h"

#include "tests/support/samples.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("an envelope shows its parts and refuses every other size") {
  const EnvelopeHeader header{.type = ObjectType::journal_entry,
                              .repository = sample_id<RepositoryId>(1),
                              .epoch_number = 2,
                              .epoch = sample_id<EpochId>(3),
                              .author = sample_id<SlotId>(4),
                              .nonce = sample_id<Nonce>(5)};
  const Bytes clear = encode_journal_clear({.sequence = 6, .previous = sample_id<ObjectHash>(7)});
  Bytes bytes = encode_envelope_start(header, clear, 20);
  bytes.resize(bytes.size() + 20 + Signature::size, 8);
  const Envelope envelope = decode_envelope(bytes, "x");
  REQUIRE(envelope.header == header);
  REQUIRE(equal(envelope.clear, clear));
  REQUIRE(envelope.sealed.size() == 20);
  REQUIRE(decode_journal_clear(envelope.clear, "x").sequence == 6);
  require_strict(bytes, [](View b) { decode_envelope(b, "x"); });
}

TEST_CASE("an envelope that claims an absurd size is refused before anything is allocated") {
  const EnvelopeHeader header{.type = ObjectType::body};
  const Bytes bytes = encode_envelope_start(header, {}, std::uint64_t{1} << 63U);
  REQUIRE(error_code([&] { decode_envelope(bytes, "x"); }) == Code::corrupt);
}

TEST_CASE("padding hides the size within twelve per cent and must be zero") {
  for (std::uint64_t size = 1; size < 100'000; size += 37) {
    const Bytes payload(size, 3);
    const Bytes padded = pad_payload(payload);
    REQUIRE(padded.size() >= size + 8);
    REQUIRE(static_cast<double>(padded.size()) <= 1.13 * static_cast<double>(size + 8));
    REQUIRE(unpad_payload(padded, "x").size() == size);
  }
  Bytes padded = pad_payload(Bytes(1000, 3));
  padded.back() = 1;
  REQUIRE(error_code([&] { unpad_payload(padded, "x"); }) == Code::corrupt);
  padded.back() = 0;
  padded.resize(padded.size() + 100);
  REQUIRE(error_code([&] { unpad_payload(padded, "x"); }) == Code::corrupt);
}
