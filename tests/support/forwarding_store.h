// A store that hands every call on to another: a test overrides the calls that it wants to watch,
// spoil or delay.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/store/store.h"

namespace kist::test {

// The other store must outlive this one.
class ForwardingStore : public Store {
 public:
  explicit ForwardingStore(Store& store) : store_(store) {}

  std::optional<std::uint64_t> size(const std::string& path) override { return store_.size(path); }

  std::size_t get_range(const std::string& path, std::uint64_t offset, MutableView out) override {
    return store_.get_range(path, offset, out);
  }

  void list(const std::string& folder,
            const std::function<void(const std::string&)>& each) override {
    store_.list(folder, each);
  }

  void create_folders() override { store_.create_folders(); }

  std::unique_ptr<ObjectWriter> begin_put() override { return store_.begin_put(); }

  void put(const std::string& path, View bytes) override { store_.put(path, bytes); }

  bool put_if_absent(const std::string& path, View bytes) override {
    return store_.put_if_absent(path, bytes);
  }

  void barrier() override { store_.barrier(); }

  void confirm(const std::string& path) override { store_.confirm(path); }

  void remove(const std::string& path) override { store_.remove(path); }

  void replace(const std::string& path, View bytes) override { store_.replace(path, bytes); }

 private:
  Store& store_;
};

}  // namespace kist::test
