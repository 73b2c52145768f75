// A writer that was taken over must not keep an epoch from ending: it could not be revoked.
#include "engine/blocks/stored_snapshot.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/journal/epoch_keys.h"
#include "tests/support/attacker.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

IndexSegment one_pack(Roles& roles) {
  IndexSegment out;
  IndexedPack pack;
  pack.hash = roles.content.draw_id<ObjectHash>();
  pack.size = pack_bytes_min;
  IndexedFrame frame;
  frame.place = {.offset = 32, .contents_size = 100, .list_size = 90};
  frame.blocks = {{.tag = roles.content.draw_id<BlockTag>(), .size = 10}};
  pack.frames = {frame};
  out.packs = {pack};
  return out;
}

void require_all_well(Roles& roles) {
  roles.owner_repository.journal().replay();
  require_restored(roles.owner, roles.owner_repository, roles, roles.first);
  Machine fresh(roles.store, 8);
  Repository there = fresh.open();
  require_restored(fresh, there, roles, roles.first);
}

}  // namespace

TEST_CASE("a key segment whose sealed keys are nonsense keeps no epoch from ending") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  const IndexSegment segment = one_pack(roles);
  introduce_claims(evil, roles.content, segment, {.packs = {segment.packs.front().hash}}, {});
  roles.owner_repository.journal().replay();
  const bool is_revoked = GENERATE(false, true);
  if (is_revoked) {
    REQUIRE(revoke(roles).dropped.empty());
  } else {
    REQUIRE(rotate(roles).dropped.empty());
    REQUIRE(rotate(roles).dropped.empty());
  }
  require_all_well(roles);
}

TEST_CASE("a writer that names the key segments of an epoch's end first keeps it from nothing") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  bool has_named = false;
  const auto name_new = [&] {
    evil.journal().replay();
    std::vector<ObjectHash> names;
    for (const std::string& path : names_of(*roles.store, "keys/")) {
      const std::string digits = path.substr(std::string("keys/").size());
      if (digits.size() != 64) continue;
      ObjectHash name;
      for (std::size_t i = 0; i < name.bytes.size(); ++i) {
        name.bytes[i] = static_cast<std::uint8_t>(std::stoul(digits.substr(2 * i, 2), nullptr, 16));
      }
      if (!evil.state().key_segments.contains(name)) names.push_back(name);
    }
    REQUIRE_FALSE(names.empty());
    StoredSnapshot claimed;
    claimed.key_segments = names;
    SnapshotTaken taken = snapshot_entry(claimed, evil.state(), "evil", {});
    taken.snapshot = roles.content.draw_id<SnapshotId>();
    forge(*roles.store, evil, roles.content, evil.journal().next_entry(taken));
    has_named = true;
  };
  Machine owner(std::make_shared<WatchedStore>(*roles.store, "epochs/", name_new), 6);
  Repository repository = owner.open();
  const bool is_revoked = GENERATE(false, true);
  EndEpochOptions options;
  if (is_revoked) options.revoked = {slot_called(repository.state(), "other")};
  end_epoch(repository, options);
  REQUIRE(has_named);
  REQUIRE(repository.state().epoch_number == 1);
  require_all_well(roles);
}

TEST_CASE("a store that spoils anchors begins no epoch") {
  Roles roles(writer_capabilities);
  const bool spoils_all = GENERATE(false, true);

  class Spoiling final : public ForwardingStore {
   public:
    Spoiling(Store& store, bool all) : ForwardingStore(store), all_(all) {}

    void put(const std::string& name, View bytes) override {
      Bytes changed(bytes.begin(), bytes.end());
      const bool is_its = name.starts_with("anchors/") && (all_ || name.ends_with(".3"));
      if (is_its) changed[changed.size() / 2] ^= 1U;
      ForwardingStore::put(name, changed);
    }

   private:
    bool all_;
  };

  Machine owner(std::make_shared<Spoiling>(*roles.store, spoils_all), 6);
  Repository repository = owner.open();
  REQUIRE(error_code([&] { end_epoch(repository, {}); }) == Code::corrupt);
  require_all_well(roles);
  REQUIRE(roles.owner_repository.state().epoch_number == 0);
  rotate(roles);
  require_all_well(roles);
}
