#include "engine/repository/init.h"

#include <bit>

#include "engine/base/disk/file.h"
#include "engine/base/pinned.h"
#include "engine/content/chunker.h"
#include "engine/content/compress.h"
#include "engine/crypto/hash.h"
#include "engine/crypto/seal.h"
#include "engine/crypto/sign.h"
#include "engine/format/encodable.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/journal/anchor.h"
#include "engine/journal/sealed_entry.h"
#include "engine/repository/new_slot.h"
#include "engine/repository/open.h"
#include "engine/repository/repository_file.h"
#include "engine/store/twins.h"

namespace kist {

namespace {

void refuse_leftovers(StoreReader& store) {
  if (has_copy(store, repository_file)) {
    throw Error(Code::refused, "there is a repository already; choose another place");
  }
  bool has_journal = false;
  store.list("journal", [&](const std::string&) { has_journal = true; });
  if (has_journal) {
    throw Error(
        Code::refused,
        "an init that did not finish, or a repository that lost its kist.repo, is there: kist "
        "verify "
        "--repair makes that file anew; if nothing in it is needed, empty the directory and run "
        "again");
  }
}

ContentParameters content_parameters(const InitOptions& options) {
  const std::uint32_t target =
      options.block_target == 0 ? block_target_default : options.block_target;
  const ChunkerParameters chunker = chunker_parameters(target);
  if (!std::has_single_bit(target) || !is_chunking_allowed(chunker)) {
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
  for (Key* key : {&out.slot_seed, &out.id_key, &out.chunk_seed}) {
    random.fill(key->mutable_view());
  }
  out.parts = draw_epoch_parts(random);
  SlotKeys keys(out.slot_seed);
  out.signing_seed = std::move(keys.signing_seed);
  out.box_seed = std::move(keys.box_seed);
  return out;
}

// This machine's record of a repository that is being made: where there is no room for it, nothing
// is made, and where nothing is made, it goes again.
class NewLocalDirectory : private Pinned {
 public:
  NewLocalDirectory(std::string directory, Services services) : directory_(std::move(directory)) {
    try {
      static_cast<void>(LocalDirectory(directory_, services.random, services.observer));
    } catch (const Error&) {
      remove();
      throw;
    }
  }

  ~NewLocalDirectory() {
    if (!is_kept_) remove();
  }

  void keep() { is_kept_ = true; }

 private:
  void remove() noexcept {
    try {
      LocalDirectory::destroy(directory_);
    } catch (const Error&) {
      is_kept_ = true;  // it stays; it is of no repository and holds nothing
    }
  }

  std::string directory_;
  bool is_kept_ = false;
};

}  // namespace

Repository init_repository(std::shared_ptr<Store> store,
                           const Credential& credential,
                           const InitOptions& options,
                           const std::string& state_parent,
                           Services services) {
  refuse_leftovers(*store);
  const ContentParameters content = content_parameters(options);
  Random& random = services.random;
  Secrets secrets = draw_secrets(random);
  const ObjectOrigin origin{.repository = random.draw_id<RepositoryId>(),
                            .epoch_number = 0,
                            .epoch = random.draw_id<EpochId>(),
                            .author = random.draw_id<SlotId>()};
  const SlotKeys keys(secrets.slot_seed);
  NewLocalDirectory local(state_directory(state_parent, origin.repository), services);
  store->create_folders();

  Genesis genesis;
  genesis.content = content;
  genesis.id_key = hash_key(secrets.id_key);
  genesis.chunk_seed = hash_key(secrets.chunk_seed);
  // The anchor is the first object that is written, before all that tells how to use it.
  const EpochShares shares = draw_epoch_shares(random);
  const Bytes anchor = make_anchor(origin, shares.anchor);
  put_anchors(*store, origin, anchor);
  genesis.beginning = make_beginning(secrets.parts, shares, hash_object(anchor), 0);
  require_anchors(*store, origin, genesis.beginning.anchor);
  const NewSlotObjects owner = make_grant_and_box(
      origin, secrets, {origin.author, keys.public_keys(), credential.kind, options.owner_name},
      random);
  put_twinned(*store, owner.grant.path, owner.grant.bytes);
  put_twinned(*store, owner.box.path, owner.box.bytes);
  genesis.owner = owner.introduction;
  genesis.policy.minimum_seconds = options.minimum_retention_seconds;
  genesis.policy.zone = options.zone;
  genesis.policy.dedup = options.dedup;

  OpenedSlot opened;
  opened.slot = origin.author;
  opened.seed = secrets.slot_seed.clone();
  Keyring unsealed(origin.repository, opened);
  unsealed.adopt(std::move(secrets), origin.epoch_number, origin.epoch);
  const JournalEntry first{.sequence = 0,
                           .author = origin.author,
                           .epoch = origin.epoch,
                           .time_ms = services.clock.now_ms(),
                           .act = genesis};
  check_encodable(first);
  const Bytes entry = seal_entry(unsealed, random, first);
  put_twinned(
      *store, slot_path(origin.author, 1),
      make_slot_object(origin, keys, {credential, options.argon2, 1, hash_object(entry)}, random));
  store->barrier();
  if (!store->put_if_absent(journal_path(0), entry)) {
    throw Error(Code::refused, "another init was faster; choose another place");
  }
  store->barrier();
  put_second_copy(*store, journal_path(0), entry);
  put_second_copy(*store, repository_file, make_repository_file(origin.repository));
  store->barrier();
  if (!store->put_if_absent(repository_file, make_repository_file(origin.repository))) {
    throw Error(Code::refused, "another init was faster; choose another place");
  }
  local.keep();
  store->barrier();
  return in_context("the repository is made, but could not be opened", [&] {
    return open_repository(std::move(store), credential,
                           {.state_parent = state_parent, .slot = origin.author}, services);
  });
}

}  // namespace kist
