#include "engine/repository/sync.h"

#include <map>
#include <set>

#include "engine/crypto/hash.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/repository/sealed_object.h"
#include "engine/rules/validate.h"

namespace kist {

namespace {

// One copy of an entry as read from the store. Undecoded: `entry` is empty and `reason` says why.
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
  const SecretBytes payload =
      open_envelope(envelope, name, repository.keyring.secrets().journal_key);
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

std::optional<Copy> read_copy(Repository& repository, const std::string& name) {
  Copy copy;
  try {
    copy.bytes = get_object(repository.reader(), name, journal_entry_bytes_max);
  } catch (const Error& error) {
    if (error.code() == Code::missing) return std::nullopt;
    throw;
  }
  copy.hash = hash_object(copy.bytes);
  try {
    copy.entry = decode_entry(repository, copy.bytes, name);
  } catch (const Error& error) {
    if (error.code() != Code::corrupt && error.code() != Code::unsupported) throw;
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
      const Envelope envelope = decode_envelope(bytes, copy);
      if (envelope.header.type != ObjectType::journal_entry) continue;
      return decode_journal_clear(envelope.clear, copy).previous;
    } catch (const Error& error) {
      if (error.code() != Code::corrupt && error.code() != Code::missing) throw;
    }
  }
  return std::nullopt;
}

// An entry of which no copy can be decoded. It is void, and stays, if later history or this
// machine's memory says that it was like this when it won its number; else it is damage.
Copy undecodable(Repository& repository, std::uint64_t sequence, std::vector<Copy> copies) {
  const std::optional<ObjectHash> next = named_by_next(repository, sequence);
  const std::optional<Head> seen = repository.local->last_head();
  for (Copy& copy : copies) {
    const bool was_seen = seen && seen->sequence == sequence && seen->hash == copy.hash;
    if ((next && *next == copy.hash) || was_seen) return std::move(copy);
  }
  throw Error(Code::corrupt, concat(journal_name(sequence), " is damaged: ", copies.front().reason,
                                    "; restore it from a copy of the repository"));
}

// The entry with that number, from whichever copy is good; nothing when there is none.
std::optional<Copy> read_entry(Repository& repository, std::uint64_t sequence) {
  const std::string name = journal_name(sequence);
  std::vector<Copy> copies;
  for (const std::string& candidate : {name, twin_name(name)}) {
    std::optional<Copy> copy = read_copy(repository, candidate);
    if (!copy) continue;
    if (copy->entry) {
      if (candidate != name) {
        repository.observer().notice(concat(name, " is ", copies.empty() ? "missing" : "damaged",
                                            "; its second copy is good and was used"));
      }
      return copy;
    }
    copies.push_back(std::move(*copy));
  }
  if (copies.empty()) return std::nullopt;
  return undecodable(repository, sequence, std::move(copies));
}

// When an entry does not chain: either it is void, or our own head was replaced behind us.
void check_fork(Repository& repository, const JournalEntry& entry) {
  const State& state = repository.state();
  if (state.next_sequence == 0 || entry.previous == state.head) return;
  const std::string name = journal_name(state.next_sequence - 1);
  for (const std::string& copy : {name, twin_name(name)}) {
    const std::optional<Copy> now = read_copy(repository, copy);
    if (now && now->hash == state.head) return;
  }
  throw Error(Code::corrupt,
              concat(name,
                     " is not the entry that this machine has seen: the journal was forked or "
                     "replaced; do not use this repository before you know why"));
}

ReplayedEntry judge(Repository& repository, Copy copy) {
  const State& state = repository.state();
  ReplayedEntry out;
  out.hash = copy.hash;
  if (copy.entry) {
    check_fork(repository, *copy.entry);
    out.entry = std::move(*copy.entry);
    out.void_reason = validate(state, out.entry).value_or("");
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

void check_last_head(Repository& repository) {
  const std::optional<Head> seen = repository.local->last_head();
  const State& state = repository.state();
  if (!seen) return;
  if (seen->sequence >= state.next_sequence) {
    throw Error(Code::corrupt,
                concat("the journal ends with entry ", state.next_sequence - 1,
                       ", but this machine has seen entry ", seen->sequence,
                       ": the repository was rolled back; do not use it before you know why"));
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

}  // namespace

void sync_journal(Repository& repository) {
  Catalog& catalog = repository.local->catalog();
  catalog.refresh();
  const std::optional<Head> seen = repository.local->last_head();
  if (catalog.state().next_sequence > 0) {
    if (catalog.state().fingerprint != repository.keyring.fingerprint()) {
      throw Error(Code::corrupt,
                  "the catalog is of another repository; remove the state directory");
    }
    check_seen(seen, catalog.state().next_sequence - 1, catalog.state().head);
  }
  bool has_news = false;
  while (std::optional<Copy> copy = read_entry(repository, catalog.state().next_sequence)) {
    check_seen(seen, catalog.state().next_sequence, copy->hash);
    ReplayedEntry replayed = judge(repository, std::move(*copy));
    if (replayed.entry.sequence == 0) check_genesis(repository, replayed);
    catalog.add(replayed);
    has_news = true;
  }
  if (catalog.state().next_sequence == 0) {
    throw Error(Code::corrupt, "the journal is empty: its first entry is missing");
  }
  check_last_head(repository);
  if (has_news || !seen) {
    repository.local->remember_head({catalog.state().next_sequence - 1, catalog.state().head});
  }
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
                  repository.keyring.secrets().index_key);
  return decode_key_segment(payload.view(), object);
}

IndexSegment get_index_segment(Repository& repository, const ObjectHash& name, View key) {
  const std::string object = index_segment_name(name);
  const Bytes bytes = get_object(repository.reader(), object, index_segment_bytes_max);
  if (hash_object(bytes) != name) throw Error(Code::corrupt, concat(object, " is damaged"));
  const SecretBytes payload = open_object(bytes, object, ObjectType::index_segment,
                                          repository.keyring.repository(), Key::from(key));
  return decode_index_segment(payload.view(), object);
}

namespace {

// The segments of one snapshot entry, ready to load. One that disagrees with its entry is left out.
std::vector<SegmentToLoad> segments_of(Repository& repository, const SnapshotTaken& taken) {
  std::map<ObjectHash, std::array<std::uint8_t, 32>> keys;
  auto key_segment_of_pack = std::make_shared<std::map<ObjectHash, ObjectHash>>();
  for (const ObjectHash& name : taken.key_segments) {
    const KeySegmentOuter outer = get_key_segment(repository, name);
    for (const NamedKey& key : outer.index_segments) {
      keys[key.name] = key.key;
    }
    for (const ObjectHash& pack : outer.packs) {
      key_segment_of_pack->emplace(pack, name);
    }
  }
  std::vector<SegmentToLoad> out;
  for (const SegmentIntroduction& introduction : taken.segments) {
    const auto key = keys.find(introduction.index_segment);
    const std::string label = index_segment_name(introduction.index_segment);
    if (key == keys.end()) throw Error(Code::corrupt, concat(label, " has no key"));
    SegmentToLoad load;
    load.segment = get_index_segment(repository, introduction.index_segment, key->second);
    if (load.segment.block_count() != introduction.block_count) {
      repository.observer().notice(concat(label, " disagrees with its entry and does not count"));
      continue;
    }
    load.first_number = introduction.first_number;
    load.key_segment_of = [key_segment_of_pack](const ObjectHash& pack) {
      const auto found = key_segment_of_pack->find(pack);
      return found == key_segment_of_pack->end() ? std::nullopt : std::optional(found->second);
    };
    out.push_back(std::move(load));
  }
  return out;
}

}  // namespace

void sync_index(Repository& repository) {
  BlockIndex& index = repository.local->index();
  const std::uint64_t first = index.loaded_sequence();
  if (first > repository.state().next_sequence) repository.local->reset_index();
  std::vector<const SnapshotState*> to_load;
  for (const auto& [id, snapshot] : repository.state().snapshots) {
    if (snapshot.sequence >= repository.local->index().loaded_sequence() &&
        !snapshot.taken.segments.empty()) {
      to_load.push_back(&snapshot);
    }
  }
  std::ranges::sort(to_load, {}, &SnapshotState::sequence);
  for (const SnapshotState* snapshot : to_load) {
    check_cancelled(repository.observer());
    const std::uint64_t refused = repository.local->index().load(
        snapshot->sequence, segments_of(repository, snapshot->taken));
    if (refused > 0) {
      repository.observer().notice(concat("journal entry ", snapshot->sequence, " claims ", refused,
                                          " packs that are not its own; they do not count"));
    }
  }
}

}  // namespace kist
