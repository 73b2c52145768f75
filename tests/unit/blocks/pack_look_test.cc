// Looking at packs: what is asked of the store, and what is believed of its answer.
#include "engine/blocks/pack_look.h"

#include <atomic>

#include "engine/format/names.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/repository_fixture.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

// Counts what packs are asked for; leaves paths out of listings, and may fail.
class ListingStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  std::optional<std::uint64_t> size(const std::string& path) override {
    if (path.starts_with("packs/")) ++asked;
    if (fails && path.starts_with("packs/")) throw Error(Code::failed, "no answer");
    return ForwardingStore::size(path);
  }

  void list_sizes(const std::string& folder,
                  const std::function<void(const std::string&, std::uint64_t)>& each) override {
    ++listed;
    if (fails_to_list) throw Error(Code::failed, "no listing");
    memory->list(folder, [&](const std::string& file) {
      const std::string path = folder + "/" + file;
      if (path != unlisted) each(file, *memory->size(path));
    });
  }

  MemoryStore* memory = nullptr;
  std::string unlisted;
  std::atomic<std::uint64_t> asked{0};
  std::atomic<std::uint64_t> listed{0};
  bool fails = false;
  bool fails_to_list = false;
};

struct Look {
  Look() {
    store->memory = memory.get();
    machine.init();
  }

  // A pack that the store has, in the folder packs/<first>.
  PackRecord put_pack(std::uint8_t first, std::uint64_t size = 100) {
    PackRecord out;
    out.hash = machine.random.draw_id<ObjectHash>();
    out.hash.bytes[0] = first;
    out.size = size;
    memory->put(pack_path(out.hash), Bytes(size));
    return out;
  }

  std::vector<PackRecord> put_packs(std::uint8_t first, std::size_t count) {
    std::vector<PackRecord> out;
    for (std::size_t i = 0; i < count; ++i) {
      out.push_back(put_pack(first));
    }
    counts[first] += static_cast<std::uint32_t>(count);
    return out;
  }

  // What a run that relies on these packs asks, and finds.
  DamagedPacks run(const std::vector<PackRecord>& packs) {
    store->asked = 0;
    store->listed = 0;
    Repository repository = machine.open();
    PackLook look(repository.journal(), true);
    look.look_at(packs, counts, pool);
    unrelied = look.unrelied();
    look.remember();
    return look.found();
  }

  void next_round() { machine.clock.advance_ms(look_lasts_ms); }

  std::shared_ptr<MemoryStore> memory = std::make_shared<MemoryStore>();
  std::shared_ptr<ListingStore> store = std::make_shared<ListingStore>(*memory);
  Machine machine{store};
  Pool pool{2};
  FolderCounts counts{};
  std::set<ObjectHash> unrelied;
};

}  // namespace

TEST_CASE("a few packs are asked for by name, many of one folder by a listing") {
  Look look;
  const auto few = look.put_packs(1, 15);
  REQUIRE(look.run(few).empty());
  REQUIRE(look.store->asked == 15);
  REQUIRE(look.store->listed == 0);
  REQUIRE(look.run(few).empty());
  REQUIRE(look.store->asked == 0);
  const auto many = look.put_packs(2, 16);
  REQUIRE(look.run(many).empty());
  REQUIRE(look.store->asked == 0);
  REQUIRE(look.store->listed == 1);
  // Of a folder that is full of what others rely on, a listing would be the dearer question.
  const auto some = look.put_packs(3, 20);
  look.counts[3] = 100;
  REQUIRE(look.run(some).empty());
  REQUIRE(look.store->asked == 20);
  REQUIRE(look.store->listed == 0);
}

TEST_CASE("an absence from a listing counts only when the name is asked for") {
  Look look;
  const auto packs = look.put_packs(1, 20);
  look.store->unlisted = pack_path(packs[3].hash);
  REQUIRE(look.run(packs).empty());
  REQUIRE(look.store->asked == 1);
  look.next_round();
  look.memory->remove(pack_path(packs[7].hash));
  look.memory->overwrite(pack_path(packs[8].hash), Bytes(99));
  REQUIRE(look.run(packs) == DamagedPacks{{packs[7].hash, PackProblem::missing},
                                          {packs[8].hash, PackProblem::wrong_size}});
  REQUIRE(look.store->asked == 3);
  REQUIRE(look.unrelied == std::set<ObjectHash>{packs[7].hash, packs[8].hash});
  look.next_round();
  look.store->fails_to_list = true;
  REQUIRE(look.run(packs).empty());  // nothing new
  REQUIRE(look.store->asked == 20);
}

TEST_CASE("what is known to be gone is asked for again by each run that meets it") {
  Look look;
  const auto packs = look.put_packs(1, 2);
  look.memory->remove(pack_path(packs[0].hash));
  REQUIRE(look.run(packs).size() == 1);
  REQUIRE(look.run(packs).empty());
  REQUIRE(look.store->asked == 1);
  look.memory->put(pack_path(packs[0].hash), Bytes(packs[0].size));
  REQUIRE(look.run(packs).empty());
  REQUIRE(look.unrelied.empty());
  REQUIRE(look.machine.open().local().damage().packs().empty());
}

TEST_CASE("what is known to be damaged in its bytes is not asked for, and not relied on") {
  Look look;
  const PackRecord pack = look.put_pack(1);
  Repository repository = look.machine.open();
  repository.local().damage().add(pack.hash, PackProblem::damaged, 1);
  const std::uint64_t before = look.store->asked;
  PackLook asking(repository.journal(), true);
  PackLook silent(repository.journal(), false);
  REQUIRE_FALSE(asking.may_rely_on(pack));
  REQUIRE_FALSE(silent.may_rely_on(pack));
  const PackRecord other = look.put_pack(1);
  REQUIRE(silent.may_rely_on(other));
  REQUIRE(look.store->asked == before);
  REQUIRE(asking.may_rely_on(other));
  REQUIRE(look.store->asked == before + 1);
  // Found damaged by another command while the run goes on.
  look.machine.open().local().damage().add(other.hash, PackProblem::damaged, 2);
  asking.renew();
  REQUIRE_FALSE(asking.may_rely_on(other));
}

TEST_CASE("a store that does not answer says nothing of a pack, and is asked once a run") {
  Look look;
  const auto packs = look.put_packs(1, 13);
  look.store->fails = true;
  look.machine.observer.notices.clear();
  REQUIRE(look.run(packs).empty());
  REQUIRE(look.unrelied.size() == 13);
  REQUIRE(look.machine.observer.notices.size() == 11);  // ten of them, and a count of the rest
  REQUIRE(look.machine.open().local().damage().packs().empty());
  look.store->fails = false;
  REQUIRE(look.run(packs).empty());
  REQUIRE(look.store->asked == 13);
  REQUIRE(look.unrelied.empty());
}

TEST_CASE("of many packs that are gone the first are named, and the rest counted") {
  Look look;
  const auto packs = look.put_packs(1, 30);
  for (const PackRecord& pack : packs) {
    look.memory->remove(pack_path(pack.hash));
  }
  look.machine.observer.notices.clear();
  REQUIRE(look.run(packs).size() == 30);
  REQUIRE(look.machine.observer.problems.size() == 10);
  REQUIRE(look.machine.observer.notices.size() == 1);
  REQUIRE(look.machine.open().local().damage().incidents().size() == 1);
}
