#include "engine/base/attempt.h"
#include "engine/crypto/hash.h"
#include "engine/format/encodable.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/journal/journal.h"
#include "engine/journal/sealed_entry.h"
#include "engine/rules/freshness.h"
#include "engine/rules/validate.h"
#include "engine/store/exclusive_put.h"
#include "engine/store/twins.h"

namespace kist {

namespace {

constexpr int tries_max = 64;
constexpr std::uint64_t hour_ms = 3'600'000;
constexpr std::uint64_t day_ms = 24 * hour_ms;

}  // namespace

Stamp Journal::next_stamp() const {
  return stamp_of(state(), keyring_.slot(), services_.clock.now_ms());
}

JournalEntry Journal::next_entry(Act act) const {
  const ObjectOrigin& origin = keyring_.origin();
  const bool takes_back = std::holds_alternative<ClockReset>(act);
  const Stamp stamp = takes_back ? Stamp{.time_ms = services_.clock.now_ms()} : next_stamp();
  // Both times are of the same clock, which may run ahead of what the entry may be stamped with.
  if (auto* taken = std::get_if<SnapshotTaken>(&act)) {
    taken->started_ms = std::min(taken->started_ms, stamp.time_ms);
  }
  return {.sequence = state().next_sequence,
          .previous = state().head,
          .author = origin.author,
          .epoch_number = origin.epoch_number,
          .epoch = origin.epoch,
          .time_ms = stamp.time_ms,
          .is_time_doubted = stamp.is_doubted,
          .act = std::move(act)};
}

// How the store breaks put-if-absent; nothing where it seems to hold. With every opening kist.repo
// is put once more, if absent: that changes nothing, whatever the store does. Where that file is
// gone, the first entry takes its place. The race leaves an object, so a state directory sees one
// race only.
std::optional<std::string> Journal::find_put_flaw() {
  for (const std::string& path :
       {std::string(repository_file), journal_path(0), second_copy_path(journal_path(0))}) {
    std::optional<Bytes> bytes;
    const auto damage =
        damage_of([&] { bytes = find_object(store_, path, journal_entry_bytes_max); });
    if (damage || !bytes) continue;
    if (store_.put_if_absent(path, *bytes)) return "an object was put where there was one";
    break;
  }
  if (local_.has_seen_exclusive_put()) return std::nullopt;
  std::optional<std::string> flaw = find_exclusive_put_flaw(store_, store_, services_.random);
  if (!flaw) local_.remember_exclusive_put();
  return flaw;
}

void Journal::require_exclusive_put() {
  if (has_exclusive_put_) return;
  if (const auto flaw = find_put_flaw()) {
    throw Error(Code::unsupported,
                concat("the store lets one object take the place of another where it must not "
                       "(put-if-absent does not hold: ",
                       *flaw,
                       "): two clients could overwrite each other's entries; keep the repository "
                       "on another store"));
  }
  has_exclusive_put_ = true;
}

void Journal::require_trusted_head() const {
  if (is_head_trusted_) return;
  const TimeAgo last = time_ago(state().last_ms, services_.clock.now_ms());
  const std::string when =
      last.is_ahead ? concat("is stamped ", last.ms / hour_ms,
                             " hours ahead of this machine's clock, so its age is not known")
                    : concat("is ", last.ms / day_ms, " days old");
  throw Error(Code::refused,
              concat("this machine has not seen the journal before, and its last entry, ",
                     head().sequence, ", ", when, ": it may be an old copy. ",
                     last.is_ahead ? "Set the clock, if it is wrong. " : "",
                     "Compare with another machine (kist journal "
                     "list) and give --head ENTRY, or --yes to go on all the same"));
}

void Journal::tell_doubt() const {
  const Stamp stamp = next_stamp();
  if (!stamp.is_doubted) return;
  const TimeAgo journal = time_ago(stamp.time_ms, services_.clock.now_ms());
  const std::string advice =
      journal.is_ahead ? concat("it is ", journal.ms / hour_ms,
                                " hours behind the journal; set it right, or, if it is the journal "
                                "that is wrong, have an owner run kist journal reset-clock")
                       : "it is more than 35 days ahead of the newest entry; set it right if it is "
                         "wrong";
  observer().notice(concat("this machine's clock is doubted: ", advice,
                           ". What is committed now says so, and its time counts for nothing"));
}

Journal::Writable Journal::require_writable() {
  if (broken_) replay_readable();  // it may have been mended since
  return require_writable_over_tail();
}

Journal::Writable Journal::require_writable_over_tail() {
  require_trusted_head();
  require_exclusive_put();
  static_cast<void>(has_second_copy(head().sequence, state().head));  // before anything is put
  tell_doubt();
  return {};
}

// Whether our entry stands under its number. After an answer that was lost, the store is read to
// find out; after a no as well, for a no may be about our own entry: a network file system that has
// lost an answer asks again by itself.
bool Journal::put_entry(const std::string& path, const Bytes& bytes) {
  bool is_put = false;
  const auto failure = failure_of([&] { is_put = store_.put_if_absent(path, bytes); });
  if (is_put) return true;
  if (failure && !store_.size(path)) throw Error(*failure);
  return get_object(store_, path, journal_entry_bytes_max) == bytes;
}

std::optional<std::string> Journal::find_rival(std::uint64_t sequence, View copy) const {
  Envelope envelope;
  const auto damage = damage_of([&] {
    envelope = decode_entry_envelope(copy, journal_path(sequence), keyring_.repository());
    if (!is_signed_by_author(state(), envelope)) throw Error(Code::corrupt, "nobody's");
    const JournalClear clear = decode_journal_clear(envelope.clear, journal_path(sequence));
    if (clear.sequence != sequence) throw Error(Code::corrupt, "of another number");
  });
  if (damage) return std::nullopt;
  const SlotId& author = envelope.header.author;
  return concat("another entry of that number (", hex(hash_object(copy)).substr(0, 16),
                "), which slot ", state().slots.at(author).introduction.name, " (",
                hex(author).substr(0, 8), ") has signed");
}

// A second copy that is another entry: its slot has put it before the author's came, or the store
// has lost an entry that had won the number. Either way it would take the place of the one that
// counts as soon as the store loses that one's first copy. A copy that nobody has signed is damage,
// which is no reason to stop.
void Journal::require_no_rival(std::uint64_t sequence, View second) const {
  const auto rival = find_rival(sequence, second);
  if (!rival) return;
  throw Error(
      Code::corrupt,
      concat(journal_path(sequence), " counts, and its second copy is ", *rival,
             ". Nothing is committed before an owner or operator has run kist verify --repair, "
             "which puts the one that counts in its place. If nobody has forged the other, the "
             "store has lost an entry: compare kist snapshots with what the backups of each "
             "machine said"));
}

// Whether a second copy of the entry is there, and no rival.
bool Journal::has_second_copy(std::uint64_t sequence, const ObjectHash& hash) {
  const std::string path = second_copy_path(journal_path(sequence));
  const Copy second = read_copy(store_, path, journal_entry_bytes_max);
  if (second.is_absent()) return false;
  if (second.problem && !is_damage(*second.problem)) throw Error(*second.problem);
  if (second.bytes && hash_object(*second.bytes) != hash) {
    require_no_rival(sequence, *second.bytes);
  }
  return true;
}

// A client that was cut off between an entry and its second copy left the first alone.
void Journal::complete_second_copy() {
  if (has_second_copy(head().sequence, state().head)) return;
  const std::string path = journal_path(head().sequence);
  const Bytes bytes = get_object(store_, path, journal_entry_bytes_max);
  if (hash_object(bytes) == state().head) put_second_copy(store_, path, bytes);
}

bool Journal::commit_after(const Writable& /*writable*/,
                           const State& state,
                           const JournalEntry& entry,
                           const Key& journal_key) {
  if (const auto violation = validate(state, entry)) {
    throw Error(Code::refused, concat("refused: the entry would be void: ", violation->reason));
  }
  check_encodable(entry);
  complete_second_copy();
  const Bytes bytes = seal_entry(keyring_, journal_key, services_.random, entry);
  const std::string path = journal_path(entry.sequence);
  if (!put_entry(path, bytes)) return false;
  // A barrier that fails here is not mended by reading back: what is readable may not be durable.
  store_.barrier();
  in_context(concat("entry ", entry.sequence, " was committed"),
             [&] { static_cast<void>(has_second_copy(entry.sequence, hash_object(bytes))); });
  put_second_copy(store_, path, bytes);
  store_.barrier();
  return true;
}

bool Journal::commit_at_head(const Writable& writable,
                             const JournalEntry& entry,
                             const Key& journal_key) {
  return commit_after(writable, state(), entry, journal_key);
}

// Whether this client has said, if it must, that it keeps nothing of the epochs before.
bool Journal::has_recorded_remake() const {
  if (state().kept_from == 0) return true;
  const auto said = state().clients.find({keyring_.slot(), local_.client()});
  return said != state().clients.end() && said->second >= state().kept_from;
}

// One try: replays, makes the act, puts the entry. Nothing when the number was lost, or when the
// entry that had to come first was committed instead.
std::optional<JournalEntry> Journal::commit_once(const Writable& writable, const MakeAct& make) {
  replay_readable();
  const bool is_recorded = has_recorded_remake();
  Act act = is_recorded ? make(state()) : Act(StateRemade{local_.client()});
  // `make` may have replayed more, into another epoch.
  if (is_recorded && !has_recorded_remake()) return std::nullopt;
  const JournalEntry entry = next_entry(std::move(act));
  if (!commit_at_head(writable, entry, keyring_.journal_key())) return std::nullopt;
  replay();
  return is_recorded ? std::optional(entry) : std::nullopt;
}

JournalEntry Journal::commit(const Writable& writable, const MakeAct& make) {
  for (int attempt = 0; attempt < tries_max; ++attempt) {
    if (std::optional<JournalEntry> entry = commit_once(writable, make)) return *entry;
  }
  throw Error(Code::conflict,
              concat("others committed first ", tries_max,
                     " times in a row; run again when the repository is less busy"));
}

void Journal::record_state_remade(const Writable& writable) {
  for (int attempt = 0; attempt < tries_max; ++attempt) {
    replay_readable();
    if (has_recorded_remake()) return;
    const JournalEntry entry = next_entry(StateRemade{local_.client()});
    static_cast<void>(commit_at_head(writable, entry, keyring_.journal_key()));
  }
}

}  // namespace kist
