#include "tests/support/memory_disk.h"

#include <algorithm>

#include "engine/base/entry.h"
#include "engine/base/error.h"

namespace kist::test {

struct MemoryDisk::State {
  struct Inode {
    bool is_directory = false;
    Bytes now;
    Bytes synced;
  };

  mutable std::mutex mutex;
  Plan plan;
  std::uint64_t operations = 0;
  bool has_faulted = false;
  std::map<std::string, std::shared_ptr<Inode>> now = {{"", directory()}};
  std::map<std::string, std::shared_ptr<Inode>> durable = {{"", directory()}};

  static std::shared_ptr<Inode> directory() {
    auto out = std::make_shared<Inode>();
    out->is_directory = true;
    return out;
  }

  // Counts an operation; whether it is the one to go wrong.
  bool begin(const std::string& what) {
    const std::uint64_t number = operations++;
    if (number >= plan.crash_at) throw Crashed();
    if (number != plan.fault_at) return false;
    has_faulted = true;
    if (plan.fault == Fault::io_error) {
      throw Error(Code::failed, concat("cannot use ", what, ": Input/output error"));
    }
    return true;
  }

  // As on a real disk, nothing is made in a directory that is not there, and none such is synced.
  void require_directory(const std::string& path) const {
    const auto found = now.find(path);
    if (found == now.end() || !found->second->is_directory) {
      throw Error(Code::failed, concat("cannot use ", path, ": No such file or directory"));
    }
  }

  bool begin_write(const std::string& what) {
    const bool is_faulty = begin(what);
    if (is_faulty && plan.fault == Fault::no_space) {
      throw Error(Code::failed, concat("cannot write ", what, ": No space left on device"));
    }
    return is_faulty;
  }
};

namespace {

using Inode = MemoryDisk::State::Inode;
using SharedState = std::shared_ptr<MemoryDisk::State>;

void flip(MutableView bytes, std::uint64_t number) {
  if (bytes.empty()) return;
  bytes[number * 7919 % bytes.size()] ^= static_cast<std::uint8_t>(1U << (number % 8));
}

class MemoryNewFile final : public NewFile {
 public:
  explicit MemoryNewFile(SharedState state) : state_(std::move(state)) {}

  void append(View bytes) override {
    const std::lock_guard lock(state_->mutex);
    const bool is_faulty = state_->begin_write("a new file");
    Bytes copy(bytes.begin(), bytes.end());
    if (is_faulty && state_->plan.fault == Fault::flipped_bit) flip(copy, state_->operations);
    inode_->now.insert(inode_->now.end(), copy.begin(), copy.end());
  }

  void sync() override {
    const std::lock_guard lock(state_->mutex);
    state_->begin_write("a new file");
    if (!state_->plan.skips_file_sync) inode_->synced = inode_->now;
  }

  bool publish(const std::string& path) override {
    const std::lock_guard lock(state_->mutex);
    state_->begin_write(path);
    state_->require_directory(std::string(parent_path(path)));
    return state_->now.emplace(path, inode_).second;
  }

 private:
  SharedState state_;
  std::shared_ptr<Inode> inode_ = std::make_shared<Inode>();
};

class OpenMemoryDisk final : public Disk {
 public:
  explicit OpenMemoryDisk(SharedState state) : state_(std::move(state)) {}

  void make_directory(const std::string& path) override {
    const std::lock_guard lock(state_->mutex);
    state_->begin_write(path);
    state_->require_directory(std::string(parent_path(path)));
    state_->now.emplace(path, MemoryDisk::State::directory());
  }

  std::optional<std::uint64_t> size(const std::string& path) override {
    const std::lock_guard lock(state_->mutex);
    state_->begin(path);
    const auto found = state_->now.find(path);
    if (found == state_->now.end()) return std::nullopt;
    return found->second->now.size();
  }

  std::size_t read(const std::string& path, std::uint64_t offset, MutableView out) override {
    const std::lock_guard lock(state_->mutex);
    const bool is_faulty = state_->begin(path);
    const auto found = state_->now.find(path);
    if (found == state_->now.end()) throw Error(Code::missing, concat(path, " is missing"));
    if (found->second->is_directory) throw Error(Code::corrupt, concat(path, " is not a file"));
    const Bytes& bytes = found->second->now;
    if (offset >= bytes.size()) return 0;
    std::size_t size = std::min<std::size_t>(out.size(), bytes.size() - offset);
    if (is_faulty && state_->plan.fault == Fault::short_read) size /= 2;
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), size, out.begin());
    if (is_faulty && state_->plan.fault == Fault::flipped_bit) {
      flip(out.first(size), state_->operations);
    }
    return size;
  }

  void list(const std::string& path,
            const std::function<void(const std::string&, bool)>& each) override {
    std::map<std::string, bool> found;
    {
      const std::lock_guard lock(state_->mutex);
      state_->begin(path);
      for (const auto& [name, inode] : state_->now) {
        if (!name.empty() && parent_path(name) == path) {
          found.emplace(base_name(name), inode->is_directory);
        }
      }
    }
    for (const auto& [name, is_directory] : found) {
      each(name, is_directory);
    }
  }

  std::unique_ptr<NewFile> create() override {
    const std::lock_guard lock(state_->mutex);
    state_->begin_write("a new file");
    return std::make_unique<MemoryNewFile>(state_);
  }

  void sync_directory(const std::string& path) override {
    const std::lock_guard lock(state_->mutex);
    state_->begin_write(path);
    if (path != "..") state_->require_directory(path);
    if (path == ".." || state_->plan.skips_directory_sync) return;
    const auto is_in = [&](const std::string& name) {
      return !name.empty() && parent_path(name) == path;
    };
    std::erase_if(state_->durable, [&](const auto& entry) { return is_in(entry.first); });
    for (const auto& [name, inode] : state_->now) {
      if (is_in(name)) state_->durable.emplace(name, inode);
    }
  }

