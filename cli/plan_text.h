// Plans of retention as tables and JSON: what `expire` and `forget` print.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/report.h"
#include "engine/engine.h"

namespace kist::cli {

// What is shown of a snapshot beside what becomes of it.
struct PlannedRow {
  std::int64_t time_ms = 0;
  std::string source;
};

using PlannedRows = std::map<SnapshotId, PlannedRow>;

// One line a snapshot: kept or retired, and why.
class PlanTable {
 public:
  explicit PlanTable(const PlannedRows& rows) : rows_(rows) {}

  // `is_stopped`: the brake is on, so what only rules let go of stays.
  void add(const PlanLine& line, bool is_stopped = false);
  void print() const;

  [[nodiscard]] const Json& json() const { return json_; }

 private:
  const PlannedRows& rows_;
  Table table_{{"SNAPSHOT", "TIME", "SOURCE", "PLAN", "WHY"}};
  Json json_ = Json::array();
};

// "; about 1.3 GiB would come back"; that it is not known, where it is not.
std::string freed_text(const std::optional<std::uint64_t>& bytes);
// "12 snapshots", "1 snapshot"
std::string count_of_snapshots(std::size_t count);
// " with journal entry 17", " with journal entries 17, 18"
std::string with_entries(const std::vector<std::uint64_t>& entries);

}  // namespace kist::cli
