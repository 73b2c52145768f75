// An owner, and a laptop that can only write, whose packs are to be damaged.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/format/names.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"

namespace kist::test {

inline constexpr std::int64_t day_ms = 86'400'000;

// An owner, and a laptop with a writer's key that has backed up some files of its own.
struct DamagedLaptop : Roles {
  DamagedLaptop() : Roles(writer_capabilities) {
    for (int i = 0; i < 6; ++i) {
      write_news(200'000, concat("news", i));
    }
    age_tree(source / "tree");
    auto repository = open();
    before = backup(repository).snapshot;
  }

  // The laptop, whose commands tell another observer.
  Repository open_with(Observer& observer) {
    other.clock.advance_ms(120'000);
    return open_repository(store, Machine::credential(9),
                           {.state_parent = other.state.path(), .slot = {}},
                           {other.clock, other.random, observer});
  }

  // The laptop starts without what it knew: another machine with the same key.
  void lose_local_state() {
    for (const auto& entry : std::filesystem::directory_iterator(other.state.path())) {
      std::filesystem::remove_all(entry.path());
    }
  }

  BackupResult backup(Repository& repository, bool stores_again = false) {
    other.clock.advance_ms(120'000);
    BackupOptions options;
    options.paths = {source / "tree"};
    options.source = "laptop";
    options.threads = 2;
    options.stores_again = stores_again;
    return kist::backup(repository, options);
  }

  // The packs of the laptop that hold files.
  std::vector<std::string> packs() {
    Repository repository = open();
    const BlockIndex::Reader index(repository.blocks().index());
    const TrustedNumbers own(repository.state(), Trust::own, repository.keyring().slot());
    std::vector<std::string> out;
    for (const std::uint32_t pack : index.packs()) {
      const PackRecord record = index.pack(pack);
      const bool is_own = own.contains(index.frame(pack, 0).first_number);
      if (is_own && record.kind == PackKind::data) out.push_back(pack_path(record.hash));
    }
    REQUIRE_FALSE(out.empty());
    return out;
  }

  VerifyReport verify_as_owner(VerifyLevel level = VerifyLevel::content) {
    owner_repository.journal().replay();
    return verify(owner_repository, {.level = level, .threads = 2});
  }

  // How many paths of a snapshot are hurt; `lost`: those that cannot be restored.
  static std::uint64_t hurt(const VerifyReport& report, const SnapshotId& snapshot, bool lost) {
    return static_cast<std::uint64_t>(std::ranges::count_if(report.hurt, [&](const HurtPath& path) {
      return path.snapshot == snapshot && (!lost || !path.is_restorable);
    }));
  }

  void require_whole(const SnapshotId& snapshot) {
    owner_repository.journal().replay();
    for (const std::string file : {"news0", "news5"}) {
      require_restored(owner, owner_repository, *this, snapshot, file);
    }
  }

  SnapshotId before;
};

}  // namespace kist::test
