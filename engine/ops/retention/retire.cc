#include "engine/ops/retention/retire.h"

#include <algorithm>

#include "engine/rules/clock.h"
#include "engine/rules/freshness.h"
#include "engine/rules/keep_periods.h"
#include "engine/rules/retention.h"

namespace kist {

namespace {

// Somebody else has done it, or what was planned may not be any more.
struct NothingLeft {};

JournalEntry retire_some(Repository& repository,
                         const Journal::Writable& writable,
                         const std::string& reason,
                         const PlanRetirement& plan) {
  return repository.journal().commit(writable, [&](const State& state) {
    require_sure_clock(repository);
    std::vector<RetiredSnapshot> due = plan(state);
    if (due.empty()) throw NothingLeft();
    due.resize(std::min(due.size(), entry_snapshots_max));
    return Act(SnapshotsRetired{.snapshots = std::move(due),
                                .planned_ms = repository.services().clock.now_ms(),
                                .reason = reason});
  });
}

}  // namespace

RetireResult retire(Repository& repository, const std::string& reason, const PlanRetirement& plan) {
  repository.require(can_maintain);
  const Journal::Writable writable = repository.journal().require_writable();
  RetireResult out;
  try {
    while (true) {
      const JournalEntry entry = retire_some(repository, writable, reason, plan);
      const auto& retired = std::get<SnapshotsRetired>(entry.act).snapshots;
      out.entries.push_back(entry.sequence);
      out.retired.insert(out.retired.end(), retired.begin(), retired.end());
    }
  } catch (const NothingLeft&) {
    return out;
  }
}

void prepare_retirement(const Repository& repository) {
  repository.require(can_maintain);
  repository.journal().replay();
  require_sure_clock(repository);
}

void require_sure_clock(const Repository& repository) {
  const std::int64_t now_ms = repository.services().clock.now_ms();
  const SlotId& slot = repository.keyring().slot();
  if (!stamp_of(repository.state(), slot, now_ms).is_doubted) return;
  const std::int64_t newest_ms = newest_time_ms(repository.state());
  const bool is_ahead = now_ms > newest_ms;
  throw Error(
      Code::refused,
      concat("this machine's clock says ", minute_text(now_ms), ", and the newest entry of the ",
             "journal ", minute_text(newest_ms), ": nothing is retired by a clock that may be ",
             is_ahead ? "wrong. Set it right; if it is right, have any slot write an entry first, "
                        "by a backup, say"
                      : "wrong. Set it right; if it is right, an owner takes the later times back "
                        "with kist journal reset-clock"));
}

}  // namespace kist
