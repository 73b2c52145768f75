// Keys carried into a new epoch: those of each entry, in a group of its own.
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
    return std::make_unique<KeyRewriter>(owner, keys, epoch, std::move(abandoned),
                                         owner.blocks().index().unloaded_entries());
  }

  void carry(KeyRewriter& rewriter) const {
    rewriter.carry_to(owner.state().next_sequence, owner.blocks().index());
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

// The groups of all new key segments, as the new secrets open them.
std::vector<KeyGroup> groups_of(const Rewriting& run, const KeyRewriter& rewriter) {
  const SigningPublicKey signing_key = signing_public_key(run.owner.keyring().signing_seed());
  std::vector<KeyGroup> out;
  for (const KeyRange& range : rewriter.ranges) {
    for (const ObjectHash& name : range.segments) {
      const Bytes bytes = get_whole_key_segment(run.owner.journal(), name);
      const KeySegmentOuter outer =
          open_key_segment({bytes, name}, run.epoch.origin.repository, run.epoch.secrets.index_key,
                           {.slot = run.epoch.origin.author,
                            .signing_key = signing_key,
                            .epoch = run.epoch.origin.epoch});
      REQUIRE_NOTHROW(open_key_segment_sets(outer, name, run.epoch.secrets.audit_secret));
      REQUIRE_NOTHROW(open_key_segment_inner(outer, name, run.epoch.secrets.read_secret));
      out.insert(out.end(), outer.groups.begin(), outer.groups.end());
    }
  }
  return out;
}

}  // namespace

TEST_CASE("every entry's keys are carried on, in its own group of a key segment of all") {
  Rewriting run;
  const auto rewriter = run.rewriter();
  REQUIRE(rewriter->find_damaged().empty());
  run.carry(*rewriter);
  REQUIRE_NOTHROW(rewriter->require_complete(run.owner.blocks().index()));
  REQUIRE(rewriter->dropped.empty());
  REQUIRE(rewriter->ranges.size() == 1);
  REQUIRE(rewriter->ranges.front().last == run.owner.state().next_sequence - 1);
  REQUIRE(rewriter->ranges.front().segments.size() == 1);
  const std::vector<KeyGroup> groups = groups_of(run, *rewriter);
  const std::vector<SnapshotPtr> snapshots = run.owner.state().all_snapshots();
  REQUIRE(groups.size() == snapshots.size());
  for (std::size_t i = 0; i < groups.size(); ++i) {
    REQUIRE(groups[i].entry == snapshots[i]->sequence);
    REQUIRE(groups[i].bodies == std::vector{snapshots[i]->taken.body});
    REQUIRE(groups[i].reference_sets.front() == snapshots[i]->taken.reference_set);
    REQUIRE(groups[i].index_segments.size() == snapshots[i]->taken.segments.size());
    REQUIRE_FALSE(groups[i].packs.empty());
  }
}

TEST_CASE("what has come since is carried on in a range of its own") {
  Rewriting run;
  const auto rewriter = run.rewriter();
  run.carry(*rewriter);
  const std::uint64_t seen = run.owner.state().next_sequence;
  REQUIRE(rewriter->carried_to() == seen);
  run.carry(*rewriter);  // nothing has come
  REQUIRE(rewriter->ranges.size() == 1);
  run.roles.write_news(50'000, "newer");
  run.roles.owner.backup(run.owner, run.roles.source / "tree");
  run.carry(*rewriter);
  REQUIRE_NOTHROW(rewriter->require_complete(run.owner.blocks().index()));
  REQUIRE(rewriter->ranges.size() == 2);
  REQUIRE(rewriter->ranges.front().last == seen - 1);
  REQUIRE(rewriter->ranges.back().last == run.owner.state().next_sequence - 1);
  REQUIRE(groups_of(run, *rewriter).size() == run.owner.state().snapshots.all().size());
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
  run.carry(*rewriter);
  REQUIRE(rewriter->dropped == std::vector<ObjectHash>{first});
  REQUIRE_NOTHROW(
      rewriter->require_complete(run.owner.blocks().index()));  // what only it opened went with it
}

TEST_CASE("keys of abandoned objects are left behind, of their author's segments alone") {
  Rewriting run;
  const SnapshotState owners = run.owner.state().snapshots.at(run.roles.first);
  const SlotId other = slot_called(run.owner.state(), "other");
  const bool is_own = GENERATE(true, false);
  const SlotId author = is_own ? owners.author : other;
  const auto rewriter =
      run.rewriter({{author, owners.taken.body}, {author, owners.taken.reference_set}});
  run.carry(*rewriter);
  std::ptrdiff_t named = 0;
  for (const KeyGroup& group : groups_of(run, *rewriter)) {
    named += std::ranges::count(group.bodies, owners.taken.body);
    named += std::ranges::count(group.reference_sets, owners.taken.reference_set);
  }
  REQUIRE(named == (is_own ? 0 : 2));
  REQUIRE_NOTHROW(rewriter->require_complete(run.owner.blocks().index()));  // packs keep their keys
}

TEST_CASE("keys that were not carried are missed before anything else happens") {
  Rewriting run;
  const auto rewriter = run.rewriter();
  REQUIRE(error_code([&] { rewriter->require_complete(run.owner.blocks().index()); }) ==
          Code::corrupt);
}

TEST_CASE("while an index segment is out of reach, its entry keeps the keys of all its packs") {
  Rewriting run;
  const SnapshotState snapshot = run.owner.state().snapshots.at(run.roles.first);
  run.lose(index_segment_path(snapshot.taken.segments.front().index_segment));
  const std::size_t before =
      get_key_segment(run.owner.journal(), snapshot.taken.key_segments.front())
          .groups.front()
          .packs.size();
  run.owner.local().reset_index();
  const auto rewriter = run.rewriter();
  run.carry(*rewriter);
  REQUIRE_NOTHROW(rewriter->require_complete(run.owner.blocks().index()));
  const std::vector<KeyGroup> groups = groups_of(run, *rewriter);
  REQUIRE(groups.front().entry == snapshot.sequence);
  REQUIRE(groups.front().packs.size() == before);
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
  REQUIRE(other.beginning.least == run.owner.state().next_sequence);
  for (const auto key : {&EpochParts::journal_key, &EpochParts::index_part, &EpochParts::audit_part,
                         &EpochParts::read_part}) {
    REQUIRE_FALSE(equal((other.parts.*key).view(), (run.epoch.parts.*key).view()));
  }
  REQUIRE(other.shares.entry != run.epoch.shares.entry);
  REQUIRE_FALSE(equal(other.shares.anchor.view(), run.epoch.shares.anchor.view()));
}
