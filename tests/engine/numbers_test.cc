// Block numbers: what the journal tells of how many there are, and that every client gives a block
// the same number, whatever it could read at first.
#include "engine/blocks/objects.h"
#include "engine/blocks/stored_snapshot.h"
#include "engine/crypto/hash.h"
#include "engine/format/limits.h"
#include "tests/support/attacker.h"
#include "tests/support/roles.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

// Of each pack, by its name: the number that each of its frames begins with.
using Numbers = std::map<ObjectHash, std::vector<std::uint64_t>>;

Numbers numbers_of(Repository& repository) {
  const BlockIndex::Reader index(repository.blocks().complete_index());
  Numbers out;
  for (const std::uint32_t pack : index.packs()) {
    const PackRecord record = index.pack(pack);
    for (std::uint32_t frame = 0; frame < record.frame_count; ++frame) {
      out[record.hash].push_back(index.frame(pack, frame).first_number);
    }
  }
  return out;
}

// A segment of one pack, which has one block for each tag.
IndexSegment listing(Random& random,
                     std::uint32_t first_ordinal,
                     const std::vector<BlockTag>& tags) {
  IndexedFrame frame{.place = {pack_header_size, 100, 100}};
  for (const BlockTag& tag : tags) {
    frame.blocks.push_back({.tag = tag, .size = 10});
  }
  IndexSegment out;
  out.first_ordinal = first_ordinal;
  out.packs.push_back(
      {.hash = random.draw_id<ObjectHash>(), .size = pack_bytes_min, .frames = {frame}});
  return out;
}

// An entry that reserves 64 numbers and names these segments, as a client of another maker could
// commit it. Returns the paths of the segments.
std::vector<std::string> introduce(Repository& evil,
                                   Random& random,
                                   const std::vector<IndexSegment>& segments) {
  const ObjectAuthor author{.origin = evil.keyring().origin(),
                            .signing_seed = evil.keyring().signing_seed(),
                            .random = random};
  StoredSnapshot claimed;
  claimed.numbers = numbers_for({.data = 1, .meta = 0});
  KeyGroup names;
  InnerKeyGroup secrets;
  std::vector<std::string> out;
  for (const IndexSegment& segment : segments) {
    names.index_segments.push_back(put_index_segment(evil.writer(), author, segment).key);
    const ObjectHash& hash = names.index_segments.back().hash;
    claimed.segments.push_back({hash, PackKind::data});
    out.push_back(index_segment_path(hash));
    names.packs.push_back(segment.packs.front().hash);
    secrets.packs.emplace_back();
  }
  const SealedObject keys = seal_key_segment(
      author, current_keys(evil),
      {.outer = {.groups = {names}}, .sets = {.groups = {{}}}, .inner = {.groups = {secrets}}});
  put_sealed(evil.writer(), ObjectType::key_segment, keys);
  claimed.key_segments = {keys.hash};
  commit(evil, [&](const State& state) {
    SnapshotTaken taken = snapshot_entry(claimed, state, "evil", {});
    taken.snapshot = random.draw_id<SnapshotId>();
    return Act(std::move(taken));
  });
  return out;
}

}  // namespace

