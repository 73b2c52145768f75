#include "engine/ops/extraneous.h"

namespace kist {

Extraneous::Extraneous(const Directory& target, std::function<void(const std::string& path)> each)
    : target_(target), mount_(target.own_status().mount), each_(std::move(each)) {}

void Extraneous::enter(const std::string& path) {
  Frame frame;
  frame.path = path;
  try {
    const Directory directory = target_.open_beneath(path);
    if (directory.own_status().mount == mount_) frame.names = directory.names();
  } catch (const Error&) {
    // It is not there, or no directory: then it holds nothing that could be too much.
  }
  stack_.push_back(std::move(frame));
}

void Extraneous::leave() {
  const Frame frame = std::move(stack_.back());
  stack_.pop_back();
  for (std::size_t i = frame.next; i < frame.names.size(); ++i) {
    each_(join_path(frame.path, frame.names[i]));
  }
}

void Extraneous::see(const Entry& entry, bool is_whole) {
  if (!entry.path.empty()) {
    const std::string_view parent = parent_path(entry.path);
    while (!stack_.empty() && !is_within(parent, stack_.back().path)) {
      leave();
    }
    if (!stack_.empty()) pass(stack_.back(), entry.path);
  }
  if (entry.type != EntryType::directory) return;
  if (is_whole) {
    enter(entry.path);
  } else {
    stack_.push_back({.path = entry.path, .names = {}, .next = 0});
  }
}

// The snapshot has something at or below this name of the directory (a manifest may lack the
// directories between): what sorts before it is too much, it is not.
void Extraneous::pass(Frame& frame, std::string_view path) {
  const std::size_t start = frame.path.empty() ? 0 : frame.path.size() + 1;
  const std::string_view name = path.substr(start, path.find('/', start) - start);
  while (frame.next < frame.names.size() && compare_paths(frame.names[frame.next], name) < 0) {
    each_(join_path(frame.path, frame.names[frame.next++]));
  }
  if (frame.next < frame.names.size() && frame.names[frame.next] == name) ++frame.next;
}

void Extraneous::finish() {
  while (!stack_.empty()) {
    leave();
  }
}

}  // namespace kist
