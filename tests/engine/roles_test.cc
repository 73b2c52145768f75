// What each role can do, and what it cannot even by going around the program: the tests hold the
// real keys of a slot, take the whole store, and try.
#include "tests/support/roles.h"

#include <filesystem>
#include <type_traits>

#include "engine/blocks/block_reader.h"
#include "engine/blocks/block_writer.h"
#include "engine/blocks/frame.h"
#include "engine/blocks/objects.h"
#include "engine/blocks/snapshot_opener.h"
#include "engine/crypto/hash.h"
#include "engine/crypto/seal.h"
#include "engine/format/names.h"
#include "engine/format/slot.h"
#include "engine/journal/journal.h"
#include "engine/keys/sealed_object.h"

using namespace kist;
using namespace kist::test;

namespace fs = std::filesystem;

// A missing right is an error of the compiler.
static_assert(!std::is_default_constructible_v<WriteKeys>);
static_assert(!std::is_default_constructible_v<ReadKeys>);
static_assert(!std::is_constructible_v<WriteKeys, const Secrets&>);
static_assert(!std::is_constructible_v<ReadKeys, const Secrets&>);
static_assert(!std::is_constructible_v<ReadKeys, WriteKeys>);
static_assert(!std::is_constructible_v<Remover, StoreRemover&, std::string>);
static_assert(!std::is_constructible_v<BlockReader, const Journal&, BlockIndex&, WriteKeys>);
static_assert(!std::is_constructible_v<BlockWriter, Blocks&, ReadKeys, Pool&, Compression>);
static_assert(!std::is_convertible_v<decltype(std::declval<Repository&>().writer()), Store&>);

