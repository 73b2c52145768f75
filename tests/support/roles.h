// An owner with a snapshot, and a machine that has a slot of another role, in one store.
#pragma once

#include <filesystem>

#include "tests/support/repository_fixture.h"
#include "tests/support/test.h"

namespace kist::test {

inline constexpr std::string_view secret_name = "merger-plan";
inline constexpr std::string_view secret_text = "we buy them on the first of March";

// An owner with a snapshot of a file that is gone since, and a machine of another slot.
struct Roles {
  explicit Roles(Capabilities capabilities) {
    std::filesystem::create_directory(source / "tree");
    write_file(source / "tree/kept", random_bytes(content, 100'000));
    write_file(source / ("tree/" + std::string(secret_name)), to_bytes(long_secret()));
    add_slot(owner_repository, Machine::credential(9), argon2_floor, "other", capabilities);
    first = owner.backup(owner_repository, source / "tree").snapshot;
  }

  static std::string long_secret() {
    std::string out;
    for (int i = 0; i < 200; ++i) {
      out += std::string(secret_text) + std::to_string(i);
    }
    return out;
  }

  Repository open() { return other.open(9); }

  // A file of new bytes, which the next backup of the tree has to store.
  void write_news(std::size_t size, const std::string& file = "news") {
    write_file(source / ("tree/" + file), random_bytes(content, size));
  }

  BackupResult backup(Repository& repository, const std::string& name) {
    other.clock.advance_ms(120'000);
    BackupOptions options;
    options.paths = {source / "tree"};
    options.source = name;
    options.threads = 2;
    return kist::backup(repository, options);
  }

  TemporaryDirectory source;
  SeededRandom content{seed()};
  std::shared_ptr<MemoryStore> store = std::make_shared<MemoryStore>();
  Machine owner{store};
  Machine other{store, 2};
  Repository owner_repository = owner.init();
  SnapshotId first;
};

inline SlotId slot_called(const State& state, const std::string& name) {
  for (const auto& [id, slot] : state.slots) {
    if (slot.introduction.name == name) return id;
  }
  FAIL("no slot is called " << name);
  return {};
}

// The owner shuts that slot out, which ends the epoch.
inline EndEpochResult revoke(Roles& roles, const std::string& name = "other") {
  roles.owner_repository.journal().replay();
  return end_epoch(roles.owner_repository,
                   {.revoked = {slot_called(roles.owner_repository.state(), name)}});
}

// The owner ends the epoch, and all slots stay.
inline EndEpochResult rotate(Roles& roles) {
  return end_epoch(roles.owner_repository, {});
}

// That machine restores the snapshot of the tree, and one file of it as it still is in the source.
inline void require_restored(Machine& machine,
                             Repository& repository,
                             const Roles& roles,
                             const SnapshotId& snapshot,
                             const std::string& file = "kept") {
  const TemporaryDirectory target;
  REQUIRE(machine.restore(repository, snapshot, roles.source / "tree", target / "out").problems ==
          0);
  REQUIRE(slurp(target / ("out/" + file)) == slurp(roles.source / ("tree/" + file)));
}

}  // namespace kist::test
