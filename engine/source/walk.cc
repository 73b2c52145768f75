#include "engine/source/walk.h"

#include <algorithm>
#include <filesystem>

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

Walker::Walker(const std::vector<std::string>& paths, Observer& observer) : observer_(observer) {
  std::vector<std::string> sorted;
  sorted.reserve(paths.size());
  for (const std::string& path : paths) {
    sorted.push_back(resolve_source_path(path).substr(1));
  }
  std::ranges::sort(sorted, [](const auto& a, const auto& b) { return compare_paths(a, b) < 0; });
  for (std::string& path : sorted) {
    if (roots_.empty() || !is_within(path, roots_.back())) roots_.push_back(std::move(path));
  }
}

// What to visit in a directory: all of it below a root, else just what leads to one.
std::vector<std::string> Walker::names_in(const Directory& directory,
                                          const std::string& path) const {
  std::vector<std::string> out;
  for (const std::string& root : roots_) {
    if (is_within(path, root)) return directory.names();
    if (!is_within(root, path)) continue;
    const std::size_t start = path.empty() ? 0 : path.size() + 1;
    std::string name = root.substr(start, root.find('/', start) - start);
    if (out.empty() || out.back() != name) out.push_back(std::move(name));
  }
  return out;
}

void Walker::report(const std::string& path, const Error& error) {
  ++problem_count_;
  observer_.problem("/" + path, error);
}

void Walker::enter(const WalkItem& item) {
  if (!item.self) return;
  try {
    stack_.push_back({item.self, item.path, names_in(*item.self, item.path)});
  } catch (const Error& error) {
    report(item.path, error);
  }
}

std::optional<WalkItem> Walker::visit(Frame& frame, const std::string& name) {
  WalkItem item;
  item.path = join_path(frame.path, name);
  item.name = name;
  item.parent = frame.directory;
  try {
    item.status = frame.directory->status(name);
  } catch (const Error& error) {
    report(item.path, error);
    return std::nullopt;
  }
  if (item.status.type != EntryType::directory) return item;
  try {
    item.self = std::make_shared<const Directory>(frame.directory->open_directory(name));
  } catch (const Error& error) {
    report(item.path, error);
  }
  return item;
}

std::optional<WalkItem> Walker::next() {
  if (!has_begun_) {
    has_begun_ = true;
    WalkItem root;
    root.self = std::make_shared<const Directory>(Directory::open("/"));
    root.status = root.self->own_status();
    enter(root);
    return root;
  }
  while (!stack_.empty()) {
    Frame& frame = stack_.back();
    if (frame.next == frame.names.size()) {
      stack_.pop_back();
      continue;
    }
    std::optional<WalkItem> item = visit(frame, frame.names[frame.next++]);
    if (!item) continue;
    enter(*item);
    return item;
  }
  return std::nullopt;
}

}  // namespace kist
