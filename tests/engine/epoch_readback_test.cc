// What the store loses or gives back otherwise while an epoch ends: it is noticed before the former
// epoch, which alone can still open what is stored, is removed.
#include <functional>
#include <map>

#include "engine/format/names.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

// Flips a bit of what is put below a folder: of each copy, or of each second copy.
class FlippingStore final : public ForwardingStore {
 public:
  FlippingStore(Store& store, std::string folder, bool spares_first)
      : ForwardingStore(store), folder_(std::move(folder)), spares_first_(spares_first) {}

  void put(const std::string& path, View bytes) override {
    Bytes changed(bytes.begin(), bytes.end());
    const bool is_hurt = !spares_first_ || path != first_copy_path(path);
    if (path.starts_with(folder_) && is_hurt) changed[changed.size() / 2] ^= 1U;
    ForwardingStore::put(path, changed);
  }

 private:
  std::string folder_;
  bool spares_first_;
};

// Calls `after` once, right after the next entry.
class AfterEntryStore final : public ForwardingStore {
 public:
  AfterEntryStore(Store& store, std::function<void()> after)
      : ForwardingStore(store), after_(std::move(after)) {}

  bool put_if_absent(const std::string& path, View bytes) override {
    const bool is_put = ForwardingStore::put_if_absent(path, bytes);
    if (path.starts_with("journal/") && after_) std::exchange(after_, {})();
    return is_put;
  }

 private:
  std::function<void()> after_;
};

using StoredObjects = std::map<std::string, Bytes>;

// Nothing that was there has gone or changed.
void require_all_kept(const Roles& roles, const StoredObjects& before) {
  const StoredObjects now = roles.store->objects();
  for (const auto& [path, bytes] : before) {
    INFO(path);
    REQUIRE(now.contains(path));
    REQUIRE(now.at(path) == bytes);
  }
}

}  // namespace

TEST_CASE("key segments that the store gives back otherwise keep an epoch from ending") {
  Roles roles(writer_capabilities);
  const bool spares_first = GENERATE(false, true);
  const StoredObjects before = roles.store->objects();
  Machine owner(std::make_shared<FlippingStore>(*roles.store, "keys/", spares_first), 6);
  Repository repository = owner.open();
  REQUIRE(error_code([&] { end_epoch(repository, {}); }) == Code::corrupt);
  require_all_kept(roles, before);
  roles.owner_repository.journal().replay();
  REQUIRE(roles.owner_repository.state().epoch_number == 0);
  require_restored(roles.owner, roles.owner_repository, roles, roles.first);
}

TEST_CASE("key segments that are lost after an epoch's entry keep the former epoch from its end") {
  Roles roles(writer_capabilities);
  const StoredObjects before = roles.store->objects();
  const bool is_flipped = GENERATE(false, true);
  StoredObjects lost;
  const auto lose = [&] {
    for (const auto& [path, bytes] : roles.store->objects()) {
      if (!path.starts_with("keys/") || before.contains(path)) continue;
      lost.emplace(path, bytes);
      if (is_flipped) {
        flip_bit(*roles.store, path);
      } else {
        roles.store->remove(path);
      }
    }
  };
  Machine owner(std::make_shared<AfterEntryStore>(*roles.store, lose), 6);
  Repository repository = owner.open();
  const Code code = error_code([&] { end_epoch(repository, {}); });
  REQUIRE(code == (is_flipped ? Code::corrupt : Code::missing));
  REQUIRE(lost.size() == 2);
  REQUIRE(repository.state().epoch_number == 1);
  require_all_kept(roles, before);
  // Once they are back, the end can be brought to its end.
  for (const auto& [path, bytes] : lost) {
    roles.store->overwrite(path, bytes);
  }
  verify(repository, {.repairs = true});
  require_sound(repository);
  require_restored(owner, repository, roles, roles.first);
}
