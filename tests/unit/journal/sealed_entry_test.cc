// One entry as bytes: what is sealed is opened again by its epoch's key alone.
#include "engine/journal/sealed_entry.h"

#include "tests/unit/journal/journal_fixture.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("an entry that is opened again has all that was sealed") {
  HandMadeJournal journal;
  for (const Act& act : sample_acts()) {
    const JournalEntry entry = journal.next(journal.writer, act);
    const Bytes bytes = journal.seal(journal.writer, entry);
    const Envelope envelope = decode_entry_envelope(bytes, "journal/x", keys_repository());
    INFO(act_name(act));
    REQUIRE(open_entry(envelope, "journal/x", journal.epoch().journal_key()) == entry);
  }
}

TEST_CASE("an entry is sealed with the key that its slot works with, where no other is given") {
  HandMadeJournal journal;
  ReadingSlot slot(journal, journal.writer);
  slot.keys.enter_current(journal.state());
  const Bytes bytes = seal_entry(slot.keyring, journal.random, journal.next(journal.writer));
  REQUIRE(opens_entry(decode_entry_envelope(bytes, "x", keys_repository()),
                      journal.epoch().journal_key()));
}

TEST_CASE("an entry opens with no other key") {
  HandMadeJournal journal;
  const Bytes bytes = journal.seal(journal.writer, journal.next(journal.writer));
  const Envelope envelope = decode_entry_envelope(bytes, "journal/x", keys_repository());
  REQUIRE(opens_entry(envelope, journal.epoch().journal_key()));
  REQUIRE_FALSE(opens_entry(envelope, journal.epoch().parts.index_part));
  REQUIRE(error_code([&] { open_entry(envelope, "x", journal.epoch().parts.index_part); }) ==
          Code::corrupt);
}

TEST_CASE("an entry's number and what it follows are bound to what it holds") {
  HandMadeJournal journal;
  const JournalEntry entry = journal.next(journal.writer);
  const Bytes bytes = journal.seal(journal.writer, entry);
  const Envelope envelope = decode_entry_envelope(bytes, "x", keys_repository());
  const auto clear_at = static_cast<std::size_t>(envelope.clear.data() - bytes.data());
  for (std::size_t at = clear_at; at < clear_at + envelope.clear.size(); ++at) {
    Bytes changed = bytes;
    changed[at] ^= 1U;
    const Envelope other = decode_entry_envelope(changed, "x", keys_repository());
    REQUIRE_FALSE(opens_entry(other, journal.epoch().journal_key()));
    REQUIRE_FALSE(is_signed_by_author(journal.state(), other));
  }
}

TEST_CASE("an entry is its author's only if the author is a slot and has signed it") {
  HandMadeJournal journal;
  const auto is_signed = [&](const NumberedSlot& signer, const NumberedSlot& named) {
    const Bytes bytes = journal.seal(signer, journal.next(named));
    return is_signed_by_author(journal.state(),
                               decode_entry_envelope(bytes, "x", keys_repository()));
  };
  REQUIRE(is_signed(journal.writer, journal.writer));
  REQUIRE_FALSE(is_signed(journal.other, journal.writer));
  REQUIRE_FALSE(is_signed(journal.stranger, journal.stranger));
}

TEST_CASE("what is no entry, or is another repository's, is refused") {
  HandMadeJournal journal;
  const Bytes bytes = journal.seal(journal.writer, journal.next(journal.writer));
  REQUIRE(error_code([&] { decode_entry_envelope(bytes, "x", sample_id<RepositoryId>(9)); }) ==
          Code::corrupt);
  REQUIRE(error_code([&] { decode_entry_envelope(Bytes(300), "x", keys_repository()); }) ==
          Code::corrupt);
  const Bytes body = seal_object({.type = ObjectType::body, .origin = journal.writer.origin()},
                                 key_of(1), key_of(1), journal.random, {});
  REQUIRE(error_code([&] { decode_entry_envelope(body, "x", keys_repository()); }) ==
          Code::corrupt);
}
