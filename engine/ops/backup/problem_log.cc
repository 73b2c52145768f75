#include "engine/ops/backup/problem_log.h"

#include "engine/format/limits.h"

namespace kist {

namespace {

constexpr std::size_t kept_bytes_max = 4U << 20U;

}  // namespace

void ProblemLog::report(const std::string& path, const Error& error) {
  const std::lock_guard lock(mutex_);
  ++count_;
  kept_.insert({path.substr(0, path_bytes_max), error.text().substr(0, text_bytes_max)});
  if (kept_.size() > snapshot_problems_max) kept_.erase(std::prev(kept_.end()));
  observer_.problem("/" + path, error);
}

std::uint64_t ProblemLog::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

std::vector<SnapshotProblem> ProblemLog::kept() const {
  const std::lock_guard lock(mutex_);
  std::vector<SnapshotProblem> out;
  std::size_t bytes = 0;
  for (const SnapshotProblem& problem : kept_) {
    bytes += problem.path.size() + problem.text.size();
    if (bytes > kept_bytes_max) break;
    out.push_back(problem);
  }
  return out;
}

std::vector<SnapshotProblem> ProblemLog::kept_up_to(std::string_view last) const {
  std::vector<SnapshotProblem> out = kept();
  std::erase_if(out, [&](const SnapshotProblem& p) { return compare_paths(p.path, last) > 0; });
  return out;
}

}  // namespace kist
