// Copies compared with what the journal says, and the damaged one of two written anew.
#include "engine/ops/verify/copy_checker.h"

#include "engine/crypto/hash.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/store/twins.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

// A repository with an object that is stored twice, and what is found of it.
struct CheckedCopies : World {
  CheckedCopies() { put_twinned(*store, name, bytes); }

  struct Found {
    std::string object;
    bool is_healed = false;
    bool operator==(const Found&) const = default;
  };

  std::vector<Found> check(bool heals) { return check_as(repository, name, heals); }

  std::vector<Found> check_as(Repository& checking, const std::string& path, bool heals) const {
    std::vector<Found> out;
    CopyChecker checker(
        checking, heals,
        [&](const std::string& object, const std::string& problem, CopyChecker::Healing healing) {
          REQUIRE_FALSE(problem.empty());
          out.push_back({object, healing == CopyChecker::Healing::done});
        });
    checker.check_twins(path, hash_object(bytes), small_object_bytes_max);
    return out;
  }

  // Damages a copy in one of the ways that there are.
  void spoil(const std::string& copy, bool is_absent) {
    if (is_absent) {
      store->remove(copy);
    } else {
      flip_bit(*store, copy);
    }
  }

  Bytes bytes = to_bytes("an object that is stored twice");
  std::string name = "bodies/" + hex(hash_object(bytes));
  std::string twin = second_copy_path(name);
};

}  // namespace

TEST_CASE("of two whole copies nothing is said") {
  CheckedCopies run;
  REQUIRE(run.check(true).empty());
}

TEST_CASE("a damaged or absent copy is named, and written anew only where that is asked for") {
  CheckedCopies run;
  const std::string copy = GENERATE(true, false) ? run.name : run.twin;
  run.spoil(copy, GENERATE(true, false));
  const auto damaged = run.store->objects();
  REQUIRE(run.check(false) == std::vector<CheckedCopies::Found>{{copy, false}});
  REQUIRE((run.store->objects() == damaged));
  REQUIRE(run.check(true) == std::vector<CheckedCopies::Found>{{copy, true}});
  REQUIRE(run.store->objects().at(copy) == run.bytes);
  REQUIRE(run.check(true).empty());
}

TEST_CASE("where both copies are damaged both are named, and neither is touched") {
  CheckedCopies run;
  run.spoil(run.name, false);
  run.spoil(run.twin, GENERATE(true, false));
  const auto before = run.store->objects();
  REQUIRE(run.check(true) ==
          std::vector<CheckedCopies::Found>{{run.name, false}, {run.twin, false}});
  REQUIRE((run.store->objects() == before));
}

TEST_CASE("a copy that is out of reach is named, and not taken for a damaged one") {
  class OutOfReach final : public ForwardingStore {
   public:
    OutOfReach(Store& store, std::string name) : ForwardingStore(store), name_(std::move(name)) {}

    std::size_t get_range(const std::string& name, std::uint64_t offset, MutableView out) override {
      if (name == name_) throw Error(Code::failed, "the disk does not answer");
      return ForwardingStore::get_range(name, offset, out);
    }

   private:
    std::string name_;
  };

  CheckedCopies run;
  Machine machine(std::make_shared<OutOfReach>(*run.store, run.name), 3);
  Repository repository = machine.open();
  const auto before = run.store->objects();
  REQUIRE(run.check_as(repository, run.name, true) ==
          std::vector<CheckedCopies::Found>{{run.name, false}});
  REQUIRE((run.store->objects() == before));
}

TEST_CASE("a copy of what has ended meanwhile is not revived") {
  CheckedCopies run;
  const SlotId slot = run.repository.keyring().slot();
  const std::string old = slot_path(slot, 1);
  rewrap_slot(run.repository, Machine::credential(9), argon2_floor);
  run.store->put(old, run.bytes);  // as if its removal had come half way
  REQUIRE(error_code([&] { run.check_as(run.repository, old, true); }) == Code::conflict);
  REQUIRE_FALSE(run.store->objects().contains(second_copy_path(old)));
}

TEST_CASE("an object that is stored once is named when it is not what its hash says") {
  CheckedCopies run;
  std::vector<std::string> found;
  CopyChecker checker(
      run.repository, true,
      [&](const std::string& object, const std::string&, CopyChecker::Healing healing) {
        REQUIRE(healing == CopyChecker::Healing::impossible);
        found.push_back(object);
      });
  checker.check(run.name, hash_object(run.bytes), small_object_bytes_max);
  REQUIRE(found.empty());
  flip_bit(*run.store, run.name);
  checker.check(run.name, hash_object(run.bytes), small_object_bytes_max);
  REQUIRE(found == std::vector<std::string>{run.name});
}
