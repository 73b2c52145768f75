// What one machine keeps of a repository: damage is rebuilt and said, the head seen is never
// forgotten, and several processes may use one directory.
#include "engine/catalog/local_directory.h"

#include <filesystem>
#include <thread>

#include <unistd.h>

#include "engine/base/attempt.h"
#include "tests/support/repository_fixture.h"
#include "tests/support/test.h"
#include "tests/unit/catalog/catalog_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

struct LocalSample {
  LocalDirectory open() { return {path, random, observer}; }

  [[nodiscard]] std::string file(const std::string& name) const { return path + "/" + name; }

  // The secret of the epoch, as local.key holds it.
  [[nodiscard]] LocalKey secret() const {
    const Bytes bytes = slurp(file("local.key"));
    LocalKey out{};
    std::copy_n(bytes.begin() + 16, out.size(), out.begin());
    return out;
  }

  [[nodiscard]] std::uint64_t loaded_sequence() const {
    return BlockIndex(file("index"), secret()).loaded_sequence();
  }

  // Something of each kind that can be lost.
  void fill(LocalDirectory& local) const {
    local.catalog().add(first_entry());
    local.catalog().flush();
    BlockIndex(file("index"), secret()).load({});
    std::filesystem::create_directories(local.cache_directory());
    write_file(local.cache_directory() + "/source", Bytes(10));
  }

  TemporaryDirectory directory;
  std::string path = directory / "state";
  SeededRandom random{seed()};
  RecordingObserver observer;
};

const Head seen_head{.sequence = 5, .hash = sample_id<ObjectHash>(60)};

}  // namespace

TEST_CASE("a local directory that is used again is the same client with the same tables") {
  LocalSample sample;
  ClientId client;
  {
    LocalDirectory local = sample.open();
    client = local.client();
    sample.fill(local);
  }
  LocalDirectory again = sample.open();
  REQUIRE(client != ClientId());
  REQUIRE(again.client() == client);
  REQUIRE(again.catalog().state().next_sequence == 1);
  REQUIRE(sample.loaded_sequence() == 1);
  REQUIRE(sample.observer.notices.empty());
}

TEST_CASE("a damaged local key is made anew, with empty tables, for another client, and is said") {
  for (const Bytes& damaged : {Bytes(), Bytes(63, 1), Bytes(65, 1), Bytes(64)}) {
    LocalSample sample;
    ClientId client;
    {
      LocalDirectory local = sample.open();
      client = local.client();
      sample.fill(local);
      local.remember_head(seen_head);
    }
    write_file(sample.file("local.key"), damaged);
    LocalDirectory remade = sample.open();
    INFO(damaged.size());
    REQUIRE(sample.observer.notices ==
            std::vector<std::string>{"the local key was damaged: the catalog is rebuilt"});
    REQUIRE(remade.client() != client);
    REQUIRE(remade.client() != ClientId());
    REQUIRE(remade.catalog().state().next_sequence == 0);
    REQUIRE(sample.loaded_sequence() == 0);
    REQUIRE(remade.last_head() == seen_head);
  }
}

TEST_CASE("a local key that is absent is made anew without a word") {
  LocalSample sample;
  {
    LocalDirectory local = sample.open();
    sample.fill(local);
  }
  std::filesystem::remove(sample.file("local.key"));
  REQUIRE(sample.open().catalog().state().next_sequence == 0);
  REQUIRE(sample.observer.notices.empty());
}

TEST_CASE("a damaged catalog or index is removed and said, and the other is kept") {
  for (const std::string damaged : {"catalog", "index"}) {
    LocalSample sample;
    {
      LocalDirectory local = sample.open();
      sample.fill(local);
    }
    write_file(sample.file(damaged + "/suspect"), {});
    LocalDirectory again = sample.open();
    INFO(damaged);
    REQUIRE(sample.observer.notices.size() == 1);
    REQUIRE(again.catalog().state().next_sequence == (damaged == "catalog" ? 0 : 1));
    REQUIRE(sample.loaded_sequence() == (damaged == "index" ? 0 : 1));
    REQUIRE_FALSE(std::filesystem::exists(sample.file(damaged + "/suspect")));
  }
}

TEST_CASE("a catalog that is reset is empty, and nothing else is") {
  LocalSample sample;
  LocalDirectory local = sample.open();
  sample.fill(local);
  local.remember_head(seen_head);
  local.reset_catalog();
  REQUIRE(local.catalog().state().next_sequence == 0);
  REQUIRE(local.last_head() == seen_head);
  REQUIRE(sample.loaded_sequence() == 1);
}

