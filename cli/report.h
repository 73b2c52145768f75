// How results are printed: tables, sizes, times, JSON. Names go through printable() or json_text()
// first, because a file name may hold any bytes.
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
// Writes control characters, and those that change the order of what is shown, as \xNN: no file
// name sends commands to the terminal, or shows as another.
std::string printable(std::string_view text);
// Writes bytes that are not UTF-8 as \xNN, because JSON holds text only.
std::string json_text(std::string_view bytes);

// The columns that a text takes on a terminal: none for an accent that combines with the letter
// before it, two for an ideograph, so 6 for "Zoë 日". One for each byte that is not UTF-8.
std::size_t column_count(std::string_view text);
// The text, and spaces up to that many columns.
std::string padded(std::string_view text, std::size_t columns);
// As much of the text as fits into that many columns; no character is cut in two.
std::string_view clipped(std::string_view text, std::size_t columns);

// A table whose columns are as wide as their widest cell. The first row is the heading.
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
// Prints without a buffer, so that no copy of the secret is left in one.
void print_secret(View bytes);
void print_json(const Json& json);
// Prints the bytes as they are; Error{failed} when standard output does not take them.
void print_bytes(View bytes);

Json text_list(const std::vector<std::string>& texts);

template <typename AnyId>
Json hex_list(const std::vector<AnyId>& ids) {
  Json out = Json::array();
  for (const AnyId& id : ids) {
    out.push_back(hex(id));
  }
  return out;
}

Json statistics_json(std::int64_t started_ms, const SnapshotStatistics& statistics);

}  // namespace kist::cli
