// A repository of several machines, in which snapshots are forgotten and their space comes back.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/ops/epoch/collect.h"
#include "engine/ops/retention/forget.h"
#include "engine/ops/retention/policies.h"
#include "tests/support/roles.h"
#include "tests/support/world.h"

namespace kist::test {

// No minimum and no grace: what is forgotten may end at once.
inline void end_at_once(Repository& repository) {
  static_cast<void>(set_policy(
      repository, "default",
      [](Policy& policy) {
        policy.minimum_seconds = 0;
        policy.grace_seconds = 0;
      },
      "a test"));
}

// An owner who collects; another slot.
struct Collected : Roles {
  explicit Collected(Capabilities capabilities = writer_capabilities) : Roles(capabilities) {
    end_at_once(owner_repository);
  }

  void forget_all(const std::vector<SnapshotId>& snapshots) {
    pass(1);
    owner_repository.journal().replay();
    static_cast<void>(kist::forget(
        owner_repository,
        {.snapshots = snapshots, .reason = "a test", .may_take_last = true, .is_junk = false}));
  }

  CollectResult collect(CollectOptions options = {}) {
    options.threads = 1;
    pass(1);
    return kist::collect(owner_repository, options);
  }

  void pass(std::int64_t minutes) {
    owner.clock.advance_ms(minutes * 60'000);
    other.clock.advance_ms(minutes * 60'000);
  }

  // The owner's backup of the tree.
  SnapshotId take() {
    pass(1);
    return owner.backup(owner_repository, source / "tree").snapshot;
  }

  // The bytes in packs/.
  [[nodiscard]] std::uint64_t pack_bytes() const {
    std::uint64_t out = 0;
    for (const auto& [name, bytes] : store->objects()) {
      if (name.starts_with("packs/")) out += bytes.size();
    }
    return out;
  }

  void remove_file(const std::string& file) { std::filesystem::remove(source / ("tree/" + file)); }

  // Nothing is wrong, for the owner's machine and for one that knows nothing yet.
  void require_all_sound() {
    owner_repository.journal().replay();
    require_sound(owner_repository);
    Machine fresh(store, 77);
    Repository there = fresh.open();
    require_sound(there);
  }
};

}  // namespace kist::test
