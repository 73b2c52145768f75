// A store of which single paths cannot be read, and an observer that keeps what it is told.
#pragma once

#include <set>
#include <string>

#include "tests/support/forwarding_store.h"
#include "tests/support/memory_store.h"
#include "tests/support/repository_fixture.h"
#include "tests/support/test.h"

namespace kist::test {

// Says that the object is there, and fails to give it.
class UnreadableStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  std::size_t get_range(const std::string& path, std::uint64_t offset, MutableView out) override {
    if (unreadable.contains(path)) throw Error(Code::failed, concat(path, " cannot be read"));
    return ForwardingStore::get_range(path, offset, out);
  }

  std::set<std::string> unreadable;
};

}  // namespace kist::test
