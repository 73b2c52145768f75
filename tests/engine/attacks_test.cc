// A client that was taken over, with the real keys of its slot, forges real objects: each forgery
// is void, does not count, or is refused, for every other client alike.
#include <filesystem>

#include "engine/blocks/block_writer.h"
#include "engine/blocks/index_loader.h"
#include "engine/blocks/objects.h"
#include "engine/crypto/hash.h"
#include "engine/format/index.h"
#include "engine/format/limits.h"
#include "engine/format/manifest.h"
#include "engine/format/names.h"
#include "engine/journal/journal.h"
#include "tests/support/attacker.h"
#include "tests/support/roles.h"

using namespace kist;
using namespace kist::test;

namespace fs = std::filesystem;

TEST_CASE("junk under the ids of content to come is not what others deduplicate against") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  const WriteKeys keys = evil.write_keys();
  const std::string victim = roles.source / "victim";
  fs::create_directory(victim);
  const Bytes content = random_bytes(roles.content, 5'000);  // one block
  write_file(victim + "/file", content);
  {
    Pool pool(1);
    BlockWriter writer(evil.blocks(), keys, pool, {3});
    SnapshotBody body;
    const BlockId id = hash_block(keys.id_key(), content);
    writer.refer(writer.add(PackKind::data, id, Bytes(content.size(), 0x66)));
    const StoredSnapshot stored = writer.finish_snapshot({.body = body});
    commit(evil, [&](const State& state) {
      SnapshotTaken taken = snapshot_entry(stored, state, "evil", {});
      taken.snapshot = roles.other.random.draw_id<SnapshotId>();
      return Act(std::move(taken));
    });
  }
  roles.owner_repository.journal().replay();  // the victim knows of the junk
  const BackupResult result = roles.owner.backup(roles.owner_repository, victim);
  REQUIRE(result.statistics.bytes_new >= content.size());
  const TemporaryDirectory target;
  REQUIRE(roles.owner.restore(roles.owner_repository, result.snapshot, victim, target / "out")
              .problems == 0);
  REQUIRE(slurp(target / "out/file") == content);
  // The writer itself relies on what it has stored.
  Repository again = roles.open();
  again.blocks().index();
  const TrustedNumbers proved(again.state(), Trust::proved);
  const TrustedNumbers own(again.state(), Trust::own, again.keyring().slot());
  const BlockIndex::Reader index(again.blocks().index());
  const auto found = index.find(tag_of(hash_block(keys.id_key(), content)));
  REQUIRE(found);
  REQUIRE(own.contains(found->number));
  REQUIRE_FALSE(proved.contains(found->number));
}

TEST_CASE("what a writer signs beyond its rights is void for everybody alike") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  const State& state = evil.state();
  const auto forge = [&](Act act) {
    const JournalEntry entry{.sequence = evil.state().next_sequence,
                             .previous = evil.state().head,
                             .author = evil.keyring().slot(),
                             .epoch_number = state.epoch_number,
                             .epoch = state.epoch,
                             .time_ms = evil.state().last_ms + 1,
                             .act = std::move(act)};
    kist::test::forge(*roles.store, evil, roles.other.random, entry);
    evil.journal().replay();
  };
  SlotIntroduction friend_of_mine = state.slots.at(evil.keyring().slot()).introduction;
  friend_of_mine.slot = roles.other.random.draw_id<SlotId>();
  friend_of_mine.capabilities = owner_capabilities;
  forge(SlotAdded{friend_of_mine});
  SnapshotTaken taken = state.snapshots.at(roles.first).taken;  // into another's source
  taken.snapshot = roles.other.random.draw_id<SnapshotId>();
  taken.numbers = {.first_number = state.next_number};
  taken.segments.clear();
  forge(taken);
  taken.source = "evil";
  taken.minimum_seconds = 100ULL * 365 * 86'400;
  forge(taken);
  forge(IncidentsClosed{.first = 0, .last = UINT64_MAX});
  forge(EntriesProved{});
  forge(FeaturesRequired{{"teleport"}});
  forge(UnknownAct{38, to_bytes("restore drilled")});
  roles.owner_repository.journal().replay();
  Machine fresh(roles.store, 9);
  fresh.clock.advance_ms(10LL * 365 * 86'400'000);  // replays later, by another clock
  const Repository late = fresh.open();
  std::map<std::string, std::uint64_t> reasons;
  for (const Incident& incident : late.state().incidents) {
    REQUIRE(incident.author == evil.keyring().slot());
    reasons[incident.reason] = incident.count;
  }
  REQUIRE(reasons ==
          std::map<std::string, std::uint64_t>{{"its author lacks the capability own", 3},
                                               {"a source that belongs to another slot", 1},
                                               {"a retention that is not the policy's", 1},
                                               {"its author lacks the capability read", 1},
                                               {"a type that no feature has enabled", 1}});
  for (const Repository* other : {&late, static_cast<const Repository*>(&roles.owner_repository)}) {
    REQUIRE(other->state().head == evil.state().head);
    REQUIRE(other->state().slots.size() == 2);
    REQUIRE(other->state().snapshots.all().size() == 1);
  }
}

