// What the law of retention promises over any history, beside a model of it that is as simple as
// the text of docs/format.md.
#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include <rapidcheck.h>

#include "engine/catalog/state_record.h"
#include "tests/property/retention_history.h"

using namespace kist;
using namespace kist::test;

namespace {

// The times that slots have come to, by the text of docs/format.md, "Time".
class ModelTimes {
 public:
  void note(const JournalEntry& entry) {
    if (std::holds_alternative<ClockReset>(entry.act)) {
      for (auto& [slot, time_ms] : come_to_) {
        time_ms = std::min(time_ms, entry.time_ms);
      }
    }
    if (const auto* ended = std::get_if<EpochEnded>(&entry.act)) {
      for (const SlotId& slot : ended->revoked) {
        come_to_.erase(slot);
        peaks_.erase(slot);
      }
    }
    for (std::map<SlotId, std::int64_t>* times : {&come_to_, &peaks_}) {
      auto& time_ms = times->emplace(entry.author, 0).first->second;
      if (!entry.is_time_doubted) time_ms = std::max(time_ms, entry.time_ms);
    }
  }

  [[nodiscard]] std::int64_t seen_in_governance(const State& state) const {
    std::int64_t out = 0;
    for (const auto& [slot, time_ms] : come_to_) {
      if (has(state, slot, can_maintain | can_own)) out = std::max(out, time_ms);
    }
    return out;
  }

  // What others than that author have seen.
  [[nodiscard]] std::int64_t seen_by_others(const State& state, const SlotId& author) const {
    return others(come_to_, state, author).value_or(seen_in_governance(state));
  }

  [[nodiscard]] std::int64_t age_start(const Step& step, std::int64_t started_ms) const {
    const JournalEntry& entry = step.entry;
    const auto own = peaks_.find(entry.author);
    const std::int64_t own_ms = own == peaks_.end() ? 0 : own->second;
    if (entry.is_time_doubted) return std::min(entry.time_ms, std::max(started_ms, own_ms));
    const std::int64_t seen_ms = others(peaks_, step.before, entry.author).value_or(own_ms);
    return std::min(entry.time_ms, std::max(seen_ms, own_ms) + 366 * law_day_ms);
  }

 private:
  // The greatest of one who judges, of two, or of the only one.
  static std::optional<std::int64_t> others(const std::map<SlotId, std::int64_t>& times,
                                            const State& state,
                                            const SlotId& author) {
    std::vector<std::int64_t> all;
    std::int64_t out = 0;
    for (const auto& [slot, time_ms] : times) {
      if (slot == author) continue;
      all.push_back(time_ms);
      if (has(state, slot, can_audit | can_maintain | can_own)) out = std::max(out, time_ms);
    }
    std::ranges::sort(all, std::greater<>());
    if (all.empty()) return std::nullopt;
    return std::max(out, all.size() == 1 ? all[0] : all[1]);
  }

  static bool has(const State& state, const SlotId& slot, Capabilities capabilities) {
    return (state.slots.at(slot).introduction.capabilities & capabilities) != 0;
  }

  std::map<SlotId, std::int64_t> come_to_;
  std::map<SlotId, std::int64_t> peaks_;  // the same, without what resets take back
};

ModelTimes times_of(const State& state) {
  ModelTimes out;
  out.note(entry_at(state, owner, StateRemade{}, state.last_ms));
  return out;
}

struct ModelSnapshot {
  std::string source;
  bool is_pending = false;
  std::int64_t age_start_ms = 0;
  std::uint64_t minimum = 0;
  std::uint64_t maximum = 0;
  LockMode lock = LockMode::governance;
};

std::uint64_t longer_maximum(std::uint64_t a, std::uint64_t b) {
  return a == 0 || b == 0 ? 0 : std::max(a, b);
}

// Minimum, maximum and lock of each snapshot, by the text of docs/format.md, "Retention": each
// change of its source's policy is taken over as it comes.
class ModelTerms {
 public:
  explicit ModelTerms(const State& state) : times_(times_of(state)) {}

  // Before the step: whether that snapshot's minimum is over for that entry.
  [[nodiscard]] bool is_over(const Step& step, const SnapshotId& id) const {
    const ModelSnapshot& snapshot = snapshots.at(id);
    const std::int64_t seen_ms = snapshot.lock == LockMode::compliance
                                     ? times_.seen_by_others(step.before, step.entry.author)
                                     : times_.seen_in_governance(step.before);
    const std::int64_t now_ms = std::min(step.entry.time_ms, seen_ms + 7 * law_day_ms);
    std::uint64_t minimum = snapshot.minimum;
    if (snapshot.is_pending) {
      minimum = policy_of(step.before, snapshot.source).grace_seconds;
    }
    return now_ms >= snapshot.age_start_ms + static_cast<std::int64_t>(minimum) * 1'000;
  }

