// How a repository comes to be: what is refused before anything is stored, and what a store or a
// machine holds when an init does not finish.
#include "engine/repository/init.h"

#include <filesystem>

#include "engine/content/compress.h"
#include "engine/format/names.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

// Calls somebody before an object of that name is put if absent; the answer is theirs, if they have
// one.
class InitWatch final : public ForwardingStore {
 public:
  InitWatch(Store& store, std::string name, std::function<std::optional<bool>()> answer)
      : ForwardingStore(store), name_(std::move(name)), answer_(std::move(answer)) {}

  bool put_if_absent(const std::string& name, View bytes) override {
    const std::optional<bool> said = name == name_ ? answer_() : std::nullopt;
    return said ? *said : ForwardingStore::put_if_absent(name, bytes);
  }

 private:
  std::string name_;
  std::function<std::optional<bool>()> answer_;
};

}  // namespace

TEST_CASE("a second init in the same place is refused, and so is one over leftovers") {
  Site site;
  site.machine.init();
  REQUIRE(error_code([&] { site.machine.init(); }) == Code::refused);
  site.store->remove("kist.repo");
  REQUIRE(error_code([&] { site.machine.init(); }) == Code::refused);
}

TEST_CASE("kist.repo is put when all else of the repository is there, and nothing comes after it") {
  auto store = std::make_shared<MemoryStore>();
  std::map<std::string, Bytes> before;
  Machine machine(std::make_shared<InitWatch>(*store, repository_file, [&] {
    before = store->objects();
    return std::optional<bool>();
  }));
  machine.init();
  auto after = store->objects_without_probes();
  REQUIRE(after.erase(repository_file) == 1);
  REQUIRE(before == after);
}

TEST_CASE("an init that fails leaves no record of the repository on this machine") {
  auto store = std::make_shared<MemoryStore>();
  Machine machine(std::make_shared<InitWatch>(*store, journal_path(0), []() -> std::optional<bool> {
    throw Error(Code::failed, "the disk is full");
  }));
  REQUIRE(error_code([&] { machine.init(); }) == Code::failed);
  REQUIRE(std::filesystem::is_empty(machine.state.path()));
}

TEST_CASE("an init that another was faster than says so, and makes no kist.repo") {
  const std::string lost = GENERATE(journal_path(0), std::string(repository_file));
  auto store = std::make_shared<MemoryStore>();
  Machine machine(
      std::make_shared<InitWatch>(*store, lost, [] { return std::optional<bool>(false); }));
  REQUIRE(error_code([&] { machine.init(); }) == Code::refused);
  REQUIRE_FALSE(store->objects().contains(repository_file));
}

TEST_CASE("a chunk size or a compression level that is not allowed is refused before any write") {
  auto store = std::make_shared<MemoryStore>();
  Machine machine(store);
  for (const std::uint32_t target : {1U, 8U << 10U, 24U << 10U, 8U << 20U}) {
    INFO(target);
    REQUIRE(error_code([&] { machine.init(target); }) == Code::invalid);
  }
  InitOptions options;
  options.compression = compression_level_max + 1;
  REQUIRE(error_code([&] {
            init_repository(store, Machine::credential(), options, machine.state.path(),
                            machine.services());
          }) == Code::invalid);
  REQUIRE(store->objects().empty());
  REQUIRE(std::filesystem::is_empty(machine.state.path()));
}

TEST_CASE("what init is told stands in the genesis entry") {
  Machine machine(std::make_shared<MemoryStore>());
  InitOptions options;
  options.block_target = 32U << 10U;
  options.compression = 7;
  options.minimum_retention_seconds = 12'345;
  options.owner_name = "ann";
  options.dedup = Trust::own;
  const Repository repository = init_repository(machine.store, Machine::credential(), options,
                                                machine.state.path(), machine.services());
  const Genesis& genesis = repository.state().genesis;
  REQUIRE(genesis.content.block_target == 32U << 10U);
  REQUIRE(genesis.content.compression == 7);
  REQUIRE(genesis.policy.minimum_seconds == 12'345);
  REQUIRE(genesis.policy.dedup == Trust::own);
  REQUIRE(genesis.owner.name == "ann");
  REQUIRE(genesis.owner.capabilities == owner_capabilities);
}
