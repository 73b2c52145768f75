#include "cli/act_text.h"

#include "cli/policy_json.h"

namespace kist::cli {

namespace {

std::string subject_of(const SlotNames& /*names*/, const Genesis& genesis) {
  return concat("blocks of ", human_size(genesis.content.block_target), " on average");
}

void add(Json& /*json*/, const Genesis& /*genesis*/) {}

std::string subject_of(const SlotNames& /*names*/, const SnapshotTaken& taken) {
  return concat(hex(taken.snapshot).substr(0, 10), " of ", printable(taken.source));
}

void add(Json& json, const SnapshotTaken& taken) {
  json["snapshot"] = hex(taken.snapshot);
  json["source"] = json_text(taken.source);
  json["body"] = hex(taken.body);
  json["reference_set"] = hex(taken.reference_set);
  json["first_number"] = taken.numbers.first_number;
  json["data_reserved"] = taken.numbers.data;
  json["meta_reserved"] = taken.numbers.meta;
  json["segments"] = Json::array();
  for (const SegmentIntroduction& segment : taken.segments) {
    json["segments"].push_back({{"index_segment", hex(segment.index_segment)},
                                {"stream", segment.stream == PackKind::data ? "data" : "meta"}});
  }
  json["key_segments"] = hex_list(taken.key_segments);
}

// "; sources: desk, mail"
std::string sources_of(const SlotIntroduction& slot) {
  std::string out;
  for (const std::string& source : slot.sources) {
    out += concat(out.empty() ? "; sources: " : ", ", printable(source));
  }
  return out;
}

std::string subject_of(const SlotNames& /*names*/, const SlotAdded& added) {
  return concat(printable(added.slot.name), " (", hex(added.slot.slot).substr(0, 8),
                "): ", capability_names(added.slot.capabilities), sources_of(added.slot));
}

void add(Json& json, const SlotAdded& added) {
  json["slot"] = hex(added.slot.slot);
  json["name"] = json_text(added.slot.name);
  json["capabilities"] = capability_names(added.slot.capabilities);
  json["sources"] = text_list(added.slot.sources);
}

std::string subject_of(const SlotNames& /*names*/, const SlotRewrapped& /*rewrapped*/) {
  return {};
}

void add(Json& /*json*/, const SlotRewrapped& /*rewrapped*/) {}

// "2 snapshots ended, 31 objects removed"
std::string text_of(const EndedContent& ended) {
  std::string out;
  const auto add_count = [&](std::size_t count, std::string_view one, std::string_view what) {
    if (count == 0) return;
    out += concat(out.empty() ? "" : ", ", count, " ", one, count == 1 ? " " : "s ", what);
  };
  add_count(ended.snapshots.size(), "snapshot", "ended");
  add_count(ended.forgotten.size(), "snapshot", "forgotten");
  add_count(ended.names.size(), "object", "removed");
  return out;
}

std::string subject_of(const SlotNames& names, const EpochEnded& ended) {
  if (ended.revoked.empty()) return text_of(ended.ended);
  std::string slots;
  for (const SlotId& slot : ended.revoked) {
    slots += concat(slots.empty() ? "" : ", ", slot_label(names, slot));
  }
  return concat("without ", slots, ended.ended.empty() ? "" : "; ", text_of(ended.ended));
}

void add(Json& json, const EpochEnded& ended) {
  json["revoked"] = hex_list(ended.revoked);
  json["dropped"] = ended.dropped_count;
  json["forgets"] = ended.forgets;
  json["segments"] = Json::array();
  for (const ReplacedSegment& segment : ended.ended.segments) {
    json["segments"].push_back(hex(segment.hash));
  }
  json["snapshots"] = hex_list(ended.ended.snapshots);
  json["forgotten"] = hex_list(ended.ended.forgotten);
  json["names"] = hex_list(ended.ended.names);
}

std::string subject_of(const SlotNames& /*names*/, const StateRemade& /*remade*/) {
  return {};
}

void add(Json& json, const StateRemade& remade) {
  json["client"] = hex(remade.client);
}

std::string subject_of(const SlotNames& /*names*/, const IncidentsClosed& closed) {
  return printable(closed.note);
}

void add(Json& json, const IncidentsClosed& closed) {
  json["first"] = closed.first;
  json["last"] = closed.last;
  json["note"] = json_text(closed.note);
  json["accepted"] = hex_list(closed.accepted);
}

std::string subject_of(const SlotNames& /*names*/, const FeaturesRequired& required) {
  std::string out;
  for (const std::string& feature : required.features) {
    out += concat(out.empty() ? "" : ", ", printable(feature));
  }
  return out;
}

void add(Json& json, const FeaturesRequired& required) {
  json["features"] = Json::array();
  for (const std::string& feature : required.features) {
    json["features"].push_back(json_text(feature));
  }
}

std::string pack_count(const std::vector<ObjectHash>& packs) {
  return concat(packs.size(), packs.size() == 1 ? " pack" : " packs");
}

std::string subject_of(const SlotNames& /*names*/, const PacksCondemned& condemned) {
  return pack_count(condemned.packs);
}

void add(Json& json, const PacksCondemned& condemned) {
  json["packs"] = hex_list(condemned.packs);
}

std::string subject_of(const SlotNames& /*names*/, const PacksCleared& cleared) {
  return pack_count(cleared.packs);
}

void add(Json& json, const PacksCleared& cleared) {
  json["packs"] = hex_list(cleared.packs);
}

std::string subject_of(const SlotNames& /*names*/, const SetsProved& proved) {
  const std::size_t count = proved.equal.size() + proved.replaced.size();
  const std::string of = concat("of ", count, count == 1 ? " snapshot" : " snapshots");
  return proved.replaced.empty() ? of : concat(of, ", ", proved.replaced.size(), " replaced");
}

void add(Json& json, const SetsProved& proved) {
  json["equal"] = Json::array();
  for (const JudgedSet& judged : proved.equal) {
    json["equal"].push_back(
        {{"snapshot", hex(judged.snapshot)}, {"reference_set", hex(judged.set)}});
  }
  json["replaced"] = Json::array();
  for (const ReplacedSet& each : proved.replaced) {
    json["replaced"].push_back({{"snapshot", hex(each.judged.snapshot)},
                                {"reference_set", hex(each.judged.set)},
                                {"replacement", hex(each.replacement)}});
  }
  json["key_segments"] = hex_list(proved.key_segments);
}

std::string subject_of(const SlotNames& /*names*/, const IncidentOpened& opened) {
  return concat(pack_count(opened.packs), " missing or damaged");
}

void add(Json& json, const IncidentOpened& opened) {
  json["packs"] = hex_list(opened.packs);
}

std::string subject_of(const SlotNames& /*names*/, const EntriesProved& proved) {
  if (proved.ranges.size() != 1) return concat(proved.ranges.size(), " ranges of entries");
  return concat("entries ", proved.ranges.front().first, " to ", proved.ranges.front().last);
}

void add(Json& json, const EntriesProved& proved) {
  json["ranges"] = Json::array();
  for (const EntryRange& range : proved.ranges) {
    json["ranges"].push_back({{"first", range.first}, {"last", range.last}});
  }
}

std::string segment_count(const std::vector<ObjectHash>& segments) {
  return concat(segments.size(), segments.size() == 1 ? " index segment" : " index segments");
}

std::string subject_of(const SlotNames& /*names*/, const Reindexed& reindexed) {
  return concat(reindexed.replaced.size(),
                reindexed.replaced.size() == 1 ? " index segment" : " index segments", " replaced");
}

void add(Json& json, const Reindexed& reindexed) {
  json["replaced"] = Json::array();
  for (const ReplacedSegment& segment : reindexed.replaced) {
    json["replaced"].push_back(hex(segment.hash));
  }
  json["segments"] = hex_list(reindexed.segments);
}

std::string subject_of(const SlotNames& /*names*/, const DeadCondemned& condemned) {
  return segment_count(condemned.segments);
}

void add(Json& json, const DeadCondemned& condemned) {
  json["segments"] = hex_list(condemned.segments);
}

std::string subject_of(const SlotNames& /*names*/, const UnnamedCondemned& condemned) {
  return concat(condemned.names.size(), condemned.names.size() == 1 ? " object" : " objects");
}

void add(Json& json, const UnnamedCondemned& condemned) {
  json["names"] = hex_list(condemned.names);
}

std::string subject_of(const SlotNames& /*names*/, const SegmentsGivenUp& given_up) {
  return segment_count(given_up.segments);
}

void add(Json& json, const SegmentsGivenUp& given_up) {
  json["segments"] = hex_list(given_up.segments);
}

std::string subject_of(const SlotNames& /*names*/, const ClockReset& reset) {
  return printable(reset.reason);
}

void add(Json& json, const ClockReset& reset) {
  json["reason"] = json_text(reset.reason);
}

// "; because of that", where a reason was given.
std::string because(const std::string& reason) {
  return reason.empty() ? "" : concat("; ", printable(reason));
}

std::string subject_of(const SlotNames& /*names*/, const PolicySet& set) {
  return concat(printable(set.policy.name), ": ", printable(policy_text(set.policy)),
                because(set.reason));
}

void add(Json& json, const PolicySet& set) {
  json["policy"] = policy_json(set.policy);
  json["reason"] = json_text(set.reason);
}

std::string subject_of(const SlotNames& names, const PolicyAssigned& assigned) {
  const auto* source = std::get_if<std::string>(&assigned.subject);
  const std::string subject =
      source != nullptr ? concat("source ", printable(*source))
                        : concat("slot ", slot_label(names, std::get<SlotId>(assigned.subject)));
  const std::string policy =
      assigned.policy.empty() ? "no policy of its own" : printable(assigned.policy);
  return concat(policy, " to ", subject, because(assigned.reason));
}

void add(Json& json, const PolicyAssigned& assigned) {
  if (const auto* source = std::get_if<std::string>(&assigned.subject)) {
    json["source"] = json_text(*source);
  } else {
    json["to_slot"] = hex(std::get<SlotId>(assigned.subject));
  }
  json["policy"] = json_text(assigned.policy);
  json["reason"] = json_text(assigned.reason);
}

std::string subject_of(const SlotNames& /*names*/, const PolicyRemoved& removed) {
  return concat(printable(removed.policy), because(removed.reason));
}

void add(Json& json, const PolicyRemoved& removed) {
  json["policy"] = json_text(removed.policy);
  json["reason"] = json_text(removed.reason);
}

std::string subject_of(const SlotNames& names, const SourceBound& bound) {
  const std::string slot =
      bound.slot == SlotId{} ? "" : concat(" to ", slot_label(names, bound.slot));
  const std::string continued =
      bound.continues.empty() ? "" : concat(", continues ", printable(bound.continues));
  return concat(printable(bound.source), slot, continued, because(bound.reason));
}

void add(Json& json, const SourceBound& bound) {
  json["source"] = json_text(bound.source);
  json["to_slot"] = hex(bound.slot);
  json["continues"] = json_text(bound.continues);
  json["ended"] = bound.is_ended;
  json["reason"] = json_text(bound.reason);
}

std::string snapshot_count(std::size_t count) {
  return concat(count, count == 1 ? " snapshot" : " snapshots");
}

std::string subject_of(const SlotNames& /*names*/, const SnapshotsRetired& retired) {
  return concat(snapshot_count(retired.snapshots.size()), because(retired.reason));
}

void add(Json& json, const SnapshotsRetired& retired) {
  json["snapshots"] = Json::array();
  for (const RetiredSnapshot& each : retired.snapshots) {
    json["snapshots"].push_back(
        {{"snapshot", hex(each.snapshot)}, {"cause", cause_text(each.cause)}});
  }
  json["planned_for"] = utc_time(retired.planned_ms);
  json["reason"] = json_text(retired.reason);
}

std::string subject_of(const SlotNames& /*names*/, const MinimumsShortened& shortened) {
  return concat(snapshot_count(shortened.snapshots.size()), " to ",
                span_text(shortened.minimum_seconds), because(shortened.reason));
}

void add(Json& json, const MinimumsShortened& shortened) {
  json["snapshots"] = hex_list(shortened.snapshots);
  json["minimum_seconds"] = shortened.minimum_seconds;
  json["reason"] = json_text(shortened.reason);
}

std::string subject_of(const SlotNames& /*names*/, const SnapshotsUnretired& unretired) {
  return concat(snapshot_count(unretired.snapshots.size()), " until ",
                local_time(unretired.keep_until_ms), because(unretired.reason));
}

void add(Json& json, const SnapshotsUnretired& unretired) {
  json["snapshots"] = hex_list(unretired.snapshots);
  json["keep_until"] = utc_time(unretired.keep_until_ms);
  json["reason"] = json_text(unretired.reason);
}

// "on the repository", "on sources desk, mail", "on 3 snapshots"
std::string parts_text(const HoldParts& parts, std::string_view if_whole) {
  if (parts.is_whole()) return std::string(if_whole);
  if (!parts.snapshots.empty()) return concat(" on ", snapshot_count(parts.snapshots.size()));
  std::string out;
  for (const std::string& source : parts.sources) {
    out += concat(out.empty() ? " on " : ", ", printable(source));
  }
  return out;
}

void add_parts(Json& json, const HoldParts& parts) {
  json["snapshots"] = hex_list(parts.snapshots);
  json["sources"] = text_list(parts.sources);
}

std::string subject_of(const SlotNames& /*names*/, const HoldPlaced& placed) {
  return concat(printable(placed.matter), parts_text(placed.parts, " on the repository"),
                because(placed.reason));
}

void add(Json& json, const HoldPlaced& placed) {
  json["matter"] = json_text(placed.matter);
  add_parts(json, placed.parts);
  json["reason"] = json_text(placed.reason);
}

std::string subject_of(const SlotNames& /*names*/, const HoldLifted& lifted) {
  return concat(printable(lifted.matter), parts_text(lifted.parts, ""), because(lifted.reason));
}

void add(Json& json, const HoldLifted& lifted) {
  json["matter"] = json_text(lifted.matter);
  add_parts(json, lifted.parts);
  json["reason"] = json_text(lifted.reason);
}

std::string subject_of(const SlotNames& /*names*/, const CeilingSet& ceiling) {
  return concat(span_text(ceiling.seconds), because(ceiling.reason));
}

void add(Json& json, const CeilingSet& ceiling) {
  json["seconds"] = ceiling.seconds;
  json["reason"] = json_text(ceiling.reason);
}

std::string subject_of(const SlotNames& /*names*/, const ProposalCancelled& cancelled) {
  return concat("of entry ", cancelled.sequence, because(cancelled.reason));
}

void add(Json& json, const ProposalCancelled& cancelled) {
  json["proposal"] = cancelled.sequence;
  json["reason"] = json_text(cancelled.reason);
}

std::string subject_of(const SlotNames& /*names*/, const UnknownAct& /*act*/) {
  return {};
}

void add(Json& /*json*/, const UnknownAct& /*act*/) {}

}  // namespace

std::string slot_label(const SlotNames& names, const SlotId& id) {
  const auto name = names.find(id);
  std::string digits = hex(id).substr(0, 8);
  if (name == names.end()) return digits;
  return concat(printable(name->second), " (", digits, ")");
}

std::string subject(const SlotNames& names, const Act& act) {
  return std::visit([&](const auto& each) { return subject_of(names, each); }, act);
}

void add_act(Json& json, const Act& act) {
  std::visit([&](const auto& each) { add(json, each); }, act);
}

}  // namespace kist::cli
