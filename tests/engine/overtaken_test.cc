// A backup whose ground is gone when it is to be committed: it reads its source again.
#include <filesystem>

#include "engine/format/names.h"
#include "engine/store/twins.h"
#include "tests/support/attacker.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

// Calls `seen` after each first put below a folder since the last call.
class CallingStore final : public ForwardingStore {
 public:
  CallingStore(Store& store, std::string folder, std::function<void()> seen)
      : ForwardingStore(store), folder_(std::move(folder)), seen_(std::move(seen)) {}

  void put(const std::string& name, View bytes) override {
    ForwardingStore::put(name, bytes);
    if (!name.starts_with(folder_) || is_calling_) return;
    is_calling_ = true;
    seen_();
    is_calling_ = false;
  }

 private:
  std::string folder_;
  std::function<void()> seen_;
  bool is_calling_ = false;
};

std::set<std::string> packs_of(const Roles& roles) {
  std::set<std::string> out;
  for (const std::string& name : names_of(*roles.store, "packs/")) {
    out.insert(name);
  }
  return out;
}

// The owner gives up the keys of the laptop's snapshot.
void give_up(Roles& roles, const SnapshotId& snapshot) {
  roles.owner_repository.journal().replay();
  for (const ObjectHash& name :
       roles.owner_repository.state().snapshots.at(snapshot).taken.key_segments) {
    for (const std::string& copy : copies_of(key_segment_path(name))) {
      roles.store->remove(copy);
    }
  }
  end_epoch(roles.owner_repository, {.revoked = {}, .drops_unreadable = true});
}

BackupOptions laptop_options(const Roles& roles) {
  BackupOptions out;
  out.paths = {roles.source / "tree"};
  out.source = "laptop";
  return out;
}

}  // namespace

TEST_CASE("what an overtaken backup has stored is not stored again") {
  Roles roles(writer_capabilities);
  Repository writer = roles.open();
  roles.write_news(300'000, "mine");
  const SnapshotId before = roles.backup(writer, "laptop").snapshot;
  roles.write_news(500'000);
  const std::size_t packs_before = packs_of(roles).size();
  std::size_t packs_stored = 0;
  bool has_seen = false;
  const auto seen = [&] {
    if (std::exchange(has_seen, true)) return;
    packs_stored = packs_of(roles).size() - packs_before;
    give_up(roles, before);
  };
  Machine laptop(std::make_shared<CallingStore>(*roles.store, "keys/", seen), 6);
  Repository there = laptop.open(9);
  const BackupResult result = backup(there, laptop_options(roles));
  REQUIRE(has_seen);
  REQUIRE(packs_stored > 0);
  // The news once, and what was given up.
  REQUIRE(result.statistics.bytes_new >= 800'000);
  REQUIRE(result.statistics.bytes_new < 900'000);
  REQUIRE(std::ranges::count_if(laptop.observer.notices, [](const std::string& notice) {
            return notice.find("the source is read again") != std::string::npos;
          }) == 1);
  roles.owner_repository.journal().replay();
  for (const std::string file : {"mine", "news", "kept"}) {
    require_restored(roles.owner, roles.owner_repository, roles, result.snapshot, file);
  }
}

TEST_CASE("a backup that is overtaken three times gives up") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  std::set<std::string> known = packs_of(roles);
  int claims = 0;
  const auto claim = [&] {
    std::vector<std::string> fresh;
    for (const std::string& pack : packs_of(roles)) {
      if (known.insert(pack).second) fresh.push_back(pack);
    }
    if (fresh.empty()) return;
    ++claims;
    claim_packs(evil, roles.other.random, fresh);
  };
  roles.write_news(300'000);
  Machine owner(std::make_shared<CallingStore>(*roles.store, "keys/", claim), 6);
  Repository repository = owner.open();
  REQUIRE(error_code([&] { owner.backup(repository, roles.source / "tree"); }) == Code::refused);
  REQUIRE(claims == 3);
  REQUIRE(repository.state().snapshots.all().size() == 4);  // the first, and the claims
}

TEST_CASE("a stream cannot be read again, so its backup says at once that it was overtaken") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  std::set<std::string> known = packs_of(roles);
  const auto claim = [&] {
    std::vector<std::string> fresh;
    for (const std::string& pack : packs_of(roles)) {
      if (known.insert(pack).second) fresh.push_back(pack);
    }
    if (!fresh.empty()) claim_packs(evil, roles.other.random, fresh);
  };
  Machine owner(std::make_shared<CallingStore>(*roles.store, "keys/", claim), 6);
  Repository repository = owner.open();
  Bytes bytes = random_bytes(roles.content, 300'000);
  std::size_t at = 0;
  BackupOptions options;
  options.source = "dump";
  options.stream = StreamInput{
      .path = "dump",
      .time = {},
      .read =
          [&](MutableView out) {
            const std::size_t size = std::min(out.size(), bytes.size() - at);
            std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), size, out.begin());
            at += size;
            return size;
          },
      .finish = [] {}};
  REQUIRE(error_code([&] { backup(repository, options); }) == Code::conflict);
}

TEST_CASE("what another claims and keeps back does not take a backup's packs afterwards") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  std::set<std::string> known = packs_of(roles);
  std::map<std::string, Bytes> kept_back;
  const bool keeps_keys = GENERATE(false, true);
  const auto claim = [&] {
    std::vector<std::string> fresh;
    for (const std::string& pack : packs_of(roles)) {
      if (known.insert(pack).second) fresh.push_back(pack);
    }
    if (fresh.empty() || !kept_back.empty()) return;
    const auto before = roles.store->objects();
    claim_packs(evil, roles.other.random, fresh);
    for (const auto& [path, bytes] : roles.store->objects()) {
      const bool is_kept = path.starts_with("index/") || (keeps_keys && path.starts_with("keys/"));
      if (is_kept && !before.contains(path)) kept_back.emplace(path, bytes);
    }
    for (const auto& [path, bytes] : kept_back) {
      roles.store->remove(path);
    }
  };
  roles.write_news(300'000);
  Machine owner(std::make_shared<CallingStore>(*roles.store, "keys/", claim), 6);
  Repository repository = owner.open();
  const BackupResult result = owner.backup(repository, roles.source / "tree");
  REQUIRE_FALSE(kept_back.empty());
  for (const auto& [path, bytes] : kept_back) {
    roles.store->put(path, bytes);
  }
  Machine late(roles.store, 8);
  Repository there = late.open();
  require_restored(late, there, roles, result.snapshot, "news");
  roles.owner_repository.journal().replay();
  end_epoch(roles.owner_repository, {});
  there.journal().replay();
  require_restored(late, there, roles, result.snapshot, "news");
}
