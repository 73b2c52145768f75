// A store in memory, for tests and trials. Thread-safe; counts its operations.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>

#include "engine/store/store.h"

namespace kist {

class MemoryStore final : public Store {
 public:
  [[nodiscard]] std::optional<std::uint64_t> size(const std::string& name) override;
  std::size_t get_range(const std::string& name, std::uint64_t offset, MutableView out) override;
  void list(const std::string& folder,
            const std::function<void(const std::string&)>& each) override;

  void create_folders() override {}

  std::unique_ptr<ObjectWriter> begin_put() override;
  void put(const std::string& name, View bytes) override;
  bool put_if_absent(const std::string& name, View bytes) override;

  void barrier() override {}

  void confirm(const std::string& /*name*/) override {}

  void remove(const std::string& name) override;

  void replace(const std::string& name, View bytes) override {
    overwrite(name, Bytes(bytes.begin(), bytes.end()));
  }

  // For tests: everything there is, and a way to change what should never change.
  [[nodiscard]] std::map<std::string, Bytes> objects() const;
  void overwrite(const std::string& name, Bytes bytes);
  [[nodiscard]] std::uint64_t get_count(const std::string& prefix) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Bytes> objects_;
  std::map<std::string, std::uint64_t> gets_;
};

}  // namespace kist
