// What slots that were not revoked get in by: grant, epoch box and slot object, both copies of
// each.
#pragma once

#include <functional>
#include <string>

#include "engine/ops/verify/copy_checker.h"
#include "engine/repository/repository.h"

namespace kist {

class SlotChecker {
 public:
  using Report = std::function<void(const std::string& object, const std::string& problem)>;

  // `reads`: this slot has all parts of the epoch. All outlive the checker.
  SlotChecker(Repository& repository, CopyChecker& copies, bool reads, Report report)
      : repository_(repository), copies_(copies), reads_(reads), report_(std::move(report)) {}

  void check_all();

 private:
  CopyChecker::Check signed_by(const std::string& path, const SigningPublicKey& key) const;
  void check_epoch_box(const SlotState& slot);

  Repository& repository_;
  CopyChecker& copies_;
  const bool reads_;
  const Report report_;
};

}  // namespace kist
