// The journal as a verify reads it: each entry has two good copies, and what entries say of
// incidents is told. docs/format.md, "Journal".
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "engine/ops/verify/copy_checker.h"
#include "engine/ops/verify/verify.h"
#include "engine/repository/repository.h"

namespace kist {

class JournalChecker {
 public:
  using Report = std::function<void(Finding)>;
  using Note = std::function<void(const std::string& object, const std::string& text)>;

  // `copies` outlives the checker. Where it `repairs`, the head's second copy is put where it
  // lacks.
  JournalChecker(
      Repository& repository, CopyChecker& copies, bool repairs, Report report, Note note)
      : repository_(repository),
        copies_(copies),
        repairs_(repairs),
        report_(std::move(report)),
        note_(std::move(note)) {}

  // Follows the journal, checks all of it, and returns how many entries it has.
  std::uint64_t check_all();

 private:
  void check_entry(std::uint64_t sequence, const ObjectHash& hash);
  void tell_incidents();

  Repository& repository_;
  CopyChecker& copies_;
  bool repairs_;
  Report report_;
  Note note_;
};

}  // namespace kist
