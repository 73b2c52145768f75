#include "engine/rules/validate.h"

#include <algorithm>
#include <functional>
#include <set>

#include "engine/content/chunker.h"

namespace kist {

namespace {

using Reason = std::optional<std::string>;

Reason check_slot(const State& state, const SlotIntroduction& slot) {
  if (state.slots.contains(slot.slot)) return "the slot exists already";
  for (const std::string& source : slot.sources) {
    if (state.sources.contains(source)) return "a source belongs to another slot";
  }
  return std::nullopt;
}

Reason check_act(const State& state, const Genesis& genesis, const JournalEntry& entry) {
  if (entry.sequence != 0) return "a second genesis";
  const ContentParameters& content = genesis.content;
  const ChunkerParameters chunker{content.block_min, content.block_target, content.block_max};
  if (content.algorithm != 1 || !is_allowed(chunker)) return "chunking that is not allowed";
  if (!genesis.features.empty()) return "features that this version does not know";
  if (genesis.owner.slot != entry.author) return "the author is not the first owner";
  if (genesis.owner.capabilities != owner_capabilities) return "the first slot is no owner";
  return check_slot(state, genesis.owner);
}

Reason check_segments(const State& state, const SnapshotTaken& taken) {
  if (taken.segments.size() > entry_segments_max) {
    return "more segments than an entry may introduce";
  }
  std::uint64_t next = state.next_number;
  std::uint64_t total = 0;
  std::set<ObjectHash> names;
  for (const SegmentIntroduction& segment : taken.segments) {
    if (!names.insert(segment.index_segment).second) return "the same segment twice";
    if (segment.block_count == 0) return "a segment of no blocks";
    if (segment.first_number != next) return "block numbers that do not follow";
    if (state.segments.contains(segment.index_segment)) return "a segment that exists already";
    next += segment.block_count;
    total += segment.block_count;
    if (total > entry_blocks_max) return "more blocks than an entry may introduce";
  }
  return std::nullopt;
}

Reason check_key_segments(const State& state, const std::vector<ObjectHash>& names) {
  std::set<ObjectHash> seen;
  for (const ObjectHash& name : names) {
    if (!seen.insert(name).second) return "the same key segment twice";
    if (state.key_segments.contains(name)) return "a key segment that exists already";
  }
  return std::nullopt;
}

Reason check_act(const State& state, const SnapshotTaken& taken, const JournalEntry& entry) {
  if (taken.snapshot == SnapshotId{}) return "a snapshot without an id";
  if (state.snapshots.contains(taken.snapshot)) return "a snapshot that exists already";
  const auto policy = state.policies.find(taken.policy);
  if (policy == state.policies.end()) return "a policy that does not exist";
  if (taken.minimum != policy->second.minimum || taken.maximum != policy->second.maximum ||
      taken.lock != policy->second.lock) {
    return "a retention that is not the policy's";
  }
  const auto source = state.sources.find(taken.source);
  if (source != state.sources.end() && source->second != entry.author) {
    return "a source that belongs to another slot";
  }
  if (taken.replaces != SnapshotId{}) {
    const auto replaced = state.snapshots.find(taken.replaces);
    const bool fits = replaced && replaced->is_live && replaced->taken.is_pending &&
                      replaced->author == entry.author && replaced->taken.source == taken.source;
    if (!fits) return "it replaces what is not its own pending snapshot";
  }
  const std::size_t count = taken.key_segments.size();
  if (count > entry_key_segments_max) return "more key segments than an entry may introduce";
  if (state.slots.at(entry.author).key_segment_count + count > slot_key_segments_max) {
    return "more key segments than a slot may introduce in one epoch; kist key rotate begins "
           "another";
  }
  const Reason reason = check_key_segments(state, taken.key_segments);
  return reason ? reason : check_segments(state, taken);
}

Reason check_act(const State& state, const SlotAdded& added, const JournalEntry& /*entry*/) {
  const bool has_object = added.slot.slot_object != ObjectHash{};
  if (has_object == (added.slot.kind == SlotKind::recipient)) {
    return has_object ? "a recipient with a slot object that it has not made"
                      : "a slot without its object";
  }
  return check_slot(state, added.slot);
}

Reason check_act(const State& state, const SlotRewrapped& rewrapped, const JournalEntry& entry) {
  if (rewrapped.generation <= state.slots.at(entry.author).generation) {
    return "a generation that is not newer";
  }
  if (rewrapped.kind != SlotKind::passphrase && rewrapped.kind != SlotKind::key_file) {
    return "a kind that wraps nothing";
  }
  return std::nullopt;
}

// Each slot once: it is revoked, or has a box.
Reason check_parts(const State& state, const EpochEnded& ended, const SlotId& author) {
  const auto is_ascending = [](const auto& list, auto projection) {
    return std::ranges::adjacent_find(list, std::ranges::greater_equal(), projection) == list.end();
  };
  if (!is_ascending(ended.revoked, std::identity()) ||
      !is_ascending(ended.boxes, &NamedBox::slot)) {
    return "slots that are not in order";
  }
  std::vector<SlotId> named = ended.revoked;
  for (const NamedBox& box : ended.boxes) {
    named.push_back(box.slot);
  }
  std::ranges::sort(named);
  std::vector<SlotId> current;
  for (const SlotState* slot : state.current_slots()) {
    current.push_back(slot->introduction.slot);
  }
  if (named != current) return "slots that are not all there are, each once";
  if (std::ranges::binary_search(ended.revoked, author)) return "an author that revokes itself";
  return std::nullopt;
}

// Each key segment till now once: it is carried on, or dropped.
Reason check_carried(const State& state, const EpochEnded& ended) {
  std::vector<ObjectHash> made;
  std::vector<ObjectHash> till_now = ended.dropped;
  for (const CarriedSegment& segment : ended.carried) {
    made.push_back(segment.name);
    till_now.insert(till_now.end(), segment.replaces.begin(), segment.replaces.end());
  }
  std::ranges::sort(till_now);
  std::vector<ObjectHash> known;
  state.key_segments.for_each(
      [&](const ObjectHash& name, const SlotId& /*author*/) { known.push_back(name); });
  if (till_now != known) {
    return "key segments that are not all, each once";
  }
  return check_key_segments(state, made);
}

Reason check_act(const State& state, const EpochEnded& ended, const JournalEntry& entry) {
  if (ended.former.epoch != state.epoch || ended.former.begun != state.epoch_begun) {
    return "the epoch that it ends is not the current one";
  }
  if (ended.epoch_key == BoxPublicKey{} || ended.epoch_key == state.epoch_key) {
    return "a key that is not a new one";
  }
  const Reason reason = check_parts(state, ended, entry.author);
  return reason ? reason : check_carried(state, ended);
}

Reason check_act(const State& /*state*/,
                 const StateRemade& /*act*/,
                 const JournalEntry& /*entry*/) {
  return std::nullopt;
}

Reason check_act(const State& state, const IncidentsClosed& closed, const JournalEntry& entry) {
  const auto is_meant = [&](const VoidEntry* incident) {
    return incident->sequence >= closed.first && incident->sequence <= closed.last;
  };
  if (std::ranges::none_of(state.open_incidents(), is_meant)) return "no incident that is open";
  if (closed.accepted.empty()) return std::nullopt;
  if (closed.accepted.size() > accepted_entries_max || closed.accepted.back() != entry.previous) {
    return "entries accepted that are not those before it";
  }
  return std::nullopt;
}

Reason check_act(const State& state, const SegmentsProved& proved, const JournalEntry& /*entry*/) {
  const auto exists = [&](const ObjectHash& name) { return state.segments.contains(name); };
  if (!std::ranges::all_of(proved.segments, exists)) return "a segment that does not exist";
  return std::nullopt;
}

Reason check_act(const State& /*state*/, const UnknownAct& act, const JournalEntry& /*entry*/) {
  return concat("type ", act.type, ", which no feature has enabled");
}

// An entry is sealed in the current epoch; the one that ends it, in the one that it begins.
bool is_in_its_epoch(const State& state, const JournalEntry& entry) {
  if (!std::holds_alternative<EpochEnded>(entry.act)) {
    return entry.epoch_number == state.epoch_number && entry.epoch == state.epoch;
  }
  return begins_next_epoch(state, entry.epoch_number, entry.epoch);
}

}  // namespace

bool begins_next_epoch(const State& state, std::uint32_t epoch_number, const EpochId& epoch) {
  return state.epoch_number < UINT32_MAX && epoch_number == state.epoch_number + 1 &&
         epoch != EpochId{} && !state.epochs.contains(epoch);
}

bool may_end_epoch(const State& state, const SlotId& author) {
  const auto slot = state.slots.find(author);
  return slot != state.slots.end() && !slot->second.is_revoked &&
         (slot->second.introduction.capabilities & (can_maintain | can_own)) != 0;
}

std::optional<Capability> required_capability(const Act& act) {
  switch (static_cast<ActType>(act_type(act))) {
    case ActType::genesis:
    case ActType::slot_added:
    case ActType::incidents_closed:
      return can_own;
    case ActType::segments_proved:
      return can_read;
    case ActType::snapshot:
      return can_write;
    case ActType::epoch_ended:
      return std::get<EpochEnded>(act).revoked.empty() ? can_maintain : can_own;
    case ActType::slot_rewrapped:
    case ActType::state_remade:
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::string> validate(const State& state, const JournalEntry& entry) {
  if (entry.sequence != state.next_sequence) return "a number that does not follow";
  if (entry.previous != state.head) return "a chain that does not hold";
  if (entry.time_ms < state.least_time_ms(entry.author)) {
    return "a time before that of the entries that it follows";
  }
  if (entry.sequence == 0) {
    if (!std::holds_alternative<Genesis>(entry.act)) return "the first entry is no genesis";
  } else {
    const auto author = state.slots.find(entry.author);
    if (author == state.slots.end()) return "an author that is no slot";
    if (author->second.is_revoked) return "an author that was revoked";
    if (!is_in_its_epoch(state, entry)) return std::string(epoch_reason);
    const std::optional<Capability> needed = required_capability(entry.act);
    if (needed && (author->second.introduction.capabilities & *needed) == 0) {
      return concat("its author lacks the capability ", capability_names(*needed));
    }
  }
  return std::visit([&](const auto& act) { return check_act(state, act, entry); }, entry.act);
}

std::string capability_names(Capabilities capabilities) {
  std::string out;
  const auto add = [&](Capability capability, std::string_view name) {
    if ((capabilities & capability) == 0) return;
    if (!out.empty()) out += ", ";
    out += name;
  };
  add(can_write, "write");
  add(can_read, "read");
  add(can_audit, "audit");
  add(can_maintain, "maintain");
  add(can_own, "own");
  return out;
}

namespace {

constexpr Capabilities role_capabilities[] = {writer_capabilities, reader_capabilities,
                                              auditor_capabilities, operator_capabilities,
                                              owner_capabilities};
static_assert(std::size(role_names) == std::size(role_capabilities));

}  // namespace

std::string role_name(Capabilities capabilities) {
  for (std::size_t i = 0; i < std::size(role_names); ++i) {
    if (role_capabilities[i] == capabilities) return std::string(role_names[i]);
  }
  return "custom";
}

std::optional<Capabilities> capabilities_of_role(std::string_view role) {
  for (std::size_t i = 0; i < std::size(role_names); ++i) {
    if (role_names[i] == role) return role_capabilities[i];
  }
  return std::nullopt;
}

}  // namespace kist
