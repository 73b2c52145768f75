#include "engine/journal/journal_end.h"

#include <array>
#include <set>

#include "engine/base/attempt.h"
#include "engine/format/envelope.h"
#include "engine/format/journal_entry.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/journal/sealed_entry.h"
#include "engine/store/twins.h"

namespace kist {

namespace {

constexpr std::uint64_t missing_numbers_max = 1024;

// What stands under a number behind the end.
struct Shown {
  std::optional<SlotId> author;  // who has signed it, for that number
  std::string failure;           // why it cannot be told; empty: it can
};

// An object under a number behind the end is looked at in two steps, for somebody may have put many
// large ones there: who has not even copied the head of an entry has not signed it.
class BeyondReader {
 public:
  BeyondReader(StoreReader& store, const RepositoryId& repository, const State& state)
      : store_(store), repository_(repository), state_(state) {}

  [[nodiscard]] Shown look_at(std::uint64_t sequence) const {
    Shown out;
    for (const std::string& path : copies_of(journal_path(sequence))) {
      const auto failure = failure_of([&] {
        if (may_be_entry(path, sequence)) out.author = author_of(path);
      });
      if (out.author) return {out.author, ""};
      if (failure && !is_damage(*failure)) out.failure = failure->text();
    }
    return out;
  }

 private:
  // Whether the head of the object is that of an entry of this number by a slot that the state
  // still lets in: a revoked slot has nothing to say any more.
  [[nodiscard]] bool may_be_entry(const std::string& path, std::uint64_t sequence) const {
    const std::size_t clear = clear_size(ObjectType::journal_entry);
    Bytes head(envelope_header_size + clear);
    head.resize(store_.get_range(path, 0, head));
    if (head.size() < envelope_header_size + clear) return false;
    const EnvelopeHeader header = decode_envelope_header(head, path);
    if (header.type != ObjectType::journal_entry || header.repository != repository_) return false;
    const auto slot = state_.slots.find(header.author);
    if (slot == state_.slots.end() || slot->second.is_revoked) return false;
    return decode_journal_clear(View(head).subspan(envelope_header_size), path).sequence ==
           sequence;
  }

  [[nodiscard]] std::optional<SlotId> author_of(const std::string& path) const {
    const Bytes bytes = get_object(store_, path, journal_entry_bytes_max);
    const Envelope envelope = decode_entry_envelope(bytes, path, repository_);
    if (!is_signed_by_author(state_, envelope)) return std::nullopt;
    return envelope.header.author;
  }

  StoreReader& store_;
  const RepositoryId& repository_;
  const State& state_;
};

// Numbers of objects behind entry `next`, ascending.
std::set<std::uint64_t> numbers_beyond(StoreReader& store, std::uint64_t next, Beyond beyond) {
  std::set<std::uint64_t> out;
  if (beyond == Beyond::everywhere) {
    store.list("journal", [&](const std::string& file) {
      const auto sequence = parse_journal_path(first_copy_path(file));
      if (sequence && *sequence > next) out.insert(*sequence);
    });
    return out;
  }
  for (std::uint64_t distance = 1; distance <= missing_numbers_max; distance *= 2) {
    if (has_copy(store, journal_path(next + distance))) out.insert(next + distance);
  }
  return out;
}

// "laptop (3f9a12bc)"
std::string label_of(const State& state, const SlotId& slot) {
  return concat(state.slots.at(slot).introduction.name, " (", hex(slot).substr(0, 8), ")");
}

JournalBreak make_hole(const State& state, std::uint64_t beyond, const Shown& shown) {
  const std::string missing = journal_path(state.next_sequence);
  const std::string there = journal_path(beyond);
  if (!shown.author) {
    return {.kind = JournalBreak::Kind::hole,
            .sequence = state.next_sequence,
            .problem = concat("there is no ", missing, ", and ", there,
                              " behind it cannot be read (", shown.failure, ")"),
            .advice = concat("make that readable, or move it out of the store if it is no entry of "
                             "the journal (kist journal list, on a machine that has seen more)")};
  }
  return {.kind = JournalBreak::Kind::hole,
          .sequence = state.next_sequence,
          .problem = concat("the journal lacks entry ", state.next_sequence, ", though slot ",
                            label_of(state, *shown.author), " has signed entry ", beyond),
          .advice = concat("restore ", missing,
                           " from a copy of the repository; if nobody has it, move ", there,
                           ", its second copy and all that follows out of the store, and what they "
                           "said is given up")};
}

void tell_unsigned(Observer& observer, const std::set<std::uint64_t>& numbers) {
  if (numbers.empty()) return;
  observer.notice(concat(journal_path(*numbers.begin()),
                         numbers.size() > 1 ? concat(" and ", numbers.size() - 1, " more") : "",
                         ", behind the journal's end, was signed by no slot: it is no entry, and "
                         "changes nothing"));
}

}  // namespace

Error JournalBreak::error() const {
  return {Code::corrupt, concat(problem, ": nothing can be committed; ", advice)};
}

std::optional<JournalBreak> find_hole(StoreReader& store,
                                      const RepositoryId& repository,
                                      const State& state,
                                      Beyond beyond,
                                      Observer& observer) {
  const BeyondReader reader(store, repository, state);
  std::set<std::uint64_t> unsigned_numbers;
  for (const std::uint64_t sequence : numbers_beyond(store, state.next_sequence, beyond)) {
    check_cancelled(observer);
    const Shown shown = reader.look_at(sequence);
    if (!shown.author && shown.failure.empty()) {
      unsigned_numbers.insert(sequence);
      continue;
    }
    // Whoever has committed entry and successor meanwhile has left no hole.
    if (has_copy(store, journal_path(state.next_sequence))) return std::nullopt;
    return make_hole(state, sequence, shown);
  }
  if (beyond == Beyond::everywhere) tell_unsigned(observer, unsigned_numbers);
  return std::nullopt;
}

void require_entries(StoreReader& store, const State& state) {
  std::vector<bool> is_listed(state.next_sequence);
  store.list("journal", [&](const std::string& file) {
    const auto sequence = parse_journal_path(first_copy_path(file));
    if (sequence && *sequence < is_listed.size()) is_listed[*sequence] = true;
  });
  for (std::uint64_t sequence = 0; sequence < is_listed.size(); ++sequence) {
    // A listing may lag: what it lacks is asked for by name.
    if (is_listed[sequence] || has_copy(store, journal_path(sequence))) continue;
    throw Error(
        Code::missing,
        concat("journal entry ", sequence,
               " is missing: once the epoch has ended, nothing before it would open for a "
               "machine that has not seen it; restore it from a copy of the repository, and "
               "run again"));
  }
}

}  // namespace kist
