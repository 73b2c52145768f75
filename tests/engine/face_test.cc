// The public face as an embedder sees it: the example at the top of engine.h, and nothing else of
// the engine included.
#include <filesystem>
#include <fstream>

#include "engine/engine.h"
#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

std::vector<SnapshotSummary> run_example(const std::string& directory, const std::string& source) {
  // clang-format off
  SystemClock clock;
  SystemRandom random;
  Observer observer;  // says nothing; derive from it to hear of progress and problems
  prepare_process(observer);
  const Credential key = make_key_file(directory + "/key", random);
  Repository repository = init_repository(open_store(directory + "/repository"), key, {},
                                          directory + "/state", {clock, random, observer});
  const BackupResult made = backup(repository, {.paths = {source}});
  restore(repository, {.snapshot = made.snapshot, .target = directory + "/restored"});
  const std::vector<SnapshotSummary> snapshots = list_snapshots(repository);
  // clang-format on
  return snapshots;  // NOLINT(performance-no-automatic-move): the example says const
}

// The lines of a file that begin with `indent`, without it.
std::vector<std::string> indented_lines(const std::string& path, const std::string& indent) {
  std::ifstream in(concat(KIST_SOURCE_DIR, "/", path));
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(indent)) out.push_back(line.substr(indent.size()));
  }
  return out;
}

}  // namespace

TEST_CASE("the example in engine.h is the one that is compiled here") {
  const std::vector<std::string> shown = indented_lines("engine/engine.h", "//   ");
  const std::vector<std::string> compiled = indented_lines("tests/engine/face_test.cc", "  ");
  REQUIRE(shown.size() >= 10);
  REQUIRE(holds(compiled, shown));
}

TEST_CASE("the example in engine.h backs up and restores") {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "source");
  write_file(directory / "source/letter", as_view("dear reader"));
  const auto snapshots = run_example(directory.path(), directory / "source");
  REQUIRE(snapshots.size() == 1);
  const std::string restored = directory / "restored" + (directory / "source");
  REQUIRE(compare_trees(directory / "source", restored).empty());
}

TEST_CASE("a slot learns who it is, and who else may come in") {
  const TemporaryDirectory directory;
  SystemClock clock;
  SystemRandom random;
  Observer observer;
  const Credential key = make_key_file(directory / "key", random);
  Repository repository =
      init_repository(open_store(directory / "repository"), key, {.owner_name = "Zoë"},
                      directory / "state", {clock, random, observer});
  const Credential writer = make_key_file(directory / "writer", random);
  const SlotId added = add_slot(repository, writer, {}, "laptop", writer_capabilities);
  const Identity identity = who_am_i(repository);
  REQUIRE(identity.name == "Zoë");
  REQUIRE(identity.capabilities == owner_capabilities);
  const std::vector<SlotInfo> slots = list_slots(repository);
  REQUIRE(slots.size() == 2);
  for (const SlotInfo& slot : slots) {
    REQUIRE(slot.is_own == (slot.slot == identity.slot));
    REQUIRE(slot.added_by == identity.slot);
    REQUIRE((slot.is_own || slot.slot == added));
  }
  REQUIRE(journal_info(repository).entries == 2);
  REQUIRE(find_journal_entry(repository, 1)->hash == journal_info(repository).head);
  REQUIRE_FALSE(find_journal_entry(repository, 2));
  REQUIRE(list_incidents(repository).empty());

  Repository other =
      open_repository(open_store(directory / "repository"), writer,
                      {.state_parent = directory / "other", .slot = {}}, {clock, random, observer});
  REQUIRE(who_am_i(other).slot == added);
  REQUIRE(who_am_i(other).fingerprint == identity.fingerprint);
  REQUIRE(error_code([&] { list_slots(other); }) == Code::refused);
  REQUIRE(error_code([&] { find_journal_entry(other, 0); }) == Code::refused);
  REQUIRE(error_code([&] { require_capability(other, can_own); }) == Code::refused);
  REQUIRE_NOTHROW(require_capability(other, can_write));
}
