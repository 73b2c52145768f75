// Packs read as far as a level asks: what each level finds, and where.
#include "engine/ops/verify/pack_checker.h"

#include "engine/format/names.h"
#include "engine/format/pack.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

// A repository with packs, and what a checker of some level says of them.
struct CheckedPacks : World {
  CheckedPacks() {
    // More than a frame, so that the largest pack has several.
    write_file(tree("file"), random_bytes(machine.random, 1'500'000));
    backup();
    std::size_t size = 0;
    for (const std::string& name : names_of(*store, "packs/")) {
      ++pack_count;
      const std::size_t pack_size = store->objects().at(name).size();
      if (pack_size <= size) continue;
      largest = name;
      size = pack_size;
    }
  }

  std::vector<std::string> check(VerifyLevel level) {
    objects.clear();
    offsets.clear();
    std::mutex mutex;
    read = std::make_unique<PacksRead>();
    checker = std::make_unique<PackChecker>(
        repository, level, *read,
        [&](const std::string& object, const std::string&, std::optional<std::uint64_t> offset) {
          const std::lock_guard lock(mutex);
          objects.push_back(object);
          offsets.push_back(offset);
        });
    checker->check_all(repository.blocks().index(), 2, [] { FAIL("nothing has come meanwhile"); });
    return objects;
  }

  // Only the largest pack is found, and it alone counts as damaged.
  void require_found(VerifyLevel level) {
    REQUIRE_FALSE(check(level).empty());
    REQUIRE(std::ranges::all_of(objects, [&](const auto& name) { return name == largest; }));
    REQUIRE(checker->damaged_packs().size() == 1);
    REQUIRE(pack_path(checker->damaged_packs().begin()->first) == largest);
  }

  std::string largest;
  std::size_t pack_count = 0;
  std::unique_ptr<PacksRead> read;
  std::unique_ptr<PackChecker> checker;
  std::vector<std::string> objects;
  std::vector<std::optional<std::uint64_t>> offsets;
};

constexpr VerifyLevel all_levels[] = {VerifyLevel::structure, VerifyLevel::storage,
                                      VerifyLevel::content};

}  // namespace

TEST_CASE("of whole packs nothing is found, and a level reads what it must and no more") {
  CheckedPacks run;
  for (const VerifyLevel level : all_levels) {
    REQUIRE(run.check(level).empty());
    REQUIRE(run.checker->pack_count() == run.pack_count);
    REQUIRE((run.read->bytes > 0) == (level != VerifyLevel::structure));
    REQUIRE((run.read->frames > 0) == (level == VerifyLevel::content));
    REQUIRE((run.read->blocks > 0) == (level == VerifyLevel::content));
    REQUIRE(run.checker->damaged_packs().empty());
  }
  const BlockIndex::Reader index(run.repository.blocks().index());
  REQUIRE(run.read->blocks == index.block_count());
}

TEST_CASE("a pack that is missing or has another size is found at every level") {
  CheckedPacks run;
  const Bytes whole = run.store->objects().at(run.largest);
  for (const VerifyLevel level : all_levels) {
    run.store->remove(run.largest);
    run.require_found(level);
    Bytes longer = whole;
    longer.push_back(0);
    run.store->overwrite(run.largest, longer);
    run.require_found(level);
    run.store->overwrite(run.largest, whole);
  }
}

TEST_CASE("a flipped bit is found where bytes are read, in whatever part of the pack it is") {
  CheckedPacks run;
  const std::size_t size = run.store->objects().at(run.largest).size();
  for (const std::size_t offset : {std::size_t{0}, std::size_t{pack_header_size - 1}, size / 2,
                                   size - pack_footer_size - 1, size - 1}) {
    INFO(offset << " of " << size);
    flip_bit(*run.store, run.largest, offset);
    REQUIRE(run.check(VerifyLevel::structure).empty());
    run.require_found(VerifyLevel::storage);
    run.require_found(VerifyLevel::content);
    flip_bit(*run.store, run.largest, offset);
  }
  REQUIRE(run.check(VerifyLevel::content).empty());
}

TEST_CASE("at level content the frame that is damaged is named by its place, and no other") {
  CheckedPacks run;
  const BlockIndex::Reader index(run.repository.blocks().index());
  const auto pack =
      index.find_pack(*parse_id<ObjectHash>(run.largest.substr(run.largest.rfind('/') + 1)));
  REQUIRE(pack);
  const FrameRecord frame = index.frame(*pack, 1);
  flip_bit(*run.store, run.largest, frame.place.offset + 5);
  run.check(VerifyLevel::content);
  REQUIRE(run.checker->damaged_frames() == std::set<FrameId>{{*pack, 1}});
  REQUIRE(std::ranges::count(run.offsets, std::optional<std::uint64_t>(frame.place.offset)) == 1);
}

TEST_CASE("a slot that may not read checks the bytes of packs, and not what is in them") {
  Roles roles(auditor_capabilities);
  Repository repository = roles.open();
  const auto report = [](const std::string&, const std::string&, std::optional<std::uint64_t>) {
    FAIL("all is whole");
  };
  PacksRead read;
  PackChecker checker(repository, VerifyLevel::storage, read, report);
  checker.check_all(repository.blocks().index(), 1, [] { FAIL("nothing has come meanwhile"); });
  REQUIRE(read.bytes > 0);
  REQUIRE(error_code([&] { PackChecker(repository, VerifyLevel::content, read, report); }) ==
          Code::refused);
}