  void follow(const Step& step) {
    if (!step.is_valid) return;
    if (const auto* taken = std::get_if<SnapshotTaken>(&step.entry.act)) take(step, *taken);
    if (const auto* act = std::get_if<MinimumsShortened>(&step.entry.act)) {
      for (const SnapshotId& id : act->snapshots) {
        snapshots.at(id).minimum = act->minimum_seconds;
      }
    }
    for (auto& [id, snapshot] : snapshots) {
      take_over(step, snapshot);
    }
    times_.note(step.entry);
  }

  std::map<SnapshotId, ModelSnapshot> snapshots;

 private:
  void take(const Step& step, const SnapshotTaken& taken) {
    snapshots[taken.snapshot] = {.source = taken.source,
                                 .is_pending = taken.is_pending,
                                 .age_start_ms = times_.age_start(step, taken.started_ms),
                                 .minimum = taken.minimum_seconds,
                                 .maximum = taken.maximum_seconds,
                                 .lock = taken.lock};
  }

  static void take_over(const Step& step, ModelSnapshot& snapshot) {
    // A source that nobody has used yet is its author's with the entry.
    const bool is_first = !step.before.sources.contains(snapshot.source);
    const Policy& before =
        policy_of(step.before, snapshot.source, is_first ? step.entry.author : SlotId{});
    const Policy& after = policy_of(step.after, snapshot.source);
    if (before == after || snapshot.is_pending) return;
    const bool is_bound = snapshot.lock == LockMode::compliance;
    if (after.minimum_seconds > before.minimum_seconds || after.lock > before.lock ||
        longer_maximum(after.maximum_seconds, before.maximum_seconds) != before.maximum_seconds) {
      snapshot.minimum = std::max(snapshot.minimum, after.minimum_seconds);
      snapshot.lock = std::max(snapshot.lock, after.lock);
      if (!is_bound) snapshot.maximum = longer_maximum(snapshot.maximum, after.maximum_seconds);
    }
  }

  ModelTimes times_;
};

// Whether that proposal is gone because an act about the same has taken its place.
bool is_replaced(const Proposal& proposal, const Act& act) {
  if (const auto* set = std::get_if<PolicySet>(&act)) {
    const auto* former = std::get_if<PolicySet>(&proposal.act);
    return former != nullptr && former->policy.name == set->policy.name;
  }
  const auto* assigned = std::get_if<PolicyAssigned>(&act);
  const auto* former = std::get_if<PolicyAssigned>(&proposal.act);
  return assigned != nullptr && former != nullptr && former->subject == assigned->subject;
}

// Whether policies change at most once with an entry, and none because a slot has taken a free
// name: that changes no snapshot that there is.
bool can_be_followed(const Step& step) {
  if (!step.is_valid) return true;
  if (const auto* taken = std::get_if<SnapshotTaken>(&step.entry.act)) {
    const auto source = step.before.sources.find(taken->source);
    const bool is_freed = source != step.before.sources.end() && source->second.slot == SlotId{};
    if (is_freed && policy_of(step.before, taken->source) !=
                        policy_of(step.before, taken->source, step.entry.author)) {
      return false;
    }
  }
  const bool changes = std::holds_alternative<PolicySet>(step.entry.act) ||
                       std::holds_alternative<PolicyAssigned>(step.entry.act) ||
                       std::holds_alternative<SourceBound>(step.entry.act);
  const auto in_force = std::ranges::count_if(step.before.proposals, [&](const Proposal& each) {
    return !is_replaced(each, step.entry.act) &&
           std::ranges::count(step.after.proposals, each.sequence, &Proposal::sequence) == 0;
  });
  return in_force + (changes ? 1 : 0) <= 1;
}

// Steps up to the first that the model cannot follow.
void some_followed_history(const std::function<void(const Step&, const ModelTerms&)>& look) {
  std::optional<ModelTerms> model(first_state());
  retention_history([&](const Step& step) {
    if (!model) return;
    if (!can_be_followed(step)) {
      model.reset();
      return;
    }
    look(step, *model);
    model->follow(step);
  });
}

bool is_held(const State& state, const SnapshotTaken& taken) {
  return std::ranges::any_of(state.holds, [&](const auto& row) {
    const Hold& hold = row.second;
    std::string source = taken.source;
    bool is_named = hold.is_whole || hold.snapshots.contains(taken.snapshot);
    while (!source.empty() && !is_named) {
      is_named = hold.sources.contains(source);
      const auto found = state.sources.find(source);
      source = found == state.sources.end() ? "" : found->second.continues;
    }
    return is_named;
  });
}

void each_retired(const Step& step, const std::function<void(const SnapshotId&)>& each) {
  step.after.snapshots.for_each([&](const SnapshotId& id, const SnapshotState& after) {
    const std::optional<SnapshotState> before = step.before.snapshots.find(id);
    const bool was_retired = before && before->is_retired();
    if (after.is_retired() && !was_retired) each(id);
  });
}

}  // namespace

