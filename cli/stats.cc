#include "cli/command.h"

namespace kist::cli {

namespace {

// What a collection would do now, for whoever may collect. What stops a collection, damage for
// example, stops no sums.
std::optional<CollectionPlan> plan_for(Session& session, Repository& repository) {
  if (!may_collect(repository)) return std::nullopt;
  try {
    return plan_collect(repository, {}).plan;
  } catch (const Error& error) {
    session.console.notice(concat("what a collection would do is not known: ", error.text()));
    return std::nullopt;
  }
}

Json space_json(const SpaceUse& space) {
  return {{"live_bytes", space.live},           {"held_bytes", space.held},
          {"retired_bytes", space.retired},     {"dead_bytes", space.dead},
          {"condemned_bytes", space.condemned}, {"unnamed_bytes", space.unnamed},
          {"left_over", space.left_over}};
}

void print_space(const SpaceUse& space, const std::optional<CollectionPlan>& plan) {
  print_line("");
  print_line(concat("live             ", human_size(space.live), " for snapshots that are kept"));
  print_line(concat("held             ", human_size(space.held), " for retired ones on hold"));
  print_line(concat("retired          ", human_size(space.retired), " for other retired ones"));
  print_line(concat("dead             ", human_size(space.dead), " for none; ",
                    human_size(space.condemned), " stand condemned"));
  print_line(concat("unnamed          ", human_size(space.unnamed),
                    " of backups that were cut off, or are under way"));
  if (space.left_over > 0) {
    print_line(concat("left over        ", space.left_over, " objects that have ended"));
  }
  if (plan) {
    print_line(concat("kist collect     would free about ", human_size(plan->freed_bytes()),
                      ", and write ", human_size(plan->written_bytes)));
  }
}

Exit run_stats(Session& session) {
  Repository repository = session.open();
  const RepositoryStatistics s = count_repository(repository);
  const std::optional<SpaceUse> space = count_space(repository);
  const std::optional<CollectionPlan> plan = space ? plan_for(session, repository) : std::nullopt;
  if (session.options.is_json) {
    Json sources = Json::array();
    for (const auto& source : s.sources) {
      sources.push_back({{"source", json_text(source.name)},
                         {"snapshots", source.snapshots},
                         {"bytes_newest", source.bytes_newest},
                         {"bytes_stored", source.bytes_stored}});
    }
    Json out = {{"snapshots", s.snapshots},       {"bytes_total", s.bytes_total},
                {"bytes_newest", s.bytes_newest}, {"packs", s.packs},
                {"pack_bytes", s.pack_bytes},     {"blocks", s.blocks},
                {"journal_entries", s.entries},   {"sources", sources}};
    if (space) out["space"] = space_json(*space);
    if (plan) {
      out["collect"] = {{"free_bytes", plan->freed_bytes()}, {"write_bytes", plan->written_bytes}};
    }
    print_json(out);
    return Exit::done;
  }
  print_line(concat("snapshots        ", s.snapshots));
  print_line(concat("journal entries  ", s.entries));
  print_line(concat("size             ", human_size(s.bytes_total), " in all snapshots, ",
                    human_size(s.bytes_newest), " in the newest of each source"));
  print_line(concat("stored           ", human_size(s.pack_bytes), " in ", s.packs, " packs, ",
                    s.blocks, " blocks"));
  if (space) print_space(*space, plan);
  if (s.sources.empty()) return Exit::done;
  print_line("");
  Table table({"SOURCE", "SNAPSHOTS", "NEWEST", "STORED"});
  for (const unsigned column : {1U, 2U, 3U}) {
    table.align_right(column);
  }
  for (const auto& source : s.sources) {
    table.add({printable(source.name), std::to_string(source.snapshots),
               human_size(source.bytes_newest), human_size(source.bytes_stored)});
  }
  table.print();
  return Exit::done;
}

}  // namespace

void add_stats(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand(
      "stats", "Show how much is stored, for what, and what a collection would free");
  command->callback([&session] { session.action = [&session] { return run_stats(session); }; });
}

}  // namespace kist::cli
