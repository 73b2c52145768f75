// Whether a snapshot opens, and the difference between what its author never put and damage.
#include "engine/blocks/snapshot_inspector.h"

#include "engine/format/names.h"
#include "engine/store/twins.h"
#include "tests/support/attacker.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

// An owner's machine, and a laptop whose writer's key somebody else has.
struct Inspected : Roles {
  Inspected() : Roles(writer_capabilities) {}

  Openness look(const SnapshotId& id) {
    owner_repository.journal().replay();
    const ReadKeys keys = owner_repository.read_keys();
    const SnapshotState snapshot = owner_repository.state().snapshots.at(id);
    const SnapshotInspection found = inspect_snapshot(owner_repository.journal(), &keys, snapshot);
    REQUIRE(found.opens() == found.problem.empty());
    // Whoever may not read the body comes to the same, unless only the body's content tells.
    closed = inspect_snapshot(owner_repository.journal(), nullptr, snapshot).openness;
    return found.openness;
  }

  Openness look_at_hollow(const HollowSnapshot& hollow) {
    return look(commit_hollow(evil, other.random, "evil", hollow));
  }

  [[nodiscard]] SnapshotTaken taken() const {
    return owner_repository.state().snapshots.at(first).taken;
  }

  void lose(const std::string& path) {
    for (const std::string& copy : copies_of(path)) {
      store->remove(copy);
    }
  }

  Repository evil = open();
  Openness closed = Openness::opens;
};

}  // namespace

TEST_CASE("a snapshot that was stored as its entry says opens") {
  Inspected run;
  REQUIRE(run.look(run.first) == Openness::opens);
  REQUIRE(run.closed == Openness::opens);
}

TEST_CASE("a snapshot whose objects are whole and hold nonsense is invalid, and not damaged") {
  Inspected run;
  REQUIRE(run.look_at_hollow({.has_body_key = false}) == Openness::invalid);
  REQUIRE(run.closed == Openness::invalid);
  // Without a key nothing that could be put back would open it.
  REQUIRE(run.look_at_hollow({.puts_body = false, .has_body_key = false}) == Openness::invalid);
  REQUIRE(run.closed == Openness::invalid);
  REQUIRE(run.look_at_hollow({.is_body_key_right = false}) == Openness::invalid);
  REQUIRE(run.closed == Openness::opens);
}

TEST_CASE("a snapshot of which an object is in no copy is absent") {
  Inspected run;
  for (const HollowSnapshot& hollow :
       {HollowSnapshot{.puts_keys = false, .puts_body = false, .puts_set = false},
        HollowSnapshot{.puts_keys = false}, HollowSnapshot{.puts_body = false},
        HollowSnapshot{.puts_set = false}}) {
    REQUIRE(run.look_at_hollow(hollow) == Openness::absent);
    REQUIRE(run.closed == Openness::absent);
  }
}

TEST_CASE("a snapshot is damaged where an object's bytes are others than its hash says") {
  Inspected run;
  SECTION("the body, in both copies") {
    for (const std::string& copy : copies_of(body_path(run.taken().body))) {
      flip_bit(*run.store, copy);
    }
  }
  SECTION("the reference set") {
    flip_twins(*run.store, reference_set_path(run.taken().reference_set));
  }
  SECTION("the key segment, in both copies, and the body is gone") {
    for (const std::string& copy : copies_of(key_segment_path(run.taken().key_segments.front()))) {
      flip_bit(*run.store, copy);
    }
    run.lose(body_path(run.taken().body));
  }
  REQUIRE(run.look(run.first) == Openness::damaged);
  REQUIRE(run.closed == Openness::damaged);
}

TEST_CASE("one good copy is enough for a snapshot to open") {
  Inspected run;
  flip_bit(*run.store, body_path(run.taken().body));
  run.store->remove(key_segment_path(run.taken().key_segments.front()));
  REQUIRE(run.look(run.first) == Openness::opens);
}

TEST_CASE("a snapshot is given up once it opens for nobody and its author was revoked") {
  Inspected run;
  const SnapshotId hollow =
      commit_hollow(run.evil, run.other.random, "evil",
                    {.puts_keys = false, .puts_body = false, .puts_set = false});
  const auto is_gone = [&](const SnapshotId& id) {
    const SnapshotState snapshot = run.owner_repository.state().snapshots.at(id);
    const ReadKeys keys = run.owner_repository.read_keys();
    return is_given_up(run.owner_repository.state(), snapshot,
                       inspect_snapshot(run.owner_repository.journal(), &keys, snapshot));
  };
  REQUIRE(run.look(hollow) == Openness::absent);
  REQUIRE_FALSE(is_gone(hollow));
  revoke(run);
  REQUIRE(run.look(hollow) == Openness::invalid);
  REQUIRE(is_gone(hollow));
  REQUIRE_FALSE(is_gone(run.first));
  REQUIRE(
      author_of(run.owner_repository.state(), run.owner_repository.state().snapshots.at(hollow)) ==
      "other (" + hex(run.evil.keyring().slot()).substr(0, 8) + ", revoked)");
}

TEST_CASE("after an epoch's end the key segment of many snapshots is opened once for all of them") {
  Inspected run;
  const SnapshotId second = run.owner.backup(run.owner_repository, run.source / "tree").snapshot;
  rotate(run);
  const Journal& journal = run.owner_repository.journal();
  const ReadKeys keys = run.owner_repository.read_keys();
  const SnapshotState one = journal.state().snapshots.at(run.first);
  const SnapshotState other = journal.state().snapshots.at(second);
  const std::vector<ObjectHash> segments = journal.state().key_segments_of(one);
  REQUIRE(segments.size() == 1);
  REQUIRE(segments == journal.state().key_segments_of(other));
  SnapshotOpener opener(journal);
  REQUIRE(inspect_snapshot(opener, &keys, one).opens());
  run.lose(key_segment_path(segments.front()));
  REQUIRE(inspect_snapshot(opener, &keys, other).opens());
  REQUIRE(inspect_snapshot(journal, &keys, other).openness == Openness::absent);
}

TEST_CASE("the key of an index segment is there, nowhere, or in what cannot be read") {
  Inspected run;
  const SnapshotState snapshot = run.owner_repository.state().snapshots.at(run.first);
  const ObjectHash segment = snapshot.taken.segments.front().index_segment;
  const auto find = [&](const ObjectHash& hash) {
    return find_index_key(run.owner_repository.journal(), snapshot, hash);
  };
  REQUIRE(find(segment) == KeyPresence::there);
  REQUIRE(find(run.other.random.draw_id<ObjectHash>()) == KeyPresence::nowhere);
  run.lose(key_segment_path(snapshot.taken.key_segments.front()));
  REQUIRE(find(segment) == KeyPresence::unreadable);
}
