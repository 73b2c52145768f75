// Snapshots of a tree that is backed up under two names, for the tests of what is selected and
// shown.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/blocks/stored_snapshot.h"
#include "engine/ops/browse/browse.h"
#include "engine/rules/policy.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

namespace kist::test {

inline constexpr std::int64_t hour_ms = 3'600'000;

// Snapshots of a tree that is backed up under two names, an hour apart.
struct Browsed : World {
  Browsed() {
    std::filesystem::create_directories(tree("sub"));
    write_file(tree("file"), to_bytes("content"));
    for (const std::string name : {"laptop", "desk", "laptop", "desk"}) {
      take(name);
    }
  }

  void take(const std::string& name) {
    BackupOptions options;
    options.paths = {tree()};
    options.source = name;
    snapshots.push_back(kist::backup(repository, options).snapshot);
    machine.clock.advance_ms(hour_ms);
  }

  // A snapshot entry of the first one's objects, under an id of one's choice.
  void commit_as(const SnapshotId& id, bool is_pending) {
    commit(repository, [&](const State& state) {
      SnapshotTaken taken = state.snapshots.at(snapshots.front()).taken;
      taken.snapshot = id;
      taken.is_pending = is_pending;
      fix_retention(taken, policy_of(state, taken.source));
      taken.numbers = {.first_number = state.next_number};
      taken.segments.clear();
      taken.key_segments.clear();
      return Act(std::move(taken));
    });
  }

  // The place in `snapshots` of what the text selects.
  std::size_t at(const std::string& text) {
    const SnapshotId id = select(repository, text).snapshot->taken.snapshot;
    const auto found = std::ranges::find(snapshots, id);
    REQUIRE(found != snapshots.end());
    return static_cast<std::size_t>(found - snapshots.begin());
  }

  Code refusal(const std::string& text) {
    return error_code([&] { static_cast<void>(select(repository, text)); });
  }

  std::vector<SnapshotId> snapshots;
};

}  // namespace kist::test
