#include "engine/store/local.h"

#include <array>
#include <mutex>
#include <set>

#include "engine/base/entry.h"

namespace kist {

namespace {

class LocalStore final : public Store {
 public:
  explicit LocalStore(std::unique_ptr<Disk> disk) : disk_(std::move(disk)) {}

  std::optional<std::uint64_t> size(const std::string& name) override { return disk_->size(name); }

  std::size_t get_range(const std::string& name, std::uint64_t offset, MutableView out) override {
    return disk_->read(name, offset, out);
  }

  void list(const std::string& folder,
            const std::function<void(const std::string&)>& each) override {
    list_below(folder, "", each);
  }

  void create_folders() override {
    disk_->make_directory("");
    for (const char* folder :
         {"slots", "grants", "epochs", "keys", "index", "bodies", "refs", "packs", "journal"}) {
      disk_->make_directory(folder);
    }
    note_changed("");
    barrier();
    disk_->sync_directory("..");
  }

  std::unique_ptr<ObjectWriter> begin_put() override;

  void put(const std::string& name, View bytes) override {
    const std::unique_ptr<ObjectWriter> writer = begin_put();
    writer->append(bytes);
    writer->finish(name);
  }

  bool put_if_absent(const std::string& name, View bytes) override {
    const std::unique_ptr<NewFile> file = disk_->create();
    file->append(bytes);
    file->sync();
    return publish(*file, name);
  }

  void barrier() override {
    const std::lock_guard lock(mutex_);
    for (const std::string& folder : changed_) {
      disk_->sync_directory(folder);
    }
    changed_.clear();
  }

  // Whoever publishes a file has synced what it holds.
  void confirm(const std::string& name) override {
    disk_->sync_directory(std::string(parent_path(name)));
  }

  void remove(const std::string& name) override {
    disk_->remove(name);
    note_changed(std::string(parent_path(name)));
  }

  void replace(const std::string& name, View bytes) override {
    disk_->replace(name, bytes);
    note_changed(std::string(parent_path(name)));
  }

  // Puts the synced file under its name, making the folder if it is the first there.
  bool publish(NewFile& file, const std::string& name) {
    const std::string folder(parent_path(name));
    ensure_folder(folder);
    const bool is_new = file.publish(name);
    note_changed(folder);
    return is_new;
  }

 private:
  void list_below(const std::string& folder,
                  const std::string& prefix,
                  const std::function<void(const std::string&)>& each) {
    std::vector<std::string> folders;
    disk_->list(folder, [&](const std::string& name, bool is_directory) {
      if (is_directory) {
        folders.push_back(name);
      } else {
        each(prefix + name);
      }
    });
    for (const std::string& name : folders) {
      list_below(concat(folder, "/", name), concat(prefix, name, "/"), each);
    }
  }

  // Whoever made the folder may not have synced its name: the first use here does.
  void ensure_folder(const std::string& folder) {
    const std::lock_guard lock(mutex_);
    if (known_.contains(folder)) return;
    disk_->make_directory(folder);
    changed_.insert(std::string(parent_path(folder)));
    known_.insert(folder);
  }

  void note_changed(const std::string& folder) {
    const std::lock_guard lock(mutex_);
    changed_.insert(folder);
  }

  std::unique_ptr<Disk> disk_;
  std::mutex mutex_;
  std::set<std::string> changed_;  // folders whose names are not durable yet
  std::set<std::string> known_;    // folders that exist
};

class LocalObjectWriter final : public ObjectWriter {
 public:
  LocalObjectWriter(LocalStore& store, std::unique_ptr<NewFile> file)
      : store_(store), file_(std::move(file)) {}

  void append(View bytes) override { file_->append(bytes); }

  void finish(const std::string& name) override {
    file_->sync();
    store_.publish(*file_, name);
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
