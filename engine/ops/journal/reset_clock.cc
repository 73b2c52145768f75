#include "engine/ops/journal/reset_clock.h"

#include "engine/rules/clock.h"

namespace kist {

ClockReading read_clock(const Repository& repository) {
  return {.newest_ms = newest_time_ms(repository.state()),
          .now_ms = repository.services().clock.now_ms()};
}

std::uint64_t reset_clock(Repository& repository, const std::string& reason) {
  repository.require(can_own);
  const Journal::Writable writable = repository.journal().require_writable();
  const JournalEntry entry = repository.journal().commit(writable, [&](const State& state) {
    if (newest_time_ms(state) <= repository.services().clock.now_ms()) {
      throw Error(Code::invalid,
                  "no entry is ahead of this machine's clock: there is nothing to take back");
    }
    return ClockReset{reason};
  });
  return entry.sequence;
}

}  // namespace kist
