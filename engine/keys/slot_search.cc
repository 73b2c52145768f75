#include "engine/keys/slot_search.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "engine/base/attempt.h"
#include "engine/crypto/kdf.h"
#include "engine/format/limits.h"
#include "engine/keys/sealed_object.h"
#include "engine/store/twins.h"

namespace kist {

namespace {

// Objects in slots/ that are named like slot objects, both copies once.
std::vector<SlotPath> list_slots(StoreReader& store, const SlotChoice& choice) {
  const auto is_chosen = [&](const SlotPath& slot) {
    return (!choice.among || choice.among->contains(slot.slot)) &&
           (!choice.only || slot.slot == *choice.only) && !choice.except.contains(slot.slot) &&
           (!choice.generation || slot.generation == *choice.generation);
  };
  std::vector<SlotPath> out;
  store.list("slots", [&](const std::string& file) {
    const auto slot = parse_slot_path(first_copy_path(file));
    if (slot && is_chosen(*slot)) out.push_back(*slot);
  });
  for (const auto& [id, generation] : choice.among.value_or(std::map<SlotId, std::uint32_t>())) {
    const SlotPath named{id, generation};
    if (generation > 0 && is_chosen(named)) out.push_back(named);
  }
  const auto key = [](const SlotPath& slot) { return std::tuple(slot.slot, ~slot.generation); };
  std::ranges::sort(out, {}, key);
  const auto is_same = [&](const SlotPath& a, const SlotPath& b) { return key(a) == key(b); };
  out.erase(std::unique(out.begin(), out.end(), is_same), out.end());
  return out;
}

// The journal's first entry, by which the first owner's slot is told without any secret.
class FirstEntry {
 public:
  FirstEntry(StoreReader& store, const RepositoryId& repository) : repository_(repository) {
    for (const std::string& path : copies_of(journal_path(0))) {
      Copy copy = read_copy(store, path, journal_entry_bytes_max);
      if (copy.bytes) copies_.push_back(std::move(*copy.bytes));
    }
  }

  [[nodiscard]] bool is_by(const SlotId& slot, const SigningPublicKey& key) const {
    return std::ranges::any_of(copies_, [&](const Bytes& bytes) {
      bool is_it = false;
      const auto damage = damage_of([&] {
        const Envelope envelope = decode_envelope_of(bytes, "the journal's first entry",
                                                     ObjectType::journal_entry, repository_);
        is_it = envelope.header.author == slot && is_signed_by(envelope, key);
      });
      return is_it && !damage;
    });
  }

 private:
  const RepositoryId& repository_;
  std::vector<Bytes> copies_;
};

// A passphrase's slot object, with what its place in the order goes by.
struct Candidate {
  SlotToTry slot;
  SigningPublicKey key;
};

// Reads the clear section; nothing where the slot is of another kind, or damaged.
std::optional<Candidate> read_candidate(StoreReader& store,
                                        const RepositoryId& repository,
                                        const SlotPath& slot,
                                        DamagedSlots& damaged) {
  std::optional<SlotClear> clear;
  std::optional<Error> damage;
  const std::string path = slot_path(slot.slot, slot.generation);
  find_copy(store, path, slot_object_bytes_max, [&](Copy& copy) {
    if (!copy.problem) {
      copy.problem = failure_of(
          [&] { clear = decode_slot_object(*copy.bytes, copy.path, slot, repository).clear; });
    }
    if (copy.problem && !copy.is_absent()) damage = copy.problem;
    return clear.has_value();
  });
  if (clear && clear->kind != SlotKind::passphrase) return std::nullopt;
  if (clear && !is_allowed({clear->passes, clear->memory_kib})) {
    damage = Error(Code::corrupt, concat(path, " asks for an Argon2id cost out of bounds"));
    clear.reset();
  }
  if (!clear) {
    if (damage) damaged.add(*damage);
    return std::nullopt;
  }
  const std::uint64_t work = std::uint64_t{clear->passes} * clear->memory_kib;
  return Candidate{{slot, work}, clear->signing_key};
}

// What the objects of one slot that one key has signed have in common.
struct Group {
  bool is_other = true;  // than the first owner's
  std::uint64_t least_work = UINT64_MAX;
  std::uint32_t oldest = UINT32_MAX;
};

}  // namespace

SlotObject decode_slot_object(View bytes,
                              const std::string& copy_path,
                              const SlotPath& slot,
                              const RepositoryId& repository) {
  SlotObject out;
  out.envelope = decode_envelope_of(bytes, copy_path, ObjectType::slot, repository);
  out.clear = decode_slot_clear(out.envelope.clear, copy_path);
  if (out.envelope.header.author != slot.slot || out.clear.generation != slot.generation ||
      !is_signed_by(out.envelope, out.clear.signing_key)) {
    throw Error(Code::corrupt,
                concat(copy_path, " is not authentic: damaged, or put there by others"));
  }
  return out;
}

std::vector<SlotToTry> slots_to_try(StoreReader& store,
                                    const RepositoryId& repository,
                                    SlotKind kind,
                                    const SlotChoice& choice,
                                    DamagedSlots& damaged) {
  std::vector<SlotToTry> out;
  std::vector<Candidate> candidates;
  for (const SlotPath& slot : list_slots(store, choice)) {
    if (kind != SlotKind::passphrase) {
      out.push_back({slot});
      continue;
    }
    auto candidate = read_candidate(store, repository, slot, damaged);
    if (candidate) candidates.push_back(*candidate);
  }
  if (candidates.empty()) return out;
  const FirstEntry first(store, repository);
  std::map<std::tuple<SlotId, SigningPublicKey>, Group> groups;
  for (const Candidate& candidate : candidates) {
    const SlotPath& slot = candidate.slot.path;
    const auto [found, is_new] = groups.try_emplace({slot.slot, candidate.key});
    Group& group = found->second;
    if (is_new) group.is_other = !first.is_by(slot.slot, candidate.key);
    group.least_work = std::min(group.least_work, candidate.slot.work);
    group.oldest = std::min(group.oldest, slot.generation);
  }
  std::ranges::sort(candidates, {}, [&](const Candidate& candidate) {
    const SlotPath& slot = candidate.slot.path;
    const Group& group = groups.at({slot.slot, candidate.key});
    const std::uint64_t work = choice.only ? 0 : group.least_work;
    return std::tuple(group.is_other, work, slot.slot, group.oldest, candidate.key,
                      ~slot.generation);
  });
  for (const Candidate& candidate : candidates) {
    out.push_back(candidate.slot);
  }
  return out;
}

}  // namespace kist
