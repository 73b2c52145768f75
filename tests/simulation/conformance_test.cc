// Each rule of conformance.h fails once: on a trace that breaks it and no other.
#include "tests/simulation/conformance.h"

#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

const std::string current(32, 'a');
const std::string coming(32, 'b');
const std::string name(64, 'c');

// A journal of three entries in epoch 1, and one act.
struct Forged {
  std::string put(const std::string& path, std::uint64_t content = 1) {
    return take({.wish = Wish::put, .path = path, .content = content});
  }

  std::string put_entry(std::uint64_t number, Outcome outcome = Outcome::done) {
    return take({.wish = Wish::put_if_absent,
                 .outcome = outcome,
                 .path = concat("journal/000000000", number)});
  }

  std::string barrier() { return take({.wish = Wish::barrier}); }

  std::string look(const std::string& path) { return take({.wish = Wish::size, .path = path}); }

  std::string remove(const std::string& path) { return take({.wish = Wish::remove, .path = path}); }

  std::string confirm() { return take({.wish = Wish::confirm, .path = "journal/0000000002"}); }

  std::string take(const TraceStep& step) { return rules.take(step); }

  void put_anchors() {
    for (unsigned copy = 1; copy <= 4; ++copy) {
      REQUIRE(put(concat("anchors/2-", coming, ".", copy)).empty());
    }
  }

  Conformance rules{3, 1, current};
};

void require_broken(const std::string& wrong, const std::string& rule) {
  INFO(wrong);
  REQUIRE(wrong.starts_with(rule + ": "));
}

}  // namespace

TEST_CASE("a trace that keeps all rules is taken") {
  Forged run;
  REQUIRE(run.put("packs/cc/" + name).empty());
  REQUIRE(run.barrier().empty());
  REQUIRE(run.put_entry(3).empty());
  REQUIRE(run.barrier().empty());
  REQUIRE(run.put("journal/0000000003.2").empty());
  REQUIRE(run.barrier().empty());
  REQUIRE(run.rules.take_end(0, 0).empty());
}

TEST_CASE("an entry before a barrier is found") {
  Forged run;
  REQUIRE(run.put("keys/" + name).empty());
  require_broken(run.put_entry(3), "ENTRY_BEFORE_BARRIER");
}

TEST_CASE("a second copy before its entry, or before a barrier, is found") {
  Forged run;
  require_broken(run.put("journal/0000000003.2"), "TWIN_FIRST");
  REQUIRE(run.put_entry(3).empty());
  require_broken(run.put("journal/0000000003.2"), "TWIN_FIRST");
}

TEST_CASE("an entry behind one without a second copy is found") {
  Forged run;
  REQUIRE(run.put_entry(3).empty());
  REQUIRE(run.barrier().empty());
  require_broken(run.put_entry(4), "NO_COMPLETION");
}

TEST_CASE("an answer that was lost, or a no, and is not read back, is found") {
  const Outcome outcome = GENERATE(Outcome::lost, Outcome::denied, Outcome::taken, Outcome::failed);
  Forged run;
  REQUIRE(run.put_entry(3, outcome).empty());
  require_broken(run.look("journal/0000000004"), "NO_READ_BACK");
  REQUIRE(run.look("journal/0000000003").empty());
  REQUIRE(run.look("journal/0000000004").empty());
}

TEST_CASE("an entry that is put over, or removed, is found") {
  Forged run;
  require_broken(run.put("journal/0000000002"), "PUT_OVER");
  require_broken(run.remove("journal/0000000002"), "PUT_OVER");
}

TEST_CASE("other bytes under a path that was put are found") {
  Forged run;
  REQUIRE(run.put("grants/x", 1).empty());
  REQUIRE(run.put("grants/x", 1).empty());
  require_broken(run.put("grants/x", 2), "FRESH_BYTES");
}

TEST_CASE("a box before the anchor, its barrier or a look at the head is found") {
  const std::string box = concat("epochs/2-", coming, "/slot");
  Forged run;
  require_broken(run.put(box), "ANCHOR_LAST");
  run.put_anchors();
  require_broken(run.put(box), "ANCHOR_LAST");
  REQUIRE(run.barrier().empty());
  require_broken(run.put(box), "ANCHOR_LAST");
  REQUIRE(run.look("journal/0000000003").empty());
  REQUIRE(run.put(box).empty());
}

TEST_CASE("an anchor that is put again is found, whatever became of the first put") {
  Forged run;
  const std::string path = concat("anchors/2-", coming, ".1");
  REQUIRE(
      run.take({.wish = Wish::put, .outcome = Outcome::late, .path = path, .content = 1}).empty());
  require_broken(run.put(path), "ANCHOR_AGAIN");
}

TEST_CASE("a removal of the current epoch's, or of one to come, is found") {
  Forged run;
  REQUIRE(run.confirm().empty());
  require_broken(run.remove(concat("epochs/2-", coming, "/slot")), "CLEAN_GREATER");
  require_broken(run.remove(concat("anchors/1-", current, ".1")), "CLEAN_GREATER");
  REQUIRE(run.remove(concat("anchors/1-", coming, ".1")).empty());
}

TEST_CASE("a removal before the entry that ends it is durable is found") {
  Forged run;
  require_broken(run.remove("keys/" + name), "CLEAN_BEFORE_BARRIER");
  REQUIRE(run.confirm().empty());
  REQUIRE(run.remove("keys/" + name).empty());
  REQUIRE(run.rules.take({}, {.sequence = 3, .removable = {name}}).empty());
  require_broken(run.remove("refs/" + name), "CLEAN_BEFORE_BARRIER");
}

TEST_CASE("a removal of what nobody has named is found") {
  Forged run;
  REQUIRE(run.confirm().empty());
  require_broken(run.remove("packs/cc/" + name), "REMOVE_UNNAMED");
}

TEST_CASE("a healer that does not look at the journal afterwards is found") {
  Forged run;
  REQUIRE(run.take({.wish = Wish::replace, .path = "bodies/" + name}).empty());
  REQUIRE(run.barrier().empty());
  require_broken(run.put("keys/" + name), "NO_SECOND_LOOK");
  REQUIRE(run.look("journal/0000000003").empty());
  REQUIRE(run.put("keys/" + name).empty());
}

TEST_CASE("a backup with two entries is found") {
  Forged run;
  REQUIRE(run.rules.take({}, {.sequence = 3, .is_snapshot = true}).empty());
  require_broken(run.rules.take({}, {.sequence = 4, .is_snapshot = true}), "OWN_IS_ANOTHERS");
}

TEST_CASE("a commit that is reported before a barrier is found") {
  Forged run;
  REQUIRE(run.put_entry(3).empty());
  require_broken(run.rules.take_end(0, 0), "REPORT_BEFORE_BARRIER");
}
