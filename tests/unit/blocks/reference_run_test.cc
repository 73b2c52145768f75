// References, before and after their entry is committed.
#include "engine/blocks/reference_run.h"

#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a run is lengthened by what follows it, and by nothing else") {
  std::vector<ReferenceRun> runs;
  append_run(runs, {NumberBase::absolute, 5, 2});
  append_run(runs, {NumberBase::absolute, 7, 1});
  append_run(runs, {NumberBase::new_data, 8, 1});
  append_run(runs, {NumberBase::new_data, 8, 1});
  REQUIRE(runs == std::vector<ReferenceRun>{{NumberBase::absolute, 5, 3},
                                            {NumberBase::new_data, 8, 1},
                                            {NumberBase::new_data, 8, 1}});
}

TEST_CASE(
    "an entry numbers its data blocks from its first number, and its meta blocks after all that it "
    "reserves for data") {
  const EntryNumbers numbers{.first_number = 100, .data = 128, .meta = 64};
  const auto absolute = [&](NumberBase base, std::uint64_t first) {
    return to_absolute({base, first, 3}, numbers);
  };
  REQUIRE(absolute(NumberBase::absolute, 4) == ReferenceRun{NumberBase::absolute, 4, 3});
  REQUIRE(absolute(NumberBase::new_data, 2) == ReferenceRun{NumberBase::absolute, 102, 3});
  REQUIRE(absolute(NumberBase::new_meta, 2) == ReferenceRun{NumberBase::absolute, 230, 3});
}
