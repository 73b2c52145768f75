// One epoch ends, another begins: who is in it, what is carried on, what is removed, and what no
// client, however it forges, can make of it.
#include <filesystem>
#include <set>

#include "engine/blocks/block_reader.h"
#include "engine/blocks/index_loader.h"
#include "engine/crypto/hash.h"
#include "engine/crypto/kdf.h"
#include "engine/crypto/seal.h"
#include "engine/format/limits.h"
#include "engine/journal/anchor.h"
#include "engine/journal/epoch_keys.h"
#include "engine/journal/journal.h"
#include "engine/ops/epoch/key_rewriter.h"
#include "engine/repository/ended_objects.h"
#include "tests/support/attacker.h"
#include "tests/support/roles.h"

using namespace kist;
using namespace kist::test;

namespace fs = std::filesystem;

namespace {

std::set<std::string> names(const MemoryStore& store, const std::string& folder) {
  std::set<std::string> out;
  for (const auto& [name, bytes] : store.objects()) {
    if (name.starts_with(folder)) out.insert(name);
  }
  return out;
}

}  // namespace

TEST_CASE("a new epoch carries on all that is stored, for clients old and new") {
  Roles roles(writer_capabilities);
  Repository writer = roles.open();
  roles.backup(writer, "laptop");
  for (std::uint32_t number = 1; number <= 3; ++number) {
    const EndEpochResult result = rotate(roles);
    REQUIRE(result.epoch_number == number);
    REQUIRE(result.dropped.empty());
    REQUIRE(result.removed > 0);
    roles.owner.backup(roles.owner_repository, roles.source / "tree");
    writer.journal().replay();
    roles.backup(writer, "laptop");
  }
  require_restored(roles.owner, roles.owner_repository, roles, roles.first);
  roles.owner_repository.journal().replay();
  REQUIRE(verify(roles.owner_repository, {.level = VerifyLevel::content}).findings.empty());
  // Whoever comes later follows the journal back to its beginning, and comes to the same state.
  Machine late(roles.store, 8);
  late.clock.advance_ms(10LL * 365 * 86'400'000);
  Repository fresh = late.open();
  REQUIRE(fresh.state() == roles.owner_repository.state());
  require_restored(late, fresh, roles, roles.first);
  // All entries' keys are in one key segment from then on.
  REQUIRE(fresh.state().key_ranges.front().segments.size() == 1);
  REQUIRE(names(*roles.store, "epochs/").size() == 4);
}

TEST_CASE("after an epoch's end no client reads an unchanged file or a known index segment again") {
  Roles roles(writer_capabilities);
  Repository writer = roles.open();
  roles.backup(writer, "laptop");
  const bool is_revoked = GENERATE(true, false);
  if (is_revoked) {
    add_slot(roles.owner_repository, Machine::credential(12), argon2_floor, "lost",
             writer_capabilities);
    revoke(roles, "lost");
  } else {
    rotate(roles);
  }
  writer.journal().replay();
  const std::uint64_t reads = roles.store->get_count("index/");
  const BackupResult again = roles.backup(writer, "laptop");
  REQUIRE(again.files_opened == 0);
  REQUIRE(again.statistics.blocks_new == 0);
  REQUIRE(roles.store->get_count("index/") == reads);
  // It says nothing about itself either.
  REQUIRE(writer.state().clients.empty());
  roles.owner_repository.journal().replay();
  require_restored(roles.owner, roles.owner_repository, roles, again.snapshot);
}

