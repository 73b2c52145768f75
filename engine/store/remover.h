// The right to remove and replace what is stored, as a type. Only Repository makes one, and only
// for a slot that the journal gives the capability (or for a slot's own objects): code that holds
// no Remover can destroy nothing. It refuses, by abort, any path that does not begin with the
// prefix that it was made for. docs/architecture.md, "Rights".
#pragma once

#include <string>
#include <utility>

#include "engine/store/store.h"

namespace kist {

class Repository;

class Remover {
 public:
  void remove(const std::string& path) const { store_->remove(within(path)); }

  void discard(const std::string& path) const { store_->discard(within(path)); }

  void replace(const std::string& path, View bytes) const { store_->replace(within(path), bytes); }

 private:
  friend class Repository;

  Remover(StoreRemover& store, std::string prefix) : store_(&store), prefix_(std::move(prefix)) {}

  [[nodiscard]] const std::string& within(const std::string& path) const {
    KIST_ENSURE(path.starts_with(prefix_));
    return path;
  }

  StoreRemover* store_;
  std::string prefix_;
};

}  // namespace kist
