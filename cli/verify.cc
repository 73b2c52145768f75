#include "cli/command.h"

namespace kist::cli {

namespace {

struct Options {
  std::string level = "structure";
  unsigned threads = 0;
};

VerifyLevel level_of(const std::string& name) {
  if (name == "storage") return VerifyLevel::storage;
  return name == "content" ? VerifyLevel::content : VerifyLevel::structure;
}

Exit run(Session& session, const Options& options) {
  Repository repository = session.open();
  const VerifyReport report =
      verify(repository, {.level = level_of(options.level), .threads = options.threads});
  session.console.clear_progress();
  if (session.options.is_json) {
    Json findings = Json::array();
    for (const Finding& finding : report.findings) {
      findings.push_back({{"object", finding.object}, {"problem", finding.problem}});
    }
    print_json({{"level", options.level},
                {"findings", findings},
                {"entries", report.entries},
                {"snapshots", report.snapshots},
                {"packs", report.packs},
                {"frames", report.frames},
                {"blocks", report.blocks},
                {"bytes_read", report.bytes_read}});
  } else {
    for (const Finding& finding : report.findings) {
      print_line(concat("DAMAGED  ", finding.object, ": ", printable(finding.problem)));
    }
    print_line(concat("verified ", options.level, ": ", report.entries, " journal entries, ",
                      report.snapshots, " snapshots, ", report.packs, " packs, ", report.frames,
                      " frames, ", report.blocks, " blocks, ", human_size(report.bytes_read),
                      " read"));
    print_line(report.findings.empty() ? "no damage found"
                                       : concat(report.findings.size(), " findings"));
  }
  return report.findings.empty() ? Exit::done : Exit::integrity;
}

}  // namespace

void add_verify(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("verify", "Check that everything is there and whole");
  auto options = std::make_shared<Options>();
  command
      ->add_option("--level", options->level,
                   "structure (default), storage (and every byte against its hash) or content "
                   "(and every frame opened)")
      ->check(CLI::IsMember({"structure", "storage", "content"}));
  command->add_option("-j,--threads", options->threads, "Worker threads (default: one a processor)")
      ->check(CLI::Range(1, 256));
  command->callback([&session, options] {
    session.action = [&session, options] { return run(session, *options); };
  });
}

}  // namespace kist::cli
