#include "engine/destination/tree_writer.h"

#include <algorithm>

#include "engine/base/attempt.h"

namespace kist {

namespace {

constexpr std::string_view partial_prefix = ".kist-partial-";
constexpr std::size_t run_digits = 8;
// Stands in a target that a restore has made, until it is done.
constexpr const char* mark_name = ".kist-partial-00000000-0";
// A directory has this mode until the restore is done with it, and hardly any other has it.
constexpr std::uint16_t unfinished_mode = 01700;
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
void unlock(const Inode& inode) {
  if (inode.status().type != EntryType::file) return;
  // The change that follows fails if the flags still matter.
  try_to([&] { clear_locking_flags(inode.open_file().fd()); });
}

// Makes a directory that is as it was again when this object goes: its mode and its time.
class Unchanged {
 public:
  explicit Unchanged(const Directory& directory)
      : directory_(directory), status_(directory.own_status()) {
    directory.make_writable();
  }

  Unchanged(const Unchanged&) = delete;
  Unchanged& operator=(const Unchanged&) = delete;

  ~Unchanged() { restore_status(directory_, status_); }

 private:
  const Directory& directory_;
  const FileStatus status_;
};

Error replaced_meanwhile() {
  return {Code::failed, "something else has taken its name meanwhile; run the restore again"};
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
    identity_ = open_->own_status().identity();
    path_ = parent;
  }
  return *open_;
}

const Directory& ParentCache::parent_of(std::string_view path, const InodeId& expected) {
  const Directory& parent = parent_of(path);
  if (identity_ == expected) return parent;
  open_.reset();  // what is kept may be what is gone
  if (parent_of(path); identity_ != expected) {
    throw Error(Code::failed,
                "another directory has taken the place of the one it belongs in; run the restore "
                "again");
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
  levels_.push_back({"", root_.own_status().identity(), is_new_, std::nullopt});
  if (options.is_dry_run) return;
  if (is_new_) {
    mark_ = root_.create_file(mark_name);
    mark_.append(as_view(mark_text));
  } else {
    remove_partials(root_);
    std::optional<File> mark = value_of([&] { return root_.open_file(mark_name); });
    if (mark && is_mark(*mark)) mark_ = std::move(*mark);
  }
  is_new_ = mark_.is_open();
}

void TreeWriter::finish() {
  if (!mark_.is_open()) return;
  // A snapshot may hold a file of that name: it stays.
  const std::optional<FileStatus> found = root_.find(mark_name);
  if (found && found->identity() == file_status(mark_).identity()) root_.remove(mark_name);
  mark_.close();
}

std::string TreeWriter::new_partial_name() {
  return concat(partial_prefix, run_, "-", partial_count_++);
}

Spot TreeWriter::spot_of(ParentCache& parents, const Entry& entry) {
  const std::string_view parent = parent_path(entry.path);
  while (levels_.size() > 1 && !is_within(parent, levels_.back().path)) {
    if (levels_.back().entry) left_.push_back(std::move(levels_.back()));
    levels_.pop_back();
  }
  // One that could not be made, or that the manifest does not have, may stand there all the same.
  if (levels_.back().path != parent) {
    const InodeId identity = parents.parent_of(entry.path).own_status().identity();
    levels_.push_back({std::string(parent), identity, false, std::nullopt});
  }
  return {levels_.back().identity, levels_.back().is_fresh};
}

// An existing directory of somebody else's changes hands only where nobody but who restores could
// have given it its name: else whoever owns the directory above would be given what another keeps
// there. What a restore that was cut off has made is known by its mode.
bool TreeWriter::may_take(const FileStatus& parent, const FileStatus& present, const Entry& entry) {
  const std::uint32_t own = own_user_number();
  const bool is_unfinished = present.uid == own && present.mode == unfinished_mode;
  const bool is_private = (parent.uid == own || parent.uid == 0) && (parent.mode & 022U) == 0;
  return present.uid == localise(entry).uid || is_unfinished || is_private;
}

bool TreeWriter::make_directory(ParentCache& parents, const Entry& entry, const Found& found) {
  if (entry.path.empty()) {
    if (is_new_) levels_.front().entry = entry;
    return is_new_;
  }
  const Directory& parent = parents.parent_of(entry.path, found.spot.directory);
  const std::string name(base_name(entry.path));
  if (found.standing == Standing::other) {
    prepare_replacing(found);
    parent.remove(name);
  }
  const bool is_made = parent.make_directory(name, unfinished_mode);
  const Directory present = parent.open_directory(name);
  const FileStatus status = present.own_status();
  Level level{entry.path, status.identity(), is_made, std::nullopt};
  if (is_made) {
    if (present.names().size() != 0) throw replaced_meanwhile();
    level.entry = entry;
  } else if (options_.overwrite == Overwrite::never) {
    if (left_alone_.count++ == 0) left_alone_.first_path = entry.path;
  } else {
    if (found.inode && found.inode->status().identity() != status.identity()) {
      throw replaced_meanwhile();
    }
    if (may_take(parent.own_status(), status, entry)) {
      level.entry = entry;
      clear_locking_flags(present.fd());
      present.make_writable();  // its own mode comes back at the end
    } else {
      note({{"owner, attributes, mode and times",
             "it is a directory of somebody else's, where others can rename it"}},
           entry);
    }
  }
  if (!is_made) try_to([&] { remove_partials(present); });
  levels_.push_back(std::move(level));
  return levels_.back().entry.has_value();
}

void TreeWriter::leave_all() {
  while (levels_.size() > 1) {
    if (levels_.back().entry) left_.push_back(std::move(levels_.back()));
    levels_.pop_back();
  }
}

void TreeWriter::finish_left(const Report& report) {
  for (const Level& level : std::exchange(left_, {})) {
    const auto failure = failure_of([&] {
      const Directory directory = root_.open_beneath(level.path);
      if (directory.own_status().identity() != level.identity) throw replaced_meanwhile();
      note(set_metadata(directory.fd(), localise(*level.entry)), *level.entry);
    });
    if (failure) report(*level.entry, *failure);
  }
}

void TreeWriter::finish_root(const Report& report) {
  const std::optional<Entry> entry = std::exchange(levels_.front().entry, std::nullopt);
  if (!entry) return;
  const auto failure = failure_of([&] {
    finish();  // before the target gets its time
    note(set_metadata(root_.fd(), localise(*entry)), *entry);
  });
  if (failure) report(*entry, *failure);
}

Found TreeWriter::look(ParentCache& parents, const Entry& entry, const Spot& spot) {
  Found out{.standing = Standing::absent, .inode = std::nullopt, .spot = spot};
  if (spot.is_fresh) return out;
  out.inode =
      parents.parent_of(entry.path, spot.directory).hold(std::string(base_name(entry.path)));
  if (out.inode) out.standing = is_right(*out.inode, entry) ? Standing::right : Standing::other;
  return out;
}

bool TreeWriter::is_right(const Inode& inode, const Entry& entry) {
  const FileStatus& found = inode.status();
  if (entry.type == EntryType::hard_link) return is_same_file(inode, entry.link_target);
  if (found.type != entry.type) return false;
  if (entry.type == EntryType::directory) return true;
  if (options_.overwrite == Overwrite::always) return false;
  // Size and time can be made to fit. What is taken for right must have been put there by who
  // restores, or belong to whom it will belong: else what is somebody's would be given its rights.
  if (found.link_count != 1) return false;
  return (found.uid == localise(entry).uid || found.uid == own_user_number()) &&
         has_content(inode, entry);
}

bool TreeWriter::has_content(const Inode& inode, const Entry& entry) {
  const FileStatus& found = inode.status();
  switch (entry.type) {
    case EntryType::character_device:
    case EntryType::block_device:
      return found.device_major == entry.device_major && found.device_minor == entry.device_minor;
    case EntryType::symlink:
      return inode.read_link() == entry.link_target;
    case EntryType::file:
      return found.size == entry.size && found.mtime == entry.mtime;
    default:
      return true;
  }
}

bool TreeWriter::is_same_file(const Inode& inode, const std::string& path) const {
  const Directory parent = root_.open_beneath(std::string(parent_path(path)));
  const std::optional<Inode> other = parent.hold(std::string(base_name(path)));
  return other && other->status().identity() == inode.status().identity();
}

// Whether something is what this restore has put there for the entry, as far as its metadata tells.
bool TreeWriter::is_restored(const FileStatus& status, const Entry& entry) {
  if (status.type != entry.type) return false;
  if (entry.type == EntryType::file && status.size != entry.size) return false;
  if (status.uid == localise(entry).uid || status.uid == own_user_number()) return true;
  const std::lock_guard lock(mutex_);
  return refused_.contains("owner");  // where owners cannot be set, they tell nothing
}

void TreeWriter::prepare_replacing(const Found& found) const {
  if (options_.overwrite == Overwrite::never) {
    throw Error(
        Code::failed,
        "something else stands there and was left alone; --overwrite if-changed replaces it");
  }
  if (found.inode) unlock(*found.inode);
}

void TreeWriter::adopt(const Found& found, const Entry& entry) {
  if (options_.overwrite == Overwrite::never || !found.inode) return;
  const Inode& inode = *found.inode;
  const Entry localised = localise(entry);
  if (inode.status().uid != localised.uid) {
    // Who restores owns it: perhaps to keep it from others.
    note({{"owner of what was there before",
           "nothing is given away; --overwrite always writes it anew"}},
         entry);
    return;
  }
  const std::optional<File> file =
      entry.type == EntryType::file ? value_of([&] { return inode.open_file(); }) : std::nullopt;
  if (file) clear_locking_flags(file->fd());
  note(file ? set_metadata(file->fd(), localised) : set_metadata(inode, localised), entry);
}

File TreeWriter::begin_file(ParentCache& parents, const Entry& entry, Begun& begun) {
  begun.partial = new_partial_name();
  File file = parents.parent_of(entry.path, begun.spot.directory).create_file(begun.partial);
  begun.identity = file_status(file).identity();
  return file;
}

File TreeWriter::reopen_file(ParentCache& parents, const Entry& entry, const Begun& begun) {
  const Directory& parent = parents.parent_of(entry.path, begun.spot.directory);
  File file = parent.open_file_for_writing(begun.partial);
  if (file_status(file).identity() != begun.identity) throw replaced_meanwhile();
  return file;
}

void TreeWriter::put_in_place(const Directory& parent,
                              const std::string& partial,
                              Standing standing,
                              const Entry& entry) const {
  const bool keeps_existing =
      options_.overwrite == Overwrite::never || standing == Standing::absent;
  bool is_placed = false;
  const auto failure = failure_of([&] {
    is_placed = parent.rename(partial, std::string(base_name(entry.path)), keeps_existing);
  });
  if (is_placed) return;
  parent.remove(partial);
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
  put_in_place(parents.parent_of(entry.path, begun.spot.directory), begun.partial, begun.standing,
               entry);
}

void TreeWriter::discard_file(ParentCache& parents, const Entry& entry, const Begun& begun) {
  parents.parent_of(entry.path, begun.spot.directory).remove(begun.partial);
}

void TreeWriter::make_other(ParentCache& parents, const Entry& entry, const Found& found) {
  const Directory& parent = parents.parent_of(entry.path, found.spot.directory);
  const std::string partial = new_partial_name();
  if (entry.type == EntryType::symlink) {
    parent.make_symlink(partial, entry.link_target);
  } else {
    parent.make_special(partial, entry);
  }
  // What is made by name is held by name a moment later: it has to be what was made.
  const std::optional<Inode> inode = parent.hold(partial);
  const bool is_it = inode && is_restored(inode->status(), entry) &&
                     inode->status().link_count == 1 && has_content(*inode, entry);
  if (!is_it) throw replaced_meanwhile();
  note(set_metadata(*inode, localise(entry)), entry);
  put_in_place(parent, partial, found.standing, entry);
}

void TreeWriter::make_hard_link(ParentCache& parents,
                                const Entry& entry,
                                const Found& found,
                                const Entry& first) {
  const Directory from = root_.open_beneath(std::string(parent_path(entry.link_target)));
  const std::optional<Inode> inode = from.hold(std::string(base_name(entry.link_target)));
  if (!inode || !is_restored(inode->status(), first)) {
    throw Error(Code::failed, concat("what it is another name of, ", entry.link_target,
                                     ", is not there any more; run the restore again"));
  }
  const Directory& parent = parents.parent_of(entry.path, found.spot.directory);
  const std::string partial = new_partial_name();
  parent.make_hard_link(*inode, partial);
  put_in_place(parent, partial, found.standing, entry);
}

void TreeWriter::finish_flags(ParentCache& parents, const Entry& entry) {
  if (entry.path.empty()) {
    if (is_new_) note(set_flags(root_.fd(), entry.flags & inode_flags), entry);
    return;
  }
  const std::optional<Inode> inode =
      parents.parent_of(entry.path).hold(std::string(base_name(entry.path)));
  if (!inode || !is_restored(inode->status(), entry)) throw replaced_meanwhile();
  note(set_flags(inode->open_file().fd(), entry.flags & inode_flags), entry);
}

bool TreeWriter::remove_all(const std::string& path,
                            const InodeId& directory,
                            const std::function<bool(const std::string&)>& keeps,
                            std::vector<std::string>& removed) {
  const Directory parent = root_.open_beneath(std::string(parent_path(path)));
  if (parent.own_status().identity() != directory) throw replaced_meanwhile();
  return remove_below(parent, path, keeps, removed);
}

bool TreeWriter::remove_below(const Directory& parent,
                              const std::string& path,
                              const std::function<bool(const std::string&)>& keeps,
                              std::vector<std::string>& removed) {
  if (keeps(path)) return false;
  const std::string name(base_name(path));
  const std::optional<Inode> inode = parent.hold(name);
  if (!inode) return true;
  const Unchanged unchanged(parent);
  if (inode->status().type == EntryType::directory) {
    const Directory inner = parent.open_directory(name);
    if (inner.own_status().mount != parent.own_status().mount) return false;
    clear_locking_flags(inner.fd());
    bool is_empty = true;
    std::vector<std::string> below_removed;
    NameReader names(
        [&](const std::string& after) { return inner.names(after, options_.names_bytes_max); });
    while (const std::optional<std::string> below = names.next()) {
      is_empty &= remove_below(inner, join_path(path, *below), keeps, below_removed);
    }
    if (!is_empty) {
      removed.insert(removed.end(), below_removed.begin(), below_removed.end());
      return false;
    }
  } else {
    unlock(*inode);
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
