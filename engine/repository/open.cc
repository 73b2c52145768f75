#include "engine/repository/open.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <set>
#include <vector>

#include "engine/base/disk/file.h"
#include "engine/content/chunker.h"
#include "engine/content/compress.h"
#include "engine/crypto/hash.h"
#include "engine/crypto/seal.h"
#include "engine/crypto/sign.h"
#include "engine/format/encodable.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/journal/commit.h"
#include "engine/journal/replay.h"
#include "engine/keys/recipient.h"
#include "engine/repository/slots.h"

namespace kist {

namespace {

void refuse_leftovers(StoreReader& store) {
  if (store.size(repository_file)) {
    throw Error(Code::refused, "there is a repository already; choose another place");
  }
  bool has_journal = false;
  store.list("journal", [&](const std::string&) { has_journal = true; });
  if (has_journal) {
    throw Error(
        Code::refused,
        "an init that did not finish, or a repository that lost its kist.repo, is there; if "
        "nothing in it is needed, empty the directory and run again");
  }
}

ContentParameters content_parameters(const InitOptions& options) {
  const std::uint32_t target =
      options.block_target == 0 ? block_target_default : options.block_target;
  const ChunkerParameters chunker = chunker_parameters(target);
  if (!std::has_single_bit(target) || !is_allowed(chunker)) {
    throw Error(Code::invalid, "the chunk size must be a power of two from 16 KiB to 4 MiB");
  }
  const int level = options.compression < 0 ? compression_default : options.compression;
  if (level > compression_level_max) {
    throw Error(Code::invalid,
                concat("the compression level goes from 0 to ", compression_level_max));
  }
  ContentParameters out;
  out.block_min = chunker.size_min;
  out.block_target = chunker.size_target;
  out.block_max = chunker.size_max;
  out.compression = static_cast<std::uint8_t>(level);
  return out;
}

Secrets draw_secrets(Random& random) {
  Secrets out;
  for (Key* key : {&out.slot_seed, &out.id_key, &out.chunk_seed, &out.journal_key, &out.index_key,
                   &out.epoch_secret}) {
    random.fill(key->mutable_view());
  }
  SlotKeys keys(out.slot_seed);
  out.signing_seed = std::move(keys.signing_seed);
  out.box_seed = std::move(keys.box_seed);
  return out;
}

// A journal whose last entry is older may be an old copy, for a machine that has not seen it
// before.
constexpr std::int64_t unseen_age_max_ms = 7LL * 86'400'000;

std::string state_directory(const std::string& parent, const RepositoryId& repository) {
  return concat(parent, "/", hex(repository));
}

// This machine's record of a repository that is being made: where there is no room for it, nothing
// is made, and where nothing is made, it goes again.
class NewLocalState {
 public:
  NewLocalState(std::string directory, Surroundings around) : directory_(std::move(directory)) {
    try {
      static_cast<void>(LocalState(directory_, around.random, around.observer));
    } catch (const Error&) {
      remove();
      throw;
    }
  }

  NewLocalState(const NewLocalState&) = delete;
  NewLocalState& operator=(const NewLocalState&) = delete;
  NewLocalState(NewLocalState&&) = delete;
  NewLocalState& operator=(NewLocalState&&) = delete;

  ~NewLocalState() {
    if (!is_kept_) remove();
  }

  void keep() { is_kept_ = true; }

 private:
  void remove() noexcept {
    try {
      remove_tree(directory_);
    } catch (const Error&) {
      is_kept_ = true;  // it stays; it is of no repository and holds nothing
    }
  }

