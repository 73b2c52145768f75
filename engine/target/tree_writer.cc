#include "engine/target/tree_writer.h"

namespace kist {

const Directory& ParentCache::parent_of(std::string_view path) {
  const std::string_view parent = parent_path(path);
  if (!open_ || path_ != parent) {
    open_.reset();
    open_.emplace(root_.open_beneath(std::string(parent)));
    path_ = parent;
  }
  return *open_;
}

namespace {

Directory open_target(const std::string& target) {
  make_directories(target);
  return Directory::open(target);
}

}  // namespace

TreeWriter::TreeWriter(const std::string& target, bool numeric_ids)
    : is_new_(!path_exists(target)), root_(open_target(target)), numeric_ids_(numeric_ids) {}

void TreeWriter::make_directory(ParentCache& parents, const Entry& entry) {
  if (entry.path.empty()) return;
  const Directory& parent = parents.parent_of(entry.path);
  if (!parent.make_directory(std::string(base_name(entry.path)))) found_.insert(entry.path);
}

bool TreeWriter::was_made(const std::string& path) const {
  return path.empty() ? is_new_ : !found_.contains(path);
}

File TreeWriter::create_file(ParentCache& parents, const Entry& entry) {
  return parents.parent_of(entry.path).create_file(std::string(base_name(entry.path)));
}

File TreeWriter::reopen_file(ParentCache& parents, const Entry& entry) {
  return parents.parent_of(entry.path).open_file_for_writing(std::string(base_name(entry.path)));
}

void TreeWriter::make_other(ParentCache& parents, const Entry& entry) {
  const Directory& parent = parents.parent_of(entry.path);
  const std::string name(base_name(entry.path));
  if (entry.type == EntryType::symlink) {
    parent.make_symlink(name, entry.link_target);
  } else {
    parent.make_special(name, entry);
  }
  note(set_metadata_at(parent, name, localise(entry)), entry);
}

void TreeWriter::make_hard_link(ParentCache& parents, const Entry& entry) {
  const Directory from = root_.open_beneath(std::string(parent_path(entry.link_target)));
  parents.parent_of(entry.path)
      .make_hard_link(from, std::string(base_name(entry.link_target)),
                      std::string(base_name(entry.path)));
}

void TreeWriter::discard_file(ParentCache& parents, const Entry& entry) {
  parents.parent_of(entry.path).remove(std::string(base_name(entry.path)));
}

void TreeWriter::finish_file(const File& file, const Entry& entry) {
  note(set_metadata(file.fd(), localise(entry)), entry);
}

void TreeWriter::finish_directory(const Entry& entry) {
  const Directory directory = root_.open_beneath(entry.path);
  note(set_metadata(directory.fd(), localise(entry)), entry);
}

// Owners by name where the name exists here, else by number.
Entry TreeWriter::localise(const Entry& entry) {
  Entry out;
  out.type = entry.type;
  out.mode = entry.mode;
  out.uid = entry.uid;
  out.gid = entry.gid;
  out.mtime = entry.mtime;
  out.xattrs = entry.xattrs;
  if (numeric_ids_) return out;
  const std::lock_guard lock(mutex_);
  if (!entry.user.empty()) {
    const auto [found, is_new] = users_.try_emplace(entry.user);
    if (is_new) found->second = user_number(entry.user);
    out.uid = found->second.value_or(entry.uid);
  }
  if (!entry.group.empty()) {
    const auto [found, is_new] = groups_.try_emplace(entry.group);
    if (is_new) found->second = group_number(entry.group);
    out.gid = found->second.value_or(entry.gid);
  }
  return out;
}

void TreeWriter::note(const std::vector<Refusal>& refusals, const Entry& entry) {
  if (refusals.empty()) return;
  const std::lock_guard lock(mutex_);
  for (const Refusal& refusal : refusals) {
    Refused& refused = refused_[refusal.kind];
    if (refused.count++ == 0) {
      refused.first_path = entry.path;
      refused.reason = refusal.reason;
    }
  }
}

std::map<std::string, TreeWriter::Refused> TreeWriter::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

}  // namespace kist
