#include "engine/ops/restore/extraneous.h"

#include "engine/base/attempt.h"

namespace kist {

Extraneous::Extraneous(const Directory& target, std::size_t names_bytes_max, Each each)
    : target_(target),
      mount_(target.own_status().mount),
      names_bytes_max_(names_bytes_max),
      each_(std::move(each)) {}

// What is not there, no directory, or on another file system holds nothing too much; nor does
// another directory that takes its name while it is listed.
void Extraneous::enter(const std::string& path) {
  stack_.push_back({.path = path, .directory = {}, .names = {}});
  const auto status = value_of([&] { return target_.open_beneath(path).own_status(); });
  if (!status || status->mount != mount_) return;
  const InodeId identity = status->identity();
  stack_.back().directory = identity;
  stack_.back().names = NameReader([this, path, identity](const std::string& after) {
    const auto names = value_of([&] {
      const Directory directory = target_.open_beneath(path);
      const bool is_it = directory.own_status().identity() == identity;
      return is_it ? directory.names(after, names_bytes_max_) : NameList();
    });
    return names.value_or(NameList());
  });
}

void Extraneous::leave() {
  Frame frame = std::move(stack_.back());
  stack_.pop_back();
  while (const std::optional<std::string> name = frame.names.next()) {
    each_(join_path(frame.path, *name), frame.directory);
  }
}

void Extraneous::add(const Entry& entry, bool is_whole) {
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
    stack_.emplace_back().path = entry.path;
  }
}

// The snapshot has something at or below this name of the directory (a manifest may lack the
// directories between): what sorts before it is too much, it is not.
void Extraneous::pass(Frame& frame, std::string_view path) {
  const std::size_t start = frame.path.empty() ? 0 : frame.path.size() + 1;
  const std::string_view name = path.substr(start, path.find('/', start) - start);
  while (frame.names.peek() && compare_paths(*frame.names.peek(), name) < 0) {
    each_(join_path(frame.path, *frame.names.next()), frame.directory);
  }
  if (frame.names.peek() == name) frame.names.next();
}

void Extraneous::finish() {
  while (!stack_.empty()) {
    leave();
  }
}

}  // namespace kist