TEST_CASE("a writer that stamps far ahead does not keep others from committing") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  roles.other.clock.advance_ms(100LL * 365 * 86'400'000);
  roles.backup(evil, "evil");
  REQUIRE_NOTHROW(roles.owner.backup(roles.owner_repository, roles.source / "tree"));
  // Nor does it keep its own key's other machine from that.
  Machine honest(roles.store, 4);
  Repository again = honest.open(9);
  BackupOptions options;
  options.paths = {roles.source / "tree"};
  options.source = "laptop";
  REQUIRE_NOTHROW(backup(again, options));
}

TEST_CASE("who claims the packs of others later speaks for none of them") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  const std::vector<std::string> packs = pack_names(*roles.store);
  REQUIRE_FALSE(packs.empty());
  claim_packs(evil, roles.other.random, packs);
  Machine fresh(roles.store, 5);  // replays all of it
  Repository repository = fresh.open();
  require_restored(fresh, repository, roles, roles.first);
  REQUIRE(std::ranges::any_of(fresh.observer.notices, [](const std::string& notice) {
    return notice.find("packs that are not its own") != std::string::npos;
  }));
}

TEST_CASE("a backup whose packs another has claimed first stores them anew, in the same run") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  roles.write_news(300'000);
  const std::vector<std::string> before = pack_names(*roles.store);
  const auto claim = [&] {
    std::vector<std::string> fresh;
    std::ranges::set_difference(pack_names(*roles.store), before, std::back_inserter(fresh));
    REQUIRE_FALSE(fresh.empty());
    claim_packs(evil, roles.other.random, fresh);
  };
  Machine owner(std::make_shared<WatchedStore>(*roles.store, "keys/", claim), 6);
  Repository repository = owner.open();
  const BackupResult result = owner.backup(repository, roles.source / "tree");
  REQUIRE(repository.state().snapshots.all().size() == 3);  // the first, the claim, and this one
  require_restored(owner, repository, roles, result.snapshot, "news");
}

