// How results look: tables, sizes, times, JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/engine.h"

namespace kist::cli {

using Json = nlohmann::ordered_json;

std::string human_size(std::uint64_t bytes);       // "1.3 GiB"
std::string local_time(std::int64_t time_ms);      // "2026-11-22 08:00:31"
std::string utc_time(std::int64_t time_ms);        // "2026-11-22T08:00:31.250Z"
std::string human_duration(std::int64_t time_ms);  // "4.2 s", "3 min 12 s"
// Control characters (names may hold any) written as \xNN, so that no name speaks to the terminal.
std::string printable(std::string_view text);
// Bytes that are not UTF-8 written as \xNN: JSON holds text only.
std::string json_text(std::string_view bytes);

// Columns as wide as their widest cell; the first row is the heading. Numbers go right.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) { rows_.push_back(std::move(headings)); }

  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  void align_right(std::size_t column) { right_.push_back(column); }

  void print() const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> right_;
};

void print_line(std::string_view line);
// At once, so that no copy is left in a buffer.
void print_secret(View bytes);
void print_json(const Json& json);
// Bytes to stdout as they are; Error{failed} when they cannot be written.
void print_bytes(View bytes);

Json statistics_json(const SnapshotStatistics& statistics);

}  // namespace kist::cli
