// Whether others have replaced index segments while a verify was under way: what is missing then
// may have been removed for that.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "engine/repository/repository.h"

namespace kist {

class IndexChanges {
 public:
  explicit IndexChanges(const Repository& repository) : repository_(repository) {}

  // The verify goes by the journal as it is now.
  void begin() { begun_ = next(); }

  // Runs `work`, in which the verify itself may replace segments.
  template <typename Work>
  void run_own(const Work& work) {
    const std::uint64_t first = next();
    work();
    own_.emplace_back(first, next());
  }

  // Error{conflict} where entries that were followed since are others' changes.
  void require_none() const;

 private:
  [[nodiscard]] std::uint64_t next() const { return repository_.state().next_sequence; }

  [[nodiscard]] bool is_own(const JournalEntry& entry) const;

  const Repository& repository_;
  std::uint64_t begun_ = 0;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> own_;  // entries: the first, the end
};

}  // namespace kist
