#include "engine/base/entry.h"

#include <algorithm>

namespace kist {

bool is_file_name(std::string_view name) {
  constexpr std::string_view separators("/\0", 2);
  return !name.empty() && name.size() <= file_name_bytes_max && name != "." && name != ".." &&
         name.find_first_of(separators) == std::string_view::npos;
}

std::int64_t to_ms(const Timestamp& time) {
  constexpr std::int64_t seconds_max = INT64_MAX / 1000 - 1;
  return std::clamp(time.seconds, -seconds_max, seconds_max) * 1000 +
         static_cast<std::int64_t>(time.nanoseconds / 1'000'000);
}

int compare_paths(std::string_view a, std::string_view b) {
  const std::size_t common = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < common; ++i) {
    if (a[i] == b[i]) continue;
    if (a[i] == '/') return -1;
    if (b[i] == '/') return 1;
    return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[i]) ? -1 : 1;
  }
  return a.size() == b.size() ? 0 : (a.size() < b.size() ? -1 : 1);
}

bool is_within(std::string_view path, std::string_view directory) {
  if (directory.empty()) return true;
  if (!path.starts_with(directory)) return false;
  return path.size() == directory.size() || path[directory.size()] == '/';
}

std::string join_path(std::string_view directory, std::string_view name) {
  return directory.empty() ? std::string(name) : concat(directory, "/", name);
}

std::string_view parent_path(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace kist