  std::string directory_;
  bool is_kept_ = false;
};

RepositoryFile read_repository_file(StoreReader& store) {
  Bytes bytes;
  try {
    bytes = get_object(store, repository_file, small_object_bytes_max);
  } catch (const Error& error) {
    if (error.code() != Code::missing) throw;
    throw Error(Code::no_repository, "there is no repository; make one with kist init");
  }
  return decode_repository_file(bytes, &hash_object);
}

void confirm_keys(const Repository& repository) {
  const State& state = repository.state();
  const SlotState& slot = state.slots.at(repository.keyring.slot());
  const std::uint32_t generation = repository.keyring.generation();
  if (generation < slot.generation) {
    throw generation == 0
        ? Error(Code::refused,
                "that key was accepted already: it opens the repository as it is, unless kist key "
                "passwd has put another in its place")
        : Error(Code::wrong_secret, "that password or key was replaced by a newer one");
  }
  if (!repository.keyring.is_grant_confirmed_by(state)) {
    throw Error(Code::corrupt, "the slot's keys are not those that the journal names");
  }
}

}  // namespace

Repository init_repository(std::shared_ptr<Store> store,
                           const Credential& credential,
                           const InitOptions& options,
                           const std::string& state_parent,
                           Surroundings around) {
  refuse_leftovers(*store);
  const ContentParameters content = content_parameters(options);
  Random& random = around.random;
  Secrets secrets = draw_secrets(random);
  const ObjectOrigin origin{.repository = random.draw_id<RepositoryId>(),
                            .epoch_number = 0,
                            .epoch = random.draw_id<EpochId>(),
                            .author = random.draw_id<SlotId>()};
  const SlotKeys keys(secrets.slot_seed);
  NewLocalState local(state_directory(state_parent, origin.repository), around);
  store->create_folders();

  Genesis genesis;
  genesis.content = content;
  genesis.id_key = hash_key(secrets.id_key);
  genesis.chunk_seed = hash_key(secrets.chunk_seed);
  genesis.epoch_key = box_public_key(secrets.epoch_secret);
  genesis.owner =
      introduce(*store, origin, secrets,
                {origin.author, keys.public_keys(), credential.kind, options.owner_name}, random);
  genesis.policy.minimum = options.minimum_retention_seconds;
  genesis.policy.dedup = options.dedup;

  OpenedSlot opened;
  opened.slot = origin.author;
  opened.seed = secrets.slot_seed.clone();
  Keyring unsealed(origin.repository, opened);
  unsealed.adopt(std::move(secrets), origin.epoch_number, origin.epoch);
  const JournalEntry first{.sequence = 0,
                           .author = origin.author,
                           .epoch = origin.epoch,
                           .time_ms = around.clock.now_ms(),
                           .act = genesis};
  check_encodable(first);
  const Bytes entry = seal_entry(unsealed, random, first);
  put_twinned(
      *store, slot_name(origin.author, 1),
      make_slot_object(origin, keys, {credential, options.argon2, 1, hash_object(entry)}, random));
  store->barrier();
  if (!store->put_if_absent(journal_name(0), entry)) {
    throw Error(Code::refused, "another init was faster; choose another place");
  }
  store->barrier();
  store->put(twin_name(journal_name(0)), entry);
  store->barrier();
  const RepositoryFile file{.repository = origin.repository, .features = 0};
  if (!store->put_if_absent(repository_file, encode_repository_file(file, &hash_object))) {
    throw Error(Code::refused, "another init was faster; choose another place");
  }
  local.keep();
  store->barrier();
  return in_context("the repository is made, but could not be opened", [&] {
    return open_repository(std::move(store), credential, {.state_parent = state_parent, .slot = {}},
                           around);
  });
}

namespace {

void require_entry(const Repository& repository, const KnownEntry& known) {
  std::string hash;
  repository.local->catalog().for_each(known.sequence, [&](const ReplayedEntry& replayed) {
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
  const std::string name = journal_name(0);
  for (const std::string& copy : {name, twin_name(name)}) {
    try {
      if (hash_object(get_object(store, copy, journal_entry_bytes_max)) == fingerprint) return;
    } catch (const Error& error) {
      if (!is_damage(error)) throw;
    }
  }
  throw Error(Code::refused,
              "this is not the repository of that fingerprint: there is a slip in it, or somebody "
              "shows another repository; compare with the owner");
}

// A key that was let in and is not accepted yet opens no slot; better that it is told why.
OpenedSlot open_as_accepted(StoreReader& store,
                            const RepositoryId& repository,
                            const Credential& credential,
                            const SlotChoice& choice) {
  try {
    return open_slot(store, repository, credential, choice);
  } catch (const Error& error) {
    if (error.code() != Code::wrong_secret || credential.kind != SlotKind::key_file) throw;
    bool is_accepted = false;
    try {
      const SlotId slot = open_as_recipient(store, repository, credential, {}, choice).slot;
      store.list("slots", [&](const std::string& file) {
        const auto name = parse_slot_name(untwinned(file));
        is_accepted |= name && name->slot == slot;
      });
    } catch (const Error&) {
      throw Error(error);
    }
    if (is_accepted) throw;
    throw Error(Code::wrong_secret,
                "an owner has let this key in, and it was not accepted yet: kist key accept "
                "--fingerprint, with what the owner says");
  }
}

}  // namespace

Repository open_repository(std::shared_ptr<Store> store,
                           const Credential& credential,
                           const OpenOptions& options,
                           Surroundings around) {
  init_crypto();
  const RepositoryFile file = read_repository_file(*store);
  auto local = std::make_unique<LocalState>(state_directory(options.state_parent, file.repository),
                                            around.random, around.observer);
  SlotChoice choice{.preferred = local->last_slot(), .only = options.slot, .except = {}};
  if (options.fingerprint) require_fingerprint(*store, *options.fingerprint);
  const auto open_next = [&](StoreReader& reader) {
    return Keyring(
        file.repository,
        options.fingerprint
            ? open_as_recipient(reader, file.repository, credential, *options.fingerprint, choice)
            : open_as_accepted(reader, file.repository, credential, choice));
  };
  Keyring first = open_next(*store);
  const bool has_memory = local->last_head() && !local->is_head_doubted();
  if (!has_memory) local->doubt_head(true);  // before anything is remembered of it
  Repository repository(around, std::move(store), std::move(first), std::move(local));
  // What a key add that was cut off has left opens nothing; the next slot with the same secret may.
  for (;;) {
    std::optional<Error> failure;
    try {
      repository.keyring.open_grant(repository.reader(), around.observer);
      sync_journal(repository);
    } catch (const Error& error) {
      // A grant may be anybody's: what it seemed to open need not be a recipient's slot.
      const bool is_junk = options.fingerprint && is_damage(error);
      if (error.code() != Code::refused && error.code() != Code::missing && !is_junk) throw;
      failure = error;
    }
    const bool is_known = repository.state().slots.contains(repository.keyring.slot());
    if (failure && is_known) throw Error(*failure);
    if (is_known) break;
    choice.except.insert(repository.keyring.slot());
    try {
      repository.keyring = open_next(repository.reader());
    } catch (const Error& error) {
      if (failure && error.code() != Code::interrupted) throw Error(*failure);
      throw;
    }
  }
  confirm_keys(repository);
  if (options.known) require_entry(repository, *options.known);
  repository.knows_head = has_memory || options.known || options.trusts_journal ||
                          around.clock.now_ms() - repository.state().last_ms <= unseen_age_max_ms;
  if (repository.knows_head) repository.local->doubt_head(false);
  repository.local->remember_slot(repository.keyring.slot());
  return repository;
}

}  // namespace kist