TEST_CASE("a manifest of blocks that its writer saw in the index brings back none of them") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  evil.blocks().index();
  const WriteKeys keys = evil.write_keys();
  const Bytes wanted = slurp(roles.source / "tree/kept");
  // All that the index tells of the blocks: their tags, and their sizes.
  const SnapshotState& snapshot = evil.state().snapshots.at(roles.first);
  std::vector<IndexedBlock> seen;
  for (const SegmentIntroduction& introduced : snapshot.taken.segments) {
    const std::string name = index_segment_path(introduced.index_segment);
    const KeySegmentOuter outer =
        get_key_segment(evil.journal(), snapshot.taken.key_segments.front());
    const auto key = std::ranges::find(outer.groups.front().index_segments,
                                       introduced.index_segment, &NamedKey::hash);
    const Bytes bytes = roles.store->objects().at(name);
    const SigningPublicKey& signing_key =
        evil.state().slots.at(snapshot.author).introduction.signing_key;
    const IndexSegment segment = open_index_segment(
        {bytes, introduced.index_segment}, evil.keyring().repository(), Key::from(key->key),
        {.slot = snapshot.author, .signing_key = signing_key});
    for (const IndexedPack& pack : segment.packs) {
      for (const IndexedFrame& frame : pack.frames) {
        seen.insert(seen.end(), frame.blocks.begin(), frame.blocks.end());
      }
    }
  }
  REQUIRE(seen.size() > 3);
  std::vector<Entry> entries(1);
  entries.front().type = EntryType::directory;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    Entry entry;
    entry.path = concat("loot", 1000 + i);
    entry.type = EntryType::file;
    entry.size = seen[i].size;
    BlockId id;
    std::ranges::copy(seen[i].tag.bytes, id.bytes.begin());
    entry.content = {{ItemType::block, seen[i].size, id}};
    entries.push_back(entry);
  }
  SnapshotId forged;
  {
    Pool pool(1);
    BlockWriter writer(evil.blocks(), keys, pool, {3});
    SnapshotBody body;
    writer.refer(writer.add_meta(encode_leaf(entries), body.root));
    writer.refer({NumberBase::absolute, 0, evil.state().next_number});
    const StoredSnapshot stored = writer.finish_snapshot({.body = body});
    forged = std::get<SnapshotTaken>(commit(evil,
                                            [&](const State& state) {
                                              SnapshotTaken taken =
                                                  snapshot_entry(stored, state, "evil", {});
                                              taken.snapshot =
                                                  roles.other.random.draw_id<SnapshotId>();
                                              return Act(std::move(taken));
                                            })
                                         .act)
                 .snapshot;
  }
  roles.owner_repository.journal().replay();
  const TemporaryDirectory target;
  RestoreOptions options;
  options.snapshot = forged;
  options.target = target / "out";
  const RestoreResult result = restore(roles.owner_repository, options);
  REQUIRE(result.problems == seen.size());
  for (const auto& file : fs::recursive_directory_iterator(target.path())) {
    REQUIRE_FALSE(file.is_regular_file());
  }
}

TEST_CASE("answers that were lost are settled by reading back") {
  Roles roles(writer_capabilities);
  Machine laptop(std::make_shared<LostAnswers>(*roles.store), 6);
  Repository repository = laptop.open(9);
  BackupOptions options;
  options.paths = {roles.source / "tree"};
  options.source = "laptop";
  const std::uint64_t before = repository.state().next_sequence;
  const BackupResult done = backup(repository, options);
  REQUIRE(done.sequence == before);
  // What was not done is told, and leaves nothing.
  REQUIRE(error_code([&] { backup(repository, options); }) == Code::failed);
  roles.owner_repository.journal().replay();
  REQUIRE(roles.owner_repository.state().next_sequence == before + 1);
  REQUIRE(verify(roles.owner_repository, {.level = VerifyLevel::content}).findings.empty());
}

TEST_CASE("a no to an entry that stands all the same makes no second one") {
  Roles roles(writer_capabilities);
  Machine machine(std::make_shared<LyingStore>(*roles.store), 6);
  Repository repository = machine.open();
  const std::uint64_t before = repository.state().next_sequence;
  REQUIRE(machine.backup(repository, roles.source / "tree").sequence == before);
  roles.owner_repository.journal().replay();
  REQUIRE(roles.owner_repository.state().next_sequence == before + 1);
}

TEST_CASE("a store whose put-if-absent does not hold is refused before anything is stored") {
  Roles roles(writer_capabilities);
  Machine laptop(std::make_shared<CarelessStore>(*roles.store), 6);
  Repository repository = laptop.open();
  const auto before = roles.store->objects();
  REQUIRE(error_code([&] { laptop.backup(repository, roles.source / "tree"); }) ==
          Code::unsupported);
  REQUIRE(error_code([&] {
            add_slot(repository, Machine::credential(11), argon2_floor, "another");
          }) == Code::unsupported);
  REQUIRE(error_code([&] { end_epoch(repository, {}); }) == Code::unsupported);
  REQUIRE(roles.store->objects() == before);
}

