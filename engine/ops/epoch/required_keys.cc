#include "engine/ops/epoch/required_keys.h"

#include <algorithm>
#include <set>

#include "engine/format/names.h"
#include "engine/journal/journal.h"

namespace kist {

namespace {

constexpr std::string_view give_up_advice =
    "; nothing has changed. Restore it from a copy of the repository, or give up, with "
    "--drop-unreadable, what is damaged and all that only it opens";

constexpr std::string_view set_advice =
    "; nothing has changed. kist verify --level content --repair makes the reference sets anew "
    "whose keys it has";

[[noreturn]] void throw_lost_keys(const ObjectHash& name,
                                  std::string_view who,
                                  std::string_view advice) {
  throw Error(Code::corrupt, concat(key_segment_path(name), ", which ", who,
                                    " needs, is damaged or missing", advice));
}

// A repair that replaced reference sets has made key segments of these alone. Where the sets have
// been replaced again, nobody needs them.
void pass_over_sets(const Repository& repository, std::set<ObjectHash>& segments) {
  const std::uint64_t first = repository.state().epoch_begun + 1;
  repository.journal().for_each_entry(first, [&](const ReplayedEntry& replayed) {
    const auto* proved = std::get_if<SetsProved>(&replayed.entry.act);
    if (proved == nullptr || !replayed.void_reason.empty()) return true;
    for (const ObjectHash& name : proved->key_segments) {
      segments.erase(name);
    }
    return true;
  });
}

}  // namespace

bool is_shut_out(const State& state, const SlotId& author, const std::vector<SlotId>& revoked) {
  return std::ranges::count(revoked, author) > 0 || state.slots.at(author).is_revoked;
}

bool is_relied_on(const State& state, const SnapshotState& snapshot) {
  const bool is_any_trusted = std::ranges::any_of(
      state.policies, [](const auto& policy) { return policy.second.dedup == Trust::all; });
  return !snapshot.taken.segments.empty() &&
         (is_any_trusted || state.is_proved(snapshot.sequence, snapshot.author));
}

void require_whole(const Repository& repository,
                   const std::vector<ObjectHash>& damaged,
                   const std::vector<SlotId>& revoked) {
  const State& state = repository.state();
  if (damaged.empty()) return;
  std::set<ObjectHash> rest(damaged.begin(), damaged.end());
  // Those of an entry, by that author.
  const auto require = [&](const std::vector<ObjectHash>& names, std::uint64_t sequence,
                           const SlotId& author, std::string_view advice) {
    for (const ObjectHash& name : names) {
      rest.erase(name);
      if (!std::ranges::binary_search(damaged, name)) continue;
      throw_lost_keys(
          name,
          concat("journal entry ", sequence, " of slot ", state.slots.at(author).introduction.name),
          advice);
    }
  };
  const auto pass_over = [&](const std::vector<ObjectHash>& names) {
    for (const ObjectHash& name : names) {
      rest.erase(name);
    }
  };
  for (const SnapshotPtr& snapshot : state.all_snapshots()) {
    const std::vector<ObjectHash>& keys = state.key_segments_of(*snapshot);
    if (is_shut_out(state, snapshot->author, revoked) && !is_relied_on(state, *snapshot)) {
      pass_over(keys);
    } else {
      require(keys, snapshot->sequence, snapshot->author, give_up_advice);
    }
    const SetState& set = snapshot->set;
    if (set.sequence == snapshot->sequence) continue;
    const std::vector<ObjectHash>& set_keys = state.key_segments_of_set(*snapshot);
    if (is_shut_out(state, set.author, revoked)) {
      pass_over(set_keys);
    } else {
      require(set_keys, set.sequence, set.author, set_advice);
    }
  }
  if (!rest.empty()) pass_over_sets(repository, rest);
  if (!rest.empty()) throw_lost_keys(*rest.begin(), "a repaired index", give_up_advice);
}

}  // namespace kist