TEST_CASE("who is revoked opens nothing new, with all the keys it ever had") {
  Roles roles(operator_capabilities);
  Repository revoked = roles.open();
  std::vector<Key> keys;
  for (const Key* key : {&revoked.keyring().journal_key(), &revoked.journal().index_key(),
                         &revoked.keyring().slot_seed(), &revoked.keyring().signing_seed()}) {
    keys.push_back(key->clone());
  }
  const SlotKeys slot(revoked.keyring().slot_seed());
  keys.push_back(slot.box_seed.clone());
  keys.push_back(revoked.read_keys().epoch_secret().clone());
  const auto before = roles.store->objects();
  revoke(roles);
  roles.write_news(50'000, "later");
  roles.owner.backup(roles.owner_repository, roles.source / "tree");
  std::size_t looked_at = 0;
  for (const auto& [name, bytes] : roles.store->objects()) {
    if (before.contains(name)) continue;
    for (const Key& key : keys) {
      if (name.starts_with("epochs/")) {
        REQUIRE_FALSE(open_box(key, decode_epoch_box(bytes, name).box));
      } else if (name.starts_with("keys/") || name.starts_with("journal/") ||
                 name.starts_with("bodies/") || name.starts_with("refs/") ||
                 name.starts_with("index/")) {
        const Envelope envelope = decode_envelope(bytes, name);
        Bytes plain(envelope.sealed.size() - seal_overhead);
        REQUIRE_FALSE(
            open(key, envelope.header.nonce, envelope.associated, envelope.sealed, plain));
      }
      ++looked_at;
    }
  }
  REQUIRE(looked_at > 50);
  // Its client is told; one that does not remember the repository finds no slot of it.
  REQUIRE(error_code([&] { revoked.journal().replay(); }) == Code::refused);
  REQUIRE(error_code([&] { roles.open(); }) == Code::refused);
  fs::remove_all(roles.other.state.path());
  REQUIRE(error_code([&] { roles.open(); }) == Code::wrong_secret);  // its slot's object is gone
}

TEST_CASE("a source is free again once its slot was revoked") {
  Roles roles(writer_capabilities);
  Repository writer = roles.open();
  roles.backup(writer, "laptop");
  revoke(roles);
  add_slot(roles.owner_repository, Machine::credential(10), argon2_floor, "new laptop",
           writer_capabilities);
  Repository again = roles.other.open(10);
  REQUIRE_NOTHROW(roles.backup(again, "laptop"));
}

TEST_CASE("a backup that an epoch's end has caught seals its keys anew and is committed") {
  Roles roles(writer_capabilities);
  roles.write_news(300'000);
  Machine laptop(std::make_shared<WatchedStore>(*roles.store, "keys/", [&] { rotate(roles); }), 6);
  Repository writer = laptop.open(9);
  BackupOptions options;
  options.paths = {roles.source / "tree"};
  options.source = "laptop";
  const BackupResult result = backup(writer, options);
  REQUIRE(writer.state().epoch_number == 1);
  roles.owner_repository.journal().replay();
  const TemporaryDirectory target;
  REQUIRE(
      roles.owner
          .restore(roles.owner_repository, result.snapshot, roles.source / "tree", target / "out")
          .problems == 0);
  REQUIRE(slurp(target / "out/news") == slurp(roles.source / "tree/news"));
  // What it had sealed to the former epoch is found, and goes.
  REQUIRE_FALSE(verify(roles.owner_repository, {}).findings.empty());
  REQUIRE(verify(roles.owner_repository, {.repairs = true}).healed > 0);
  REQUIRE(verify(roles.owner_repository, {.level = VerifyLevel::content}).findings.empty());
}

TEST_CASE("an epoch's end that another entry was faster than is planned anew, with new secrets") {
  Roles roles(writer_capabilities);
  Repository writer = roles.open();
  Machine owner(std::make_shared<WatchedStore>(*roles.store, "epochs/",
                                               [&] { roles.backup(writer, "laptop"); }),
                6);
  Repository repository = owner.open();
  const EndEpochResult result = end_epoch(repository, {});
  REQUIRE(result.epoch_number == 1);
  REQUIRE(repository.state().snapshots.all().size() == 2);
  // Boxes and key segments of the attempt that lost are gone with those of the former epoch.
  REQUIRE(find_ended_objects(repository).removals.empty());
  const std::string current = concat("epochs/1-", hex(repository.state().epoch), "/");
  REQUIRE(names(*roles.store, "epochs/") == names(*roles.store, current));
  REQUIRE(verify(repository, {.level = VerifyLevel::content}).findings.empty());
}

TEST_CASE("what a writer claims of others' packs does not outlive an epoch as the truth") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  // Once without a key, before the owner's entry, and once with a key, after it: together they
  // would be a claim that came first.
  roles.write_news(300'000);
  const std::vector<std::string> before = pack_names(*roles.store);
  std::vector<std::string> fresh;
  const auto claim = [&] {
    std::ranges::set_difference(pack_names(*roles.store), before, std::back_inserter(fresh));
    claim_packs(evil, roles.other.random, fresh, false);
  };
  Machine owner(std::make_shared<WatchedStore>(*roles.store, "keys/", claim), 6);
  Repository repository = owner.open();
  const BackupResult result = owner.backup(repository, roles.source / "tree");
  claim_packs(evil, roles.other.random, pack_names(*roles.store));
  for (int i = 0; i < 2; ++i) {
    end_epoch(repository, {});
  }
  Machine late(roles.store, 8);
  Repository there = late.open();
  const TemporaryDirectory target;
  REQUIRE(late.restore(there, result.snapshot, roles.source / "tree", target / "out").problems ==
          0);
  REQUIRE(slurp(target / "out/news") == slurp(roles.source / "tree/news"));
}

TEST_CASE("who may not end an epoch cannot, and everybody says so alike") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  const State& state = evil.state();
  const NewEpoch epoch = draw_epoch(evil);
  put_anchors(*roles.store, epoch.origin, make_anchor(epoch.origin, epoch.shares.anchor));
  EpochEnded act;
  act.former = {state.epoch, state.epoch_begun,
                seal_journal_key(evil.keyring().journal_key(), epoch.parts.journal_key)};
  act.beginning = epoch.beginning;
  act.keys = {{.last = state.next_sequence - 1, .segments = {}}};
  for (const SlotState* slot : state.current_slots()) {
    const SlotIntroduction& introduction = slot->introduction;
    const Bytes box = make_box(epoch, introduction);
    put_twinned(*roles.store, epoch_box_path(1, epoch.origin.epoch, introduction.slot), box);
    act.boxes.push_back({introduction.slot, hash_object(box)});
  }
  JournalEntry entry = evil.journal().next_entry(act);
  entry.epoch_number = 1;
  entry.epoch = epoch.origin.epoch;
  const Bytes bytes = seal_entry(evil.keyring(), epoch.parts.journal_key, roles.content, entry);
  put_twinned(*roles.store, journal_path(entry.sequence), bytes);
  roles.owner_repository.journal().replay();
  roles.owner.backup(roles.owner_repository, roles.source / "tree");
  for (const auto& [name, object] : roles.store->objects()) {
    if (name.starts_with("epochs/1-")) roles.store->remove(name);
  }
  Machine late(roles.store, 8);
  const Repository fresh = late.open();
  REQUIRE(fresh.state().incidents.size() == 1);
  REQUIRE(fresh.state().incidents.front().reason == epoch_reason);
  REQUIRE(fresh.state() == roles.owner_repository.state());
  REQUIRE(fresh.state().epoch_number == 0);
}

TEST_CASE("an epoch box that was forged or replayed is not what a client works with") {
  Roles roles(writer_capabilities);
  Repository writer = roles.open();
  const SlotState& slot = writer.state().slots.at(writer.keyring().slot());
  const std::string old_name = epoch_box_path(0, writer.state().epoch, writer.keyring().slot());
  const Bytes old_box = roles.store->objects().at(old_name);
  rotate(roles);
  const State& state = roles.owner_repository.state();
  const std::string name = epoch_box_path(1, state.epoch, writer.keyring().slot());
  ObjectOrigin origin = roles.owner_repository.keyring().origin();
  // By an insider, who knows the journal key: other parts of his choice.
  EpochParts parts = draw_epoch_parts(roles.content);
  parts.journal_key = roles.owner_repository.keyring().journal_key().clone();
  const Bytes forged =
      make_epoch_box(origin, writer.keyring().slot(), slot.introduction.box_key,
                     {.parts = parts, .least = state.beginning.least}, writer_capabilities);
  for (const std::string& copy : {name, second_copy_path(name)}) {
    roles.store->overwrite(copy, forged);
  }
  REQUIRE(error_code([&] { roles.backup(writer, "laptop"); }) == Code::corrupt);
  fs::remove_all(roles.other.state.path());
  REQUIRE(error_code([&] { roles.open(); }) == Code::corrupt);
  // The former epoch's box put back instead opens nothing new.
  for (const std::string& copy : {name, second_copy_path(name)}) {
    roles.store->remove(copy);
  }
  put_twinned(*roles.store, old_name, old_box);
  fs::remove_all(roles.other.state.path());
  REQUIRE(error_code([&] { roles.open(); }) == Code::refused);
}

TEST_CASE(
    "what a machine kept is gone from it after an end that says so, and so does the journal") {
  Roles roles(writer_capabilities);
  Repository writer = roles.open();
  roles.backup(writer, "laptop");
  const std::string state = writer.local().directory();
  const auto files = [&] {
    std::vector<Bytes> out;
    for (const auto& file : fs::recursive_directory_iterator(state)) {
      if (file.is_regular_file()) out.push_back(slurp(file.path()));
    }
    return out;
  };
  const Bytes tag_key = [&] {
    const Bytes keys = slurp(state + "/local.key");
    return Bytes(keys.begin() + 16, keys.begin() + 32);
  }();
  const auto is_kept = [&] {
    return std::ranges::any_of(files(), [&](const Bytes& bytes) {
      return std::search(bytes.begin(), bytes.end(), tag_key.begin(), tag_key.end()) != bytes.end();
    });
  };
  REQUIRE(is_kept());
  REQUIRE_FALSE(fs::is_empty(writer.local().cache_directory()));
  end_epoch(roles.owner_repository, {.forgets = true});
  writer.journal().replay();
  REQUIRE_FALSE(is_kept());
  REQUIRE_FALSE(fs::exists(writer.local().cache_directory()));
  const std::uint64_t before = writer.state().next_sequence;
  roles.backup(writer, "laptop");
  REQUIRE(writer.state().next_sequence == before + 2);
  REQUIRE(writer.state().clients.at({writer.keyring().slot(), writer.local().client()}) == 1);
  roles.backup(writer, "laptop");  // said once
  REQUIRE(writer.state().next_sequence == before + 3);
}

TEST_CASE("a local key that was wiped and not written anew is not taken for one") {
  Roles roles(writer_capabilities);
  const std::string path = roles.owner_repository.local().directory() + "/local.key";
  write_file(path, Bytes(64));
  Repository again = roles.owner.open();
  REQUIRE_FALSE(again.local().client() == ClientId{});
}