namespace {

// Every key that can be had from a slot's key file and the store.
std::vector<Key> keys_within_reach(const Roles& roles, const Repository& repository) {
  std::vector<Key> out;
  const SlotKeys slot(repository.keyring().slot_seed());
  out.push_back(slot.seed.clone());
  out.push_back(slot.signing_seed.clone());
  out.push_back(slot.box_seed.clone());
  out.push_back(Key::from(Machine::credential(9).secret.view()));
  out.emplace_back();
  const auto objects = roles.store->objects();
  const SlotId& id = repository.keyring().slot();
  const EpochId& epoch = repository.state().epoch;
  const EpochBox box = decode_epoch_box(objects.at(epoch_box_path(0, epoch, id)), "box");
  const Envelope grant = decode_envelope(objects.at(grant_path(id)), "grant");
  const auto grant_key = open_box(slot.box_seed, grant.clear);
  const auto secrets = open_box(slot.box_seed, box.box);
  REQUIRE((grant_key && secrets));
  const SecretBytes granted = open_envelope(grant, "grant", Key::from(grant_key->view()));
  for (const View all : {secrets->view(), granted.view()}) {
    for (std::size_t at = 0; at + Key::size <= all.size(); at += Key::size) {
      out.push_back(Key::from(all.subspan(at, Key::size)));
    }
  }
  // What the outer parts of key segments tell.
  for (const auto& [name, bytes] : objects) {
    if (!name.starts_with("keys/") || name.ends_with(".2")) continue;
    const SecretBytes plain =
        open_object(bytes, name, ObjectType::key_segment, repository.keyring().repository(),
                    repository.journal().index_key());
    const KeySegmentOuter outer = decode_key_segment(plain.view(), name);
    for (const KeyGroup& group : outer.groups) {
      for (const NamedKey& key : group.index_segments) {
        out.push_back(Key::from(key.key));
      }
    }
  }
  return out;
}

bool opens_envelope(const std::vector<Key>& keys, View bytes) {
  const Envelope envelope = decode_envelope(bytes, "object");
  return std::ranges::any_of(keys, [&](const Key& key) {
    Bytes plain(envelope.sealed.size() - seal_overhead);
    return open(key, envelope.header.nonce, envelope.associated, envelope.sealed, plain);
  });
}

bool opens_box(const std::vector<Key>& keys, const Bytes& box) {
  return std::ranges::any_of(keys, [&](const Key& key) { return open_box(key, box).has_value(); });
}

// Whether any of the keys is the pack's: its pack key, or the key of its directory.
bool opens_pack(const std::vector<Key>& keys, const RepositoryId& repository, View pack) {
  const PackHeader header = decode_pack_header(pack.first(pack_header_size), "pack");
  const FramePosition position{repository, header.kind, 0};
  const std::uint32_t directory_size = decode_pack_footer(pack.last(pack_footer_size), "pack");
  const View directory =
      pack.subspan(pack.size() - pack_footer_size - directory_size, directory_size);
  return std::ranges::any_of(keys, [&](const Key& key) {
    for (const bool is_pack_key : {true, false}) {
      try {
        static_cast<void>(open_directory(is_pack_key ? derive_directory_key(key) : key.clone(),
                                         position, directory, "pack"));
        return true;
      } catch (const Error&) {
      }
    }
    return false;
  });
}

// What the keys open of all that only readers may: "body", "inner", "pack", "" for nothing.
std::string opened_with(const std::vector<Key>& keys,
                        const std::map<std::string, Bytes>& objects,
                        const Repository& repository) {
  for (const auto& [name, bytes] : objects) {
    if (name.starts_with("bodies/") && opens_envelope(keys, bytes)) return "body";
    if (name.starts_with("packs/") && opens_pack(keys, repository.keyring().repository(), bytes)) {
      return "pack";
    }
    if (!name.starts_with("keys/")) continue;
    const SecretBytes plain =
        open_object(bytes, name, ObjectType::key_segment, repository.keyring().repository(),
                    repository.journal().index_key());
    if (opens_box(keys, decode_key_segment(plain.view(), name).inner_box)) return "inner";
  }
  return "";
}

// The keys that would open something if the parts of an epoch box, each taken for any other, and
// these shares were those of the epoch.
void add_derived(std::vector<Key>& keys,
                 const EpochParts& parts,
                 const KeyBytes& share,
                 const MemoryStore& store) {
  for (const auto& [name, bytes] : store.objects()) {
    if (!name.starts_with("anchors/")) continue;
    const Key anchor = Key::from(decode_anchor(bytes, name).share);
    for (const Key* part :
         {&parts.journal_key, &parts.index_part, &parts.audit_part, &parts.read_part}) {
      const EpochParts tried{part->clone(), part->clone(), part->clone(), part->clone()};
      EpochSecrets derived = derive_epoch_secrets(tried, share, anchor);
      keys.push_back(std::move(derived.index_key));
      keys.push_back(std::move(derived.audit_secret));
      keys.push_back(std::move(derived.read_secret));
    }
  }
}

// All that a reader's key segments open: the keys of sets, packs and bodies.
void add_opened(std::vector<Key>& keys, const Repository& reader, const MemoryStore& store) {
  const RepositoryId& repository = reader.keyring().repository();
  for (const auto& [name, bytes] : store.objects()) {
    if (!name.starts_with("keys/")) continue;
    const SecretBytes plain =
        open_object(bytes, name, ObjectType::key_segment, repository, reader.journal().index_key());
    const KeySegmentOuter outer = decode_key_segment(plain.view(), name);
    const ObjectHash hash = hash_object(bytes);
    const Key& audit_secret = *reader.keyring().audit_secret();
    for (const auto& group : open_key_segment_sets(outer, hash, audit_secret).groups) {
      std::ranges::transform(group, std::back_inserter(keys), &Key::from);
    }
    const Key& epoch_secret = reader.read_keys().epoch_secret();
    for (const auto& group : open_key_segment_inner(outer, hash, epoch_secret).groups) {
      std::ranges::transform(group.packs, std::back_inserter(keys), &Key::from);
      std::ranges::transform(group.bodies, std::back_inserter(keys), &Key::from);
    }
  }
}

// What the keys open of these objects' reference sets and ways to them: "set", "audit" (the keys of
// all sets), "author" (that of a pending one), "" for nothing. `reader` opens key segments.
std::string sets_opened_with(const std::vector<Key>& keys,
                             const std::map<std::string, Bytes>& objects,
                             const Repository& reader) {
  for (const auto& [name, bytes] : objects) {
    if (name.starts_with("refs/") && opens_envelope(keys, bytes)) return "set";
    if (!name.starts_with("keys/")) continue;
    const SecretBytes plain =
        open_object(bytes, name, ObjectType::key_segment, reader.keyring().repository(),
                    reader.journal().index_key());
    const KeySegmentOuter outer = decode_key_segment(plain.view(), name);
    if (opens_box(keys, outer.audit_box)) return "audit";
    const bool opens_group = std::ranges::any_of(outer.groups, [&](const KeyGroup& group) {
      return !group.author_box.empty() && opens_box(keys, group.author_box);
    });
    if (opens_group) return "author";
  }
  return "";
}

bool holds_text(const std::string& directory, std::string_view text) {
  for (const auto& file : fs::recursive_directory_iterator(directory)) {
    if (!file.is_regular_file()) continue;
    if (as_text(slurp(file.path())).find(text) != std::string_view::npos) return true;
  }
  return false;
}

// Everything that looks at snapshots, and whether it was refused as lacking a right.
void require_no_reading(Repository& repository, const SnapshotId& snapshot) {
  const auto refused = [](const auto& work) { REQUIRE(error_code(work) == Code::refused); };
  const Selection selection = select(repository, hex(snapshot));
  refused([&] { list_entries(repository, selection, true, [](const Entry&) {}); });
  refused([&] { read_content(repository, selection, [](View) {}); });
  refused([&] { diff_snapshots(repository, selection, selection, [](const Difference&) {}); });
  refused([&] { find_paths(repository, {}); });
  refused([&] {
    const TemporaryDirectory target;
    RestoreOptions options;
    options.snapshot = snapshot;
    options.target = target / "out";
    restore(repository, options);
  });
  refused([&] { verify(repository, {.level = VerifyLevel::content}); });
  refused([&] { verify(repository, {.repairs = true}); });
  refused([&] { add_slot(repository, Machine::credential(5), argon2_floor, "friend"); });
  refused([&] { static_cast<void>(repository.remover()); });
}

}  // namespace

