// Which paths are selected: patterns after the manner of gitignore, matched name by name on the way
// down, so that a directory's patterns are looked at once and not again for each path below it.
//
// A pattern is components joined by '/', each with `*` (any bytes), `?` (one byte), `[a-z]`, `[!a]`
// and `\` before a byte meant as it is; the component `**` stands for any number of components. A
// pattern that begins with '/' starts at the root of the file system; any other may match at any
// depth. A '/' at its end makes it match directories only. What lies below an excluded directory is
// not looked at. docs/operations.md, "Choosing files".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"

namespace kist {

class PathFilter {
 public:
  // Error{invalid} on a pattern that means nothing. An exclude pattern that begins with '!' takes
  // back what earlier ones exclude: the last that matches counts.
  void exclude(std::string_view pattern);
  // Once there are include patterns, only what matches one of them, or lies below it, is selected.
  void include(std::string_view pattern);
  // The patterns of a file's text, one a line; empty lines and those that begin with '#' say
  // nothing.
  void exclude_lines(std::string_view text);

  [[nodiscard]] bool empty() const { return patterns_.empty(); }

  [[nodiscard]] bool has_includes() const { return has_includes_; }

  // Where a pattern stands after the components matched so far.
  struct Position {
    std::uint32_t pattern = 0;
    std::uint32_t component = 0;
    auto operator<=>(const Position&) const = default;  // NOLINT(modernize-use-nullptr)
  };

  // What the patterns make of a directory: where they stand in it.
  struct Scope {
    std::vector<Position> positions;
    bool is_included = false;  // it, or a directory above it, matched an include pattern
  };

  [[nodiscard]] Scope root() const;

  // What the patterns make of one name.
  struct Match {
    bool is_excluded = false;
    bool is_included = true;  // false: not itself, though something below it may be
    Scope below;              // of a directory
  };

  // Matches one name in a directory.
  [[nodiscard]] Match match(const Scope& directory, std::string_view name, bool is_directory) const;
  // The same for a whole path, from the root down: excluded if a directory above it is.
  [[nodiscard]] Match match_path(std::string_view path, bool is_directory) const;

 private:
  enum class Kind : std::uint8_t { exclude, keep, include };

  struct Pattern {
    Kind kind = Kind::exclude;
    bool is_directory_only = false;
    std::vector<std::string> components;
  };

  void add(Kind kind, std::string_view text);
  void enter(std::vector<Position>& positions, Position at) const;

  std::vector<Pattern> patterns_;
  bool has_includes_ = false;
};

// Whether the component pattern matches the whole name.
bool matches_glob(std::string_view pattern, std::string_view name);

}  // namespace kist
