#include "engine/source/walk.h"

#include <algorithm>
#include <filesystem>

#include "engine/base/attempt.h"

namespace kist {

std::string resolve_source_path(const std::string& path) {
  if (path.empty()) throw Error(Code::invalid, "a path to back up is empty");
  const std::filesystem::path absolute = absolute_path(path);
  if (!path_exists(absolute.string())) {
    throw Error(Code::failed, concat(path, " does not exist"));
  }
  if (absolute == "/") return "/";
  std::error_code error;
  if (path.ends_with('/')) {  // a link to a directory, with a slash behind it, is that directory
    const auto directory = std::filesystem::canonical(absolute, error);
    if (error) throw Error(Code::failed, concat("cannot resolve ", path, ": ", error.message()));
    return directory.string();
  }
  const auto parent = std::filesystem::canonical(absolute.parent_path(), error);
  if (error) throw Error(Code::failed, concat("cannot resolve ", path, ": ", error.message()));
  return (parent / absolute.filename()).string();
}

namespace {

constexpr std::string_view cache_tag = "CACHEDIR.TAG";
// The first line of a valid tag, as https://bford.info/cachedir/ gives it.
constexpr std::string_view cache_signature = "Signature: 8a477f597d28d172789f06886806bc55";

bool path_less(const std::string& a, std::string_view b) {
  return compare_paths(a, b) < 0;
}

bool has_cache_tag(const Directory& directory) {
  const std::optional<bool> is_valid = value_of([&] {
    const File tag = directory.open_file(std::string(cache_tag));
    if (file_status(tag).type != EntryType::file) return false;
    Bytes start(cache_signature.size());
    return tag.read_at(0, start) == start.size() && as_text(start) == cache_signature;
  });
  return is_valid.value_or(false);  // a tag that cannot be read is no tag
}

}  // namespace

Walker::Walker(const std::vector<std::string>& paths, WalkOptions options, ReportProblem report)
    : options_(std::move(options)), report_(std::move(report)) {
  for (const std::string& mark : options_.exclude_if_present) {
    if (!is_file_name(mark)) {
      throw Error(Code::invalid, concat("\"", mark,
                                        "\" after --exclude-if-present is not the name "
                                        "of a file in a directory, such as .nobackup"));
    }
  }
  for (const std::string& path : paths) {
    given_.push_back(path.substr(1));
  }
  std::ranges::sort(given_, [](const auto& a, const auto& b) { return compare_paths(a, b) < 0; });
}

bool Walker::is_given(std::string_view path) const {
  const auto found = std::lower_bound(given_.begin(), given_.end(), path, path_less);
  return found != given_.end() && *found == path;
}

bool Walker::leads_to_given(std::string_view path) const {
  const auto found = std::lower_bound(given_.begin(), given_.end(), path, path_less);
  return found != given_.end() && is_within(*found, path);
}

// The next components of the given paths that lie below this one.
std::vector<std::string> Walker::names_leading_on(const std::string& path) const {
  std::vector<std::string> out;
  const std::size_t start = path.empty() ? 0 : path.size() + 1;
  for (auto given = std::lower_bound(given_.begin(), given_.end(), path, path_less);
       given != given_.end() && is_within(*given, path); ++given) {
    if (*given == path) continue;
    std::string name = given->substr(start, given->find('/', start) - start);
    if (out.empty() || out.back() != name) out.push_back(std::move(name));
  }
  return out;
}

// What to visit in a directory.
NameReader Walker::names_in(const Frame& frame) const {
  using Names = std::vector<std::string>;
  const Directory& directory = *frame.directory;
  if (!frame.is_whole) return NameReader(names_leading_on(frame.path));
  if (options_.excludes_caches && directory.find(std::string(cache_tag)) &&
      has_cache_tag(directory)) {
    return NameReader(Names{std::string(cache_tag)});
  }
  for (const std::string& mark : options_.exclude_if_present) {
    if (directory.find(mark)) return NameReader(Names{mark});
  }
  NameReader names([directory = frame.directory, bytes_max = options_.names_bytes_max](
                       const std::string& after) { return directory->names(after, bytes_max); });
  names.peek();  // a directory that cannot be listed is reported before anything in it is visited
  return names;
}

// The next name in the innermost directory; empty when it has no more, or cannot be listed further.
std::optional<std::string> Walker::next_name() {
  std::optional<std::string> name;
  const auto failure = failure_of([&] { name = stack_.back().names.next(); });
  if (failure) report_(stack_.back().path, *failure);
  return name;
}

// Whether a file is left out by its size.
bool Walker::is_too_large(const FileStatus& status) const {
  return status.type == EntryType::file && options_.exclude_larger_than != 0 &&
         status.size > options_.exclude_larger_than;
}

// The directories above the item that were withheld till now come before it.
void Walker::emit(WalkItem item) {
  for (Frame& frame : stack_) {
    if (!frame.withheld) continue;
    ready_.push_back(std::move(*frame.withheld));
    frame.withheld.reset();
  }
  ready_.push_back(std::move(item));
}

void Walker::enter(WalkItem item, Frame frame, bool is_taken) {
  frame.directory = item.self;
  frame.path = item.path;
  if (is_taken) {
    emit(std::move(item));
  } else {
    frame.withheld = std::move(item);
  }
  if (!frame.directory) return;
  if (const auto failure = failure_of([&] { frame.names = names_in(frame); })) {
    report_(frame.path, *failure);
    return;
  }
  stack_.push_back(std::move(frame));
}

// What becomes of a name, by where it stands and what the filter makes of it. A directory that is
// taken *whole* is listed; of any other, only the names that lead to a given path are visited.
//
//   the name                    excluded, too large        included          neither
//   is a given path             taken, whole               taken, whole      taken, whole
//   leads to a given path       taken, not whole           taken, not whole  taken, not whole
//   is below a given path       left out, not looked into  taken, whole      withheld, whole
//   both of the last two        taken, not whole           taken, whole      withheld, whole
//
// "Neither" exists only beside include patterns. A directory that is withheld is taken once
// something below it is; anything else that is withheld is left out. With `one_file_system`, a
// mount point below a given path is treated alike, but not looked into.
void Walker::visit(const std::string& name) {
  const Frame& parent = stack_.back();
  WalkItem item;
  item.path = join_path(parent.path, name);
  item.name = name;
  item.parent = parent.directory;
  const bool is_given_path = is_given(item.path);
  const bool is_filtered = parent.is_whole && !is_given_path;
  bool is_whole = parent.is_whole || is_given_path;
  bool is_left_out = false;
  PathFilter::Match match;
  const auto failure = failure_of([&] {
    item.status = parent.directory->status(name);
    const bool is_directory = item.status.type == EntryType::directory;
    match = options_.filter.match(parent.scope, name, is_directory);
    if (is_filtered && (match.is_excluded || is_too_large(item.status))) {
      is_left_out = !leads_to_given(item.path);
      is_whole = false;
    }
    if (is_directory && !is_left_out) {
      item.self = std::make_shared<const Directory>(parent.directory->open_directory(name));
      // It may have been replaced between the look and the opening: what is open counts.
      item.status = item.self->own_status();
    }
  });
  if (is_left_out) return;
  if (failure) {
    report_(item.path, *failure);
    if (item.status.type != EntryType::directory) return;
    // A directory that cannot be opened is an entry all the same.
  }
  const bool is_taken = !is_filtered || !is_whole || match.is_included;
  if (item.status.type != EntryType::directory) {
    if (is_taken) emit(std::move(item));
    return;
  }
  Frame frame;
  frame.is_whole = is_whole;
  frame.scope = std::move(match.below);
  frame.device = item.status.device;
  const bool is_mount =
      is_filtered && options_.one_file_system && item.status.device != parent.device;
  if (is_mount) {
    if (is_taken) emit(std::move(item));
    return;
  }
  enter(std::move(item), std::move(frame), is_taken);
}

std::optional<WalkItem> Walker::next() {
  if (!has_begun_) {
    has_begun_ = true;
    WalkItem root;
    root.self = std::make_shared<const Directory>(Directory::open("/"));
    root.status = root.self->own_status();
    Frame frame;
    frame.is_whole = is_given("");
    frame.device = root.status.device;
    frame.scope = options_.filter.root();
    enter(std::move(root), std::move(frame), true);
  }
  while (ready_.empty() && !stack_.empty()) {
    const std::optional<std::string> name = next_name();
    if (name) {
      visit(*name);
    } else {
      stack_.pop_back();
    }
  }
  if (ready_.empty()) return std::nullopt;
  WalkItem item = std::move(ready_.front());
  ready_.pop_front();
  return item;
}

}  // namespace kist