TEST_CASE("the journal tells no difference between a small file and thirty") {
  World world;
  SeededRandom random(seed());
  const auto reserved_for = [&](int files) {
    for (int i = 0; i < files; ++i) {
      write_file(world.tree(concat("of-", files, "-", i)), random_bytes(random, 2'000));
    }
    world.backup();
    const EntryNumbers& numbers =
        world.repository.state().snapshots.at(world.snapshot).taken.numbers;
    return std::pair(numbers.data, numbers.meta);
  };
  REQUIRE(reserved_for(1) == std::pair(64U, 64U));
  REQUIRE(reserved_for(30) == std::pair(64U, 64U));
  REQUIRE(reserved_for(70) == std::pair(128U, 64U));
  REQUIRE(reserved_for(0) == std::pair(0U, 0U));
  world.require_restored();
  require_sound(world.repository);
}

TEST_CASE("a data segment that is lost leaves all other blocks their numbers") {
  World world;
  SeededRandom random(seed());
  for (int i = 0; i < 3; ++i) {
    write_file(world.tree(concat("file", i)), random_bytes(random, 100'000));
    world.backup();
  }
  const Numbers all = numbers_of(world.repository);
  const SnapshotPtr second = world.repository.state().live_snapshots().at(1);
  const SegmentIntroduction& lost = second->taken.segments.front();
  REQUIRE(lost.stream == PackKind::data);
  const auto away = take_away(*world.store, index_segment_path(lost.index_segment));
  Machine late(world.store, 8);
  Repository repository = late.open();
  const Numbers some = numbers_of(repository);
  REQUIRE(some.size() == all.size() - 1);
  for (const auto& [pack, numbers] : some) {
    REQUIRE(numbers == all.at(pack));
  }
  // Once it is back, both know the same.
  put_back(*world.store, away);
  REQUIRE(numbers_of(repository) == all);
  require_sound(repository);
}

TEST_CASE("segments that are not reserved or overlap do not count, and take nobody's numbers") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  Random& random = roles.content;
  std::vector<BlockTag> tags(7);
  for (BlockTag& tag : tags) {
    tag = random.draw_id<BlockTag>();
  }
  const std::vector<IndexSegment> segments = {
      listing(random, 0, {tags[0], tags[1]}),  listing(random, 1, {tags[2]}),  // meets the first
      listing(random, 63, {tags[3], tags[4]}),  // ends behind what is reserved
      listing(random, 2, {tags[5]}),           listing(random, 0, {tags[6]}),  // comes too late
  };
  const std::vector<std::string> paths = introduce(evil, random, segments);
  const auto number_of = [&](Repository& repository, std::size_t tag) {
    repository.journal().replay();
    const auto found = BlockIndex::Reader(repository.blocks().complete_index()).find(tags[tag]);
    const std::uint64_t first = repository.state().next_number - 64;
    return found ? std::optional(found->number - first) : std::nullopt;
  };
  const auto require_all = [&](Repository& repository) {
    REQUIRE(number_of(repository, 0) == 0);
    REQUIRE(number_of(repository, 1) == 1);
    REQUIRE(number_of(repository, 5) == 2);
    for (const std::size_t none : {2U, 3U, 4U, 6U}) {
      REQUIRE_FALSE(number_of(repository, none));
    }
  };
  require_all(roles.owner_repository);
  // A client that cannot read the first one at first takes the second, knows that something is
  // missing, and agrees with the others as soon as it is there.
  const auto away = take_away(*roles.store, paths.front());
  Machine late(roles.store, 8);
  Repository repository = late.open();
  REQUIRE(number_of(repository, 2) == 1);
  REQUIRE(number_of(repository, 5) == 2);
  REQUIRE_FALSE(repository.blocks().index().unloaded_entries().empty());
  put_back(*roles.store, away);
  require_all(repository);
  REQUIRE(numbers_of(repository) == numbers_of(roles.owner_repository));
  // Others' blocks are numbered behind what the entry has reserved.
  roles.write_news(50'000);
  roles.backup(evil, "laptop");
  roles.owner_repository.journal().replay();
  require_restored(roles.owner, roles.owner_repository, roles,
                   roles.owner_repository.state().live_snapshots().back()->taken.snapshot, "news");
}

TEST_CASE("many entries that were proved one by one are few ranges for whoever comes later") {
  Roles roles(writer_capabilities);
  Repository laptop = roles.open();
  for (int i = 0; i < 4; ++i) {
    roles.write_news(50'000, concat("news", i));
    roles.backup(laptop, "laptop");
    roles.owner_repository.journal().replay();
    REQUIRE(verify_content(roles.owner_repository).proved == 1);
    laptop.journal().replay();
  }
  REQUIRE(roles.owner_repository.state().proved.size() == 1);
  Machine late(roles.store, 9);
  REQUIRE(late.open().state() == roles.owner_repository.state());
}
