// A store in memory, for tests only: it keeps the promises of engine/store/store.h, lets a test
// look at everything and change what must never change, and counts what is read.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>

#include "engine/store/store.h"

namespace kist::test {

class MemoryStore final : public Store {
 public:
  [[nodiscard]] std::optional<std::uint64_t> size(const std::string& path) override;
  std::size_t get_range(const std::string& path, std::uint64_t offset, MutableView out) override;
  void list(const std::string& folder,
            const std::function<void(const std::string&)>& each) override;

  void create_folders() override {}

  std::unique_ptr<ObjectWriter> begin_put() override;
  void put(const std::string& path, View bytes) override;
  bool put_if_absent(const std::string& path, View bytes) override;

  void barrier() override {}

  void confirm(const std::string& /*path*/) override {}

  void remove(const std::string& path) override;

  void replace(const std::string& path, View bytes) override {
    overwrite(path, Bytes(bytes.begin(), bytes.end()));
  }

  // All objects as they are now, by path.
  [[nodiscard]] std::map<std::string, Bytes> objects() const;
  // The same without what races of put-if-absent left: their bytes depend on the winner, not on the
  // seed of a run.
  [[nodiscard]] std::map<std::string, Bytes> objects_without_probes() const;
  // Makes these the object's bytes, whatever stood there.
  void overwrite(const std::string& path, Bytes bytes);
  // How often an object whose path begins like that was read.
  [[nodiscard]] std::uint64_t get_count(const std::string& prefix) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Bytes> objects_;
  std::map<std::string, std::uint64_t> gets_;
};

}  // namespace kist::test
