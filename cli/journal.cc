#include "cli/command.h"

namespace kist::cli {

namespace {

std::string slot_label(const State& state, const SlotId& id) {
  const auto slot = state.slots.find(id);
  std::string digits = hex(id).substr(0, 8);
  if (slot == state.slots.end()) return digits;
  return concat(printable(slot->second.introduction.name), " (", digits, ")");
}

std::string subject(const Act& act) {
  if (const auto* taken = std::get_if<SnapshotTaken>(&act)) {
    return concat(hex(taken->snapshot).substr(0, 10), " of ", printable(taken->source));
  }
  if (const auto* added = std::get_if<SlotAdded>(&act)) {
    return concat(printable(added->slot.name), " (", hex(added->slot.slot).substr(0, 8),
                  "): ", capability_names(added->slot.capabilities));
  }
  if (const auto* genesis = std::get_if<Genesis>(&act)) {
    return concat("blocks of ", human_size(genesis->content.block_target), " on average");
  }
  return {};
}

Json to_json(const ReplayedEntry& replayed) {
  const JournalEntry& entry = replayed.entry;
  const bool is_void = !replayed.void_reason.empty();
  Json json = {{"sequence", entry.sequence}, {"hash", hex(replayed.hash)}, {"void", is_void}};
  if (is_void) {
    json["reason"] = json_text(replayed.void_reason);
    return json;
  }
  json["type"] = act_name(entry.act);
  json["time"] = utc_time(entry.time_ms);
  json["author"] = hex(entry.author);
  json["previous"] = hex(entry.previous);
  json["epoch"] = entry.epoch_number;
  if (const auto* taken = std::get_if<SnapshotTaken>(&entry.act)) {
    json["snapshot"] = hex(taken->snapshot);
    json["source"] = json_text(taken->source);
    json["body"] = hex(taken->body);
    json["reference_set"] = hex(taken->reference_set);
    json["segments"] = Json::array();
    for (const SegmentIntroduction& segment : taken->segments) {
      json["segments"].push_back({{"index_segment", hex(segment.index_segment)},
                                  {"first_number", segment.first_number},
                                  {"block_count", segment.block_count}});
    }
    json["key_segments"] = Json::array();
    for (const ObjectHash& name : taken->key_segments) {
      json["key_segments"].push_back(hex(name));
    }
  }
  if (const auto* added = std::get_if<SlotAdded>(&entry.act)) {
    json["slot"] = hex(added->slot.slot);
    json["name"] = json_text(added->slot.name);
    json["capabilities"] = capability_names(added->slot.capabilities);
  }
  return json;
}

Exit run_list(Session& session) {
  Repository repository = session.open();
  repository.require_view();
  Json list = Json::array();
  Table table({"ENTRY", "TIME", "TYPE", "AUTHOR", "SUBJECT"});
  table.align_right(0);
  repository.local->catalog().for_each(0, [&](const ReplayedEntry& replayed) {
    if (session.options.is_json) {
      list.push_back(to_json(replayed));
    } else if (!replayed.void_reason.empty()) {
      table.add({std::to_string(replayed.entry.sequence), "", "void", "",
                 printable(replayed.void_reason)});
    } else {
      table.add({std::to_string(replayed.entry.sequence), local_time(replayed.entry.time_ms),
                 act_name(replayed.entry.act),
                 slot_label(repository.state(), replayed.entry.author),
                 subject(replayed.entry.act)});
    }
    return true;
  });
  if (session.options.is_json) {
    print_json({{"journal", list}});
  } else {
    table.print();
  }
  return Exit::done;
}

Exit run_show(Session& session, std::uint64_t sequence) {
  Repository repository = session.open();
  repository.require_view();
  bool found = false;
  repository.local->catalog().for_each(sequence, [&](const ReplayedEntry& replayed) {
    found = replayed.entry.sequence == sequence;
    if (!found) return false;
    print_line(session.options.is_json ? to_json(replayed).dump() : to_json(replayed).dump(2));
    return false;
  });
  if (!found) throw Error(Code::failed, concat("the journal has no entry ", sequence));
  return Exit::done;
}

Exit run_verify(Session& session) {
  Repository repository = session.open();
  repository.require_view();
  rebuild_catalog(repository);
  const State& state = repository.state();
  if (session.options.is_json) {
    Json voids = Json::array();
    for (const VoidEntry& entry : state.voids) {
      voids.push_back({{"sequence", entry.sequence}, {"reason", json_text(entry.reason)}});
    }
    print_json({{"entries", state.next_sequence}, {"head", hex(state.head)}, {"void", voids}});
  } else {
    print_line(
        concat("replayed ", state.next_sequence, " entries: chain, signatures and rules hold"));
    for (const VoidEntry& entry : state.voids) {
      print_line(concat("void: entry ", entry.sequence, ", ", printable(entry.reason)));
    }
    print_line(concat("head ", hex(state.head)));
  }
  return state.voids.empty() ? Exit::done : Exit::integrity;
}

}  // namespace

void add_journal(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("journal", "The signed history of the repository");
  command->require_subcommand(1);
  command->add_subcommand("list", "All entries")->callback([&session] {
    session.action = [&session] { return run_list(session); };
  });
  CLI::App* show = command->add_subcommand("show", "One entry, whole");
  auto sequence = std::make_shared<std::uint64_t>(0);
  show->add_option("entry", *sequence, "Its number")->required();
  show->callback([&session, sequence] {
    session.action = [&session, sequence] { return run_show(session, *sequence); };
  });
  command->add_subcommand("verify", "Replay all of it from the store")->callback([&session] {
    session.action = [&session] { return run_verify(session); };
  });
}

}  // namespace kist::cli