  void replace(const std::string& path, View bytes) override {
    const std::lock_guard lock(state_->mutex);
    state_->begin_write(path);
    state_->require_directory(std::string(parent_path(path)));
    auto inode = std::make_shared<Inode>();
    inode->now.assign(bytes.begin(), bytes.end());
    inode->synced = inode->now;
    state_->now[path] = inode;
  }

  std::optional<std::string> hide(const std::string& path) override {
    const std::lock_guard lock(state_->mutex);
    state_->begin_write(path);
    const auto found = state_->now.find(path);
    if (found == state_->now.end()) return std::nullopt;
    std::string hidden = concat("tmp/", state_->operations);
    state_->now.emplace("tmp", MemoryDisk::State::directory());
    state_->now[hidden] = found->second;
    state_->now.erase(found);
    return hidden;
  }

  void remove_directory(const std::string& path) override {
    const std::lock_guard lock(state_->mutex);
    state_->begin_write(path);
    const bool is_empty = std::ranges::none_of(state_->now, [&](const auto& entry) {
      return !entry.first.empty() && parent_path(entry.first) == path;
    });
    if (is_empty) state_->now.erase(path);
  }

  bool discard(const std::string& path) override {
    const std::lock_guard lock(state_->mutex);
    state_->begin_write(path);
    return state_->now.erase(path) > 0;
  }

  // Once overwritten, the bytes are gone for good, whichever of the file's names a crash brings
  // back.
  void wipe(const std::string& path) override {
    const std::lock_guard lock(state_->mutex);
    state_->begin_write(path);
    const auto found = state_->now.find(path);
    if (found == state_->now.end()) return;
    found->second->now.assign(found->second->now.size(), 0);
    found->second->synced = found->second->now;
    state_->begin_write(path);
    state_->now.erase(path);
  }

 private:
  SharedState state_;
};

// What may be left of a file: all of it if it was synced, else any part of what came since, or
// bytes that never were its own.
Bytes leftover(const Inode& inode, SeededRandom& random) {
  if (inode.now == inode.synced) return inode.now;
  Bytes out = inode.now;
  switch (random.next() % 4) {
    case 0:
      return inode.synced;
    case 1:
      out.resize(random.next() % (out.size() + 1));
      return out;
    case 2:
      std::fill(out.begin() + static_cast<std::ptrdiff_t>(random.next() % (out.size() + 1)),
                out.end(), std::uint8_t{0});
      return out;
    default:
      random.fill(MutableView(out).subspan(random.next() % (out.size() + 1)));
      return out;
  }
}

}  // namespace

MemoryDisk::MemoryDisk() : state_(std::make_shared<State>()) {}

MemoryDisk::MemoryDisk(const MemoryDisk& other) : state_(std::make_shared<State>()) {
  const std::lock_guard lock(other.state_->mutex);
  std::map<const Inode*, std::shared_ptr<Inode>> copies;
  const auto copy = [&](const std::shared_ptr<Inode>& inode) {
    std::shared_ptr<Inode>& out = copies[inode.get()];
    if (!out) out = std::make_shared<Inode>(*inode);
    return out;
  };
  for (const auto& [name, inode] : other.state_->now) {
    state_->now[name] = copy(inode);
  }
  for (const auto& [name, inode] : other.state_->durable) {
    state_->durable[name] = copy(inode);
  }
}

MemoryDisk::MemoryDisk(MemoryDisk&& other) noexcept = default;
MemoryDisk::~MemoryDisk() = default;

std::unique_ptr<Disk> MemoryDisk::open() {
  return std::make_unique<OpenMemoryDisk>(state_);
}

void MemoryDisk::plan(const Plan& plan) {
  const std::lock_guard lock(state_->mutex);
  state_->plan = plan;
  state_->operations = 0;
  state_->has_faulted = false;
}

std::uint64_t MemoryDisk::operation_count() const {
  const std::lock_guard lock(state_->mutex);
  return state_->operations;
}

bool MemoryDisk::has_faulted() const {
  const std::lock_guard lock(state_->mutex);
  return state_->has_faulted;
}

MemoryDisk MemoryDisk::after_crash(std::uint64_t seed) const {
  SeededRandom random(seed);
  MemoryDisk out;
  const std::lock_guard lock(state_->mutex);
  std::map<std::string, std::shared_ptr<Inode>> left;
  for (const auto& [name, inode] : state_->now) {
    if (state_->durable.contains(name) || random.next() % 2 == 0) left[name] = inode;
  }
  for (const auto& [name, inode] : state_->durable) {
    if (!state_->now.contains(name) && random.next() % 2 == 0) left[name] = inode;
  }
  // What lay in a directory that is not there any more is not there either.
  std::erase_if(left, [&](const auto& entry) {
    for (std::string_view path = entry.first; !path.empty(); path = parent_path(path)) {
      if (!left.contains(std::string(parent_path(path)))) return true;
    }
    return false;
  });
  std::map<const Inode*, std::shared_ptr<Inode>> copies;
  for (const auto& [name, inode] : left) {
    std::shared_ptr<Inode>& copy = copies[inode.get()];
    if (!copy) {
      copy = std::make_shared<Inode>(*inode);
      copy->now = leftover(*inode, random);
      copy->synced = copy->now;
    }
    out.state_->now[name] = copy;
    out.state_->durable[name] = copy;
  }
  return out;
}

}  // namespace kist::test
