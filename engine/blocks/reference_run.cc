#include "engine/blocks/reference_run.h"

namespace kist {

void append_run(std::vector<ReferenceRun>& runs, const ReferenceRun& run) {
  if (!runs.empty() && runs.back().base == run.base &&
      runs.back().first + runs.back().count == run.first) {
    runs.back().count += run.count;
  } else {
    runs.push_back(run);
  }
}

ReferenceRun to_absolute(ReferenceRun run, const EntryNumbers& numbers) {
  if (run.base != NumberBase::absolute) run.first += numbers.first_number;
  if (run.base == NumberBase::new_meta) run.first += numbers.new_data_count;
  run.base = NumberBase::absolute;
  return run;
}

}  // namespace kist
