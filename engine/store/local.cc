#include "engine/store/local.h"

#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "engine/base/attempt.h"
#include "engine/base/entry.h"
#include "engine/format/names.h"

namespace kist {

namespace {

class LocalStore final : public Store {
 public:
  explicit LocalStore(std::unique_ptr<Disk> disk) : disk_(std::move(disk)) {}

  std::optional<std::uint64_t> size(const std::string& path) override { return disk_->size(path); }

  std::size_t get_range(const std::string& path, std::uint64_t offset, MutableView out) override {
    return disk_->read(path, offset, out);
  }

  void list(const std::string& folder,
            const std::function<void(const std::string&)>& each) override {
    list_below(folder, "", listing_depth(folder), each);
  }

  void create_folders() override {
    disk_->make_directory("");
    for (const char* folder : {"slots", "grants", "anchors", "epochs", "keys", "index", "bodies",
                               "refs", "packs", "journal"}) {
      disk_->make_directory(folder);
    }
    note_changed("");
    barrier();
    disk_->sync_directory("..");
  }

  std::unique_ptr<ObjectWriter> begin_put() override;

  void put(const std::string& path, View bytes) override {
    const std::unique_ptr<ObjectWriter> writer = begin_put();
    writer->append(bytes);
    writer->finish(path);
  }

  bool put_if_absent(const std::string& path, View bytes) override {
    const std::unique_ptr<NewFile> file = disk_->create();
    file->append(bytes);
    file->sync();
    return publish(*file, path);
  }

  void barrier() override {
    const std::lock_guard lock(mutex_);
    for (const std::string& folder : changed_) {
      sync_folder(folder);
    }
    changed_.clear();
    // The paths of what was removed are gone for good: now the bytes go, and folders below the
    // format's own that are empty by now, such as those of epochs that have ended.
    std::optional<Error> failure;
    for (const std::string& path : std::exchange(hidden_, {})) {
      const auto failed = failure_of([&] { disk_->wipe(path); });
      if (failed && !failure) failure = failed;
    }
    for (const std::string& folder : left_) {
      disk_->remove_directory(folder);
      known_.erase(folder);
    }
    left_.clear();
    if (failure) throw Error(*failure);
  }

  // The object's bytes were synced before it had a path; only the path is left to be synced.
  void confirm(const std::string& path) override {
    disk_->sync_directory(std::string(parent_path(path)));
  }

  void remove(const std::string& path) override {
    const std::string folder(parent_path(path));
    auto hidden = disk_->hide(path);
    const bool is_there = hidden || folder.empty() || disk_->size(folder).has_value();
    const std::lock_guard lock(mutex_);
    // Of a folder that is absent, barrier() could sync nothing. The root is never absent.
    if (is_there) changed_.insert(folder);
    if (!hidden) return;
    hidden_.push_back(std::move(*hidden));
    if (folder.find('/') != std::string::npos) left_.insert(folder);
  }

  void discard(const std::string& path) override {
    const std::string folder(parent_path(path));
    if (!disk_->discard(path)) return;
    const std::lock_guard lock(mutex_);
    changed_.insert(folder);
    if (folder.find('/') != std::string::npos) left_.insert(folder);
  }

  void replace(const std::string& path, View bytes) override {
    const std::string folder(parent_path(path));
    ensure_folder(folder);
    disk_->replace(path, bytes);
    note_changed(folder);
  }

  // Links the synced file to its path, in a folder that is made where it is absent. False when the
  // path is taken: the folder is to be synced all the same, for the object there may be so new that
  // its name is not durable yet.
  bool publish(NewFile& file, const std::string& path) {
    const std::string folder(parent_path(path));
    ensure_folder(folder);
    bool is_new = false;
    const auto failure = failure_of([&] { is_new = file.publish(path); });
    if (failure && disk_->size(folder)) throw Error(*failure);
    if (failure) {  // another client has found the folder empty, and removed it
      forget_folder(folder);
      ensure_folder(folder);
      is_new = file.publish(path);
    }
    note_changed(folder);
    return is_new;
  }

 private:
  // Lists `folder` and, `depth` folders deep, what is below it; `prefix` is its path below the
  // folder that was asked for, with a slash. Folders are kept until their parent is read to its
  // end, so that one directory is open at a time.
  void list_below(const std::string& folder,
                  const std::string& prefix,
                  std::size_t depth,
                  const std::function<void(const std::string&)>& each) {
    std::vector<std::string> folders;
    disk_->list(folder, [&](const std::string& name, bool is_directory) {
      if (is_directory && depth > 0) {
        folders.push_back(name);
      } else {
        each(prefix + name);
      }
    });
    for (const std::string& name : folders) {
      list_below(join_path(folder, name), concat(prefix, name, "/"), depth - 1, each);
    }
  }

  // A folder that is gone by now was empty: nothing in it is to be kept. That it is gone is as
  // durable as its parent.
  void sync_folder(const std::string& folder) {
    const auto failure = failure_of([&] { disk_->sync_directory(folder); });
    if (!failure) return;
    if (folder.empty() || disk_->size(folder)) throw Error(*failure);
    sync_folder(std::string(parent_path(folder)));
  }

  void forget_folder(const std::string& folder) {
    const std::lock_guard lock(mutex_);
    known_.erase(folder);
  }

  // The first use of a folder makes it and has its name synced by the next barrier, also where the
  // folder exists: another client may have made it without having synced it yet.
  void ensure_folder(const std::string& folder) {
    const std::lock_guard lock(mutex_);
    ensure_folder_locked(folder);
  }

  void ensure_folder_locked(const std::string& folder) {
    if (known_.contains(folder)) return;
    const std::string parent(parent_path(folder));
    if (!parent.empty()) ensure_folder_locked(parent);
    disk_->make_directory(folder);
    changed_.insert(parent);
    known_.insert(folder);
  }

  void note_changed(const std::string& folder) {
    const std::lock_guard lock(mutex_);
    changed_.insert(folder);
  }

  std::unique_ptr<Disk> disk_;
  std::mutex mutex_;
  std::set<std::string> changed_;    // folders in which a name came or went since the last barrier
  std::set<std::string> known_;      // folders that exist, and whose name has been in changed_
  std::set<std::string> left_;       // folders below those, of which files were removed
  std::vector<std::string> hidden_;  // files that were removed, and are to be wiped at a barrier
};

class LocalObjectWriter final : public ObjectWriter {
 public:
  LocalObjectWriter(LocalStore& store, std::unique_ptr<NewFile> file)
      : store_(store), file_(std::move(file)) {}

  void append(View bytes) override { file_->append(bytes); }

  void finish(const std::string& path) override {
    file_->sync();
    store_.publish(*file_, path);
  }

 private:
  LocalStore& store_;
  std::unique_ptr<NewFile> file_;
};

std::unique_ptr<ObjectWriter> LocalStore::begin_put() {
  return std::make_unique<LocalObjectWriter>(*this, disk_->create());
}

}  // namespace

std::unique_ptr<Store> open_local_store(std::unique_ptr<Disk> disk) {
  return std::make_unique<LocalStore>(std::move(disk));
}

}  // namespace kist
