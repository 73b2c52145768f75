// Journals that somebody has tampered with: each is told for what it is, and clients that replay it
// at other times and by other clocks come to the same state.
#include "engine/journal/journal.h"

#include "engine/catalog/state_record.h"
#include "engine/format/limits.h"
#include "tests/support/attacker.h"
#include "tests/support/roles.h"

using namespace kist;
using namespace kist::test;

namespace {

// Both copies of an entry.
void place(MemoryStore& store, std::uint64_t sequence, const Bytes& bytes) {
  store.overwrite(journal_path(sequence), bytes);
  store.overwrite(second_copy_path(journal_path(sequence)), bytes);
}

void remove_entry(MemoryStore& store, std::uint64_t sequence) {
  store.remove(journal_path(sequence));
  store.remove(second_copy_path(journal_path(sequence)));
}

Bytes entry_bytes(const MemoryStore& store, std::uint64_t sequence) {
  return store.objects().at(journal_path(sequence));
}

// What a client says that has seen the journal, and one that has not.
std::string told(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.text();
  }
  return "";
}

// The state as the catalog would store it, its tables one after the other.
Bytes bytes_of(const State& state) {
  Bytes out = encode_state(state);
  const auto add = [&](View bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); };
  state.snapshots.for_each([&](const SnapshotId& name, const SnapshotState& snapshot) {
    add(name.bytes);
    add(encode_snapshot_row(snapshot));
  });
  state.segments.for_each([&](const ObjectHash& name, const SegmentState& segment) {
    add(name.bytes);
    add(encode_segment_row(segment));
  });
  state.key_segments.for_each([&](const ObjectHash& name, const SlotId& author) {
    add(name.bytes);
    add(author.bytes);
  });
  return out;
}

struct Tampered {
  Tampered() {
    Repository writer = roles.open();
    for (int i = 0; i < 3; ++i) {
      roles.backup(writer, "laptop");
    }
    roles.owner_repository.journal().replay();
    end = roles.owner_repository.state().next_sequence;
  }

  [[nodiscard]] std::string told_by_old() const {
    return told([&] { roles.owner_repository.journal().replay(); });
  }

  [[nodiscard]] std::string told_by_new() const {
    Machine machine(roles.store, 9);
    std::string out = told([&] { machine.open(); });
    for (const std::string& notice : machine.observer.notices) {
      out += notice;
    }
    return out;
  }

  Roles roles{writer_capabilities};
  std::uint64_t end = 0;
};

bool says(const std::string& text, std::string_view part) {
  INFO(text);
  CHECK(text.find(part) != std::string::npos);
  return true;
}

}  // namespace

TEST_CASE("a journal that was truncated is told for what it is") {
  {
    Tampered journal;
    remove_entry(*journal.roles.store, journal.end - 1);
    says(journal.told_by_old(), "rolled back");
    REQUIRE(journal.told_by_new().empty());  // nothing that it could know: --head is for that
  }
  {
    Tampered journal;
    remove_entry(*journal.roles.store, journal.end - 2);
    says(journal.told_by_new(), "lacks entry");
  }
  {
    Tampered journal;
    Bytes bytes = entry_bytes(*journal.roles.store, journal.end - 2);
    bytes.resize(bytes.size() / 2);
    place(*journal.roles.store, journal.end - 2, bytes);
    says(journal.told_by_new(), "is damaged");
  }
}

TEST_CASE("a journal whose entries were reordered, or replaced by replayed ones, is told for it") {
  {
    Tampered journal;
    const Bytes one = entry_bytes(*journal.roles.store, journal.end - 2);
    const Bytes other = entry_bytes(*journal.roles.store, journal.end - 3);
    place(*journal.roles.store, journal.end - 3, one);
    place(*journal.roles.store, journal.end - 2, other);
    says(journal.told_by_new(), "is damaged");
  }
  {
    Tampered journal;
    place(*journal.roles.store, journal.end - 1,
          entry_bytes(*journal.roles.store, journal.end - 2));
    says(journal.told_by_old(), "is not the entry that this machine has seen");
  }
}

TEST_CASE("replayed, reordered and backdated entries after the head are void for all alike") {
  Tampered journal;
  Roles& roles = journal.roles;
  Repository evil = roles.open();
  place(*roles.store, journal.end, entry_bytes(*roles.store, journal.end - 1));  // once more
  evil.journal().replay();
  JournalEntry backdated = evil.journal().next_entry(StateRemade{});
  backdated.time_ms = evil.state().slots.at(evil.keyring().slot()).last_seen_ms - 1;
  forge(*roles.store, evil, roles.content, backdated);
  evil.journal().replay();
  JournalEntry unchained = evil.journal().next_entry(StateRemade{});
  unchained.previous = ObjectHash();
  forge(*roles.store, evil, roles.content, unchained);
  evil.journal().replay();
  JournalEntry misnumbered = evil.journal().next_entry(StateRemade{});
  ++misnumbered.sequence;
  const Bytes bytes = seal_entry(evil.keyring(), roles.content, misnumbered);
  place(*roles.store, misnumbered.sequence - 1, bytes);
  evil.journal().replay();
  JournalEntry foreign = evil.journal().next_entry(StateRemade{});
  foreign.epoch_number = 5;
  forge(*roles.store, evil, roles.content, foreign);
  // Nobody is kept from going on.
  roles.owner.backup(roles.owner_repository, roles.source / "tree");
  evil.journal().replay();
  Machine late(roles.store, 9);
  late.clock.advance_ms(-40LL * 365 * 86'400'000);
  const Repository fresh = late.open();
  std::vector<std::string> reasons;
  for (const Incident& entry : fresh.state().incidents) {
    reasons.push_back(entry.reason);
  }
  REQUIRE(reasons == std::vector<std::string>{
                         "it is not authentic", "a time before that of the entries that it follows",
                         "a chain that does not hold", std::string(epoch_reason)});
  REQUIRE(fresh.state().incidents.front().count == 2);
  REQUIRE(fresh.state() == evil.state());
  REQUIRE(fresh.state() == roles.owner_repository.state());
  REQUIRE(bytes_of(fresh.state()) == bytes_of(evil.state()));
  REQUIRE(bytes_of(fresh.state()) == bytes_of(roles.owner_repository.state()));
}

TEST_CASE("what nobody of the repository has signed stops commits, and nothing else") {
  Tampered journal;
  Roles& roles = journal.roles;
  Key stranger;
  roles.content.fill(stranger.mutable_view());
  Repository& owner = roles.owner_repository;
  const JournalEntry entry = owner.journal().next_entry(StateRemade{});
  const Bytes bytes = seal_object({.type = ObjectType::journal_entry,
                                   .origin = owner.keyring().origin(),
                                   .clear = encode_journal_clear({entry.sequence, entry.previous})},
                                  owner.keyring().journal_key(), stranger, roles.content,
                                  encode_journal_payload(entry));
  place(*roles.store, entry.sequence, bytes);
  says(told([&] { roles.owner.backup(owner, roles.source / "tree"); }), "cannot be read");
  REQUIRE(verify(owner, {}).findings.size() == 1);
  says(journal.told_by_new(), "nothing can be committed");
}
