#include "engine/ops/verify/snapshot_checker.h"

#include "engine/base/attempt.h"
#include "engine/blocks/block_reader.h"
#include "engine/blocks/index_loader.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/store/twins.h"

namespace kist {

namespace {

std::string name_of(const SnapshotState& snapshot) {
  return concat("snapshot ", hex(snapshot.taken.snapshot));
}

constexpr std::string_view revoke_advice =
    "; if that slot is not to be trusted, kist key revoke shuts it out, and this does not count "
    "any more";

constexpr std::string_view set_advice =
    "; kist verify --level content --repair, by an operator or owner, makes it anew from the "
    "manifest";

constexpr std::string_view rebuild_advice =
    "; kist verify --repair makes it anew where its packs tell what it listed";

}  // namespace

SnapshotChecker::Rest SnapshotChecker::check(const SnapshotState& snapshot) {
  const State& state = repository_.state();
  // Where the store does not answer, nothing is known: check_objects() meets the same and tells.
  const auto found = value_of([&] { return inspect_snapshot(opener_, keys_, snapshot); });
  if (found && found->opens()) {  // by one good copy of each; the other may be damaged
    const ObjectHash& body = snapshot.taken.body;
    const ObjectHash& set = snapshot.set.hash;
    copies_.check_twins(body_path(body), body, body_bytes_max);
    copies_.check_twins(reference_set_path(set), set, reference_set_bytes_max);
    return Rest::manifest;
  }
  if (!found || found->openness != Openness::invalid) {
    const bool can_be_made = found && found->has_body && !snapshot.taken.is_pending;
    check_objects(snapshot, can_be_made ? set_advice : std::string_view());
    return Rest::manifest;
  }
  const std::string signer = concat("slot ", author_of(state, snapshot), " signed it, and it ");
  if (is_given_up(state, snapshot, *found)) {
    note_(name_of(snapshot), concat(signer, "opens for nobody: ", found->problem));
    return found->has_body ? Rest::set : Rest::nothing;
  }
  if (found->has_body) {
    report_({.object = name_of(snapshot),
             .problem = concat("its reference set opens for nobody: ", found->problem, set_advice),
             .offset = {},
             .kind = FindingKind::invalid});
    return Rest::manifest;
  }
  report_({.object = name_of(snapshot),
           .problem = concat(signer, "opens for nobody, which is no damage of the store: ",
                             found->problem, revoke_advice),
           .offset = {},
           .kind = FindingKind::invalid});
  return Rest::nothing;
}

bool SnapshotChecker::report_if_absent(const std::string& path,
                                       const SlotId& author,
                                       std::string_view advice) {
  StoreReader& store = repository_.reader();
  const auto is_there = value_of([&] { return has_copy(store, path); });
  if (!is_there || *is_there) return false;
  const SlotState& slot = repository_.state().slots.at(author);
  const bool may_be_revoked = !slot.is_revoked && (slot.introduction.capabilities & can_own) == 0;
  report_({.object = path,
           .problem =
               concat("it is in no copy: slot ", slot.introduction.name, " (",
                      hex(author).substr(0, 8), "), which named it, never put it, or it was lost",
                      !advice.empty()  ? advice
                      : may_be_revoked ? revoke_advice
                                       : std::string_view()),
           .offset = {},
           .kind = FindingKind::absent});
  return true;
}

void SnapshotChecker::check_objects(const SnapshotState& snapshot, std::string_view of_set) {
  const SnapshotTaken& taken = snapshot.taken;
  const auto attempt = [&](const std::string& object, const auto& work) {
    const auto failure = failure_except(Code::refused, work);
    if (!failure) return;
    if (failure->code() == Code::conflict) throw Error(*failure);
    const bool is_absent = failure->code() == Code::missing;
    report_({.object = object,
             .problem = failure->text(),
             .offset = {},
             .kind = is_absent ? FindingKind::absent : FindingKind::damage});
  };
  const std::string body = body_path(taken.body);
  if (!report_if_absent(body, snapshot.author)) {
    copies_.check_twins(body, taken.body, body_bytes_max);
    if (keys_ != nullptr) {
      attempt(body, [&] { static_cast<void>(opener_.body(*keys_, snapshot)); });
    }
  }
  const std::string set = reference_set_path(snapshot.set.hash);
  if (report_if_absent(set, snapshot.set.author, of_set)) return;
  copies_.check_twins(set, snapshot.set.hash, reference_set_bytes_max);
  attempt(set, [&] { static_cast<void>(opener_.reference_set(snapshot)); });
}

void SnapshotChecker::check_introduced(const SnapshotState& snapshot) {
  for (const SegmentIntroduction& segment : snapshot.taken.segments) {
    const ObjectHash& hash = segment.index_segment;
    const std::string path = index_segment_path(hash);
    const std::optional<SegmentState> known = repository_.state().segments.find(hash);
    if (!known || !known->is_current) continue;
    const auto failure = failure_of(
        [&] { static_cast<void>(get_whole_index_segment(repository_.journal(), hash)); });
    if (!failure) {
      copies_.check_twins(path, hash, index_segment_bytes_max);
      continue;
    }
    const auto key =
        value_of([&] { return find_index_key(repository_.journal(), snapshot, hash); });
    const bool counts = !is_damage(*failure) || key != KeyPresence::nowhere;
    if (!counts) {
      const StreamOfEntry stream{snapshot.sequence, segment.stream};
      uncounted_.push_back({.segment = hash,
                            .author = snapshot.author,
                            .signer = author_of(repository_.state(), snapshot),
                            .stream = stream});
      const EntryNumbers& numbers = snapshot.taken.numbers;
      unlisted_[stream].numbers.add_range(numbers.first_of(segment.stream),
                                          numbers.count_of(segment.stream));
    } else {
      if (is_damage(*failure)) note_lost(snapshot.sequence, hash);
      check_segment(hash, snapshot.author);
    }
  }
}

void SnapshotChecker::check_rewritten() {
  std::vector<std::pair<ObjectHash, SegmentState>> rewritten;
  repository_.state().segments.for_each([&](const ObjectHash& hash, const SegmentState& segment) {
    if (segment.is_current && segment.numbers.count() == 0) rewritten.emplace_back(hash, segment);
  });
  for (const auto& [hash, segment] : rewritten) {
    check_cancelled(repository_.observer());
    const auto damage = damage_of([&, name = hash] {
      static_cast<void>(get_whole_index_segment(repository_.journal(), name));
    });
    if (damage) note_lost(segment.sequence, hash);
    check_segment(hash, segment.author);
  }
}

void SnapshotChecker::check_segment(const ObjectHash& hash, const SlotId& author) {
  const std::string path = index_segment_path(hash);
  if (report_if_absent(path, author, rebuild_advice)) return;
  copies_.check_twins(path, hash, index_segment_bytes_max);
}

void SnapshotChecker::note_lost(std::uint64_t sequence, const ObjectHash& hash) {
  if (lost_.empty() || lost_.back().sequence != sequence) lost_.push_back({.sequence = sequence});
  lost_.back().segments.insert(hash);
}

// An index segment without a key counts for nobody, there or not. Its numbers are not known, but
// they are among those of its entry and stream that no other segment lists: it is missed where a
// snapshot's set names one of these. One entry may name many segments, so each set is read once for
// all.
void SnapshotChecker::report_uncounted(BlockIndex* index) {
  if (uncounted_.empty()) return;
  if (index != nullptr) subtract_listed(*index);
  NumberSet all;
  for (const auto& [stream, unlisted] : unlisted_) {
    all.unite(unlisted.numbers);
  }
  for (const SnapshotPtr& live : repository_.state().live_snapshots()) {
    check_cancelled(repository_.observer());
    const auto failure = failure_of([&] { mark_needed(*live, all); });
    // A set that the store does not give now may name any of them.
    if (!failure || is_damage(*failure)) continue;
    for (auto& [stream, unlisted] : unlisted_) {
      unlisted.is_needed = true;
    }
  }
  for (const Uncounted& each : uncounted_) {
    report_uncounted(each);
  }
}

void SnapshotChecker::subtract_listed(BlockIndex& index) {
  const BlockIndex::Reader reader(index);
  for (auto& [stream, unlisted] : unlisted_) {
    const std::optional<EntryRecord> entry = reader.entry(stream.first);
    if (!entry) continue;
    NumberSet listed;
    for (const NumberRun& run : entry->runs) {
      listed.add_range(run.first, run.count);
    }
    unlisted.numbers.subtract(listed);
  }
}

// Notes which of them the snapshot's set names; `all` is all of them.
void SnapshotChecker::mark_needed(const SnapshotState& live, const NumberSet& all) {
  const ReferenceSet set = get_reference_set(repository_.journal(), live);
  NumberSet named = set.absolute;
  named.intersect(all);
  const EntryNumbers& numbers = live.taken.numbers;
  NumberSet own;  // ordinals
  own.add_range(0, numbers.count());
  own.intersect(set.relative);
  own.for_each([&](std::uint64_t ordinal) { named.add(numbers.first_number + ordinal); });
  for (auto& [stream, unlisted] : unlisted_) {
    NumberSet wanted = unlisted.numbers;
    wanted.intersect(named);
    unlisted.is_needed |= !wanted.empty();
  }
}

void SnapshotChecker::report_uncounted(const Uncounted& uncounted) {
  const SlotState& author = repository_.state().slots.at(uncounted.author);
  const std::string path = index_segment_path(uncounted.segment);
  const std::string why =
      concat("slot ", uncounted.signer, " named it, and no key segment has its key");
  if (unlisted_.at(uncounted.stream).is_needed) {
    report_({.object = path,
             .problem = concat(why, ", but snapshots need blocks that it lists"),
             .offset = {}});
  } else if (author.is_revoked) {
    note_(path, concat(why, ": it counts for nobody"));
  } else {
    report_({.object = path,
             .problem = concat(why, ": it counts for nobody, which is no damage of the store",
                               revoke_advice),
             .offset = {},
             .kind = FindingKind::invalid});
  }
}

}  // namespace kist
