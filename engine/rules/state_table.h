// A table of the state: rows that are stored somewhere, and the changes since. To the rules it is a
// map. The catalog keeps the rows of a long journal in its database and reads single ones, so that
// opening a repository does not cost more the longer its journal is. It does not store anything
// itself: the catalog takes changes() and attaches the new rows.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

#include "engine/base/pinned.h"

namespace kist {

template <typename Key, typename Value>
class StateTable {
 public:
  // Rows as they are stored. They do not change as long as they are attached.
  class Rows : private Pinned {
   public:
    virtual ~Rows() = default;
    [[nodiscard]] virtual std::optional<Value> get(const Key& key) const = 0;
    // In ascending order. `each` must not ask for rows.
    virtual void scan(const std::function<void(const Key&, Value)>& each) const = 0;
  };

  StateTable() = default;

  // A copy holds all rows in memory: it stays as it is when the stored rows change.
  StateTable(const StateTable& other) : changes_(other.all()) {}

  StateTable& operator=(const StateTable& other) {
    if (this != &other) *this = StateTable(other);
    return *this;
  }

  StateTable(StateTable&&) noexcept = default;
  StateTable& operator=(StateTable&&) noexcept = default;
  ~StateTable() = default;

  [[nodiscard]] std::optional<Value> find(const Key& key) const {
    const auto changed = changes_.find(key);
    if (changed != changes_.end()) return changed->second;
    return rows_ == nullptr ? std::nullopt : rows_->get(key);
  }

  [[nodiscard]] bool contains(const Key& key) const { return find(key).has_value(); }

  // Throws std::out_of_range where there is none.
  [[nodiscard]] Value at(const Key& key) const {
    std::optional<Value> found = find(key);
    if (!found) throw std::out_of_range("a table has no such row");
    return std::move(*found);
  }

  // In ascending order. `each` must not ask the table.
  void for_each(const std::function<void(const Key&, const Value&)>& each) const {
    auto changed = changes_.begin();
    const auto pass_changes_until = [&](const Key* end) {
      for (; changed != changes_.end() && (end == nullptr || changed->first < *end); ++changed) {
        each(changed->first, changed->second);
      }
    };
    if (rows_ != nullptr) {
      rows_->scan([&](const Key& key, const Value& value) {
        pass_changes_until(&key);
        const bool is_changed = changed != changes_.end() && changed->first == key;
        if (!is_changed) each(key, value);
      });
    }
    pass_changes_until(nullptr);
  }

  // All rows, in memory.
  [[nodiscard]] std::map<Key, Value> all() const {
    if (rows_ == nullptr) return changes_;
    std::map<Key, Value> out;
    for_each([&](const Key& key, const Value& value) { out.emplace_hint(out.end(), key, value); });
    return out;
  }

  void put(const Key& key, Value value) { changes_.insert_or_assign(key, std::move(value)); }

  void clear() {
    changes_.clear();
    rows_ = nullptr;
    is_cleared_ = true;
  }

  // The rows put since the last attach(). If is_cleared(), the stored rows are to be removed first.
  [[nodiscard]] const std::map<Key, Value>& changes() const { return changes_; }

  [[nodiscard]] bool is_cleared() const { return is_cleared_; }

  // From here on the table consists of these rows, without changes. They must outlive the table.
  void attach(const Rows& rows) {
    changes_.clear();
    is_cleared_ = false;
    rows_ = &rows;
  }

  bool operator==(const StateTable& other) const { return all() == other.all(); }

 private:
  const Rows* rows_ = nullptr;
  std::map<Key, Value> changes_;
  bool is_cleared_ = false;
};

}  // namespace kist
