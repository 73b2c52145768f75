// Blocks that are read while the journal goes on, and while the store does not answer.
#include "engine/repository/following_blocks.h"

#include "engine/blocks/snapshot_opener.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

// Does not answer about the journal while it is told so.
class SilentJournal final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  std::optional<std::uint64_t> size(const std::string& path) override {
    if (is_silent && path.starts_with("journal/")) throw Error(Code::failed, "no answer");
    return ForwardingStore::size(path);
  }

  std::size_t get_range(const std::string& path, std::uint64_t offset, MutableView out) override {
    if (is_silent && path.starts_with("journal/")) throw Error(Code::failed, "no answer");
    return ForwardingStore::get_range(path, offset, out);
  }

  bool is_silent = false;
};

}  // namespace

TEST_CASE("blocks are read on where the journal could not be followed for a moment") {
  World world;
  write_file(world.tree("file"), Bytes(5'000, 7));
  world.backup();
  const auto store = std::make_shared<SilentJournal>(*world.store);
  Machine reader(store, 6);
  Repository there = reader.open();
  const SnapshotState snapshot = there.state().snapshots.at(world.snapshot);
  const BlockId root = get_body(there.journal(), there.read_keys(), snapshot).root;
  FollowingBlocks blocks(there);
  const Bytes before = blocks.get(root);
  store->is_silent = true;
  REQUIRE(error_code([&] { blocks.follow(); }) == Code::failed);
  store->is_silent = false;
  REQUIRE(blocks.get(root) == before);
  REQUIRE(&blocks.index() == &there.blocks().index());
}
