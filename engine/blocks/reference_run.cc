#include "engine/blocks/reference_run.h"

#include "engine/base/bytes.h"

namespace kist {

void append_run(std::vector<ReferenceRun>& runs, const ReferenceRun& run) {
  if (!runs.empty() && runs.back().base == run.base &&
      runs.back().first + runs.back().count == run.first) {
    runs.back().count += run.count;
  } else {
    runs.push_back(run);
  }
}

EntryNumbers numbers_for(const NewBlockCounts& counts) {
  return {.first_number = 0,
          .data = narrow<std::uint32_t>(reserved_count(counts.data)),
          .meta = narrow<std::uint32_t>(reserved_count(counts.meta))};
}

ReferenceRun to_absolute(ReferenceRun run, const EntryNumbers& numbers) {
  if (run.base == NumberBase::new_data) run.first += numbers.first_of(PackKind::data);
  if (run.base == NumberBase::new_meta) run.first += numbers.first_of(PackKind::meta);
  run.base = NumberBase::absolute;
  return run;
}

}  // namespace kist
