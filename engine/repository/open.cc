#include "engine/repository/open.h"

#include <functional>

#include "engine/base/attempt.h"
#include "engine/base/disk/file.h"
#include "engine/crypto/hash.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/keys/recipient.h"
#include "engine/repository/repository_file.h"
#include "engine/rules/freshness.h"
#include "engine/store/twins.h"

namespace kist {

namespace {

void confirm_keys(const State& state, const Keyring& keyring) {
  const SlotState& slot = state.slots.at(keyring.slot());
  const std::uint32_t generation = keyring.generation();
  if (generation < slot.generation) {
    throw generation == 0
        ? Error(Code::refused,
                "that key was accepted already: it opens the repository as it is, unless kist key "
                "passwd has put another in its place")
        : Error(Code::wrong_secret, "that password or key was replaced by a newer one");
  }
  if (!keyring.is_grant_confirmed_by(state)) {
    throw Error(Code::corrupt, "the slot's keys are not those that the journal names");
  }
}

void require_entry(const Journal& journal, const KnownEntry& known) {
  std::string hash;
  journal.for_each_entry(known.sequence, [&](const ReplayedEntry& replayed) {
    hash = hex(replayed.hash);
    return false;
  });
  if (!hash.empty() && hash.starts_with(known.hash_digits)) return;
  throw Error(Code::corrupt,
              concat("the journal ", hash.empty() ? "has no" : "has another", " entry ",
                     known.sequence, hash.empty() ? "" : " than the one that is to be there",
                     ": it was rolled back or replaced; do not use this repository before you know "
                     "why"));
}

void require_fingerprint(StoreReader& store, const ObjectHash& fingerprint) {
  const auto is_it = [&](const Copy& copy) { return hash_object(*copy.bytes) == fingerprint; };
  if (find_whole_copy(store, journal_path(0), journal_entry_bytes_max, is_it)) return;
  throw Error(Code::refused,
              "this is not the repository of that fingerprint: there is a slip in it, or somebody "
              "shows another repository; compare with the owner");
}

// Whether an owner has let the key in, and its holder has not accepted it yet.
bool is_unaccepted_recipient(StoreReader& store,
                             const RepositoryId& repository,
                             const Credential& key_file,
                             const SlotChoice& choice) {
  bool is_accepted = false;
  const auto failure = failure_of([&] {
    const SlotId slot = open_as_recipient(store, repository, key_file, {}, choice).slot;
    store.list("slots", [&](const std::string& file) {
      const auto name = parse_slot_path(first_copy_path(file));
      is_accepted |= name && name->slot == slot;
    });
  });
  return !failure && !is_accepted;
}

// A key that was let in and is not accepted yet opens no slot; its holder is told so.
OpenedSlot open_as_accepted(StoreReader& store,
                            const RepositoryId& repository,
                            const Credential& credential,
                            const SlotChoice& choice) {
  OpenedSlot out;
  const auto failure = failure_of([&] { out = open_slot(store, repository, credential, choice); });
  if (!failure) return out;
  if (failure->code() == Code::wrong_secret && credential.kind == SlotKind::key_file &&
      is_unaccepted_recipient(store, repository, credential, choice)) {
    throw Error(Code::wrong_secret,
                "an owner has let this key in, and it was not accepted yet: kist key accept "
                "--fingerprint, with what the owner says");
  }
  throw Error(*failure);
}

// The keyring of the next slot that the credential opens.
using OpenNext = std::function<Keyring(StoreReader& store, const SlotChoice& choice)>;

// The keyring of the first slot that the credential opens. Of a slot that an owner has revoked
// nothing is left to open; what this machine remembers tells that from a wrong secret.
Keyring open_first(StoreReader& store, const SlotChoice& choice, const OpenNext& open_next) {
  std::optional<Keyring> out;
  const auto failure = failure_of([&] { out.emplace(open_next(store, choice)); });
  if (!failure) return std::move(*out);
  const bool is_gone = failure->code() == Code::wrong_secret && choice.preferred &&
                       !has_copy(store, grant_path(*choice.preferred));
  if (!is_gone) throw Error(*failure);
  throw Error(Code::refused,
              "the slot that this machine has used was revoked, or its objects are lost: nothing "
              "is left that this password or key opens; ask an owner for another slot");
}

// Whether the slot may be one that the journal does not know: a `key add` that was cut off has left
// an object that opens nothing. A grant may be anybody's, so what a recipient's key seemed to open
// there may turn out to be damage.
bool may_be_unknown(const Error& failure, bool is_recipient) {
  return failure.code() == Code::refused || failure.code() == Code::missing ||
         (is_recipient && is_damage(failure));
}

// The slot is not in the journal as far as that can be followed.
Error unknown_slot(const Journal& journal, const SlotId& slot) {
  const JournalBreak& broken = *journal.broken();
  return {Code::corrupt,
          concat("slot ", hex(slot), " is not in the journal up to entry ", journal.head().sequence,
                 ", and what follows is out of reach: ", broken.problem, "; ", broken.advice)};
}

// Follows the journal with the opened slot; where the journal does not know that slot, with the
// next one that the same secret opens.
void follow_with_known_slot(Repository::Parts& parts,
                            SlotChoice& choice,
                            bool is_recipient,
                            const OpenNext& open_next) {
  for (;;) {
    const auto failure = failure_of([&] {
      parts.keyring.open_grant(*parts.store, parts.services.observer);
      parts.journal.replay();
    });
    if (failure && !may_be_unknown(*failure, is_recipient)) throw Error(*failure);
    const SlotId slot = parts.keyring.slot();
    if (parts.journal.state().slots.contains(slot)) {
      if (failure) throw Error(*failure);
      return;
    }
    choice.except.insert(slot);
    const auto exhausted = failure_of([&] { parts.keyring = open_next(*parts.store, choice); });
    if (!exhausted) continue;
    if (failure) throw Error(*failure);
    throw parts.journal.broken() ? unknown_slot(parts.journal, slot) : Error(*exhausted);
  }
}

// The local directory of a repository, a slot that the credential opens, and how to open others.
struct Opened {
  std::unique_ptr<LocalDirectory> local;  // null: there is none yet
  SlotChoice choice;
  OpenNext open_next;
  Keyring keyring;
};

Opened open_first_slot(StoreReader& store,
                       const RepositoryId& repository,
                       const Credential& credential,
                       const OpenOptions& options,
                       Services services) {
  const std::string directory = state_directory(options.state_parent, repository);
  std::unique_ptr<LocalDirectory> local;
  if (path_exists(directory)) {
    local = std::make_unique<LocalDirectory>(directory, services.random, services.observer);
  }
  SlotChoice choice{.preferred = local ? local->last_slot() : std::nullopt,
                    .only = options.slot,
                    .except = {},
                    .generation = options.slot_generation};
  const OpenNext open_next = [&credential, &options, repository](StoreReader& reader,
                                                                 const SlotChoice& among) {
    return Keyring(repository, options.fingerprint
                                   ? open_as_recipient(reader, repository, credential,
                                                       *options.fingerprint, among)
                                   : open_as_accepted(reader, repository, credential, among));
  };
  Keyring keyring = open_first(store, choice, open_next);
  return {std::move(local), std::move(choice), open_next, std::move(keyring)};
}

// A slot that the credential opens, under the id that kist.repo names or one that the first entry
// does: slots open under the right one only. Where none opens, another reason than damage is told
// if there is one: under an id that is not the repository's, all slots look damaged.
Opened open_claimed(StoreReader& store,
                    const RepositoryClaims& claims,
                    const Credential& credential,
                    const OpenOptions& options,
                    Services services) {
  std::optional<Error> failure;
  for (const RepositoryId& repository : claims.ids) {
    std::optional<Opened> opened;
    const auto failed = failure_of(
        [&] { opened.emplace(open_first_slot(store, repository, credential, options, services)); });
    if (!failed) return std::move(*opened);
    if (!failure || is_damage(*failure)) failure = failed;
  }
  throw Error(*failure);
}

void tell_problem(const RepositoryClaims& claims, const RepositoryId& proved, Observer& observer) {
  std::string problem = claims.problem;
  if (problem.empty() && claims.ids.front() != proved) {
    problem = concat(repository_file, " names another repository");
  }
  if (problem.empty()) return;
  observer.notice(
      concat(problem,
             "; its other copy, or the journal's first entry, says which repository this "
             "is; kist verify --repair makes the file anew"));
}

}  // namespace

std::string state_directory(const std::string& parent, const RepositoryId& repository) {
  return concat(parent, "/", hex(repository));
}

Repository open_repository(std::shared_ptr<Store> store,
                           const Credential& credential,
                           const OpenOptions& options,
                           Services services) {
  init_crypto();
  const RepositoryClaims claims = find_repository_claims(*store);
  if (options.fingerprint) require_fingerprint(*store, *options.fingerprint);
  Opened opened = open_claimed(*store, claims, credential, options, services);
  const RepositoryId repository = opened.keyring.repository();
  std::unique_ptr<LocalDirectory> local = std::move(opened.local);
  if (!local) {
    local = std::make_unique<LocalDirectory>(state_directory(options.state_parent, repository),
                                             services.random, services.observer);
  }
  // A spare that cannot be read is none.
  if (auto box = value_of([&] { return local->kept_box(opened.keyring.slot()); })) {
    opened.keyring.keep_box(std::move(*box).value_or(Bytes()));
  }
  const bool has_memory = local->last_head() && !local->is_head_doubted();
  if (!has_memory) local->doubt_head(true);  // before anything is remembered of it
  auto parts = std::make_unique<Repository::Parts>(std::move(store), std::move(opened.keyring),
                                                   std::move(local), services);
  follow_with_known_slot(*parts, opened.choice, options.fingerprint.has_value(), opened.open_next);
  tell_problem(claims, repository, services.observer);
  const State& state = parts->journal.state();
  confirm_keys(state, parts->keyring);
  if (options.known) require_entry(parts->journal, *options.known);
  const bool is_trusted = has_memory || options.known || options.trusts_journal ||
                          freshness_of(state, services.clock.now_ms()) == Freshness::fresh;
  parts->journal.trust_head(is_trusted);
  if (is_trusted) parts->local->doubt_head(false);
  parts->local->remember_slot(parts->keyring.slot());
  return Repository(std::move(parts));
}

}  // namespace kist
