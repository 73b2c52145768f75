#include "cli/act_text.h"
#include "cli/command.h"
#include "cli/policy_json.h"
#include "cli/policy_options.h"

namespace kist::cli {

namespace {

struct PolicyArguments {
  std::string name;
  std::string reason;
  std::vector<std::string> sources;
  std::vector<std::string> slots;
  std::string seconds;
  std::uint64_t entry = 0;
  bool has_none = false;
  bool is_dry_run = false;
  RuleOptions rules;
  TermOptions terms;
};

SlotNames slot_names(const Repository& repository) {
  SlotNames out;
  for (const SlotInfo& slot : list_slots(repository)) {
    out.emplace(slot.slot, slot.name);
  }
  return out;
}

Json change_json(const PolicyChange& change) {
  Json out = {{"entry", change.sequence}, {"proposed", change.is_proposed}};
  if (change.is_proposed) {
    out["wait_seconds"] = change.wait_seconds;
    out["needs_other_slot"] = change.needs_other;
  }
  return out;
}

// What became of a change, and what a proposal waits for.
void print_change(const std::string& what, const PolicyChange& change) {
  if (!change.is_proposed) {
    print_line(concat(what, ", with journal entry ", change.sequence));
    return;
  }
  print_line(concat(what, ": proposed with journal entry ", change.sequence));
  print_line(concat(
      "It is in force once ", change.needs_other ? "another slot than yours has" : "a slot has",
      " written two entries ", span_text(change.wait_seconds),
      " apart. Until then any owner takes it back: kist policy cancel ", change.sequence));
}

// What cannot be taken back at once.
void tell_lengthening(Session& session, const Repository& repository, const Policy& policy) {
  for (const PolicyInfo& info : list_policies(repository)) {
    const bool is_longer =
        info.policy.name == policy.name && policy.minimum_seconds > info.policy.minimum_seconds;
    if (!is_longer) continue;
    session.console.notice(concat("snapshots that exist get the longer minimum, ",
                                  span_text(policy.minimum_seconds),
                                  ", too, and keep it when the policy gets shorter again"));
  }
}

Exit run_policy_set(Session& session, const PolicyArguments& arguments) {
  const auto change = [&](Policy& policy) {
    set_rules(policy, arguments.rules);
    set_terms(policy, arguments.terms);
  };
  Repository repository = session.open();
  const Policy policy = preview_policy(repository, arguments.name, change, arguments.reason);
  const std::string text = concat(printable(policy.name), ": ", printable(policy_text(policy)));
  tell_lengthening(session, repository, policy);
  if (arguments.is_dry_run) {
    if (session.options.is_json) {
      print_json({{"dry_run", true}, {"policy", policy_json(policy)}});
    } else {
      print_line(concat("would set ", text));
    }
    return Exit::done;
  }
  const PolicyChange done = set_policy(repository, arguments.name, change, arguments.reason);
  if (session.options.is_json) {
    Json json = change_json(done);
    json["policy"] = policy_json(policy);
    print_json(json);
  } else {
    print_change(concat("set ", text), done);
  }
  return Exit::done;
}

std::string list_of(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    out += concat(out.empty() ? "" : ", ", printable(name));
  }
  return out;
}

Json info_json(const PolicyInfo& info) {
  Json out = policy_json(info.policy);
  out["default"] = info.is_default;
  out["sources"] = text_list(info.sources);
  out["slots"] = hex_list(info.slots);
  return out;
}

// Of a source or slot: what it is assigned to.
std::string subjects_of(const PolicyInfo& info, const SlotNames& names) {
  std::vector<std::string> out;
  if (info.is_default) out.emplace_back("all that have no other");
  for (const std::string& source : info.sources) {
    out.push_back(source);
  }
  for (const SlotId& slot : info.slots) {
    out.push_back(concat("slot ", slot_label(names, slot)));
  }
  return list_of(out);
}

Act act_of(const ProposedAct& proposed) {
  return std::visit([](const auto& act) { return Act(act); }, proposed);
}

Exit run_policy_list(Session& session) {
  const Repository repository = session.open();
  const SlotNames names = slot_names(repository);
  Json policies = Json::array();
  Json proposals = Json::array();
  Table table({"POLICY", "OF", "WHAT"});
  for (const PolicyInfo& info : list_policies(repository)) {
    policies.push_back(info_json(info));
    table.add({printable(info.policy.name), subjects_of(info, names),
               printable(policy_text(info.policy))});
  }
  Table waiting({"PROPOSAL", "TIME", "BY", "WHAT"});
  for (const Proposal& proposal : list_proposals(repository)) {
    const Act act = act_of(proposal.act);
    Json json = {{"entry", proposal.sequence},
                 {"time", utc_time(proposal.time_ms)},
                 {"slot", hex(proposal.author)},
                 {"type", act_name(act)},
                 {"wait_seconds", proposal.wait_seconds},
                 {"needs_other_slot", proposal.needs_other}};
    add_act(json, act);
    proposals.push_back(json);
    waiting.add({std::to_string(proposal.sequence), local_time(proposal.time_ms),
                 slot_label(names, proposal.author), subject(names, act)});
  }
  if (session.options.is_json) {
    print_json({{"policy", policies},
                {"proposals", proposals},
                {"ceiling_seconds", ceiling_seconds(repository)}});
    return Exit::done;
  }
  table.print();
  print_line(concat("\nno minimum is longer than ", span_text(ceiling_seconds(repository))));
  if (!proposals.empty()) {
    print_line("");
    waiting.print();
  }
  return Exit::done;
}

Exit run_policy_show(Session& session, const PolicyArguments& arguments) {
  const Repository repository = session.open();
  const PolicyInfo info = find_policy(repository, arguments.name);
  if (session.options.is_json) {
    print_json(info_json(info));
    return Exit::done;
  }
  print_line(concat(printable(info.policy.name), ": ", printable(policy_text(info.policy))));
  const std::string subjects = subjects_of(info, slot_names(repository));
  print_line(concat("of ", subjects.empty() ? "nothing" : subjects));
  return Exit::done;
}

Exit run_policy_history(Session& session, const PolicyArguments& arguments) {
  Repository repository = session.open();
  const SlotNames names = slot_names(repository);
  Json list = Json::array();
  Table table({"ENTRY", "TIME", "BY", "ACT", "WHAT"});
  for (const JournalEntry& entry : policy_history(repository, arguments.name)) {
    Json json = {{"entry", entry.sequence},
                 {"time", utc_time(entry.time_ms)},
                 {"slot", hex(entry.author)},
                 {"type", act_name(entry.act)}};
    add_act(json, entry.act);
    const auto* genesis = std::get_if<Genesis>(&entry.act);
    if (genesis != nullptr) json["policy"] = policy_json(genesis->policy);
    list.push_back(json);
    table.add(
        {std::to_string(entry.sequence), local_time(entry.time_ms), slot_label(names, entry.author),
         act_name(entry.act),
         genesis == nullptr ? subject(names, entry.act) : printable(policy_text(genesis->policy))});
  }
  if (session.options.is_json) {
    print_json({{"history", list}});
  } else {
    table.print();
  }
  return Exit::done;
}

std::vector<PolicyAssigned> assignments_of(const Repository& repository,
                                           const PolicyArguments& arguments) {
  if (arguments.has_none == !arguments.name.empty()) {
    throw Error(Code::invalid, "name a policy, or say --none: one of the two");
  }
  if (arguments.sources.empty() && arguments.slots.empty()) {
    throw Error(Code::invalid, "to what? give --source or --slot-name");
  }
  std::vector<PolicyAssigned> out;
  for (const std::string& source : arguments.sources) {
    out.push_back({.subject = source, .policy = arguments.name, .reason = arguments.reason});
  }
  if (arguments.slots.empty()) return out;
  const std::vector<SlotInfo> slots = list_slots(repository);
  for (const std::string& slot : arguments.slots) {
    out.push_back({.subject = find_slot(slots, slot).slot,
                   .policy = arguments.name,
                   .reason = arguments.reason});
  }
  return out;
}

Exit run_policy_assign(Session& session, const PolicyArguments& arguments) {
  Repository repository = session.open();
  tell_unknown_sources(session, repository, arguments.sources);
  Json list = Json::array();
  for (const PolicyAssigned& assigned : assignments_of(repository, arguments)) {
    const PolicyChange done = assign_policy(repository, assigned);
    Json json = change_json(done);
    add_act(json, assigned);
    list.push_back(json);
    if (!session.options.is_json) {
      print_change(concat("assigned ", subject(slot_names(repository), Act(assigned))), done);
    }
  }
  if (session.options.is_json) print_json({{"assigned", list}});
  return Exit::done;
}

Exit report_entry(const Session& session, const std::string& what, std::uint64_t entry) {
  if (session.options.is_json) {
    print_json({{"entry", entry}});
  } else {
    print_line(concat(what, " with journal entry ", entry));
  }
  return Exit::done;
}

Exit run_policy_remove(Session& session, const PolicyArguments& arguments) {
  Repository repository = session.open();
  return report_entry(session, concat("removed ", printable(arguments.name)),
                      remove_policy(repository, arguments.name, arguments.reason));
}

Exit run_policy_cancel(Session& session, const PolicyArguments& arguments) {
  Repository repository = session.open();
  return report_entry(session, concat("cancelled the proposal of entry ", arguments.entry),
                      cancel_proposal(repository, arguments.entry, arguments.reason));
}

Exit run_policy_ceiling(Session& session, const PolicyArguments& arguments) {
  const std::uint64_t seconds = parse_retention(arguments.seconds);
  Repository repository = session.open();
  const PolicyChange done = set_ceiling(repository, seconds, arguments.reason);
  if (session.options.is_json) {
    print_json(change_json(done));
  } else {
    print_change(concat("no minimum may be longer than ", span_text(seconds)), done);
  }
  return Exit::done;
}

using PolicyRun = Exit (*)(Session&, const PolicyArguments&);

void set_policy_action(CLI::App& command,
                       Session& session,
                       const std::shared_ptr<PolicyArguments>& arguments,
                       PolicyRun run) {
  command.callback([&session, arguments, run] {
    session.action = [&session, arguments, run] { return run(session, *arguments); };
  });
}

CLI::Option* add_policy_name(CLI::App& command, PolicyArguments& arguments) {
  return command.add_option("policy", arguments.name, "The policy's name");
}

void add_reason(CLI::App& command, PolicyArguments& arguments) {
  command.add_option("--reason", arguments.reason,
                     "Why; kept in the journal, where every slot can read it");
}

void add_policy_set(CLI::App& policy, Session& session) {
  CLI::App* set =
      policy.add_subcommand("set", "Make a policy, or change it; what is not named stays as it is");
  auto arguments = std::make_shared<PolicyArguments>();
  add_policy_name(*set, *arguments)->required();
  add_rule_options(*set, arguments->rules);
  add_term_options(*set, arguments->terms);
  add_reason(*set, *arguments);
  set->add_flag("--dry-run", arguments->is_dry_run, "Show the policy, change nothing");
  set->footer(
      "A rule of 0 is taken away. A policy without rules keeps everything.\n"
      "Examples:\n  kist policy set default --daily 14 --weekly 8 --monthly 12\n"
      "  kist policy set books --yearly 10 --minimum 10y --lock compliance");
  set_policy_action(*set, session, arguments, &run_policy_set);
}

void add_policy_assign(CLI::App& policy, Session& session) {
  CLI::App* assign =
      policy.add_subcommand("assign", "Say which policy a source or a slot's sources have");
  auto arguments = std::make_shared<PolicyArguments>();
  add_policy_name(*assign, *arguments);
  assign->add_option("--source", arguments->sources, "A source's name")
      ->take_all()
      ->allow_extra_args(false);
  assign
      ->add_option("--slot-name", arguments->slots,
                   "A slot's name, or the first digits of its id: of its sources that have none")
      ->take_all()
      ->allow_extra_args(false);
  assign->add_flag("--none", arguments->has_none, "Take away the policy of its own");
  add_reason(*assign, *arguments);
  assign->footer(
      "Examples:\n  kist policy assign books --source accounting\n"
      "  kist policy assign --none --source accounting --reason \"moved\"");
  set_policy_action(*assign, session, arguments, &run_policy_assign);
}

void add_policy_others(CLI::App& policy, Session& session) {
  auto arguments = std::make_shared<PolicyArguments>();
  CLI::App* show = policy.add_subcommand("show", "Show a policy, and what has it");
  add_policy_name(*show, *arguments)->required();
  set_policy_action(*show, session, arguments, &run_policy_show);
  CLI::App* list = policy.add_subcommand("list", "List the policies, and what is proposed");
  list->callback([&session] { session.action = [&session] { return run_policy_list(session); }; });
  CLI::App* history =
      policy.add_subcommand("history", "List what the journal says of a policy, or of all");
  add_policy_name(*history, *arguments);
  set_policy_action(*history, session, arguments, &run_policy_history);
  CLI::App* remove = policy.add_subcommand("remove", "Remove a policy that nothing has");
  add_policy_name(*remove, *arguments)->required();
  add_reason(*remove, *arguments);
  set_policy_action(*remove, session, arguments, &run_policy_remove);
  CLI::App* cancel = policy.add_subcommand("cancel", "Take back what is proposed");
  cancel->add_option("entry", arguments->entry, "The number of its journal entry")->required();
  add_reason(*cancel, *arguments);
  set_policy_action(*cancel, session, arguments, &run_policy_cancel);
  CLI::App* ceiling =
      policy.add_subcommand("ceiling", "Say how long the minimum of a policy may be at most");
  ceiling->add_option("time", arguments->seconds, "A time such as 10y")->required();
  add_reason(*ceiling, *arguments);
  set_policy_action(*ceiling, session, arguments, &run_policy_ceiling);
}

}  // namespace

void add_policy(CLI::App& app, Session& session) {
  CLI::App* policy = app.add_subcommand("policy", "How long snapshots are kept");
  policy->require_subcommand(1);
  add_policy_set(*policy, session);
  add_policy_assign(*policy, session);
  add_policy_others(*policy, session);
}

}  // namespace kist::cli