TEST_CASE("a writer backs up, deduplicates and goes on, and can look at nothing") {
  Roles roles(writer_capabilities);
  Repository repository = roles.open();
  const BackupResult first = roles.backup(repository, "laptop");
  REQUIRE(first.statistics.bytes_new < 50'000);  // the owner's blocks are proved: not stored again
  const BackupResult second = roles.backup(repository, "laptop");
  REQUIRE(second.files_opened == 0);
  REQUIRE(second.statistics.blocks_new == 0);
  require_no_reading(repository, roles.first);
  require_no_reading(repository, second.snapshot);
  for (const auto& work : {std::function<void()>([&] { list_snapshots(repository); }),
                           std::function<void()>([&] { count_repository(repository); }),
                           std::function<void()>([&] { verify(repository, {}); })}) {
    REQUIRE(error_code(work) == Code::refused);
  }
  // The owner restores what the writer stored.
  roles.owner_repository.journal().replay();
  require_restored(roles.owner, roles.owner_repository, roles, second.snapshot);
}

TEST_CASE("a writer's checkpoint is gone on from with the same slot") {
  Roles roles(writer_capabilities);
  Repository repository = roles.open();
  for (int i = 0; i < 20; ++i) {
    roles.write_news(200'000, concat("new", i));
  }
  BackupOptions options;
  options.paths = {roles.source / "tree"};
  options.source = "laptop";
  options.pending_bytes = 500'000;
  const BackupResult result = backup(repository, options);
  REQUIRE(result.pending_snapshots > 0);
  REQUIRE(repository.state().snapshots.at(result.snapshot).is_live);
}

TEST_CASE("all that a writer's machine has opens no snapshot and names no file of one") {
  Roles roles(writer_capabilities);
  fs::remove(roles.source / ("tree/" + std::string(secret_name)));
  Repository repository = roles.open();
  roles.backup(repository, "laptop");
  REQUIRE(opened_with(keys_within_reach(roles, repository), roles.store->objects(), repository)
              .empty());
  REQUIRE_FALSE(holds_text(roles.other.state.path(), secret_name));
  REQUIRE_FALSE(holds_text(roles.other.state.path(), secret_text));
  // The same search with one key more, that of the epoch, finds the way in: it is a search.
  std::vector<Key> keys = keys_within_reach(roles, repository);
  keys.push_back(roles.owner_repository.read_keys().epoch_secret().clone());
  REQUIRE(opened_with(keys, roles.store->objects(), repository) == "inner");
}

TEST_CASE("what a writer's key shows of other machines is what the threat model says") {
  Roles roles(writer_capabilities);
  roles.write_news(2'000);  // less than the chunker cuts: one block
  const SnapshotId snapshot =
      roles.owner.backup(roles.owner_repository, roles.source / "tree").snapshot;
  Repository repository = roles.open();
  const SnapshotState theirs = repository.state().snapshots.at(snapshot);
  // The name of the source, and its time, from the journal.
  REQUIRE(theirs.taken.source == "test");
  REQUIRE(theirs.taken.started_ms > 0);
  // With the key of blocks' ids, whether somebody has stored a file that can be guessed.
  const Bytes guess = slurp(roles.source / "tree/news");
  const BlockId id = hash_block(repository.write_keys().id_key(), guess);
  const BlockIndex::Reader index(repository.blocks().index());
  const auto copy = index.find(tag_of(id));
  REQUIRE(copy);
  REQUIRE(copy->size == guess.size());
  // Not which snapshots hold it, nor what these count: a set opens for who reads or audits.
  REQUIRE(error_code([&] { static_cast<void>(get_reference_set(repository.journal(), theirs)); }) ==
          Code::refused);
  require_no_reading(repository, snapshot);  // and no body, no name, no byte
}

TEST_CASE("an auditor sees snapshots and proves the ciphertext, without a name or a byte") {
  Roles roles(auditor_capabilities);
  Repository repository = roles.open();
  const std::vector<SnapshotSummary> snapshots = list_snapshots(repository);
  REQUIRE(snapshots.size() == 1);
  REQUIRE_FALSE(snapshots.front().body);
  REQUIRE(snapshots.front().statistics->files() == 2);
  REQUIRE(verify(repository, {}).findings.empty());
  const VerifyReport report = verify(repository, {.level = VerifyLevel::storage});
  REQUIRE(report.findings.empty());
  REQUIRE(report.bytes_read > 0);
  require_no_reading(repository, roles.first);
  REQUIRE(error_code([&] { roles.backup(repository, "laptop"); }) == Code::refused);
  REQUIRE(opened_with(keys_within_reach(roles, repository), roles.store->objects(), repository)
              .empty());
  REQUIRE_FALSE(holds_text(roles.other.state.path(), secret_name));
  // Nor can it test a guess: it lacks the key that names blocks.
  for (const Key& key : keys_within_reach(roles, repository)) {
    REQUIRE(hash_key(key) != repository.state().genesis.id_key);
    REQUIRE(hash_key(key) != repository.state().genesis.chunk_seed);
  }
  // A damaged pack is found by who cannot open it.
  for (const auto& [name, bytes] : roles.store->objects()) {
    if (!name.starts_with("packs/")) continue;
    Bytes damaged = bytes;
    damaged[damaged.size() / 2] ^= 1;
    roles.store->overwrite(name, damaged);
    break;
  }
  REQUIRE(verify(repository, {.level = VerifyLevel::storage}).findings.size() == 1);
}

TEST_CASE("a reader restores, and stores nothing") {
  Roles roles(reader_capabilities);
  Repository repository = roles.open();
  require_restored(roles.other, repository, roles, roles.first);
  REQUIRE(verify(repository, {.level = VerifyLevel::content}).findings.empty());
  REQUIRE(error_code([&] { roles.backup(repository, "laptop"); }) == Code::refused);
  REQUIRE(error_code([&] {
            add_slot(repository, Machine::credential(5), argon2_floor, "friend");
          }) == Code::refused);
  for (const Key& key : keys_within_reach(roles, repository)) {
    REQUIRE(hash_key(key) != repository.state().genesis.chunk_seed);
  }
}

TEST_CASE("all that a writer's machine has opens no reference set of another's, pending or not") {
  Roles roles(writer_capabilities);
  for (int i = 0; i < 4; ++i) {
    roles.write_news(200'000, concat("news", i));
  }
  BackupOptions options;
  options.paths = {roles.source / "tree"};
  options.source = "test";
  options.pending_bytes = 250'000;
  REQUIRE(backup(roles.owner_repository, options).pending_snapshots > 0);
  const auto objects = roles.store->objects();
  Repository repository = roles.open();
  std::vector<Key> keys = keys_within_reach(roles, repository);
  keys.push_back(repository.journal().index_key().clone());
  add_derived(keys, repository.keyring().parts(), repository.state().beginning.share, *roles.store);
  REQUIRE(sets_opened_with(keys, objects, repository).empty());
  // The same search with a key more finds the way in: that of the pending set's author, or of
  // audit.
  const Repository& owner = roles.owner_repository;
  keys.push_back(SlotKeys(owner.keyring().slot_seed()).box_seed.clone());
  REQUIRE(sets_opened_with(keys, objects, repository) == "author");
  keys.back() = owner.keyring().audit_secret()->clone();
  REQUIRE(sets_opened_with(keys, objects, repository) == "audit");
}

TEST_CASE("who is revoked opens no content and no reference set of later, with all it ever had") {
  Roles roles(operator_capabilities);
  std::vector<Key> keys;
  EpochParts parts;
  KeyBytes share;
  {
    Repository revoked = roles.open();
    roles.backup(revoked, "laptop");
    keys = keys_within_reach(roles, revoked);
    keys.push_back(revoked.journal().index_key().clone());
    keys.push_back(revoked.keyring().audit_secret()->clone());
    keys.push_back(revoked.read_keys().epoch_secret().clone());
    add_opened(keys, revoked, *roles.store);
    parts = revoked.keyring().parts().clone();
    share = revoked.state().beginning.share;
  }
  const auto before = roles.store->objects();
  revoke(roles);
  roles.write_news(50'000);
  roles.owner.backup(roles.owner_repository, roles.source / "tree");
  add_derived(keys, parts, share, *roles.store);  // the anchor of the new epoch is in the store
  std::map<std::string, Bytes> later;
  for (const auto& [name, bytes] : roles.store->objects()) {
    if (!before.contains(name)) later.emplace(name, bytes);
  }
  // Though somebody gave away the outer parts of key segments, with the keys of index segments.
  const Repository& owner = roles.owner_repository;
  REQUIRE(opened_with(keys, later, owner).empty());
  REQUIRE(sets_opened_with(keys, later, owner).empty());
  // The search is one: of what came before all opens.
  REQUIRE(opened_with(keys, before, owner) == "body");
  keys.push_back(owner.read_keys().epoch_secret().clone());
  REQUIRE(opened_with(keys, later, owner) == "inner");
  keys.back() = owner.keyring().audit_secret()->clone();
  REQUIRE(sets_opened_with(keys, later, owner) == "audit");
}

TEST_CASE("the default name of a source is keyed by the slot's own seed") {
  Roles roles(writer_capabilities);
  BackupOptions options;
  options.paths = {roles.source / "tree"};
  options.host = "host";
  options.is_dry_run = true;
  const std::string name = backup(roles.owner_repository, options).source;
  Machine another(roles.store, 5);
  Repository elsewhere = another.open();  // with the same slot
  REQUIRE(backup(elsewhere, options).source == name);
  Repository repository = roles.open();
  REQUIRE(backup(repository, options).source != name);
  // Nothing that a writer has makes the name of a guessed path.
  std::vector<Key> keys = keys_within_reach(roles, repository);
  keys.push_back(SlotKeys(repository.keyring().slot_seed()).seed.clone());
  keys.push_back(repository.write_keys().source_label_key().clone());
  const std::string guess = options.paths.front() + std::string(1, '\0');
  const auto makes_name = [&](const Key& key) {
    return name == concat("host-", hex(hash_block(key, as_view(guess))).substr(0, 8));
  };
  REQUIRE(std::ranges::none_of(keys, makes_name));
  REQUIRE(makes_name(roles.owner_repository.write_keys().source_label_key()));
}
