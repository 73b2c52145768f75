#include "engine/destination/tree_writer.h"

#include <algorithm>

#include "engine/base/attempt.h"

namespace kist {

namespace {

constexpr std::string_view partial_prefix = ".kist-partial-";
constexpr std::size_t run_digits = 8;
// Stands in a target that a restore has made, until it is done.
constexpr const char* mark_name = ".kist-partial-00000000-0";
constexpr std::string_view mark_text = "a restore by kist is not done here yet\n";

// Cut short, by a crash or for want of room, it is one as well.
bool is_mark(const File& file) {
  Bytes text(mark_text.size() + 1);
  return file_status(file).type == EntryType::file &&
         mark_text.starts_with(as_text(View(text).first(file.read_at(0, text))));
}

bool is_digits(std::string_view text, std::string_view digits) {
  return !text.empty() && text.find_first_not_of(digits) == std::string_view::npos;
}

Directory open_target(const std::string& target, bool is_dry_run) {
  if (!is_dry_run) make_directories(target);
  return Directory::open(target);
}

// What a restore that was cut off has left behind. Only what has exactly such a name, and is no
// directory.
void remove_partials(const Directory& directory) {
  std::vector<std::string> partials;
  directory.for_each_name([&](std::string_view name) {
    if (is_partial_name(name) && name != mark_name) partials.emplace_back(name);
  });
  for (const std::string& name : partials) {
    if (directory.status(name).type != EntryType::directory) directory.remove(name);
  }
}

// Clears the flags that forbid changing a file. One that may not even be opened keeps them.
void unlock(const Directory& parent, const std::string& name) {
  // The change that follows fails if the flags still matter.
  try_to([&] {
    const std::optional<FileStatus> found = parent.find(name);
    if (found && found->type == EntryType::file) clear_locking_flags(parent.open_file(name).fd());
  });
}

// Nothing where this user may not read the file.
std::optional<File> open_if_allowed(const Directory& parent, const std::string& name) {
  return value_of([&] { return parent.open_file(name); });
}

std::string draw_run(Random& random) {
  std::array<std::uint8_t, run_digits / 2> bytes{};
  random.fill(bytes);
  bytes[0] |= 1;  // never that of the mark
  return to_hex(bytes.data(), bytes.size());
}

}  // namespace

bool is_partial_name(std::string_view name) {
  if (!name.starts_with(partial_prefix)) return false;
  name.remove_prefix(partial_prefix.size());
  const std::string_view run = name.substr(0, run_digits);
  return name.size() > run_digits + 1 && is_digits(run, "0123456789abcdef") &&
         name[run_digits] == '-' && is_digits(name.substr(run_digits + 1), "0123456789");
}

const Directory& ParentCache::parent_of(std::string_view path) {
  const std::string_view parent = parent_path(path);
  if (!open_ || path_ != parent) {
    open_.reset();
    open_.emplace(root_.open_beneath(std::string(parent)));
    path_ = parent;
  }
  return *open_;
}

TreeWriter::TreeWriter(const std::string& target, const TargetOptions& options, Random& random)
    : options_(options),
      is_new_(!path_exists(target)),
      root_(open_target(target, options.is_dry_run)),
      run_(draw_run(random)) {
  if (!options.is_dry_run && !root_.try_lock()) {
    throw Error(Code::refused, concat("another restore is writing to ", target,
                                      "; wait for it, or choose another target"));
  }
  // Another restore may have made and filled it between the look and the lock.
  is_new_ = is_new_ && root_.names().size() == 0;
  levels_.push_back({"", is_new_});
  if (options.is_dry_run) return;
  if (is_new_) {
    mark_ = root_.create_file(mark_name);
    mark_.append(as_view(mark_text));
  } else {
    remove_partials(root_);
    const std::optional<File> mark = open_if_allowed(root_, mark_name);
    if (mark && is_mark(*mark)) mark_ = root_.open_file(mark_name);
  }
  is_new_ = mark_.is_open();
}

void TreeWriter::finish() {
  if (!mark_.is_open()) return;
  // A snapshot may hold a file of that name: it stays.
  if (file_status(mark_).inode == root_.status(mark_name).inode) root_.remove(mark_name);
  mark_.close();
}

bool TreeWriter::is_fresh(std::string_view directory) const {
  const auto level = std::ranges::find(levels_, directory, &Level::path);
  return level != levels_.end() && level->is_fresh;
}

std::string TreeWriter::new_partial_name() {
  return concat(partial_prefix, run_, "-", partial_count_++);
}

void TreeWriter::make_directory(ParentCache& parents, const Entry& entry) {
  if (entry.path.empty()) return;
  while (levels_.size() > 1 && !is_within(parent_path(entry.path), levels_.back().path)) {
    levels_.pop_back();
  }
  const Directory& parent = parents.parent_of(entry.path);
  const std::string name(base_name(entry.path));
  if (look(parents, entry) == Standing::other) {
    prepare_replacing(parents, entry);
    parent.remove(name);
  }
  const bool is_made = parent.make_directory(name);
  if (!is_made) {
    const Directory present = parent.open_directory(name);
    if (options_.overwrite == Overwrite::never) {
      found_.insert(entry.path);
    } else {
      clear_locking_flags(present.fd());
      present.make_writable();  // its own mode comes back at the end
    }
    remove_partials(present);
  }
  levels_.push_back({entry.path, is_made});
}

Standing TreeWriter::look(ParentCache& parents, const Entry& entry) {
  if (is_fresh(parent_path(entry.path))) return Standing::absent;
  const Directory& parent = parents.parent_of(entry.path);
  const std::string name(base_name(entry.path));
  const std::optional<FileStatus> found = parent.find(name);
  if (!found) return Standing::absent;
  if (entry.type == EntryType::hard_link) {
    const Directory from = root_.open_beneath(std::string(parent_path(entry.link_target)));
    const std::optional<FileStatus> first = from.find(std::string(base_name(entry.link_target)));
    const bool is_same = first && first->inode == found->inode && first->device == found->device;
    return is_same ? Standing::right : Standing::other;
  }
  if (found->type != entry.type) return Standing::other;
  if (entry.type == EntryType::directory) return Standing::right;
  bool is_right = true;
  if (entry.type == EntryType::character_device || entry.type == EntryType::block_device) {
    is_right =
        found->device_major == entry.device_major && found->device_minor == entry.device_minor;
  }
  if (entry.type == EntryType::symlink) is_right = parent.read_link(name) == entry.link_target;
  if (entry.type == EntryType::file) {
    // Size and time can be made to fit. What is taken for right must have been put there by who
    // restores, or belong to whom it will belong: else somebody's file would be given its rights.
    const Entry localised = localise(entry);
    const bool is_ours =
        found->link_count == 1 && (found->uid == localised.uid || found->uid == own_user_number());
    is_right = options_.overwrite != Overwrite::always && found->size == entry.size &&
               found->mtime == entry.mtime && is_ours;
  }
  return is_right ? Standing::right : Standing::other;
}

void TreeWriter::prepare_replacing(ParentCache& parents, const Entry& entry) const {
  if (options_.overwrite == Overwrite::never) {
    throw Error(
        Code::failed,
        "something else stands there and was left alone; --overwrite if-changed replaces it");
  }
  unlock(parents.parent_of(entry.path), std::string(base_name(entry.path)));
}

File TreeWriter::begin_file(ParentCache& parents, const Entry& entry, std::string& partial) {
  partial = new_partial_name();
  return parents.parent_of(entry.path).create_file(partial);
}

File TreeWriter::reopen_file(ParentCache& parents, const Entry& entry, const std::string& partial) {
  return parents.parent_of(entry.path).open_file_for_writing(partial);
}

void TreeWriter::put_in_place(const Directory& parent,
                              const Begun& begun,
                              const Entry& entry) const {
  const bool keeps_existing =
      options_.overwrite == Overwrite::never || begun.standing == Standing::absent;
  bool is_placed = false;
  const auto failure = failure_of([&] {
    is_placed = parent.rename(begun.partial, std::string(base_name(entry.path)), keeps_existing);
  });
  if (is_placed) return;
  parent.remove(begun.partial);
  if (failure) throw Error(*failure);
  throw Error(Code::failed,
              "something of that name has appeared meanwhile, or this file system takes two names "
              "for one; it was left alone");
}

void TreeWriter::finish_file(ParentCache& parents,
                             const File& file,
                             const Entry& entry,
                             const Begun& begun) {
  note(set_metadata(file.fd(), localise(entry)), entry);
  put_in_place(parents.parent_of(entry.path), begun, entry);
}

void TreeWriter::discard_file(ParentCache& parents,
                              const Entry& entry,
                              const std::string& partial) {
  parents.parent_of(entry.path).remove(partial);
}

void TreeWriter::make_other(ParentCache& parents, const Entry& entry, Standing standing) {
  const Directory& parent = parents.parent_of(entry.path);
  const std::string partial = new_partial_name();
  if (entry.type == EntryType::symlink) {
    parent.make_symlink(partial, entry.link_target);
  } else {
    parent.make_special(partial, entry);
  }
  note(set_metadata_at(parent, partial, localise(entry)), entry);
  put_in_place(parent, {partial, standing}, entry);
}

void TreeWriter::make_hard_link(ParentCache& parents, const Entry& entry, Standing standing) {
  const Directory from = root_.open_beneath(std::string(parent_path(entry.link_target)));
  const Directory& parent = parents.parent_of(entry.path);
  const std::string partial = new_partial_name();
  parent.make_hard_link(from, std::string(base_name(entry.link_target)), partial);
  put_in_place(parent, {partial, standing}, entry);
}

void TreeWriter::adopt(ParentCache& parents, const Entry& entry) {
  if (options_.overwrite == Overwrite::never || entry.type == EntryType::hard_link) return;
  const Directory& parent = parents.parent_of(entry.path);
  const std::string name(base_name(entry.path));
  if (entry.type != EntryType::file) {
    note(set_metadata_at(parent, name, localise(entry)), entry);
    return;
  }
  const std::optional<File> file = open_if_allowed(parent, name);
  if (!file) {
    note(set_metadata_at(parent, name, localise(entry)), entry);
    return;
  }
  if (file_status(*file).type != EntryType::file) {
    throw Error(Code::failed, "it was replaced by something else meanwhile");
  }
  clear_locking_flags(file->fd());
  note(set_metadata(file->fd(), localise(entry)), entry);
}

bool TreeWriter::takes_metadata(const std::string& path) const {
  return path.empty() ? is_new_ : !found_.contains(path);
}

void TreeWriter::finish_directory(const Entry& entry) {
  if (entry.path.empty()) finish();  // the mark goes before the target gets its time
  const Directory directory = root_.open_beneath(entry.path);
  note(set_metadata(directory.fd(), localise(entry)), entry);
  note(set_flags(directory.fd(), entry.flags & inode_flags), entry);
}

void TreeWriter::finish_flags(ParentCache& parents, const Entry& entry) {
  const File file = parents.parent_of(entry.path).open_file(std::string(base_name(entry.path)));
  if (file_status(file).type != EntryType::file) return;
  note(set_flags(file.fd(), entry.flags & inode_flags), entry);
}

bool TreeWriter::remove_all(const std::string& path,
                            const std::function<bool(const std::string&)>& keeps,
                            std::vector<std::string>& removed) {
  if (keeps(path)) return false;
  const Directory parent = root_.open_beneath(std::string(parent_path(path)));
  const std::string name(base_name(path));
  const FileStatus status = parent.status(name);
  if (status.type == EntryType::directory) {
    const Directory inner = parent.open_directory(name);
    if (inner.own_status().mount != parent.own_status().mount) return false;
    clear_locking_flags(inner.fd());
    bool is_empty = true;
    std::vector<std::string> below_removed;
    NameReader names(
        [&](const std::string& after) { return inner.names(after, options_.names_bytes_max); });
    while (const std::optional<std::string> below = names.next()) {
      is_empty &= remove_all(join_path(path, *below), keeps, below_removed);
    }
    if (!is_empty) {
      removed.insert(removed.end(), below_removed.begin(), below_removed.end());
      return false;
    }
  } else {
    unlock(parent, name);
  }
  parent.remove(name);
  removed.push_back(path);
  return true;
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
  if (options_.numeric_ids) return out;
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
