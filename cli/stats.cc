#include "cli/command.h"

namespace kist::cli {

namespace {

Exit run_stats(Session& session) {
  Repository repository = session.open();
  const RepositoryStatistics s = count_repository(repository);
  if (session.options.is_json) {
    Json sources = Json::array();
    for (const auto& source : s.sources) {
      sources.push_back({{"source", json_text(source.name)},
                         {"snapshots", source.snapshots},
                         {"bytes_newest", source.bytes_newest},
                         {"bytes_stored", source.bytes_stored}});
    }
    print_json({{"snapshots", s.snapshots},
                {"bytes_total", s.bytes_total},
                {"bytes_newest", s.bytes_newest},
                {"packs", s.packs},
                {"pack_bytes", s.pack_bytes},
                {"blocks", s.blocks},
                {"journal_entries", s.entries},
                {"sources", sources}});
    return Exit::done;
  }
  print_line(concat("snapshots        ", s.snapshots));
  print_line(concat("journal entries  ", s.entries));
  print_line(concat("size             ", human_size(s.bytes_total), " in all snapshots, ",
                    human_size(s.bytes_newest), " in the newest of each source"));
  print_line(concat("stored           ", human_size(s.pack_bytes), " in ", s.packs, " packs, ",
                    s.blocks, " blocks"));
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
  CLI::App* command = app.add_subcommand("stats", "Show how much is stored, and for which source");
  command->callback([&session] { session.action = [&session] { return run_stats(session); }; });
}

}  // namespace kist::cli
