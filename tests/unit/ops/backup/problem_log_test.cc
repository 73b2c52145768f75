// What a backup could not take: told at once, counted, and the first ones in path order kept.
#include "engine/ops/backup/problem_log.h"

#include "engine/format/limits.h"
#include "tests/support/repository_fixture.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

std::vector<std::string> paths_of(const std::vector<SnapshotProblem>& problems) {
  std::vector<std::string> out;
  out.reserve(problems.size());
  for (const SnapshotProblem& problem : problems) {
    out.push_back(problem.path);
  }
  return out;
}

}  // namespace

TEST_CASE("problems are kept in path order, whatever the order in which they were met") {
  RecordingObserver observer;
  ProblemLog log(observer);
  const Error error(Code::failed, "no");
  for (const std::string path : {"b", "a.txt", "a", "a/z"}) {
    log.report(path, error);
  }
  REQUIRE(paths_of(log.kept()) == std::vector<std::string>{"a", "a/z", "a.txt", "b"});
  REQUIRE(paths_of(log.kept_up_to("a.txt")) == std::vector<std::string>{"a", "a/z", "a.txt"});
  REQUIRE(paths_of(log.kept_up_to("")).empty());
  REQUIRE(observer.problems ==
          std::vector<std::string>{"/b: no", "/a.txt: no", "/a: no", "/a/z: no"});
}

TEST_CASE("of too many problems the first in path order are kept, and all are counted") {
  RecordingObserver observer;
  ProblemLog log(observer);
  const std::uint64_t count = snapshot_problems_max + 50;
  for (std::uint64_t i = count; i > 0; --i) {
    log.report(concat("f", 10'000 + i), Error(Code::failed, "no"));
  }
  REQUIRE(log.count() == count);
  REQUIRE(observer.problems.size() == count);
  const auto kept = paths_of(log.kept());
  REQUIRE(kept.size() == snapshot_problems_max);
  REQUIRE(kept.front() == "f10001");
  REQUIRE(kept.back() == concat("f", 10'000 + snapshot_problems_max));
}

TEST_CASE("a problem that is too long for a snapshot is cut, and many long ones are left out") {
  RecordingObserver observer;
  ProblemLog log(observer);
  for (int i = 0; i < 100; ++i) {
    log.report(concat(100 + i, std::string(path_bytes_max, 'p')),
               Error(Code::failed, std::string(2 * text_bytes_max, 't')));
  }
  const std::vector<SnapshotProblem> kept = log.kept();
  REQUIRE(log.count() == 100);
  REQUIRE(kept.front().path.size() == path_bytes_max);
  REQUIRE(kept.front().text.size() == text_bytes_max);
  std::size_t bytes = 0;
  for (const SnapshotProblem& problem : kept) {
    bytes += problem.path.size() + problem.text.size();
  }
  REQUIRE(bytes <= 4U << 20U);
  REQUIRE(bytes + path_bytes_max + text_bytes_max > 4U << 20U);
}
