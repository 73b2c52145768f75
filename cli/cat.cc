#include "cli/command.h"

namespace kist::cli {

void add_cat(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("cat", "Print a file of a snapshot");
  auto file = std::make_shared<std::string>();
  command->add_option("file", *file, "SNAPSHOT:/PATH")->required();
  command->footer("Example:\n  kist cat latest:/etc/fstab");
  command->callback([&session, file] {
    session.action = [&session, file] {
      Repository repository = session.open();
      read_content(repository, select(repository, *file), [](View bytes) { print_bytes(bytes); });
      return Exit::done;
    };
  });
}

}  // namespace kist::cli
