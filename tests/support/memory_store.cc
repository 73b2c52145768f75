#include "tests/support/memory_store.h"

#include "engine/format/names.h"

namespace kist::test {

std::optional<std::uint64_t> MemoryStore::size(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(path);
  if (found != objects_.end()) return found->second.size();
  const auto below = objects_.lower_bound(path + "/");
  const bool is_folder = below != objects_.end() && below->first.starts_with(path + "/");
  return is_folder ? std::optional<std::uint64_t>(0) : std::nullopt;
}

std::size_t MemoryStore::get_range(const std::string& path, std::uint64_t offset, MutableView out) {
  const std::lock_guard lock(mutex_);
  ++gets_[path];
  const auto found = objects_.find(path);
  if (found == objects_.end()) throw Error(Code::missing, concat(path, " is missing"));
  const View bytes = found->second;
  if (offset >= bytes.size()) return 0;
  const View part = bytes.subspan(offset, std::min<std::size_t>(out.size(), bytes.size() - offset));
  std::ranges::copy(part, out.begin());
  return part.size();
}

namespace {

// The path, or the folder in it that lies as deep as objects may.
std::string down_to(const std::string& path, std::size_t depth) {
  std::size_t end = 0;
  for (std::size_t at = 0; at <= depth && end != std::string::npos; ++at) {
    end = path.find('/', end == 0 ? 0 : end + 1);
  }
  return path.substr(0, end);
}

}  // namespace

void MemoryStore::list(const std::string& folder,
                       const std::function<void(const std::string&)>& each) {
  std::vector<std::string> names;
  {
    const std::lock_guard lock(mutex_);
    const std::string prefix = folder.empty() ? "" : folder + "/";
    for (const auto& [path, bytes] : objects_) {
      if (!path.starts_with(prefix)) continue;
      std::string name = down_to(path.substr(prefix.size()), listing_depth(folder));
      if (names.empty() || names.back() != name) names.push_back(std::move(name));
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

  void finish(const std::string& path) override { store_.put(path, bytes_); }

 private:
  MemoryStore& store_;
  Bytes bytes_;
};

}  // namespace

std::unique_ptr<ObjectWriter> MemoryStore::begin_put() {
  return std::make_unique<MemoryObjectWriter>(*this);
}

void MemoryStore::put(const std::string& path, View bytes) {
  static_cast<void>(put_if_absent(path, bytes));
}

bool MemoryStore::put_if_absent(const std::string& path, View bytes) {
  const std::lock_guard lock(mutex_);
  return objects_.try_emplace(path, bytes.begin(), bytes.end()).second;
}

void MemoryStore::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  objects_.erase(path);
  std::erase_if(objects_, [&](const auto& object) { return object.first.starts_with(path + "/"); });
}

std::map<std::string, Bytes> MemoryStore::objects() const {
  const std::lock_guard lock(mutex_);
  return objects_;
}

std::map<std::string, Bytes> MemoryStore::objects_without_probes() const {
  std::map<std::string, Bytes> out = objects();
  std::erase_if(out, [](const auto& object) { return object.first.starts_with("probe/"); });
  return out;
}

void MemoryStore::overwrite(const std::string& path, Bytes bytes) {
  const std::lock_guard lock(mutex_);
  objects_[path] = std::move(bytes);
}

std::uint64_t MemoryStore::get_count(const std::string& prefix) const {
  const std::lock_guard lock(mutex_);
  std::uint64_t count = 0;
  for (const auto& [path, gets] : gets_) {
    if (path.starts_with(prefix)) count += gets;
  }
  return count;
}

}  // namespace kist::test
