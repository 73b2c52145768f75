#include "engine/rules/removal.h"

#include <algorithm>
#include <string_view>

namespace kist {

namespace {

// The rest of the path, where the object is in that folder.
std::optional<std::string> file_in(std::string_view folder, const std::string& path) {
  if (!path.starts_with(folder)) return std::nullopt;
  return path.substr(folder.size());
}

// The hash that names a key segment, from the path of either copy.
std::optional<ObjectHash> key_segment_of(const Listed& listed) {
  const auto file = file_in("keys/", listed.path);
  return file ? parse_id<ObjectHash>(first_copy_path(*file)) : std::nullopt;
}

// The epoch that the object says it is of; nothing where it cannot be told.
std::optional<EpochBoxPath> epoch_of(const Listed& listed) {
  if (const auto file = file_in("epochs/", listed.path)) return parse_epoch_box_path(*file);
  return key_segment_of(listed) ? listed.header : std::nullopt;
}

// Of an epoch that is not, or not any longer, the current one.
std::string reason_by_epoch(const State& state, const EpochBoxPath& name) {
  const std::uint32_t number = name.epoch_number;
  if (number >= state.epoch_number || !state.epochs.contains(name.epoch)) {
    return concat("of an attempt to begin epoch ", number, " that was not committed");
  }
  return concat("of epoch ", number, ", which ended ",
                number + 1 == state.epoch_number ? "with" : "before", " journal entry ",
                state.epoch_begun);
}

std::optional<std::string> reason_by_generation(const State& state, const SlotPath& name) {
  const auto slot = state.slots.find(name.slot);
  if (slot == state.slots.end() || name.generation >= slot->second.generation) return std::nullopt;
  return concat("slot object of generation ", name.generation, "; the journal names ",
                slot->second.generation);
}

}  // namespace

bool asks_for_hash(const State& state, const Listed& listed) {
  const auto name = key_segment_of(listed);
  return name && listed.header && state.key_segments.contains(*name) &&
         is_of_ended_epoch(state, listed.header->epoch_number, listed.header->epoch);
}

std::optional<std::string> reason_to_remove(const State& state, const Listed& listed) {
  if (const auto file = file_in("slots/", listed.path)) {
    const auto name = parse_slot_path(first_copy_path(*file));
    return name ? reason_by_generation(state, *name) : std::nullopt;
  }
  const auto epoch = epoch_of(listed);
  const bool has_ended = epoch && state.epoch_number > 0 &&
                         is_of_ended_epoch(state, epoch->epoch_number, epoch->epoch);
  if (!has_ended) return std::nullopt;
  // An author may have named an object of a former epoch, which counts for nobody. By its hash it
  // is told from one of the current epoch whose header is damaged.
  if (asks_for_hash(state, listed) && listed.hash != key_segment_of(listed)) return std::nullopt;
  return reason_by_epoch(state, *epoch);
}

RemovalPlan plan_ended_objects(const State& state, const std::vector<Listed>& listed) {
  RemovalPlan out{.removals = {}, .entry = state.epoch_begun};
  for (const Listed& object : listed) {
    if (file_in("slots/", object.path)) continue;
    if (auto reason = reason_to_remove(state, object)) {
      out.removals.push_back({object.path, std::move(*reason)});
    }
  }
  return out;
}

RemovalPlan plan_after_epoch_end(const State& state, const std::vector<Listed>& listed) {
  RemovalPlan out{.removals = {}, .entry = state.next_sequence};
  for (const Listed& object : listed) {
    const auto epoch = epoch_of(object);
    if (!epoch || epoch->epoch_number > state.epoch_number + 1) continue;
    const bool is_current =
        epoch->epoch_number == state.epoch_number && epoch->epoch == state.epoch;
    out.removals.push_back(
        {object.path, is_current
                          ? concat("of epoch ", state.epoch_number,
                                   ", which would end with journal entry ", state.next_sequence)
                          : reason_by_epoch(state, *epoch)});
  }
  return out;
}

RemovalPlan plan_replaced_slot_objects(const State& state,
                                       const SlotId& slot,
                                       const std::vector<std::uint32_t>& generations) {
  RemovalPlan out{.removals = {}, .entry = state.next_sequence - 1};
  for (const std::uint32_t generation : generations) {
    const std::string path = slot_path(slot, generation);
    for (const std::string& copy : {path, second_copy_path(path)}) {
      if (auto reason = reason_to_remove(state, {copy})) {
        out.removals.push_back({copy, std::move(*reason)});
      }
    }
  }
  return out;
}

EpochSlots plan_epoch_slots(const State& state, const std::vector<SlotId>& revoked) {
  EpochSlots out;
  for (const SlotState* slot : state.current_slots()) {
    const SlotId& id = slot->introduction.slot;
    (std::ranges::count(revoked, id) > 0 ? out.shut_out : out.kept).push_back(id);
  }
  return out;
}

}  // namespace kist
