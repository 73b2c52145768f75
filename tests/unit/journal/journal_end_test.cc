// What behind a journal's end shows that entries are missing, and what does not.
#include "engine/journal/journal_end.h"

#include "tests/unit/journal/journal_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

constexpr std::uint64_t far = 999;

struct Ended {
  std::optional<JournalBreak> find(Beyond beyond = Beyond::everywhere) {
    return find_hole(store, keys_repository(), journal.state(), beyond, observer);
  }

  // The entry of that number, as that slot would have signed it.
  Bytes entry_of(const NumberedSlot& author, std::uint64_t sequence) {
    JournalEntry entry = journal.next(author);
    entry.sequence = sequence;
    return journal.seal(author, entry);
  }

  HandMadeJournal journal;
  UnreadableStore store{journal.store};
  RecordingObserver observer;
};

}  // namespace

TEST_CASE("a signed entry behind a missing number shows the hole, by either of its copies") {
  for (const bool is_first : {true, false}) {
    Ended ended;
    const Bytes bytes = ended.entry_of(ended.journal.other, far);
    const Bytes junk = random_bytes(ended.journal.random, 300);
    ended.journal.place(far, is_first ? bytes : junk, is_first ? Bytes() : bytes);
    const auto hole = ended.find();
    REQUIRE(hole);
    REQUIRE(hole->kind == JournalBreak::Kind::hole);
    REQUIRE(hole->sequence == 3);
    REQUIRE(hole->error().code() == Code::corrupt);
    const std::string text = hole->error().text();
    REQUIRE(text.find(concat("slot ", hex(ended.journal.other.id).substr(0, 2))) !=
            std::string::npos);
    REQUIRE(text.find(journal_path(3)) != std::string::npos);
    REQUIRE(text.find(journal_path(far)) != std::string::npos);
  }
}

TEST_CASE("what anybody can put behind the end shows nothing") {
  Ended ended;
  HandMadeJournal& journal = ended.journal;
  const Bytes last = journal.store.objects().at(journal_path(2));
  Bytes forged = ended.entry_of(journal.other, far);
  forged.back() ^= 1U;
  Bytes cut = ended.entry_of(journal.other, far);
  cut.resize(cut.size() - 1);
  const std::vector<Bytes> planted = {
      Bytes(),                                  // nothing
      to_bytes("junk"),                         // no entry
      Bytes(envelope_header_size + 39, 1),      // too short for one
      last,                                     // an entry of another number
      ended.entry_of(journal.stranger, far),    // by no slot
      forged,                                   // with a bad signature
      cut,                                      // cut off
      ended.entry_of(journal.other, far + 1)};  // of another number, never used before
  for (const Bytes& bytes : planted) {
    INFO(bytes.size());
    journal.store.overwrite(journal_path(far), bytes);
    ended.observer.notices.clear();
    REQUIRE_FALSE(ended.find());
    REQUIRE(ended.observer.notices.size() == 1);
  }
}

TEST_CASE("what a slot signs after it was revoked shows nothing") {
  Ended ended;
  ended.journal.end_epoch(ended.journal.owner, {ended.journal.other.id});
  const Bytes bytes = ended.entry_of(ended.journal.other, far);
  ended.journal.place(far, bytes, bytes);
  REQUIRE_FALSE(ended.find());
}

TEST_CASE("a large object that is no entry's beginning is not read") {
  Ended ended;
  ended.journal.store.overwrite(journal_path(far), Bytes(journal_entry_bytes_max, 7));
  REQUIRE_FALSE(ended.find());
  REQUIRE(ended.journal.store.get_count(journal_path(far)) == 2);  // the head of either copy
}

TEST_CASE("an object behind the end that cannot be read may be an entry, and is named") {
  Ended ended;
  ended.journal.store.overwrite(journal_path(far), ended.entry_of(ended.journal.other, far));
  ended.store.unreadable = {journal_path(far)};
  const auto hole = ended.find();
  REQUIRE(hole);
  REQUIRE(hole->problem.find(journal_path(far)) != std::string::npos);
}

TEST_CASE("others that commit while the end is looked at leave no hole") {
  Ended ended;
  const Bytes next = ended.entry_of(ended.journal.other, 3);
  const Bytes after = ended.entry_of(ended.journal.other, 4);
  ended.journal.place(4, after, after);
  REQUIRE(ended.find());
  ended.journal.place(3, next, {});
  REQUIRE_FALSE(ended.find());
}
