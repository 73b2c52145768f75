// What a store says of which repository it holds, with kist.repo or without.
#include "engine/repository/repository_file.h"

#include "engine/format/names.h"
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
    claimed.store->remove(repository_file);
    claimed.store->remove(copy);
    REQUIRE(claimed.find().ids == Ids{claimed.id});
    REQUIRE(claimed.find().problem == "kist.repo is missing");
    for (const std::size_t size : {0U, 10U, 64U, 100'000U}) {
      claimed.store->overwrite(repository_file, Bytes(size, 1));
      REQUIRE(claimed.find().ids == Ids{claimed.id});
      REQUIRE(claimed.find().problem.starts_with("kist.repo is damaged"));
    }
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
  claimed.store->remove(repository_file);
  REQUIRE(has_repository(*claimed.store));
  REQUIRE(error_code([&] { claimed.find(); }) == Code::corrupt);
  for (const std::string& path : {journal_path(0), second_copy_path(journal_path(0))}) {
    claimed.store->remove(path);
  }
  REQUIRE_FALSE(has_repository(*claimed.store));
  REQUIRE(error_code([&] { claimed.find(); }) == Code::no_repository);
}
