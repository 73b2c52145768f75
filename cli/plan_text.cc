#include "cli/plan_text.h"

namespace kist::cli {

namespace {

std::string reasons_text(const PlanLine& line) {
  if (line.is_past_maximum) return "past its maximum";
  if (!line.is_kept()) return "no rule keeps it";
  std::string out;
  for (const KeepReason& reason : line.reasons) {
    out += concat(out.empty() ? "" : "; ", text(reason));
  }
  return printable(out);
}

Json reason_list(const PlanLine& line) {
  Json out = Json::array();
  for (const KeepReason& reason : line.reasons) {
    out.push_back(json_text(text(reason)));
  }
  return out;
}

}  // namespace

void PlanTable::add(const PlanLine& line, bool is_stopped) {
  const bool goes = !line.is_kept() && (line.is_past_maximum || !is_stopped);
  const auto found = rows_.find(line.snapshot);
  const PlannedRow row = found == rows_.end() ? PlannedRow() : found->second;
  Json json = {{"snapshot", hex(line.snapshot)},      {"time", utc_time(row.time_ms)},
               {"source", json_text(row.source)},     {"retire", goes},
               {"stopped", !line.is_kept() && !goes}, {"past_maximum", line.is_past_maximum},
               {"reasons", reason_list(line)}};
  json_.push_back(std::move(json));
  const std::string why = reasons_text(line);
  table_.add({hex(line.snapshot).substr(0, 10), local_time(row.time_ms), printable(row.source),
              goes ? "retire" : "keep",
              line.is_kept() || goes ? why : concat(why, ", but the brake is on")});
}

void PlanTable::print() const {
  table_.print();
}

std::string freed_text(const std::optional<std::uint64_t>& bytes) {
  if (!bytes) return "; how much space comes back is not known, for not all snapshots open";
  return concat("; about ", human_size(*bytes), " would come back");
}

std::string count_of_snapshots(std::size_t count) {
  return concat(count, count == 1 ? " snapshot" : " snapshots");
}

std::string with_entries(const std::vector<std::uint64_t>& entries) {
  std::string out;
  for (const std::uint64_t entry : entries) {
    out += concat(out.empty() ? "" : ", ", entry);
  }
  return concat(entries.size() == 1 ? " with journal entry " : " with journal entries ", out);
}

}  // namespace kist::cli
