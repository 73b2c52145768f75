// Keys carried into a new epoch: all of them, in segments of one author each.
#include "engine/ops/epoch/key_rewriter.h"

#include <algorithm>
#include <set>

#include "engine/blocks/objects.h"
#include "engine/crypto/sign.h"
#include "engine/format/names.h"
#include "engine/store/twins.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

// An owner and a writer with two snapshots each, and an epoch that is about to begin.
struct Rewriting {
  Rewriting() {
    Repository writer = roles.open();
    for (int i = 0; i < 2; ++i) {
      roles.write_news(50'000, concat("news", i));
      roles.backup(writer, "laptop");
    }
    owner.journal().replay();
    roles.write_news(50'000, "last");
    roles.owner.backup(owner, roles.source / "tree");
    epoch = draw_epoch(owner);
  }

  [[nodiscard]] std::unique_ptr<KeyRewriter> rewriter(std::set<AuthoredObject> abandoned = {}) {
    return std::make_unique<KeyRewriter>(owner, owner.blocks().index(), keys, epoch,
                                         std::move(abandoned));
  }

  [[nodiscard]] std::set<ObjectHash> key_segments() const {
    std::set<ObjectHash> out;
    owner.state().key_segments.for_each(
        [&](const ObjectHash& name, const SlotId&) { out.insert(name); });
    return out;
  }

  // Removes both copies of an object.
  void lose(const std::string& name) {
    for (const std::string& copy : copies_of(name)) {
      roles.store->remove(copy);
    }
  }

  Roles roles{writer_capabilities};
  Repository& owner = roles.owner_repository;
  ReadKeys keys = owner.read_keys();
  NewEpoch epoch;
};

// The key segments that the carried ones replace, all together; none twice.
std::set<ObjectHash> replaced(const KeyRewriter& rewriter) {
  std::set<ObjectHash> out;
  for (const CarriedSegment& carried : rewriter.carried) {
    for (const ObjectHash& name : carried.replaces) {
      REQUIRE(out.insert(name).second);
    }
  }
  return out;
}

}  // namespace

TEST_CASE("every key segment is carried on, those of one author together and of two apart") {
  Rewriting run;
  const auto rewriter = run.rewriter();
  REQUIRE(rewriter->find_damaged().empty());
  rewriter->carry_all();
  REQUIRE_NOTHROW(rewriter->require_complete());
  REQUIRE(replaced(*rewriter) == run.key_segments());
  REQUIRE(rewriter->dropped.empty());
  REQUIRE(rewriter->carried.size() == 2);
  const State& state = run.owner.state();
  for (const CarriedSegment& carried : rewriter->carried) {
    for (const ObjectHash& name : carried.replaces) {
      REQUIRE(state.key_segments.at(name) == state.key_segments.at(carried.replaces.front()));
    }
    for (const std::string& copy : copies_of(key_segment_path(carried.name))) {
      REQUIRE(run.roles.store->objects().contains(copy));
    }
  }
}

TEST_CASE("a key segment of which one copy is whole is carried on, and of none is dropped") {
  Rewriting run;
  const ObjectHash first = *run.key_segments().begin();
  const std::string name = key_segment_path(first);
  run.roles.store->remove(GENERATE(true, false) ? name : second_copy_path(name));
  REQUIRE(run.rewriter()->find_damaged().empty());
  run.lose(name);
  const auto rewriter = run.rewriter();
  REQUIRE(rewriter->find_damaged() == std::vector<ObjectHash>{first});
  rewriter->carry_all();
  REQUIRE(rewriter->dropped == std::vector<ObjectHash>{first});
  REQUIRE(rewriter->unread == rewriter->dropped);
  REQUIRE_NOTHROW(rewriter->require_complete());  // what only it opened went with it
}

TEST_CASE("keys of abandoned objects are left behind, of their author's segments alone") {
  Rewriting run;
  const SnapshotState owners = run.owner.state().snapshots.at(run.roles.first);
  const SlotId other = slot_called(run.owner.state(), "other");
  const bool is_own = GENERATE(true, false);
  const SlotId author = is_own ? owners.author : other;
  const auto rewriter =
      run.rewriter({{author, owners.taken.body}, {author, owners.taken.reference_set}});
  rewriter->carry_all();
  // Which of the new key segments name the owner's body and set.
  std::size_t named = 0;
  for (const CarriedSegment& carried : rewriter->carried) {
    const Bytes bytes = get_whole_key_segment(run.owner.journal(), carried.name);
    const KeySegmentOuter outer =
        open_key_segment({bytes, carried.name}, run.epoch.origin.repository, run.epoch.index_key,
                         {.slot = run.epoch.origin.author,
                          .signing_key = signing_public_key(run.owner.keyring().signing_seed()),
                          .epoch = run.epoch.origin.epoch});
    const KeySegmentInner inner = open_key_segment_inner(outer, carried.name, run.epoch.secret);
    REQUIRE(inner.bodies.size() == outer.bodies.size());
    named += static_cast<std::size_t>(std::ranges::count(outer.bodies, owners.taken.body));
    named += static_cast<std::size_t>(
        std::ranges::count(outer.reference_sets, owners.taken.reference_set, &NamedKey::hash));
  }
  REQUIRE(named == (is_own ? 0 : 2));
  REQUIRE(replaced(*rewriter) == run.key_segments());
  REQUIRE_NOTHROW(rewriter->require_complete());  // packs keep their keys
}

TEST_CASE("keys that were not carried are missed before anything else happens") {
  Rewriting run;
  const auto rewriter = run.rewriter();
  REQUIRE(error_code([&] { rewriter->require_complete(); }) == Code::corrupt);
}

TEST_CASE("while an index segment is out of reach, no two key segments are merged") {
  Rewriting run;
  const SnapshotTaken& taken = run.owner.state().snapshots.at(run.roles.first).taken;
  run.roles.store->remove(index_segment_path(taken.segments.front().index_segment));
  run.owner.local().reset_index();
  const auto rewriter = run.rewriter();
  rewriter->carry_all();
  REQUIRE(replaced(*rewriter) == run.key_segments());
  REQUIRE(rewriter->carried.size() == run.key_segments().size());
}

TEST_CASE("what was put is what the store gives back, both copies, or the epoch does not begin") {
  Rewriting run;
  const std::string name = "bodies/" + std::string(64, 'a');
  const Bytes bytes = to_bytes("as it was written");
  put_twinned(*run.roles.store, name, bytes);
  REQUIRE_NOTHROW(require_stored(run.owner, name, bytes));
  const std::string copy = GENERATE(true, false) ? name : second_copy_path(name);
  run.roles.store->overwrite(copy, to_bytes("as it was wrotten"));
  REQUIRE(error_code([&] { require_stored(run.owner, name, bytes); }) == Code::corrupt);
  run.roles.store->remove(copy);
  REQUIRE(error_code([&] { require_stored(run.owner, name, bytes); }) == Code::missing);
}

TEST_CASE("two attempts to begin an epoch share no secret") {
  Rewriting run;
  const NewEpoch other = draw_epoch(run.owner);
  REQUIRE(other.origin.epoch_number == run.epoch.origin.epoch_number);
  REQUIRE(other.origin.epoch != run.epoch.origin.epoch);
  REQUIRE(other.begun == run.owner.state().next_sequence);
  REQUIRE_FALSE(equal(other.journal_key.view(), run.epoch.journal_key.view()));
  REQUIRE_FALSE(equal(other.index_key.view(), run.epoch.index_key.view()));
  REQUIRE_FALSE(equal(other.secret.view(), run.epoch.secret.view()));
}
