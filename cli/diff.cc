#include "cli/command.h"

namespace kist::cli {

namespace {

struct DiffArguments {
  std::string before;
  std::string after;
  bool no_metadata = false;
};

// The entry after the change, or before it where the entry was removed.
const Entry& entry_of(const Difference& difference) {
  const Entry* any = difference.after != nullptr ? difference.after : difference.before;
  return *any;
}

std::string_view mark(const Difference& difference) {
  if (difference.before == nullptr) return "+";
  if (difference.after == nullptr) return "-";
  return difference.in_content ? "M" : "m";
}

std::string size_text(const Difference& difference) {
  const auto of = [](const Entry* entry) {
    return entry == nullptr ? std::string() : human_size(entry->size);
  };
  const Entry& any = entry_of(difference);
  if (any.type != EntryType::file) return "";
  if (difference.before == nullptr || difference.after == nullptr) {
    return concat("  (", human_size(any.size), ")");
  }
  if (difference.before->size == difference.after->size) return "";
  return concat("  (", of(difference.before), " → ", of(difference.after), ")");
}

void print_difference(const Difference& difference, bool is_json) {
  const Entry& any = entry_of(difference);
  if (!is_json) {
    print_line(concat(mark(difference), "  ", printable("/" + any.path), size_text(difference)));
    return;
  }
  Json json = {{"type", "difference"},
               {"change", difference.before == nullptr  ? "added"
                          : difference.after == nullptr ? "removed"
                                                        : "modified"},
               {"path", json_text("/" + any.path)},
               {"content", difference.in_content},
               {"metadata", difference.in_metadata}};
  if (difference.before != nullptr) json["size_before"] = difference.before->size;
  if (difference.after != nullptr) json["size_after"] = difference.after->size;
  print_json(json);
}

Exit run_diff(Session& session, const DiffArguments& arguments) {
  Repository repository = session.open();
  const Selection before = select(repository, arguments.before);
  const Selection after = select(repository, arguments.after);
  const bool is_json = session.options.is_json;
  const DifferenceTotals totals =
      diff_snapshots(repository, before, after, [&](const Difference& difference) {
        if (arguments.no_metadata && !difference.in_content) return;
        print_difference(difference, is_json);
      });
  if (is_json) {
    print_json({{"type", "summary"},
                {"before", hex(before.snapshot->taken.snapshot)},
                {"after", hex(after.snapshot->taken.snapshot)},
                {"added", totals.added},
                {"removed", totals.removed},
                {"modified", totals.modified},
                {"bytes_added", totals.bytes_added},
                {"bytes_removed", totals.bytes_removed}});
  } else {
    print_line(concat(totals.added, " added, ", totals.removed, " removed, ", totals.modified,
                      " modified; ", human_size(totals.bytes_added), " more, ",
                      human_size(totals.bytes_removed), " less"));
  }
  return Exit::done;
}

}  // namespace

void add_diff(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("diff", "Show what differs between two snapshots");
  auto arguments = std::make_shared<DiffArguments>();
  command->add_option("before", arguments->before, "SNAPSHOT or SNAPSHOT:/PATH")->required();
  command->add_option("after", arguments->after, "SNAPSHOT or SNAPSHOT:/PATH")->required();
  command->add_flag("--no-metadata", arguments->no_metadata,
                    "Leave out entries that differ only in owner, mode, time or attributes");
  command->footer(
      "+ added, - removed, M modified, m modified in metadata only.\n\nExamples:\n"
      "  kist diff \"1w ago\" latest\n  kist diff 3f9a:/etc latest:/etc");
  command->callback([&session, arguments] {
    session.action = [&session, arguments] { return run_diff(session, *arguments); };
  });
}

}  // namespace kist::cli
