#include <algorithm>

#include "engine/rules/acts/act_rules.h"
#include "engine/rules/clock.h"
#include "engine/rules/retention.h"

namespace kist {

namespace {

bool may_write(const State& state, const SlotId& id) {
  const auto slot = state.slots.find(id);
  return slot != state.slots.end() && !slot->second.is_revoked &&
         (slot->second.introduction.capabilities & can_write) != 0;
}

// A slot that can back it up; one that ends keeps what it has.
bool is_slot_right(const State& state, const SourceBound& bound) {
  if (bound.source.empty()) return false;
  const auto source = state.sources.find(bound.source);
  const bool ends_as_it_is =
      bound.is_ended && source != state.sources.end() && source->second.slot == bound.slot;
  return ends_as_it_is || may_write(state, bound.slot);
}

// What it continues has a series, and does not continue it in turn.
bool is_chain_right(const State& state, const SourceBound& bound) {
  if (bound.continues.empty()) return true;
  const auto continued = state.sources.find(bound.continues);
  if (continued == state.sources.end() || continued->second.series == 0) return false;
  bool is_circle = false;
  for_each_continued(state, bound.continues, [&](const std::string& name) {
    is_circle |= name == bound.source;
    return !is_circle;
  });
  return !is_circle;
}

// A slot that the source is bound to may come with a policy of its own: what needs a cooling-off is
// to be assigned to the source first.
bool keeps_compliance(const State& state, const SourceBound& bound) {
  const auto source = state.sources.find(bound.source);
  if (source != state.sources.end() && !source->second.policy.empty()) return true;
  const Policy& before = policy_of(state, bound.source);
  const Policy& after = policy_if_assigned(
      state,
      {.subject = bound.slot,
       .policy = bound.slot == SlotId{} ? std::string() : state.slots.at(bound.slot).policy});
  return !needs_cooling_off(after, before);
}

}  // namespace

std::optional<Capabilities> capability_for(const SourceBound& /*act*/) {
  return can_own;
}

MaybeViolation check_act(const State& state,
                         const SourceBound& bound,
                         const JournalEntry& /*entry*/) {
  if (!is_slot_right(state, bound))
    return Violation{70, "a source is bound to no slot that writes"};
  if (!is_chain_right(state, bound)) {
    return Violation{71, "a source that continues one that has no series, or itself"};
  }
  if (!keeps_compliance(state, bound)) {
    return Violation{72, "a source whose policy would change under compliance"};
  }
  return std::nullopt;
}

void apply_act(State& state, const SourceBound& bound, const JournalEntry& entry) {
  const std::int64_t time_ms =
      retention_time_ms(state, entry.author, LockMode::governance, entry.time_ms);
  change_policies(state, entry.sequence, [&] {
    const auto known = state.sources.find(bound.source);
    const bool only_ends =
        bound.is_ended && known != state.sources.end() && known->second.slot == bound.slot;
    if (!only_ends) bind_source(state, bound.source, bound.slot);
    SourceState& source = state.sources.at(bound.source);
    source.is_ended = bound.is_ended;
    if (bound.continues.empty()) return;
    source.series = state.sources.at(bound.continues).series;
    source.next_series = source.series;
    if (bound.continues == source.continues) return;
    source.continues = bound.continues;
    // A hold on what it continued before covers it no more.
    source.lifted_ms = std::max(source.lifted_ms, time_ms);
  });
}

}  // namespace kist