TEST_CASE("a head that was seen is not forgotten for an older one") {
  LocalSample sample;
  LocalDirectory local = sample.open();
  REQUIRE_FALSE(local.last_head());
  local.remember_head(seen_head);
  local.remember_head({.sequence = 4, .hash = sample_id<ObjectHash>(61)});
  REQUIRE(local.last_head() == seen_head);
  // Nor for another one of the same number.
  local.remember_head({.sequence = 5, .hash = sample_id<ObjectHash>(61)});
  REQUIRE(local.last_head() == seen_head);
  const Head later{.sequence = 6, .hash = sample_id<ObjectHash>(61)};
  LocalDirectory other = sample.open();
  other.remember_head(later);
  local.remember_head(seen_head);
  REQUIRE(local.last_head() == later);
}

TEST_CASE("a record of the head that is damaged is not taken for none") {
  LocalSample sample;
  LocalDirectory local = sample.open();
  local.remember_head(seen_head);
  const std::string good(as_text(slurp(sample.file("head"))));
  for (const std::string& damaged :
       {std::string(), std::string("\n"), std::string("5"), std::string("5 "),
        std::string("5 abc\n"), "x" + good, good.substr(0, good.size() - 2), good + "a"}) {
    write_file(sample.file("head"), to_bytes(damaged));
    INFO(damaged);
    REQUIRE(error_code([&] { static_cast<void>(local.last_head()); }) == Code::corrupt);
    REQUIRE(error_code([&] { local.remember_head(seen_head); }) == Code::corrupt);
    REQUIRE(as_text(slurp(sample.file("head"))) == damaged);
  }
  std::filesystem::remove(sample.file("head"));
  REQUIRE_FALSE(local.last_head());
}

TEST_CASE("a doubted head stays doubted until that is taken back") {
  LocalSample sample;
  REQUIRE_FALSE(sample.open().is_head_doubted());
  sample.open().doubt_head(false);
  sample.open().doubt_head(true);
  sample.open().doubt_head(true);
  REQUIRE(sample.open().is_head_doubted());
  sample.open().doubt_head(false);
  REQUIRE_FALSE(sample.open().is_head_doubted());
}

TEST_CASE("a store that has kept put-if-absent once is remembered for it") {
  LocalSample sample;
  REQUIRE_FALSE(sample.open().has_seen_exclusive_put());
  sample.open().remember_exclusive_put();
  REQUIRE(sample.open().has_seen_exclusive_put());
}

TEST_CASE("the slot that opened last is remembered, and a damaged record of it is none") {
  LocalSample sample;
  LocalDirectory local = sample.open();
  REQUIRE_FALSE(local.last_slot());
  local.remember_slot(sample_id<SlotId>(1));
  local.remember_slot(sample_id<SlotId>(2));
  REQUIRE(sample.open().last_slot() == sample_id<SlotId>(2));
  write_file(sample.file("slot"), to_bytes("junk"));
  REQUIRE_FALSE(local.last_slot());
}

TEST_CASE("of two processes that see heads at once the greater one is remembered") {
  LocalSample sample;
  static_cast<void>(sample.open());
  const auto remember = [&](std::uint64_t first) {
    SeededRandom random{seed() + first};
    RecordingObserver observer;
    LocalDirectory local(sample.path, random, observer);
    for (std::uint64_t sequence = first; sequence <= 200; sequence += 2) {
      local.remember_head({.sequence = sequence, .hash = sample_id<ObjectHash>(1)});
    }
  };
  std::thread odd(remember, 1);
  remember(2);
  odd.join();
  REQUIRE(sample.open().last_head()->sequence == 200);
}

TEST_CASE("which packs are damaged is kept over an epoch's end") {
  LocalSample sample;
  {
    LocalDirectory local = sample.open();
    local.damage().add(sample_id<ObjectHash>(1), PackProblem::damaged, 5);
    local.forget_before(sample_id<EpochId>(1), sample.random);
  }
  REQUIRE(sample.open().damage().packs().size() == 1);
}

