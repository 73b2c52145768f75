#include "engine/store/memory.h"

namespace kist {

std::optional<std::uint64_t> MemoryStore::size(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(name);
  if (found == objects_.end()) return std::nullopt;
  return found->second.size();
}

std::size_t MemoryStore::get_range(const std::string& name, std::uint64_t offset, MutableView out) {
  const std::lock_guard lock(mutex_);
  ++gets_[name];
  const auto found = objects_.find(name);
  if (found == objects_.end()) throw Error(Code::missing, concat(name, " is missing"));
  const View bytes = found->second;
  if (offset >= bytes.size()) return 0;
  const View part = bytes.subspan(offset, std::min<std::size_t>(out.size(), bytes.size() - offset));
  std::ranges::copy(part, out.begin());
  return part.size();
}

void MemoryStore::list(const std::string& folder,
                       const std::function<void(const std::string&)>& each) {
  std::vector<std::string> names;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, bytes] : objects_) {
      if (!name.starts_with(folder + "/")) continue;
      names.push_back(name.substr(folder.size() + 1));
    }
  }
  for (const std::string& name : names) {
    each(name);
  }
}

namespace {

class MemoryObjectWriter final : public ObjectWriter {
 public:
  explicit MemoryObjectWriter(MemoryStore& store) : store_(store) {}

  void append(View bytes) override { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }

  void finish(const std::string& name) override { store_.put(name, bytes_); }

 private:
  MemoryStore& store_;
  Bytes bytes_;
};

}  // namespace

std::unique_ptr<ObjectWriter> MemoryStore::begin_put() {
  return std::make_unique<MemoryObjectWriter>(*this);
}

void MemoryStore::put(const std::string& name, View bytes) {
  static_cast<void>(put_if_absent(name, bytes));
}

bool MemoryStore::put_if_absent(const std::string& name, View bytes) {
  const std::lock_guard lock(mutex_);
  return objects_.try_emplace(name, bytes.begin(), bytes.end()).second;
}

void MemoryStore::remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  objects_.erase(name);
}

std::map<std::string, Bytes> MemoryStore::objects() const {
  const std::lock_guard lock(mutex_);
  return objects_;
}

void MemoryStore::overwrite(const std::string& name, Bytes bytes) {
  const std::lock_guard lock(mutex_);
  objects_[name] = std::move(bytes);
}

std::uint64_t MemoryStore::get_count(const std::string& prefix) const {
  const std::lock_guard lock(mutex_);
  std::uint64_t count = 0;
  for (const auto& [name, gets] : gets_) {
    if (name.starts_with(prefix)) count += gets;
  }
  return count;
}

}  // namespace kist
