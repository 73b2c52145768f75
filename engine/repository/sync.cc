#include "engine/repository/sync.h"

#include <map>
#include <set>

#include "engine/crypto/hash.h"
#include "engine/crypto/merkle.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/repository/sealed_object.h"
#include "engine/rules/validate.h"

namespace kist {

namespace {

// One copy of an entry as read from the store. Not authentic: `entry` is empty, `reason` says why.
struct Copy {
  Bytes bytes;
  ObjectHash hash;
  std::optional<JournalEntry> entry;
  std::string reason;
};

SigningPublicKey author_key(const State& state, const JournalEntry& entry) {
  if (const auto* genesis = std::get_if<Genesis>(&entry.act); genesis && entry.sequence == 0) {
    return genesis->owner.signing_key;
  }
  const auto author = state.slots.find(entry.author);
  if (author == state.slots.end()) throw Error(Code::corrupt, "an author that is no slot");
  return author->second.introduction.signing_key;
}

JournalEntry decode_entry(const Repository& repository, View bytes, const std::string& name) {
  const Envelope envelope =
      decode_envelope_of(bytes, name, ObjectType::journal_entry, repository.keyring.repository());
  const JournalClear clear = decode_journal_clear(envelope.clear, name);
  const SecretBytes payload = open_envelope(envelope, name, repository.keyring.journal_key());
  JournalPayload decoded = decode_journal_payload(payload.view(), name);
  JournalEntry entry{.sequence = clear.sequence,
                     .previous = clear.previous,
                     .author = envelope.header.author,
                     .epoch_number = envelope.header.epoch_number,
                     .epoch = envelope.header.epoch,
                     .time_ms = decoded.time_ms,
                     .act = std::move(decoded.act)};
  if (!is_signed_by(envelope, author_key(repository.state(), entry))) {
    throw Error(Code::corrupt, "a signature that is not its author's");
  }
  return entry;
}

// A copy that cannot be read counts as one that is damaged: the other may be good.
std::optional<Copy> read_copy(Repository& repository,
                              const std::string& name,
                              std::uint64_t sequence) {
  Copy copy;
  try {
    copy.bytes = get_object(repository.reader(), name, journal_entry_bytes_max);
    copy.hash = hash_object(copy.bytes);
    copy.entry = decode_entry(repository, copy.bytes, name);
    if (copy.entry->sequence != sequence) {
      copy.entry.reset();
      copy.reason = "it is an entry of another number";
    }
  } catch (const Error& error) {
    if (error.code() == Code::missing || error.code() == Code::interrupted) {
      if (error.code() == Code::missing) return std::nullopt;
      throw;
    }
    copy.reason = error.text();
  }
  return copy;
}

// What entry `sequence` + 1 says of the one before it: empty when there is no such entry.
std::optional<ObjectHash> named_by_next(Repository& repository, std::uint64_t sequence) {
  const std::string name = journal_name(sequence + 1);
  for (const std::string& copy : {name, twin_name(name)}) {
    try {
      const Bytes bytes = get_object(repository.reader(), copy, journal_entry_bytes_max);
      const Envelope envelope = decode_envelope_of(bytes, copy, ObjectType::journal_entry,
                                                   repository.keyring.repository());
      const JournalClear clear = decode_journal_clear(envelope.clear, copy);
      if (clear.sequence == sequence + 1) return clear.previous;
    } catch (const Error& error) {
      if (error.code() == Code::interrupted) throw;
    }
  }
  return std::nullopt;
}

// Both copies of an entry, the same bytes once.
std::vector<Copy> read_copies(Repository& repository, std::uint64_t sequence) {
  const std::string name = journal_name(sequence);
  std::vector<Copy> out;
  for (const std::string& candidate : {name, twin_name(name)}) {
    std::optional<Copy> copy = read_copy(repository, candidate, sequence);
    if (copy && (out.empty() || out.front().hash != copy->hash)) out.push_back(std::move(*copy));
  }
  return out;
}

bool holds(const State& state, const Copy& copy) {
  return copy.entry && !validate(state, *copy.entry);
}

// Chooses among copies of which none, or more than one, can be taken as it is. Later history or
// this machine's memory decides; without either, an authentic copy does. Nothing: it is the head,
// and it cannot be told whether it is junk that won its number or damage.
std::optional<Copy> choose_copy(Repository& repository,
                                std::uint64_t sequence,
                                std::vector<Copy> copies) {
  const std::optional<Head> seen = repository.local->last_head();
  std::optional<ObjectHash> named = named_by_next(repository, sequence);
  if (!named && seen && seen->sequence == sequence) named = seen->hash;
  if (named) {
    const auto found = std::ranges::find(copies, *named, &Copy::hash);
    if (found != copies.end()) return std::move(*found);
    throw Error(Code::corrupt, concat(journal_name(sequence), " is damaged: ",
                                      copies.front().entry ? "another entry stands in its place"
                                                           : copies.front().reason,
                                      "; restore it from a copy of the repository"));
  }
  std::erase_if(copies, [](const Copy& copy) { return !copy.entry; });
  if (copies.size() == 1) return std::move(copies.front());
  if (copies.empty()) return std::nullopt;
  throw Error(Code::corrupt, concat(journal_name(sequence),
                                    " and its second copy are two different entries: the journal "
                                    "was forked; do not use this repository before you know why"));
}

struct NextEntry {
  std::optional<Copy> copy;
  bool is_undecodable = false;  // there is something, of which nothing can be made
};

NextEntry read_entry(Repository& repository, std::uint64_t sequence) {
  const State& state = repository.state();
  const std::string name = journal_name(sequence);
  // Almost always the first copy is good, and nothing else is read.
  std::optional<Copy> first = read_copy(repository, name, sequence);
  if (first && holds(state, *first)) return {.copy = std::move(first)};
  std::vector<Copy> copies = read_copies(repository, sequence);
  if (copies.empty()) return {};
  const auto good =
      std::ranges::count_if(copies, [&](const Copy& copy) { return holds(state, copy); });
  std::optional<Copy> chosen;
  if (good == 1) {
    chosen = std::move(
        *std::ranges::find_if(copies, [&](const Copy& copy) { return holds(state, copy); }));
  } else {
    chosen = choose_copy(repository, sequence, std::move(copies));
  }
  if (!chosen) return {.copy = std::nullopt, .is_undecodable = true};
  if (!first || first->hash != chosen->hash) {
    repository.observer().notice(concat(name, " is ", first ? "damaged" : "missing",
                                        "; its second copy is good and was used"));
  }
  return {.copy = std::move(chosen)};
}

// The store must still show the head that the catalog ends with.
void check_head(Repository& repository) {
  const State& state = repository.state();
  if (state.next_sequence == 0) return;
  const std::uint64_t sequence = state.next_sequence - 1;
  const std::vector<Copy> copies = read_copies(repository, sequence);
  if (std::ranges::any_of(copies, [&](const Copy& c) { return c.hash == state.head; })) return;
  if (copies.empty()) {
    throw Error(Code::corrupt,
                concat("the journal lacks entry ", sequence,
                       ", which this machine has seen: the repository was rolled back; do not use "
                       "it before you know why"));
  }
  throw Error(Code::corrupt,
              concat(journal_name(sequence),
                     " is not the entry that this machine has seen: the journal was forked or "
                     "replaced; do not use this repository before you know why"));
}

ReplayedEntry judge(Repository& repository, Copy copy) {
  const State& state = repository.state();
  ReplayedEntry out;
  out.hash = copy.hash;
  out.leaf = hash_leaf(copy.bytes);
  if (copy.entry) {
    out.entry = std::move(*copy.entry);
    out.void_reason = validate(state, out.entry).value_or("");
    if (state.next_sequence > 0 && out.entry.previous != state.head) check_head(repository);
  } else {
    out.void_reason = copy.reason;
  }
  if (!out.void_reason.empty()) {
    const std::uint64_t sequence = state.next_sequence;
    if (sequence == 0) {
      throw Error(Code::corrupt, concat("the journal's first entry is void: ", out.void_reason));
    }
    out.entry = {.sequence = sequence, .act = UnknownAct{}};
    repository.observer().notice(
        concat("journal entry ", sequence, " is void and changes nothing: ", out.void_reason));
  }
  return out;
}

void check_genesis(const Repository& repository, const ReplayedEntry& replayed) {
  if (replayed.hash != repository.keyring.fingerprint()) {
    throw Error(Code::corrupt,
                "the journal begins with another repository than the one this slot opens");
  }
}

// The record of the last head seen outlives the catalog: what is replayed anew must agree with it.
void check_seen(const std::optional<Head>& seen, std::uint64_t sequence, const ObjectHash& hash) {
  if (seen && seen->sequence == sequence && seen->hash != hash) {
    throw Error(Code::corrupt,
                concat("journal entry ", sequence,
                       " is not the one that this machine has seen: the journal was replaced; do "
                       "not use this repository before you know why"));
  }
}

// After the last entry there must be none: a hole would be taken for the end, and filled.
void check_end(Repository& repository, const std::optional<Head>& seen) {
  const std::uint64_t next = repository.state().next_sequence;
  std::uint64_t beyond = 0;
  repository.reader().list("journal", [&](const std::string& file) {
    const auto sequence = parse_journal_name(untwinned(file));
    if (sequence && *sequence > next) beyond = std::max(beyond, *sequence);
  });
  if (beyond > 0 && read_copies(repository, next).empty()) {
    throw Error(Code::corrupt, concat("the journal has entry ", beyond, " but lacks entry ", next,
                                      "; restore it from a copy of the repository"));
  }
  if (seen && seen->sequence >= next) {
    throw Error(Code::corrupt,
                concat("the journal ends with entry ", next - 1,
                       ", but this machine has seen entry ", seen->sequence,
                       ": the repository was rolled back; do not use it before you know why"));
  }
}

}  // namespace

SyncResult sync_journal(Repository& repository) {
  Catalog& catalog = repository.local->catalog();
  catalog.refresh();
  const std::optional<Head> seen = repository.local->last_head();
  if (catalog.state().next_sequence > 0) {
    if (catalog.state().fingerprint != repository.keyring.fingerprint()) {
      throw Error(Code::corrupt,
                  "the catalog is of another repository; remove the state directory");
    }
    check_seen(seen, catalog.state().next_sequence - 1, catalog.state().head);
    check_head(repository);
  }
  SyncResult result;
  for (;;) {
    NextEntry next = read_entry(repository, catalog.state().next_sequence);
    result.has_undecodable_head = next.is_undecodable;
    if (!next.copy) break;
    check_seen(seen, catalog.state().next_sequence, next.copy->hash);
    ReplayedEntry replayed = judge(repository, std::move(*next.copy));
    if (replayed.entry.sequence == 0) check_genesis(repository, replayed);
    catalog.add(replayed);
  }
  if (catalog.state().next_sequence == 0) {
    throw Error(Code::corrupt, "the journal's first entry is missing or damaged");
  }
  if (result.has_undecodable_head) {
    repository.observer().notice(concat("journal entry ", catalog.state().next_sequence,
                                        " cannot be read: junk or damage; nothing can be "
                                        "committed until that is resolved"));
  }
  check_end(repository, seen);
  repository.local->remember_head({catalog.state().next_sequence - 1, catalog.state().head});
  return result;
}

KeySegmentOuter get_key_segment(Repository& repository, const ObjectHash& name) {
  const std::string object = key_segment_name(name);
  const Bytes bytes = get_twinned(repository.reader(), object, key_segment_bytes_max,
                                  repository.observer(), [&](View candidate) {
                                    if (hash_object(candidate) == name) return;
                                    throw Error(Code::corrupt, concat(object, " is damaged"));
                                  });
  const SecretBytes payload =
      open_object(bytes, object, ObjectType::key_segment, repository.keyring.repository(),
                  repository.keyring.index_key());
  return decode_key_segment(payload.view(), object);
}

IndexSegment get_index_segment(Repository& repository,
                               const ObjectHash& name,
                               const Key& key,
                               const SnapshotState& snapshot) {
  const std::string object = index_segment_name(name);
  const Bytes bytes = get_object(repository.reader(), object, index_segment_bytes_max);
  if (hash_object(bytes) != name) throw Error(Code::corrupt, concat(object, " is damaged"));
  const Envelope envelope =
      decode_envelope_of(bytes, object, ObjectType::index_segment, repository.keyring.repository());
  const SecretBytes payload = open_envelope(envelope, object, key);
  IndexSegment segment = decode_index_segment(payload.view(), object);
  const SigningPublicKey& author =
      repository.state().slots.at(snapshot.author).introduction.signing_key;
  if (envelope.header.author != snapshot.author || !is_signed_by(envelope, author) ||
      segment.has_numbers) {
    throw Error(Code::corrupt, concat(object, " is not its entry's author's to introduce"));
  }
  return segment;
}

namespace {

// What the key segments of an entry say.
struct EntryKeys {
  std::map<ObjectHash, Key> segments;
  std::map<ObjectHash, ObjectHash> key_segment_of_pack;
};

EntryKeys keys_of(Repository& repository, const SnapshotTaken& taken) {
  EntryKeys out;
  for (const ObjectHash& name : taken.key_segments) {
    const KeySegmentOuter outer = get_key_segment(repository, name);
    for (const NamedKey& key : outer.index_segments) {
      out.segments.insert_or_assign(key.name, Key::from(key.key));
    }
    for (const ObjectHash& pack : outer.packs) {
      out.key_segment_of_pack.emplace(pack, name);
    }
  }
  return out;
}

// One segment, ready to load. Error{corrupt} or {missing} when it does not count.
SegmentToLoad segment_to_load(Repository& repository,
                              const SnapshotState& snapshot,
                              const SegmentIntroduction& introduction,
                              const std::shared_ptr<const EntryKeys>& keys) {
  const std::string label = index_segment_name(introduction.index_segment);
  const auto key = keys->segments.find(introduction.index_segment);
  if (key == keys->segments.end()) throw Error(Code::missing, concat(label, " has no key"));
  SegmentToLoad load;
  load.segment = get_index_segment(repository, introduction.index_segment, key->second, snapshot);
  if (load.segment.block_count() != introduction.block_count) {
    throw Error(Code::corrupt, concat(label, " disagrees with its entry"));
  }
  load.first_number = introduction.first_number;
  load.key_segment_of = [keys](const ObjectHash& pack) -> std::optional<ObjectHash> {
    const auto found = keys->key_segment_of_pack.find(pack);
    if (found == keys->key_segment_of_pack.end()) return std::nullopt;
    return found->second;
  };
  return load;
}

// Loads what one snapshot entry introduces. What is damaged or not the author's to introduce is as
// good as absent: its numbers are burnt, the rest goes on.
void load_snapshot(Repository& repository, const SnapshotState& snapshot) {
  std::vector<SegmentToLoad> segments;
  const auto skip = [&](const Error& error) {
    if (error.code() != Code::corrupt && error.code() != Code::missing) throw Error(error);
    repository.observer().notice(concat(error.text(), "; what it lists cannot be read"));
  };
  try {
    const auto keys = std::make_shared<const EntryKeys>(keys_of(repository, snapshot.taken));
    for (const SegmentIntroduction& introduction : snapshot.taken.segments) {
      try {
        segments.push_back(segment_to_load(repository, snapshot, introduction, keys));
      } catch (const Error& error) {
        skip(error);
      }
    }
  } catch (const Error& error) {
    skip(error);
  }
  const std::uint64_t refused = repository.local->index().load(snapshot.sequence, segments);
  if (refused > 0) {
    repository.observer().notice(concat("journal entry ", snapshot.sequence, " claims ", refused,
                                        " packs that are not its own; they do not count"));
  }
}

}  // namespace

void sync_index(Repository& repository) {
  if (repository.local->index().loaded_sequence() > repository.state().next_sequence) {
    repository.local->reset_index();
  }
  const std::uint64_t first = repository.local->index().loaded_sequence();
  std::vector<const SnapshotState*> to_load;
  for (const auto& [id, snapshot] : repository.state().snapshots) {
    if (snapshot.sequence >= first && !snapshot.taken.segments.empty()) {
      to_load.push_back(&snapshot);
    }
  }
  std::ranges::sort(to_load, {}, &SnapshotState::sequence);
  for (const SnapshotState* snapshot : to_load) {
    check_cancelled(repository.observer());
    load_snapshot(repository, *snapshot);
  }
}

}  // namespace kist