TEST_CASE("with a new epoch go the index, the caches and their secret, and nothing else") {
  LocalSample sample;
  LocalDirectory local = sample.open();
  const ClientId client = local.client();
  const auto first_epoch = sample_id<EpochId>(1);
  local.forget_before(first_epoch, sample.random);
  sample.fill(local);
  local.remember_head(seen_head);
  const Bytes former_file = slurp(sample.file("local.key"));
  const LocalKey former = sample.secret();
  local.forget_before(first_epoch, sample.random);  // it is in it already
  REQUIRE(sample.loaded_sequence() == 1);
  REQUIRE(std::filesystem::exists(local.cache_directory()));
  local.forget_before(sample_id<EpochId>(2), sample.random);
  REQUIRE(sample.loaded_sequence() == 0);
  REQUIRE(sample.secret() != former);
  // The catalog's key, which it stays readable with.
  REQUIRE(equal(View(slurp(sample.file("local.key"))).first(16), View(former_file).first(16)));
  REQUIRE_FALSE(std::filesystem::exists(local.cache_directory()));
  REQUIRE(local.client() == client);
  REQUIRE(local.catalog().state().next_sequence == 1);
  REQUIRE(local.last_head() == seen_head);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(sample.path)) {
    if (!entry.is_regular_file()) continue;
    INFO(entry.path());
    REQUIRE_FALSE(holds(slurp(entry.path()), former));
  }
}

TEST_CASE("the secret of an epoch that was left stands under no name that its file ever had") {
  LocalSample sample;
  LocalDirectory local = sample.open();
  const std::string kept = sample.directory / "kept";
  std::filesystem::create_hard_link(sample.file("local.key"), kept);
  std::vector<LocalKey> former;
  for (std::uint8_t epoch = 1; epoch < 4; ++epoch) {
    former.push_back(sample.secret());
    local.forget_before(sample_id<EpochId>(epoch), sample.random);
    // One file from the first use on: no former one lies about.
    REQUIRE(std::filesystem::equivalent(sample.file("local.key"), kept));
    for (const LocalKey& secret : former) {
      REQUIRE_FALSE(holds(slurp(kept), secret));
    }
  }
}

TEST_CASE(
    "a run that was killed while it entered an epoch has forgotten, and the next one ends it") {
  LocalSample sample;
  {
    LocalDirectory local = sample.open();
    local.forget_before(sample_id<EpochId>(1), sample.random);
    sample.fill(local);
  }
  // Killed after the secret was overwritten, before anything was removed.
  Bytes keys = slurp(sample.file("local.key"));
  std::fill_n(keys.begin() + 16, 16, std::uint8_t{9});
  write_file(sample.file("local.key"), keys);
  LocalDirectory local = sample.open();
  REQUIRE(sample.loaded_sequence() == 0);
  REQUIRE(local.catalog().state().next_sequence == 1);
  REQUIRE(std::filesystem::exists(local.cache_directory()));
  local.forget_before(sample_id<EpochId>(2), sample.random);
  REQUIRE_FALSE(std::filesystem::exists(local.cache_directory()));
  REQUIRE(sample.secret() != LocalKey{9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9});
}

TEST_CASE("a local key that was damaged is overwritten before another takes its name") {
  LocalSample sample;
  sample.open();
  Bytes longer = slurp(sample.file("local.key"));
  longer.push_back(0);
  write_file(sample.file("local.key"), longer);
  const std::string kept = sample.directory / "kept";
  std::filesystem::create_hard_link(sample.file("local.key"), kept);
  sample.open();
  REQUIRE(slurp(kept) == Bytes(longer.size()));
}

TEST_CASE(
    "a directory that is destroyed leaves no key, and takes nothing with it that is not its") {
  LocalSample sample;
  {
    LocalDirectory local = sample.open();
    sample.fill(local);
  }
  const std::string kept = sample.directory / "kept";
  std::filesystem::create_hard_link(sample.file("local.key"), kept);
  const std::string outside = sample.directory / "outside";
  write_file(outside, Bytes(10, 1));
  std::filesystem::create_symlink(outside, sample.file("link"));
  std::filesystem::create_directory_symlink(sample.directory.path(), sample.file("up"));
  LocalDirectory::destroy(sample.path);
  LocalDirectory::destroy(sample.path);
  REQUIRE_FALSE(std::filesystem::exists(sample.path));
  REQUIRE(slurp(kept) == Bytes(64));
  REQUIRE(slurp(outside) == Bytes(10, 1));
}

