// Which copy of an anchor is right, and what is said of the others.
#include "engine/journal/anchor.h"

#include "tests/unit/journal/journal_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

struct Anchored {
  [[nodiscard]] std::vector<std::string> paths() const {
    const auto all = anchor_paths(0, journal.epoch().id);
    return {all.begin(), all.end()};
  }

  bool is_read() {
    const Key share = read_anchor(journal.store, journal.state());
    return equal(share.view(), journal.epoch().shares.anchor.view());
  }

  HandMadeJournal journal;
};

}  // namespace

TEST_CASE("the copy of an anchor counts whose hash the journal names, whichever it is") {
  Anchored run;
  REQUIRE(run.is_read());
  const auto paths = run.paths();
  const std::size_t good = GENERATE(0U, 1U, 2U, 3U);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (i == good) continue;
    // A majority of planted ones leads nobody astray.
    run.journal.store.overwrite(paths[i], make_anchor(run.journal.epoch().origin(), key_of(77)));
  }
  REQUIRE(run.is_read());
  REQUIRE(check_anchors(run.journal.store, run.journal.state()).size() == 3);
  run.journal.store.remove(paths[good]);
  REQUIRE(error_code([&] { run.is_read(); }) == Code::corrupt);
  for (const std::string& path : paths) {
    run.journal.store.remove(path);
  }
  REQUIRE(error_code([&] { run.is_read(); }) == Code::missing);
}

TEST_CASE("an anchor in a place apart is asked for by its label") {
  Anchored run;
  State state = run.journal.state();
  state.beginning.place = AnchorPlace::apart;
  state.beginning.place_label = "the safe";
  const auto failure =
      failure_of([&] { static_cast<void>(read_anchor(run.journal.store, state)); });
  REQUIRE(failure);
  REQUIRE(failure->code() == Code::unsupported);
  REQUIRE(failure->text().find("the safe") != std::string::npos);
  REQUIRE(check_anchors(run.journal.store, state).empty());
}
