#include <array>

#include "cli/command.h"

namespace kist::cli {

namespace {

struct LsArguments {
  std::string snapshot;
  bool is_long = false;
  bool is_recursive = false;
};

constexpr std::array<std::string_view, 9> type_names = {
    "",     "file",   "directory",        "symlink",     "hard link",
    "fifo", "socket", "character device", "block device"};

std::string mode_text(const Entry& entry) {
  constexpr std::array<char, 9> letters = {'?', '-', 'd', 'l', 'h', 'p', 's', 'c', 'b'};
  std::string out(1, letters.at(static_cast<std::size_t>(entry.type)));
  constexpr std::string_view bits = "rwxrwxrwx";
  for (unsigned i = 0; i < bits.size(); ++i) {
    out += (entry.mode >> (8 - i) & 1U) != 0 ? bits[i] : '-';
  }
  const auto special = [&](std::size_t at, unsigned bit, char with, char without) {
    if ((entry.mode & bit) != 0) out[at] = out[at] == 'x' ? with : without;
  };
  special(3, 04000, 's', 'S');
  special(6, 02000, 's', 'S');
  special(9, 01000, 't', 'T');
  return out;
}

std::string owner_text(const std::string& name, std::uint32_t number) {
  return name.empty() ? std::to_string(number) : printable(name);
}

void print_long(const Entry& entry) {
  std::string name = printable("/" + entry.path);
  if (entry.type == EntryType::symlink) name += " -> " + printable(entry.link_target);
  if (entry.type == EntryType::hard_link) name += " = " + printable("/" + entry.link_target);
  const bool has_details = entry.type != EntryType::hard_link;
  const std::string size = std::to_string(entry.size);
  print_line(concat(mode_text(entry), " ",
                    padded(has_details ? owner_text(entry.user, entry.uid) : "", 8), " ",
                    padded(has_details ? owner_text(entry.group, entry.gid) : "", 8), " ",
                    std::string(12 - std::min<std::size_t>(12, size.size()), ' '), size, " ",
                    padded(has_details ? local_time(to_ms(entry.mtime)) : "", 19), "  ", name));
}

void print_entry_json(const Entry& entry) {
  Json json = {{"type", type_names.at(static_cast<std::size_t>(entry.type))},
               {"path", json_text("/" + entry.path)}};
  if (entry.type == EntryType::hard_link) {
    json["target"] = json_text("/" + entry.link_target);
  } else {
    json["mode"] = entry.mode;
    json["uid"] = entry.uid;
    json["gid"] = entry.gid;
    json["user"] = json_text(entry.user);
    json["group"] = json_text(entry.group);
    json["size"] = entry.size;
    json["mtime"] = utc_time(to_ms(entry.mtime));
    if (entry.type == EntryType::symlink) json["target"] = json_text(entry.link_target);
  }
  print_json(json);
}

Exit run_ls(Session& session, const LsArguments& arguments) {
  Repository repository = session.open();
  list_entries(repository, select(repository, arguments.snapshot), arguments.is_recursive,
               [&](const Entry& entry) {
                 if (session.options.is_json) {
                   print_entry_json(entry);
                 } else if (arguments.is_long) {
                   print_long(entry);
                 } else {
                   print_line(printable("/" + entry.path));
                 }
               });
  return Exit::done;
}

}  // namespace

void add_ls(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("ls", "List the files of a snapshot");
  auto arguments = std::make_shared<LsArguments>();
  command->add_option("snapshot", arguments->snapshot, "SNAPSHOT or SNAPSHOT:/PATH")->required();
  command->add_flag("-l,--long", arguments->is_long, "Print mode, owner, size and time too");
  command->add_flag("-R,--recursive", arguments->is_recursive,
                    "List everything below, not only the directory itself");
  command->footer(
      "SNAPSHOT is as for kist restore.\n\nExamples:\n  kist ls latest:/home/ann\n"
      "  kist ls latest@laptop:/home\n  kist ls -lR 3f9a12");
  command->callback([&session, arguments] {
    session.action = [&session, arguments] { return run_ls(session, *arguments); };
  });
}

}  // namespace kist::cli
