// A store that can be held: it stops a client right before one of its changes, so that others can
// work in between, and lets it go on or cuts it off there. A change is a put, a put-if-absent, a
// replacement or a removal; what a client does once on each new machine to test the store is none.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>

#include "engine/format/names.h"
#include "tests/support/forwarding_store.h"

namespace kist::test {

// The client was cut off. Not an Error: nothing may catch it as one.
struct CutOff {};

class HeldStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  // Counts from here on, and calls `meanwhile` before change number `at`, the first being 0.
  // Afterwards that change is done, or this and all that follow are not.
  void hold(std::uint64_t at, bool cuts_off, std::function<void()> meanwhile) {
    count_ = 0;
    at_ = at;
    cuts_off_ = cuts_off;
    is_cut_off_ = false;
    meanwhile_ = std::move(meanwhile);
  }

  // Whether there was a change with that number.
  [[nodiscard]] bool has_held() const { return count_ > at_; }

  void put(const std::string& path, View bytes) override {
    begin(path);
    ForwardingStore::put(path, bytes);
  }

  bool put_if_absent(const std::string& path, View bytes) override {
    begin(path);
    return ForwardingStore::put_if_absent(path, bytes);
  }

  void remove(const std::string& path) override {
    begin(path);
    ForwardingStore::remove(path);
  }

  void replace(const std::string& path, View bytes) override {
    begin(path);
    ForwardingStore::replace(path, bytes);
  }

 private:
  void begin(const std::string& path) {
    if (path.starts_with("probe/") || path == repository_file) return;
    if (count_++ == at_) {
      std::exchange(meanwhile_, {})();
      is_cut_off_ = cuts_off_;
    }
    if (is_cut_off_) throw CutOff();
  }

  std::uint64_t count_ = 0;
  std::uint64_t at_ = std::numeric_limits<std::uint64_t>::max();
  bool cuts_off_ = false;
  bool is_cut_off_ = false;
  std::function<void()> meanwhile_;
};

}  // namespace kist::test