TEST_CASE("a machine without memory does not write to what may be an old copy") {
  Roles roles(writer_capabilities);
  const std::uint64_t head = roles.owner_repository.state().next_sequence - 1;
  Machine fresh(roles.store, 6);
  const auto open = [&](const OpenOptions& options) {
    return open_repository(roles.store, Machine::credential(), options, fresh.services());
  };
  fresh.clock.advance_ms(8LL * 86'400'000);
  OpenOptions options{.state_parent = fresh.state.path(), .slot = {}};
  Repository repository = open(options);
  REQUIRE(error_code([&] { fresh.backup(repository, roles.source / "tree"); }) == Code::refused);
  // Having looked at it once is no memory of it.
  Repository again = open(options);
  REQUIRE(error_code([&] { fresh.backup(again, roles.source / "tree"); }) == Code::refused);
  // Told what the journal must have, it compares, and goes on.
  const auto forget = [&] { fs::remove_all(fresh.state.path()); };
  forget();
  const OpenOptions untold = options;
  options.known = {.sequence = head + 1, .hash_digits = {}};
  REQUIRE(error_code([&] { open(options); }) == Code::corrupt);
  // What it has seen on that occasion is no memory of it either.
  Repository still = open(untold);
  REQUIRE(error_code([&] { fresh.backup(still, roles.source / "tree"); }) == Code::refused);
  forget();
  options.known = {.sequence = head, .hash_digits = "0123456789"};
  REQUIRE(error_code([&] { open(options); }) == Code::corrupt);
  forget();
  options.known = {.sequence = head,
                   .hash_digits = hex(roles.owner_repository.state().head).substr(0, 10)};
  Repository told = open(options);
  REQUIRE_NOTHROW(fresh.backup(told, roles.source / "tree"));
}

TEST_CASE("an entry of the future does not make an old copy look fresh") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  // The laptop stamps its last entry ahead; then the storage shows what it has, for a year.
  const std::int64_t ahead_ms = GENERATE(std::int64_t{2} * 3'600'000, INT64_MAX);
  const std::int64_t year_ms = 365LL * 86'400'000;
  const bool is_absolute = ahead_ms == INT64_MAX;
  JournalEntry entry = evil.journal().next_entry(StateRemade{});
  entry.time_ms = is_absolute ? INT64_MAX : start_ms + year_ms + ahead_ms;
  forge(*roles.store, evil, roles.content, entry);
  Machine fresh(roles.store, 6);
  fresh.clock.advance_ms(year_ms);
  OpenOptions options{.state_parent = fresh.state.path(), .slot = {}};
  const auto open = [&] {
    return open_repository(roles.store, Machine::credential(), options, fresh.services());
  };
  Repository repository = open();
  REQUIRE(repository.state().last_ms == entry.time_ms);  // it holds, for it is the writer's to say
  REQUIRE(error_code([&] { fresh.backup(repository, roles.source / "tree"); }) == Code::refused);
  // Having looked at it once is no memory of it, and it can be read.
  Repository again = open();
  REQUIRE(error_code([&] { fresh.backup(again, roles.source / "tree"); }) == Code::refused);
  require_restored(fresh, again, roles, roles.first);
  // A machine that knows the journal, and one that is told, go on.
  Repository& owner = roles.owner_repository;
  REQUIRE_NOTHROW(roles.owner.backup(owner, roles.source / "tree"));
  options.known = {.sequence = entry.sequence, .hash_digits = {}};
  Repository told = open();
  REQUIRE_NOTHROW(fresh.backup(told, roles.source / "tree"));
}

TEST_CASE("clocks that differ by less than an hour leave a journal fresh") {
  Roles roles(writer_capabilities);
  roles.owner.backup(roles.owner_repository, roles.source / "tree");
  Machine fresh(roles.store, 6);
  const std::int64_t last_ms = roles.owner_repository.state().last_ms;
  fresh.clock.advance_ms(last_ms - 3'500'000 - fresh.clock.now_ms());
  Repository repository = fresh.open();
  REQUIRE_NOTHROW(fresh.backup(repository, roles.source / "tree"));
}

TEST_CASE("a store that cannot make a head durable can be read all the same") {
  class ReadOnly final : public ForwardingStore {
   public:
    using ForwardingStore::ForwardingStore;

    void confirm(const std::string& /*name*/) override {
      throw Error(Code::failed, "not on this file system");
    }
  };

  Roles roles(reader_capabilities);
  Machine reader(std::make_shared<ReadOnly>(*roles.store), 6);
  Repository repository = reader.open(9);
  require_restored(reader, repository, roles, roles.first);
  REQUIRE_FALSE(repository.local().last_head());
}
