#include "engine/base/path_filter.h"

#include <algorithm>
#include <optional>

namespace kist {

namespace {

constexpr std::size_t pattern_bytes_max = 64U << 10U;
constexpr std::string_view any_depth = "**";

// A set such as [a-z] at the start of `pattern`: its length and whether it holds `byte`. Empty when
// it has no end, and the bracket stands for itself.
struct SetMatch {
  std::size_t size = 0;
  bool holds = false;
};

std::optional<SetMatch> match_set(std::string_view pattern, unsigned char byte) {
  std::size_t at = 1;
  const bool is_negated = at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^');
  if (is_negated) ++at;
  const std::size_t first = at;
  bool holds = false;
  for (; at < pattern.size() && (pattern[at] != ']' || at == first); ++at) {
    const auto low = static_cast<unsigned char>(pattern[at]);
    auto high = low;
    if (at + 2 < pattern.size() && pattern[at + 1] == '-' && pattern[at + 2] != ']') {
      high = static_cast<unsigned char>(pattern[at + 2]);
      at += 2;
    }
    holds |= low <= byte && byte <= high;
  }
  if (at >= pattern.size()) return std::nullopt;
  return SetMatch{at + 1, holds != is_negated};
}

// How many bytes of `pattern` match the one byte, 0 if it does not match. Never asked about '*'.
std::size_t match_one(std::string_view pattern, char byte) {
  if (pattern[0] == '?') return 1;
  if (pattern[0] == '[') {
    const auto set = match_set(pattern, static_cast<unsigned char>(byte));
    if (set) return set->holds ? set->size : 0;
  }
  if (pattern[0] == '\\' && pattern.size() > 1) return pattern[1] == byte ? 2 : 0;
  return pattern[0] == byte ? 1 : 0;
}

}  // namespace

// Goes back to the last '*' only: linear in the pattern times the name, whatever they hold.
bool matches_glob(std::string_view pattern, std::string_view name) {
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_name = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      star_name = n;
      continue;
    }
    const std::size_t step = p < pattern.size() ? match_one(pattern.substr(p), name[n]) : 0;
    if (step != 0) {
      p += step;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star;
      n = ++star_name;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') {
    ++p;
  }
  return p == pattern.size();
}

void PathFilter::add(Kind kind, std::string_view text) {
  const std::string shown(text.substr(0, 200));
  if (text.size() > pattern_bytes_max) {
    throw Error(Code::invalid, concat("the pattern ", shown, "… is too long"));
  }
  Pattern pattern;
  pattern.kind = kind;
  const bool is_anchored = text.starts_with('/');
  while (text.size() > 1 && text.ends_with('/')) {
    pattern.is_directory_only = true;
    text.remove_suffix(1);
  }
  if (!is_anchored) pattern.components.emplace_back(any_depth);
  for (std::size_t start = is_anchored ? 1 : 0; start <= text.size();) {
    const std::size_t end = std::min(text.find('/', start), text.size());
    const std::string_view component = text.substr(start, end - start);
    if (component.empty() || component == "." || component == "..") {
      throw Error(Code::invalid, concat("the pattern \"", shown,
                                        "\" has a component that no path has; write patterns as "
                                        "*.tmp, cache/ or /home/*/Downloads"));
    }
    const bool repeats = component == any_depth && !pattern.components.empty() &&
                         pattern.components.back() == any_depth;
    if (!repeats) pattern.components.emplace_back(component);
    start = end + 1;
  }
  // "a/**" means what is in a, not a itself.
  if (pattern.components.back() == any_depth) pattern.components.emplace_back("*");
  has_includes_ |= kind == Kind::include;
  patterns_.push_back(std::move(pattern));
}

void PathFilter::exclude(std::string_view pattern) {
  if (pattern.starts_with('!')) {
    add(Kind::keep, pattern.substr(1));
  } else {
    add(Kind::exclude, pattern);
  }
}

void PathFilter::include(std::string_view pattern) {
  add(Kind::include, pattern);
}

void PathFilter::exclude_lines(std::string_view text) {
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    std::string_view line = text.substr(start, end - start);
    start = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    while (line.ends_with(' ') && !line.ends_with("\\ ")) {
      line.remove_suffix(1);
    }
    if (!line.empty() && !line.starts_with('#')) exclude(line);
  }
}

// A `**` may stand for nothing: the component after it can match at once.
void PathFilter::enter(std::vector<Position>& positions, Position at) const {
  positions.push_back(at);
  const Pattern& pattern = patterns_[at.pattern];
  if (pattern.components[at.component] == any_depth) {
    positions.push_back({at.pattern, at.component + 1});
  }
}

PathFilter::Scope PathFilter::root() const {
  Scope out;
  for (std::uint32_t i = 0; i < patterns_.size(); ++i) {
    enter(out.positions, {i, 0});
  }
  out.is_included = !has_includes_;
  return out;
}

PathFilter::Match PathFilter::match(const Scope& directory,
                                    std::string_view name,
                                    bool is_directory) const {
  Match out;
  out.is_included = directory.is_included;
  std::vector<Position> next;
  // Positions stand in the order of the patterns: the last match is the last pattern's.
  for (const Position& at : directory.positions) {
    const Pattern& pattern = patterns_[at.pattern];
    const std::string& component = pattern.components[at.component];
    if (component == any_depth) {
      if (is_directory) enter(next, at);
      continue;
    }
    if (!matches_glob(component, name)) continue;
    if (at.component + 1 < pattern.components.size()) {
      if (is_directory) enter(next, {at.pattern, at.component + 1});
      continue;
    }
    if (pattern.is_directory_only && !is_directory) continue;
    if (pattern.kind == Kind::include) {
      out.is_included = true;
    } else {
      out.is_excluded = pattern.kind == Kind::exclude;
    }
  }
  std::ranges::sort(next);
  next.erase(std::unique(next.begin(), next.end()), next.end());
  out.below.positions = std::move(next);
  out.below.is_included = out.is_included;
  return out;
}

PathFilter::Match PathFilter::match_path(std::string_view path, bool is_directory) const {
  Match out;
  out.below = root();
  out.is_included = out.below.is_included;
  if (path.empty()) return out;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const Scope scope = std::move(out.below);
    out = match(scope, path.substr(start, end - start), end < path.size() || is_directory);
    if (out.is_excluded) return out;
    start = end + 1;
  }
  return out;
}

}  // namespace kist
