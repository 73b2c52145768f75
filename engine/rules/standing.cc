#include "engine/rules/standing.h"

#include <algorithm>
#include <string_view>

#include "engine/base/error.h"

namespace kist {

namespace {

enum class Folder { slots, grants, anchors, epochs, keys, temporary, other };

// An object's path, taken apart: the ids are there where the path is one that an object may have.
struct Place {
  Folder folder = Folder::other;
  std::optional<SlotPath> slot_object{};    // in slots/
  std::optional<SlotId> slot{};             // in slots/, grants/ and epochs/
  std::optional<EpochBoxPath> epoch{};      // in anchors/ and epochs/
  std::optional<ObjectHash> key_segment{};  // in keys/
};

Place place_of(const std::string& path) {
  const std::size_t slash = path.find('/');
  if (slash == std::string::npos) return {};
  const std::string_view folder = std::string_view(path).substr(0, slash);
  const std::string file = first_copy_path(path.substr(slash + 1));
  Place out;
  if (folder == "slots") {
    out.folder = Folder::slots;
    out.slot_object = parse_slot_path(file);
    if (out.slot_object) out.slot = out.slot_object->slot;
  } else if (folder == "grants") {
    out.folder = Folder::grants;
    out.slot = parse_id<SlotId>(file);
  } else if (folder == "anchors") {
    out.folder = Folder::anchors;
    out.epoch = parse_anchor_path(path.substr(slash + 1));
  } else if (folder == "epochs") {
    out.folder = Folder::epochs;
    out.epoch = parse_epoch_box_path(file);
    if (out.epoch) out.slot = parse_id<SlotId>(file.substr(file.find('/') + 1));
  } else if (folder == "keys") {
    out.folder = Folder::keys;
    out.key_segment = parse_id<ObjectHash>(file);
  } else if (folder == "tmp") {
    out.folder = Folder::temporary;
  }
  return out;
}

const SlotState* find_slot(const State& state, const SlotId& id) {
  const auto found = state.slots.find(id);
  return found == state.slots.end() ? nullptr : &found->second;
}

// Whether no entry to come can be of that epoch.
bool is_over(const State& state, const EpochBoxPath& epoch) {
  return epoch.epoch_number < state.epoch_number ||
         is_of_ended_epoch(state, epoch.epoch_number, epoch.epoch);
}

bool is_current(const State& state, const EpochBoxPath& epoch) {
  return epoch.epoch_number == state.epoch_number && epoch.epoch == state.epoch;
}

// Of an epoch that is not, or not any longer, the current one.
std::string reason_of_epoch(const State& state, const EpochBoxPath& epoch) {
  const std::uint32_t number = epoch.epoch_number;
  if (number >= state.epoch_number || !state.epochs.contains(epoch.epoch)) {
    return concat("of an attempt to begin epoch ", number, " that was not committed");
  }
  return concat("of epoch ", number, ", which ended ",
                number + 1 == state.epoch_number ? "with" : "before", " journal entry ",
                state.epoch_begun);
}

Judgement ended(std::string reason) {
  return {ObjectStanding::ended, std::move(reason)};
}

Judgement no_such_path() {
  return ended("no object has such a path");
}

Judgement of_revoked_slot() {
  return ended("its slot was revoked");
}

Judgement unintroduced() {
  return {ObjectStanding::unnamed,
          "a kist key add for its slot is under way, or was cut off; kist key rotate removes it"};
}

Judgement far_ahead(const State& state, const EpochBoxPath& epoch) {
  return {ObjectStanding::unnamed,
          concat("it is of epoch ", epoch.epoch_number, ", and the next one is ",
                 state.epoch_number + 1,
                 "; it may be of a later state of this repository, which this journal does not "
                 "show: remove it by hand only if you are sure that there is none")};
}

Judgement unread() {
  return {ObjectStanding::unnamed, "it cannot be read, so it stays"};
}

// An object of a slot that no entry has introduced. One that was made in the current epoch may be
// about to be: the entry comes last. In the next epoch its client makes others.
Judgement judge_unknown_slot(const State& state, const Listed& listed) {
  if (listed.is_unread) return unread();
  if (!listed.header) return ended("it is none of this repository's objects");
  if (is_over(state, *listed.header)) {
    return ended(
        concat("of a slot that no entry has introduced; ", reason_of_epoch(state, *listed.header)));
  }
  const bool is_current_number = listed.header->epoch_number == state.epoch_number;
  return is_current_number ? unintroduced() : far_ahead(state, *listed.header);
}

Judgement judge_slot_object(const State& state, const Listed& listed, const Place& place) {
  // Generation 0 is a recipient's that has no object yet.
  if (!place.slot_object || place.slot_object->generation == 0) return no_such_path();
  const SlotState* slot = find_slot(state, *place.slot);
  if (slot == nullptr) return judge_unknown_slot(state, listed);
  if (slot->is_revoked) return of_revoked_slot();
  const std::uint32_t generation = place.slot_object->generation;
  if (generation == slot->generation) return {};
  if (generation < slot->generation) {
    return ended(
        concat("slot object of generation ", generation, "; the journal names ", slot->generation));
  }
  // The slot's holder may be about to name it, and nobody else can have made it.
  if (!listed.is_unread && listed.signer != slot->introduction.signing_key) {
    return ended("slot object that its slot has not signed");
  }
  return {ObjectStanding::unnamed,
          "a kist key passwd of its slot is under way, or was cut off; the slot's next one removes "
          "it"};
}

Judgement judge_grant(const State& state, const Listed& listed, const Place& place) {
  if (!place.slot) return no_such_path();
  const SlotState* slot = find_slot(state, *place.slot);
  if (slot == nullptr) return judge_unknown_slot(state, listed);
  return slot->is_revoked ? of_revoked_slot() : Judgement{};
}

Judgement judge_anchor(const State& state, const Place& place) {
  if (!place.epoch) return no_such_path();
  if (is_over(state, *place.epoch)) return ended(reason_of_epoch(state, *place.epoch));
  const std::uint32_t number = place.epoch->epoch_number;
  if (number == state.epoch_number + 1) return {ObjectStanding::explained, "of an epoch to come"};
  return number == state.epoch_number ? Judgement{} : far_ahead(state, *place.epoch);
}

Judgement judge_box(const State& state, const Place& place) {
  if (!place.slot) return no_such_path();
  if (is_over(state, *place.epoch)) return ended(reason_of_epoch(state, *place.epoch));
  const std::uint32_t number = place.epoch->epoch_number;
  if (number == state.epoch_number + 1) return {ObjectStanding::explained, "of an epoch to come"};
  if (number != state.epoch_number) return far_ahead(state, *place.epoch);
  const SlotState* slot = find_slot(state, *place.slot);
  if (slot == nullptr) return unintroduced();
  return slot->is_revoked ? of_revoked_slot() : Judgement{};
}

Judgement judge_key_segment(const State& state, const Listed& listed, const Place& place) {
  if (!place.key_segment) return no_such_path();
  const bool is_whole = listed.hash == place.key_segment;
  if (state.key_segments.contains(*place.key_segment)) {
    // An author may have named an object of a former epoch, which counts for nobody. By its hash it
    // is told from one of the current epoch whose header is damaged.
    const bool has_ended =
        listed.header && is_whole &&
        is_of_ended_epoch(state, listed.header->epoch_number, listed.header->epoch);
    return has_ended ? ended(reason_of_epoch(state, *listed.header)) : Judgement{};
  }
  if (listed.header && is_over(state, *listed.header)) {
    return ended(reason_of_epoch(state, *listed.header));
  }
  if (listed.is_unread) return unread();
  if (!listed.header) return ended("it is no key segment of this repository");
  if (listed.hash && !is_whole) return ended("it is not the key segment of its name");
  const std::uint32_t number = listed.header->epoch_number;
  if (number <= state.epoch_number + 1) {
    return {ObjectStanding::explained, concat("of epoch ", number, ", and no entry names it")};
  }
  return far_ahead(state, *listed.header);
}

// A file that is being written, or that a power cut has left. It is judged as what it was to be,
// where that can be told; a pack, say, holds no secret that counts without a key segment.
Judgement judge_temporary(const State& state, const Listed& listed) {
  if (listed.is_no_file) return ended("what is no file is not being written");
  if (listed.header && is_over(state, *listed.header)) {
    return ended(concat("left of a write; ", reason_of_epoch(state, *listed.header)));
  }
  const SlotState* slot = listed.slot ? find_slot(state, listed.slot->slot) : nullptr;
  if (slot != nullptr && slot->is_revoked) return ended("left of a write; its slot was revoked");
  if (slot != nullptr && listed.slot->generation < slot->generation) {
    return ended(concat("left of a write; slot object of generation ", listed.slot->generation,
                        "; the journal names ", slot->generation));
  }
  return {ObjectStanding::explained, "being written, or left of a write"};
}

}  // namespace

bool asks_for_bytes(const State& state, const std::string& path) {
  const Place place = place_of(path);
  const SlotState* slot = place.slot ? find_slot(state, *place.slot) : nullptr;
  switch (place.folder) {
    case Folder::slots:
      if (!place.slot_object || slot == nullptr) return place.slot_object.has_value();
      return !slot->is_revoked && place.slot_object->generation > slot->generation;
    case Folder::grants:
      return place.slot && slot == nullptr;
    case Folder::keys:
      return place.key_segment.has_value();
    case Folder::temporary:
      return true;
    case Folder::anchors:
    case Folder::epochs:
    case Folder::other:
      break;
  }
  return false;
}

bool asks_for_hash(const State& state, const Listed& listed) {
  const Place place = place_of(listed.path);
  if (!place.key_segment || !listed.header) return false;
  return state.key_segments.contains(*place.key_segment) ? !is_current(state, *listed.header)
                                                         : !is_over(state, *listed.header);
}

Judgement judge(const State& state, const Listed& listed) {
  const Place place = place_of(listed.path);
  switch (place.folder) {
    case Folder::slots:
      return judge_slot_object(state, listed, place);
    case Folder::grants:
      return judge_grant(state, listed, place);
    case Folder::anchors:
      return judge_anchor(state, place);
    case Folder::epochs:
      return judge_box(state, place);
    case Folder::keys:
      return judge_key_segment(state, listed, place);
    case Folder::temporary:
      return judge_temporary(state, listed);
    case Folder::other:
      break;
  }
  return {};
}

namespace {

// The same for an epoch that an object is of.
std::optional<std::string> reason_by_next_epoch(const State& state, const EpochBoxPath& epoch) {
  if (epoch.epoch_number > state.epoch_number + 1) return std::nullopt;
  if (!is_current(state, epoch)) return reason_of_epoch(state, epoch);
  return concat("of epoch ", state.epoch_number, ", which would end with journal entry ",
                state.next_sequence);
}

}  // namespace

std::optional<std::string> reason_after_epoch_end(const State& state,
                                                  const std::vector<SlotId>& revoked,
                                                  const Listed& listed) {
  Judgement now = judge(state, listed);
  if (now.standing == ObjectStanding::ended) return std::move(now.reason);
  const Place place = place_of(listed.path);
  const std::optional<SlotId> slot = listed.slot ? listed.slot->slot : place.slot;
  if (place.folder == Folder::anchors || place.folder == Folder::epochs) {
    return reason_by_next_epoch(state, *place.epoch);
  }
  if (slot && std::ranges::count(revoked, *slot) > 0) {
    return concat("its slot would be revoked with journal entry ", state.next_sequence);
  }
  const bool is_known = slot && find_slot(state, *slot) != nullptr;
  const bool goes_by_header = place.folder == Folder::keys || place.folder == Folder::temporary ||
                              (place.slot && !is_known);
  if (!goes_by_header || listed.is_unread) return std::nullopt;
  if (listed.header) {
    if (auto reason = reason_by_next_epoch(state, *listed.header)) return reason;
  }
  // Key segments are carried on as new objects, so none that the state names now will be named.
  if (place.folder != Folder::keys) return std::nullopt;
  const bool is_damaged = !listed.header || (listed.hash && listed.hash != place.key_segment);
  if (!is_damaged) return std::nullopt;
  return concat("damaged, and named no more once journal entry ", state.next_sequence,
                " has ended the epoch");
}

bool is_named(const State& state, const std::string& path) {
  const Place place = place_of(path);
  const SlotState* slot = place.slot ? find_slot(state, *place.slot) : nullptr;
  const bool is_of_current_slot = slot != nullptr && !slot->is_revoked;
  switch (place.folder) {
    case Folder::slots:
      return is_of_current_slot && place.slot_object->generation == slot->generation;
    case Folder::grants:
      return is_of_current_slot;
    case Folder::anchors:
      return place.epoch && is_current(state, *place.epoch);
    case Folder::epochs:
      return is_of_current_slot && is_current(state, *place.epoch);
    case Folder::keys:
      return place.key_segment && state.key_segments.contains(*place.key_segment);
    case Folder::temporary:
      return false;
    case Folder::other:
      break;
  }
  return true;
}

}  // namespace kist
