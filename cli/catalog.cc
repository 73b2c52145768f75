#include "cli/command.h"

namespace kist::cli {

namespace {

Exit run_catalog_info(Session& session) {
  Repository repository = session.open();
  const CatalogInfo info = catalog_info(repository);
  if (session.options.is_json) {
    print_json({{"directory", json_text(info.directory)},
                {"journal_entries", info.entries},
                {"blocks", info.blocks},
                {"packs", info.packs},
                {"catalog_bytes", info.catalog_bytes},
                {"index_bytes", info.index_bytes}});
    return Exit::done;
  }
  print_line(concat("directory        ", info.directory));
  print_line(concat("journal entries  ", info.entries));
  print_line(concat("block index      ", info.blocks, " blocks in ", info.packs, " packs"));
  print_line(concat("size             ", human_size(info.catalog_bytes), " catalog, ",
                    human_size(info.index_bytes), " block index"));
  return Exit::done;
}

Exit run_catalog_check(Session& session) {
  Repository repository = session.open();
  const std::vector<std::string> differences = check_catalog(repository);
  if (session.options.is_json) {
    print_json({{"differences", differences}});
  } else {
    for (const std::string& difference : differences) {
      print_line(difference);
    }
    print_line(differences.empty() ? "the catalog agrees with the store"
                                   : "kist catalog rebuild makes it anew");
  }
  return differences.empty() ? Exit::done : Exit::integrity;
}

Exit run_catalog_rebuild(Session& session) {
  Repository repository = session.open();
  rebuild_catalog(repository);
  const CatalogInfo info = catalog_info(repository);
  if (session.options.is_json) {
    print_json({{"journal_entries", info.entries}, {"blocks", info.blocks}});
  } else {
    print_line(concat("rebuilt: ", info.entries, " journal entries, ", info.blocks, " blocks"));
  }
  return Exit::done;
}

}  // namespace

void add_catalog(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand(
      "catalog", "What this machine keeps of the repository's journal and index");
  command->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, Exit (*work)(Session&)) {
    command->add_subcommand(name, help)->callback([&session, work] {
      session.action = [&session, work] { return work(session); };
    });
  };
  add("info", "Show where the catalog is and what it holds", &run_catalog_info);
  add("check", "Compare the catalog with a new one made from the store", &run_catalog_check);
  add("rebuild", "Remove the catalog and make a new one from the store", &run_catalog_rebuild);
}

}  // namespace kist::cli
