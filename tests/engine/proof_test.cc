// Proofs: what a slot that reads has opened and compared, writers may rely on; and nothing else.
#include "engine/blocks/block_writer.h"
#include "engine/blocks/frame.h"
#include "engine/blocks/index_loader.h"
#include "engine/crypto/hash.h"
#include "engine/format/limits.h"
#include "engine/journal/journal.h"
#include "tests/support/attacker.h"
#include "tests/support/roles.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

BackupResult backup_as(Machine& machine,
                       Repository& repository,
                       const Roles& roles,
                       const std::string& name) {
  machine.clock.advance_ms(60'000);
  BackupOptions options;
  options.paths = {roles.source / "tree"};
  options.source = name;
  return backup(repository, options);
}

// A pack of one frame, as its writer could have made it.
struct ForgedPack {
  ObjectHash hash;
  Key key;
  IndexedPack indexed;
};

ForgedPack put_pack(Repository& evil, Random& random, View contents, const FrameList& list) {
  ForgedPack out;
  random.fill(out.key.mutable_view());
  const RepositoryId& repository = evil.keyring().repository();
  const FramePosition position{repository, PackKind::data, 0};
  const Bytes sealed = seal_frame(derive_frame_secret(out.key, 0), position, contents, list);
  const auto size = static_cast<std::uint32_t>(contents.size() + authenticator_bytes);
  IndexedFrame frame;
  frame.place = {pack_header_size, size, static_cast<std::uint32_t>(sealed.size() - size)};
  const Bytes directory = seal_directory(derive_directory_key(out.key), position, {frame.place});
  const Bytes footer = encode_pack_footer(static_cast<std::uint32_t>(directory.size()));
  ByteWriter pack;
  pack.raw(encode_pack_header(PackKind::data, repository));
  pack.raw(sealed);
  pack.raw(
      Bytes(padded_pack_size(pack.size(), 1) - directory.size() - footer.size() - pack.size()));
  pack.raw(directory);
  pack.raw(footer);
  out.hash = hash_object(pack.view());
  evil.writer().put(pack_path(out.hash), pack.view());
  out.indexed.hash = out.hash;
  out.indexed.size = pack.size();
  out.indexed.frames = {frame};
  return out;
}

KeyBytes key_of(const ForgedPack& pack) {
  KeyBytes out;
  std::ranges::copy(pack.key.view(), out.begin());
  return out;
}

// An entry that says what the pack holds, and has its key or not.
void claim(Repository& evil,
           Random& random,
           const ForgedPack& pack,
           const std::vector<IndexedBlock>& blocks,
           bool has_key) {
  IndexSegment segment;
  segment.packs = {pack.indexed};
  segment.packs.front().frames.front().blocks = blocks;
  KeyGroup names;
  InnerKeyGroup secrets;
  if (has_key) {
    names.packs = {pack.hash};
    secrets.packs = {key_of(pack)};
  }
  introduce_claims(evil, random, segment, names, secrets);
}

// A pack of three blocks, of whose first the index says that it is another.
void claim_tag(Repository& evil, Random& random, const BlockTag& tag) {
  Bytes contents;
  FrameList list;
  list.encoding = FrameEncoding::raw;
  std::vector<IndexedBlock> blocks;
  for (int i = 0; i < 3; ++i) {
    const Bytes block = random_bytes(random, 20'000);
    const BlockId id = hash_block(evil.write_keys().id_key(), block);
    contents.insert(contents.end(), block.begin(), block.end());
    list.blocks.push_back({id, 20'000});
    blocks.push_back({tag_of(id), 20'000});
  }
  blocks.front().tag = tag;
  claim(evil, random, put_pack(evil, random, contents, list), blocks, true);
}

// A victim's file that is one block, and a writer that is about to claim it.
struct Victim {
  Victim() {
    add_slot(roles.owner_repository, Machine::credential(10), argon2_floor, "second",
             writer_capabilities);
    id = hash_block(evil.write_keys().id_key(), content);
  }

  // The writer that will be shut out backs the file up, honestly.
  SnapshotId store_first() {
    write_file(roles.source / "tree/release", content);
    return roles.backup(evil, "laptop").snapshot;
  }

  // Backs the file up as a second writer: which copy of it counts, it has heard from others.
  SnapshotId back_up() {
    write_file(roles.source / "tree/release", content);
    Repository desk = machine.open(10);
    const SnapshotId out = backup_as(machine, desk, roles, "desk").snapshot;
    roles.owner_repository.journal().replay();
    return out;
  }

  void require_whole(const SnapshotId& snapshot) {
    require_restored(roles.owner, roles.owner_repository, roles, snapshot, "release");
  }

  [[nodiscard]] ForgedPack put_honest_pack() {
    FrameList list;
    list.encoding = FrameEncoding::raw;
    list.blocks = {{id, static_cast<std::uint32_t>(content.size())}};
    return put_pack(evil, roles.content, content, list);
  }

  [[nodiscard]] std::vector<IndexedBlock> tagged(const BlockTag& tag) const {
    return {{tag, static_cast<std::uint32_t>(content.size())}};
  }

  VerifyReport verify_all() {
    roles.owner_repository.journal().replay();
    return verify_content(roles.owner_repository);
  }

  Roles roles{writer_capabilities};
  Repository evil = roles.open();
  Machine machine{roles.store, 6};
  Bytes content = random_bytes(roles.content, 3'000);
  BlockId id;
};

}  // namespace

TEST_CASE("what a writer stored is relied on by others once a reader has proved it") {
  Roles roles(writer_capabilities);
  add_slot(roles.owner_repository, Machine::credential(10), argon2_floor, "second",
           writer_capabilities);
  roles.write_news(200'000);
  Repository laptop = roles.open();
  roles.backup(laptop, "laptop");
  Machine second(roles.store, 6);
  Repository desk = second.open(10);
  const bool is_proved = GENERATE(false, true);
  if (is_proved) {
    roles.owner_repository.journal().replay();
    REQUIRE(verify_content(roles.owner_repository).proved > 0);
    REQUIRE(verify_content(roles.owner_repository).proved == 0);  // once is enough
    desk.journal().replay();
  }
  const std::uint64_t stored = backup_as(second, desk, roles, "desk").statistics.bytes_new;
  REQUIRE((stored < 200'000) == is_proved);
  roles.owner_repository.journal().replay();
  Machine late(roles.store, 9);
  REQUIRE(late.open().state() == roles.owner_repository.state());
}

TEST_CASE("a reader without write may prove, and an auditor does not") {
  Roles roles(reader_capabilities);
  add_slot(roles.owner_repository, Machine::credential(10), argon2_floor, "writer",
           writer_capabilities);
  Machine machine(roles.store, 6);
  Repository writer = machine.open(10);
  roles.write_news(200'000);
  backup_as(machine, writer, roles, "desk");
  Repository reader = roles.open();
  REQUIRE(verify(reader, {.level = VerifyLevel::storage}).proved == 0);
  REQUIRE(verify_content(reader).proved > 0);
}

TEST_CASE("an index that tells of content what is not there is not proved, and is found") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  const Bytes content = random_bytes(roles.content, 20'000);
  const WriteKeys keys = roles.owner_repository.write_keys();
  claim_tag(evil, roles.content, tag_of(hash_block(keys.id_key(), content)));
  roles.owner_repository.journal().replay();
  const VerifyReport report = verify_content(roles.owner_repository);
  REQUIRE(report.proved == 0);
  REQUIRE(std::ranges::any_of(report.findings, [](const Finding& finding) {
    return finding.problem.find("not where the index has it") != std::string::npos;
  }));
}

TEST_CASE("empty blocks are none, and prove nothing in place of others") {
  Victim victim;
  Random& random = victim.roles.content;
  const BlockId empty = hash_block(victim.evil.write_keys().id_key(), {});
  const Bytes real = random_bytes(random, 20'000);
  const BlockId real_id = hash_block(victim.evil.write_keys().id_key(), real);
  FrameList list;
  list.encoding = FrameEncoding::raw;
  list.blocks = {{empty, 0}, {empty, 0}, {real_id, 20'000}};
  const ForgedPack pack = put_pack(victim.evil, random, real, list);
  claim(victim.evil, random, pack,
        {{tag_of(victim.id), 0}, {tag_of(empty), 0}, {tag_of(real_id), 20'000}}, true);
  REQUIRE(victim.verify_all().proved == 0);
  victim.require_whole(victim.back_up());
}

TEST_CASE("a entry of which one pack is not what it says is not proved") {
  Victim victim;
  Random& random = victim.roles.content;
  IndexSegment segment;
  KeyGroup names;
  InnerKeyGroup secrets;
  std::vector<BlockTag> tags{tag_of(victim.id), random.draw_id<BlockTag>()};
  if (GENERATE(true, false)) std::swap(tags.front(), tags.back());
  for (const BlockTag& tag : tags) {
    const ForgedPack pack = victim.put_honest_pack();
    segment.packs.push_back(pack.indexed);
    segment.packs.back().frames.front().blocks = victim.tagged(tag);
    names.packs.push_back(pack.hash);
    secrets.packs.push_back(key_of(pack));
  }
  introduce_claims(victim.evil, random, segment, names, secrets);
  const VerifyReport report = victim.verify_all();
  REQUIRE_FALSE(report.findings.empty());
  REQUIRE(report.proved == 0);
}

TEST_CASE("an entry whose blocks are in other places than it says is not proved") {
  Victim victim;
  Random& random = victim.roles.content;
  const Bytes other = random_bytes(random, victim.content.size());
  const BlockId other_id = hash_block(victim.evil.write_keys().id_key(), other);
  const auto size = static_cast<std::uint32_t>(other.size());
  Bytes both = victim.content;
  both.insert(both.end(), other.begin(), other.end());
  FrameList list;
  list.encoding = FrameEncoding::raw;
  list.blocks = {{victim.id, size}, {other_id, size}};
  const ForgedPack pack = put_pack(victim.evil, random, both, list);
  const bool is_true = GENERATE(true, false);
  const BlockTag first = tag_of(is_true ? victim.id : other_id);
  const BlockTag second = tag_of(is_true ? other_id : victim.id);
  claim(victim.evil, random, pack, {{first, size}, {second, size}}, true);
  REQUIRE((victim.verify_all().proved > 0) == is_true);
  victim.require_whole(victim.back_up());
}

TEST_CASE("a frame that holds a block twice is what its index says") {
  Victim victim;
  const auto size = static_cast<std::uint32_t>(victim.content.size());
  Bytes twice = victim.content;
  twice.insert(twice.end(), victim.content.begin(), victim.content.end());
  FrameList list;
  list.encoding = FrameEncoding::raw;
  list.blocks = {{victim.id, size}, {victim.id, size}};
  const ForgedPack pack = put_pack(victim.evil, victim.roles.content, twice, list);
  const BlockTag tag = tag_of(victim.id);
  claim(victim.evil, victim.roles.content, pack, {{tag, size}, {tag, size}}, true);
  REQUIRE(victim.verify_all().proved > 0);
}

TEST_CASE("a frame that says numbers of its own is not what an entry may introduce") {
  Victim victim;
  const auto size = static_cast<std::uint32_t>(victim.content.size());
  FrameList list;
  list.encoding = FrameEncoding::raw;
  list.blocks = {{victim.id, size}};
  list.has_numbers = true;
  list.numbers = {{victim.evil.state().next_number}};
  const ForgedPack pack = put_pack(victim.evil, victim.roles.content, victim.content, list);
  claim(victim.evil, victim.roles.content, pack, victim.tagged(tag_of(victim.id)), true);
  const VerifyReport report = victim.verify_all();
  REQUIRE(report.proved == 0);
  REQUIRE(findings_of(report).find("list and the index differ") != std::string::npos);
}

TEST_CASE("a claim without a key does not come by one when an epoch ends") {
  Victim victim;
  Random& random = victim.roles.content;
  const ForgedPack pack = victim.put_honest_pack();
  claim(victim.evil, random, pack, victim.tagged(random.draw_id<BlockTag>()), false);
  claim(victim.evil, random, pack, victim.tagged(tag_of(victim.id)), true);
  REQUIRE(victim.verify_all().proved > 0);
  const SnapshotId snapshot = victim.back_up();
  victim.require_whole(snapshot);
  end_epoch(victim.roles.owner_repository, {});
  victim.require_whole(snapshot);
  end_epoch(victim.roles.owner_repository, {});
  victim.require_whole(snapshot);
}

TEST_CASE("keys of blocks that others rely on are not given up with the slot that stored them") {
  Victim victim;
  Roles& roles = victim.roles;
  Repository& owner = roles.owner_repository;
  const SnapshotId stored = victim.store_first();
  const bool is_proved = GENERATE(true, false);
  if (is_proved) REQUIRE(victim.verify_all().proved > 0);
  const SnapshotId relying = victim.back_up();
  const EndEpochOptions revoking{.revoked = {victim.evil.keyring().slot()}};
  const std::string name =
      key_segment_path(owner.state().snapshots.at(stored).taken.key_segments.at(0));
  const Bytes bytes = roles.store->objects().at(name);
  roles.store->remove(name);
  roles.store->remove(second_copy_path(name));
  if (is_proved) {
    REQUIRE(error_code([&] { end_epoch(owner, revoking); }) == Code::corrupt);
    roles.store->put(name, bytes);
  }
  REQUIRE(end_epoch(owner, revoking).dropped.size() == (is_proved ? 0 : 1));
  victim.require_whole(relying);
}

TEST_CASE("an index segment that was put back is loaded where it was missing") {
  Roles roles(writer_capabilities);
  const SnapshotTaken& taken = roles.owner_repository.state().snapshots.at(roles.first).taken;
  const std::string name = index_segment_path(taken.segments.front().index_segment);
  const auto away = take_away(*roles.store, name);
  Machine late(roles.store, 8);
  Repository there = late.open();
  REQUIRE_FALSE(verify_content(there).findings.empty());
  put_back(*roles.store, away);
  const bool restores_first = GENERATE(true, false);
  if (restores_first) {
    require_restored(late, there, roles, roles.first);
  } else {
    REQUIRE(verify_content(there).findings.empty());
  }
}

TEST_CASE("an index segment that is needed counts again when it is put back") {
  Victim victim;
  Roles& roles = victim.roles;
  Repository& owner = roles.owner_repository;
  const SnapshotId stored = victim.store_first();
  const bool is_revoked = GENERATE(true, false);
  const bool is_proved = is_revoked || GENERATE(true, false);
  if (is_proved) REQUIRE(victim.verify_all().proved > 0);
  const SnapshotId relying = victim.back_up();
  const EndEpochOptions giving_up{.drops_unreadable = !is_revoked};
  if (is_revoked) end_epoch(owner, {.revoked = {victim.evil.keyring().slot()}});
  std::map<std::string, Bytes> lost;
  for (const auto& introduced : owner.state().snapshots.at(stored).taken.segments) {
    lost.merge(take_away(*roles.store, index_segment_path(introduced.index_segment)));
  }
  Machine late(roles.store, 8);
  Repository there = late.open();
  for (int i = 0; i < 2; ++i) {
    end_epoch(there, giving_up);
  }
  put_back(*roles.store, lost);
  require_restored(late, there, roles, stored, "release");
  require_restored(late, there, roles, relying, "release");
}

TEST_CASE("an index segment that nobody has is no gap once its slot was revoked") {
  Victim victim;
  Roles& roles = victim.roles;
  Repository& owner = roles.owner_repository;
  const auto before = roles.store->objects();
  const ForgedPack pack = victim.put_honest_pack();
  claim(victim.evil, roles.content, pack, victim.tagged(tag_of(victim.id)), true);
  for (const auto& [name, bytes] : roles.store->objects()) {
    if (name.starts_with("index/") && !before.contains(name)) roles.store->remove(name);
  }
  owner.journal().replay();
  end_epoch(owner, {});
  REQUIRE_FALSE(owner.blocks().index().unloaded_entries().empty());
  end_epoch(owner, {.revoked = {victim.evil.keyring().slot()}});
  end_epoch(owner, {});
  REQUIRE(owner.blocks().index().unloaded_entries().empty());
  const SnapshotId snapshot = victim.back_up();
  REQUIRE(victim.verify_all().proved > 0);
  victim.require_whole(snapshot);
}

TEST_CASE("nothing is proved while the index has a gap that another claim may fill") {
  Victim victim;
  Random& random = victim.roles.content;
  MemoryStore& store = *victim.roles.store;
  const ForgedPack pack = victim.put_honest_pack();
  const auto before = store.objects();
  claim(victim.evil, random, pack, victim.tagged(random.draw_id<BlockTag>()), true);
  std::string withheld;
  for (const auto& [name, bytes] : store.objects()) {
    if (name.starts_with("index/") && !before.contains(name)) withheld = first_copy_path(name);
  }
  const auto away = take_away(store, withheld);
  claim(victim.evil, random, pack, victim.tagged(tag_of(victim.id)), true);
  REQUIRE(victim.verify_all().proved == 0);
  const SnapshotId snapshot = victim.back_up();
  put_back(store, away);
  Machine late(victim.roles.store, 13);
  Repository fresh = late.open();
  require_restored(late, fresh, victim.roles, snapshot, "release");
}

TEST_CASE("a damaged block keeps its entry from being proved") {
  Roles roles(writer_capabilities);
  roles.write_news(4'000'000);
  const auto before = roles.store->objects();
  Repository laptop = roles.open();
  roles.backup(laptop, "laptop");
  const bool is_in_frame = GENERATE(true, false);  // or in the directory
  for (const auto& [name, bytes] : roles.store->objects()) {
    if (!name.starts_with("packs/") || before.contains(name)) continue;
    Bytes hurt = bytes;
    hurt[is_in_frame ? pack_header_size + 100 : hurt.size() - 100] ^= 1;
    roles.store->overwrite(name, hurt);
  }
  roles.owner_repository.journal().replay();
  const VerifyReport report = verify_content(roles.owner_repository);
  REQUIRE_FALSE(report.findings.empty());
  REQUIRE(report.proved == 0);
}

TEST_CASE("where nothing can be committed, verifying goes on without") {
  Roles roles(writer_capabilities);
  roles.write_news(200'000);
  Repository laptop = roles.open();
  roles.backup(laptop, "laptop");
  Machine owner(std::make_shared<ReadOnlyStore>(*roles.store), 6);
  Repository repository = owner.open();
  const VerifyReport report = verify_content(repository);
  REQUIRE(report.findings.empty());
  REQUIRE(report.proved == 0);
  REQUIRE(std::ranges::any_of(owner.observer.notices, [](const std::string& notice) {
    return notice.find("is not recorded") != std::string::npos;
  }));
}
