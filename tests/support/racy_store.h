// A store whose put_if_absent() looks, then puts, as several servers do: one client at a time never
// sees a difference, two at the same time both win.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>

#include "tests/support/forwarding_store.h"

namespace kist::test {

// The flaw does not hang on luck: below `probe/`, whoever has found the path free waits until a
// second caller has found it free as well. So a race there must not be run by one caller alone.
class RacyStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  bool put_if_absent(const std::string& path, View bytes) override {
    if (size(path)) return false;
    if (path.starts_with("probe/")) wait_for_second(path);
    replace(path, bytes);
    return true;
  }

 private:
  void wait_for_second(const std::string& path) {
    std::unique_lock lock(mutex_);
    int& inside = inside_[path];
    ++inside;
    has_come_.notify_all();
    has_come_.wait(lock, [&] { return inside >= 2; });
  }

  std::mutex mutex_;
  std::condition_variable has_come_;
  std::map<std::string, int> inside_;  // callers that have found a path free
};

}  // namespace kist::test
