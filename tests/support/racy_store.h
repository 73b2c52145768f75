// A store whose put_if_absent() looks, then puts, as several servers do: one client at a time never
// sees a difference, two at the same time both win.
#pragma once

#include <condition_variable>
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
    if (path.starts_with("probe/")) wait_for_second();
    replace(path, bytes);
    return true;
  }

 private:
  void wait_for_second() {
    std::unique_lock lock(mutex_);
    ++inside_;
    has_come_.notify_all();
    has_come_.wait(lock, [&] { return inside_ >= 2; });
  }

  std::mutex mutex_;
  std::condition_variable has_come_;
  int inside_ = 0;
};

}  // namespace kist::test