TEST_CASE("where the key is a link, the file that it leads to is not overwritten") {
  LocalSample sample;
  std::filesystem::create_directory(sample.path);
  const std::string outside = sample.directory / "outside";
  write_file(outside, Bytes(10, 1));
  std::filesystem::create_symlink(outside, sample.file("local.key"));
  LocalDirectory::destroy(sample.path);
  REQUIRE(slurp(outside) == Bytes(10, 1));
}

TEST_CASE("what a check that was killed has left is forgotten with the epoch") {
  LocalSample sample;
  LocalDirectory local = sample.open();
  { const LocalDirectory left(local.scratch_directory(), sample.random, sample.observer); }
  const std::string kept = sample.directory / "kept";
  std::filesystem::create_hard_link(local.scratch_directory() + "/local.key", kept);
  local.forget_before(sample_id<EpochId>(2), sample.random);
  REQUIRE_FALSE(std::filesystem::exists(local.scratch_directory()));
  REQUIRE(slurp(kept) == Bytes(64));
}

TEST_CASE("two uses of a directory are one client, and the second takes over the first's epoch") {
  LocalSample sample;
  LocalDirectory first = sample.open();
  LocalDirectory second = sample.open();
  REQUIRE(first.client() == second.client());
  const auto epoch = sample_id<EpochId>(2);
  first.forget_before(epoch, sample.random);
  sample.fill(first);
  const LocalKey secret = sample.secret();
  second.forget_before(epoch, sample.random);
  REQUIRE(sample.secret() == secret);
  REQUIRE(sample.loaded_sequence() == 1);
  REQUIRE(std::filesystem::exists(second.cache_directory()));
  second.catalog().refresh();
  REQUIRE(second.catalog().state().next_sequence == 1);
}

TEST_CASE("an index is not reset by a use that another has left behind in a former epoch") {
  LocalSample sample;
  LocalDirectory first = sample.open();
  LocalDirectory second = sample.open();
  first.forget_before(sample_id<EpochId>(2), sample.random);
  sample.fill(first);
  REQUIRE(error_code([&] { second.reset_index(); }) == Code::conflict);
  REQUIRE(sample.loaded_sequence() == 1);
  first.reset_index();
  REQUIRE(sample.loaded_sequence() == 0);
}

TEST_CASE("a directory whose key is gone enters no epoch") {
  LocalSample sample;
  LocalDirectory local = sample.open();
  std::filesystem::remove(sample.file("local.key"));
  REQUIRE(error_code([&] { local.forget_before(sample_id<EpochId>(2), sample.random); }) ==
          Code::failed);
}

TEST_CASE("a directory that others may write, or that lies in one, is refused with what to do") {
  const auto refusal = [](LocalSample& sample) {
    const auto failure = failure_of([&] { sample.open(); });
    REQUIRE(failure);
    REQUIRE(failure->code() == Code::refused);
    return failure->text();
  };
  namespace fs = std::filesystem;
  LocalSample sample;
  sample.open();
  for (const fs::perms bit : {fs::perms::group_write, fs::perms::others_write}) {
    for (const std::string& path : {sample.path, sample.directory.path()}) {
      fs::permissions(path, bit, fs::perm_options::add);
      INFO(path);
      REQUIRE(refusal(sample).find("run chmod go-w " + path + ",") != std::string::npos);
      fs::permissions(path, bit, fs::perm_options::remove);  // what the text says
      REQUIRE_NOTHROW(sample.open());
    }
  }
  // In a directory such as /tmp nobody takes another's directory away.
  fs::permissions(sample.directory.path(), fs::perms::all | fs::perms::sticky_bit);
  REQUIRE_NOTHROW(sample.open());
  fs::permissions(sample.path, fs::perms::all | fs::perms::sticky_bit);
  refusal(sample);
  fs::permissions(sample.path, fs::perms::owner_all | fs::perms::group_read);  // reading is no harm
  REQUIRE_NOTHROW(sample.open());
  if (::geteuid() != 0) return;
  REQUIRE(::chown(sample.path.c_str(), 1, 1) == 0);
  REQUIRE(refusal(sample).find("belongs to another user (number 1)") != std::string::npos);
}

TEST_CASE("nothing is made in a directory that is refused") {
  LocalSample sample;
  std::filesystem::permissions(sample.directory.path(), std::filesystem::perms::all);
  REQUIRE(error_code([&] { sample.open(); }) == Code::refused);
  REQUIRE_FALSE(std::filesystem::exists(sample.path));
}