TEST_CASE("whatever is written, a snapshot that is held is not retired") {
  REQUIRE(rc::check([] {
    retention_history([](const Step& step) {
      each_retired(step, [&](const SnapshotId& id) {
        RC_ASSERT(step.is_valid);
        RC_ASSERT_FALSE(is_held(step.before, step.before.snapshots.at(id).taken));
      });
    });
  }));
}

TEST_CASE("whatever is written, a snapshot is not retired before its minimum is over") {
  REQUIRE(rc::check([] {
    some_followed_history([](const Step& step, const ModelTerms& model) {
      each_retired(step, [&](const SnapshotId& id) {
        const SnapshotState row = step.before.snapshots.at(id);
        RC_ASSERT(terms_of(step.before, row).minimum_ms <= step.entry.time_ms);
        RC_ASSERT(model.is_over(step, id));
      });
    });
  }));
}

TEST_CASE("minimum, lock and age are what docs/format.md says, in whatever history") {
  REQUIRE(rc::check([] {
    some_followed_history([](const Step& step, const ModelTerms& model) {
      for (const auto& [id, expected] : model.snapshots) {
        const SnapshotState row = step.before.snapshots.at(id);
        RC_ASSERT(row.counts_from_ms == expected.age_start_ms);
        if (expected.is_pending) continue;
        const RetentionTerms terms = terms_of(step.before, row);
        const std::int64_t begin_ms = expected.age_start_ms;
        const auto ends = [begin_ms](std::uint64_t seconds) {
          return begin_ms + static_cast<std::int64_t>(seconds) * 1'000;
        };
        RC_ASSERT(terms.lock == expected.lock);
        RC_ASSERT(terms.minimum_ms == ends(expected.minimum));
        RC_ASSERT(terms.maximum_ms.has_value() == (expected.maximum > 0));
        if (!terms.maximum_ms) continue;
        RC_ASSERT(*terms.maximum_ms == ends(std::max(expected.maximum, expected.minimum)));
      }
    });
  }));
}

TEST_CASE("whatever is written, what compliance has locked stays locked, for as long or longer") {
  REQUIRE(rc::check([] {
    retention_history([](const Step& step) {
      for (const SnapshotPtr& row : step.before.all_snapshots()) {
        const RetentionTerms before = terms_of(step.before, *row);
        if (before.lock == LockMode::governance) continue;
        const RetentionTerms after =
            terms_of(step.after, step.after.snapshots.at(row->taken.snapshot));
        RC_ASSERT(after.lock == LockMode::compliance);
        RC_ASSERT(after.minimum_ms >= before.minimum_ms);
      }
    });
  }));
}

TEST_CASE("a snapshot's id, source, series, age and entry never change, and none goes away") {
  REQUIRE(rc::check([] {
    retention_history([](const Step& step) {
      for (const SnapshotPtr& before : step.before.all_snapshots()) {
        const std::optional<SnapshotState> after =
            step.after.snapshots.find(before->taken.snapshot);
        RC_ASSERT(after.has_value());
        RC_ASSERT(after->taken == before->taken);
        RC_ASSERT(after->sequence == before->sequence);
        RC_ASSERT(after->series == before->series);
        RC_ASSERT(after->counts_from_ms == before->counts_from_ms);
      }
    });
  }));
}

TEST_CASE("a void entry changes nothing but the head and the incidents") {
  REQUIRE(rc::check([] {
    retention_history([](const Step& step) {
      if (step.is_valid) return;
      State expected = step.before;
      expected.head = step.after.head;
      expected.next_sequence = step.after.next_sequence;
      expected.incidents = step.after.incidents;
      RC_ASSERT(expected == step.after);
    });
  }));
}

TEST_CASE("whoever replays a history has the same state, also one that was stored halfway") {
  REQUIRE(rc::check([] {
    State copied = first_state();
    State stored = first_state();
    retention_history([&](const Step& step) {
      replay(copied, step.entry);
      replay(stored, step.entry);
      if (chance(10)) copied = State(copied);
      if (chance(10)) {
        State read = decode_state(encode_state(stored));
        read.snapshots = stored.snapshots;
        read.segments = stored.segments;
        read.key_segments = stored.key_segments;
        read.condemned = stored.condemned;
        stored = std::move(read);
      }
      RC_ASSERT(copied == step.after);
      RC_ASSERT(stored == step.after);
    });
  }));
}
