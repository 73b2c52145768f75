#include <algorithm>

#include "cli/key_parts.h"

namespace kist::cli {

namespace {

struct EpochArguments {
  std::vector<std::string> slots;
  EndEpochOptions options;
  bool is_dry_run = false;
};

Exit report_epoch(const Session& session, const EndEpochResult& result) {
  if (session.options.is_json) {
    print_json({{"entry", result.sequence},
                {"epoch", result.epoch_number},
                {"dropped", result.dropped},
                {"removed", result.removed},
                {"given_up", hex_list(result.given_up)}});
    return Exit::done;
  }
  for (const std::string& name : result.dropped) {
    print_line(concat("given up: ", name));
  }
  for (const SnapshotId& snapshot : result.given_up) {
    print_line(concat("given up: snapshot ", hex(snapshot), ", of which not all is stored"));
  }
  print_line(concat("epoch ", result.epoch_number, " has begun with journal entry ",
                    result.sequence, "; ", result.removed, " objects of former ones removed"));
  return Exit::done;
}

// Both copies of an object are two lines; so are the slots that stay and those that go.
Exit report_epoch_plan(const Session& session,
                       const std::vector<SlotInfo>& slots,
                       const EndEpochPlan& plan) {
  const auto slot_of = [&](const SlotId& id) {
    return *std::ranges::find(slots, id, &SlotInfo::slot);
  };
  if (session.options.is_json) {
    const auto to_json = [&](const std::vector<SlotId>& ids) {
      Json out = Json::array();
      for (const SlotId& id : ids) {
        out.push_back({{"slot", hex(id)}, {"name", json_text(slot_of(id).name)}});
      }
      return out;
    };
    Json removals = Json::array();
    for (const Removal& removal : plan.removal.removals) {
      removals.push_back({{"path", json_text(removal.path)}, {"reason", removal.reason}});
    }
    print_json({{"dry_run", true},
                {"entry", plan.sequence},
                {"epoch", plan.epoch_number},
                {"kept", to_json(plan.slots.kept)},
                {"shut_out", to_json(plan.slots.shut_out)},
                {"carried", plan.carried},
                {"dropped", plan.dropped},
                {"removals", removals},
                {"given_up", hex_list(plan.given_up)}});
    return Exit::done;
  }
  const auto print_all = [](std::string_view word, const auto& things, const auto& text) {
    for (const auto& thing : things) {
      print_line(concat(word, text(thing)));
    }
  };
  const auto label = [&](const SlotId& id) { return printable(slot_label(slot_of(id))); };
  const auto as_it_is = [](const std::string& path) { return path; };
  print_all("KEEP SLOT  ", plan.slots.kept, label);
  print_all("SHUT OUT   ", plan.slots.shut_out, label);
  print_all("CARRY ON   ", plan.carried, as_it_is);
  print_all("GIVE UP    ", plan.dropped, as_it_is);
  print_all("GIVE UP    ", plan.given_up,
            [](const SnapshotId& id) { return concat("snapshot ", hex(id)); });
  print_all("REMOVE     ", plan.removal.removals, [](const Removal& removal) {
    return concat(printable(removal.path), ": ", removal.reason);
  });
  print_line(concat("dry run: epoch ", plan.epoch_number, " would begin with journal entry ",
                    plan.sequence, ", and ", plan.removal.removals.size(),
                    " objects of former ones would be removed; nothing was written"));
  return Exit::done;
}

Exit run_key_revoke(Session& session, const EpochArguments& arguments) {
  Repository repository = session.open();
  require_capability(repository, can_own);
  const std::vector<SlotInfo> slots = list_slots(repository);
  std::vector<SlotId> revoked;
  std::string names;
  for (const std::string& wanted : arguments.slots) {
    const SlotInfo& slot = find_slot(slots, wanted);
    if (slot.is_own) {
      throw Error(Code::invalid, "a slot cannot revoke itself; use another owner's");
    }
    if (std::ranges::count(revoked, slot.slot) > 0) continue;
    revoked.push_back(slot.slot);
    names += concat(names.empty() ? "" : ", ", slot_label(slot));
  }
  EndEpochOptions options = arguments.options;
  options.revoked = revoked;
  if (arguments.is_dry_run) {
    return report_epoch_plan(session, slots, plan_end_epoch(repository, options));
  }
  const bool had_more = only_owner(slots, {}).empty();
  const std::string owner = had_more ? only_owner(slots, revoked) : "";
  const std::size_t given_up = find_given_up(repository, options).size();
  confirm(session,
          concat("Revoke ", names,
                 "? Nothing that is stored from now on opens with it, and it cannot be taken back.",
                 given_up == 0 ? ""
                               : concat(" Snapshots of it of which not all is stored are given "
                                        "up for good: ",
                                        given_up, " (--dry-run names them)."),
                 owner.empty() ? ""
                               : concat(" Only one owner's slot is left then, ", owner,
                                        ": whoever loses it has lost the repository.")));
  return report_epoch(session, end_epoch(repository, options));
}

Exit run_key_rotate(Session& session, const EpochArguments& arguments) {
  Repository repository = session.open();
  if (arguments.is_dry_run) {
    const EndEpochPlan plan = plan_end_epoch(repository, arguments.options);
    return report_epoch_plan(session, list_slots(repository), plan);
  }
  return report_epoch(session, end_epoch(repository, arguments.options));
}

}  // namespace

std::string slot_label(const SlotInfo& slot) {
  return concat(slot.name, " (", hex(slot.slot).substr(0, 8), ")");
}

std::string only_owner(std::vector<SlotInfo> slots, const std::vector<SlotId>& without) {
  std::erase_if(slots, [&](const SlotInfo& slot) {
    return slot.is_revoked || !slot.is_accepted || (slot.capabilities & can_own) == 0 ||
           std::ranges::count(without, slot.slot) > 0;
  });
  return slots.size() == 1 ? slot_label(slots.front()) : std::string();
}

const SlotInfo& find_slot(const std::vector<SlotInfo>& slots, const std::string& wanted) {
  std::vector<const SlotInfo*> found;
  for (const SlotInfo& slot : slots) {
    const bool has_digits = wanted.size() >= 4 && hex(slot.slot).starts_with(wanted);
    if (!slot.is_revoked && (slot.name == wanted || has_digits)) found.push_back(&slot);
  }
  if (found.size() == 1) return *found.front();
  throw Error(Code::invalid,
              concat(found.empty() ? "no slot is called " : "more than one slot is called ", wanted,
                     "; kist key list shows them"));
}

void add_key_epochs(CLI::App& key, Session& session) {
  auto epoch = std::make_shared<EpochArguments>();
  CLI::App* revoke = key.add_subcommand(
      "revoke", "Revoke slots: what is stored from now on does not open with them");
  revoke->add_option("slot", epoch->slots, "The name of a slot, or the first digits of its id")
      ->required();
  CLI::App* rotate = key.add_subcommand("rotate", "Begin a new epoch: new secrets for every slot");
  for (CLI::App* ending : {revoke, rotate}) {
    ending->add_flag("--drop-unreadable", epoch->options.drops_unreadable,
                     "Give up damaged key segments and the content that only they open");
    ending->add_flag("--forget", epoch->options.forgets,
                     "Every machine forgets what it keeps of before: block index and file caches");
    ending->add_flag("-n,--dry-run", epoch->is_dry_run,
                     "Say what would be done and removed, and write nothing");
  }
  revoke->callback([&session, epoch] {
    session.action = [&session, epoch] { return run_key_revoke(session, *epoch); };
  });
  rotate->callback([&session, epoch] {
    session.action = [&session, epoch] { return run_key_rotate(session, *epoch); };
  });
}

}  // namespace kist::cli
