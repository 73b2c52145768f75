// What a store says of which repository it holds, with kist.repo or without.
#include "engine/repository/repository_file.h"

#include "engine/format/names.h"
#include "engine/store/twins.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

struct Claimed : Site {
  Claimed() : id(machine.init().keyring().repository()) {}

  RepositoryClaims find() { return find_repository_claims(*store); }

  RepositoryId id;
};

using Ids = std::vector<RepositoryId>;

}  // namespace

TEST_CASE("kist.repo and the first entry say which repository it is, and agree") {
  Claimed claimed;
  REQUIRE(claimed.find().ids == Ids{claimed.id});
  REQUIRE(claimed.find().problem.empty());
}

TEST_CASE("without kist.repo, or with a damaged one, either copy of the first entry says it") {
  for (const std::string& copy : {journal_path(0), second_copy_path(journal_path(0))}) {
    Claimed claimed;
    take_away(*claimed.store, repository_file);
    claimed.store->remove(copy);
    REQUIRE(claimed.find().ids == Ids{claimed.id});
    REQUIRE(claimed.find().problem == "kist.repo is missing");
    for (const std::size_t size : {0U, 10U, 64U, 100'000U}) {
      for (const std::string& file : copies_of(repository_file)) {
        claimed.store->overwrite(file, Bytes(size, 1));
      }
      REQUIRE(claimed.find().ids == Ids{claimed.id});
      REQUIRE(claimed.find().problem.starts_with("kist.repo is damaged"));
    }
  }
}

TEST_CASE("one good copy of kist.repo is enough, and what is wrong with the other is said") {
  const auto [first, second] = copies_of(repository_file);
  for (const std::string& copy : {first, second}) {
    Claimed claimed;
    for (const std::string& entry : copies_of(journal_path(0))) {
      claimed.store->overwrite(entry, Bytes(300, 1));
    }
    claimed.store->remove(copy);
    REQUIRE(claimed.find().ids == Ids{claimed.id});
    REQUIRE(claimed.find().problem.empty() == (copy == second));
  }
}

TEST_CASE(
    "where kist.repo and the first entry differ, both are claims, and kist.repo comes first") {
  Claimed claimed;
  const RepositoryId other{};
  claimed.store->overwrite(repository_file, make_repository_file(other));
  REQUIRE(claimed.find().ids == Ids{other, claimed.id});
}

TEST_CASE(
    "a store with neither holds no repository, and one in which neither can be read is damaged") {
  Claimed claimed;
  Bytes junk(300, 1);
  for (const std::string& path : {journal_path(0), second_copy_path(journal_path(0))}) {
    claimed.store->overwrite(path, junk);
  }
  REQUIRE_NOTHROW(claimed.find());
  take_away(*claimed.store, repository_file);
  REQUIRE(has_repository(*claimed.store));
  REQUIRE(error_code([&] { claimed.find(); }) == Code::corrupt);
  for (const std::string& path : {journal_path(0), second_copy_path(journal_path(0))}) {
    claimed.store->remove(path);
  }
  REQUIRE_FALSE(has_repository(*claimed.store));
  REQUIRE(error_code([&] { claimed.find(); }) == Code::no_repository);
}
