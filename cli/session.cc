#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>

#include <unistd.h>

#include "cli/command.h"

namespace kist::cli {

std::shared_ptr<Store> Session::store() const {
  if (options.repository.empty()) {
    throw Error(Code::invalid, "which repository? give --repo or set KIST_REPO");
  }
  if (options.rate.empty()) return open_store(options.repository);
  const std::uint64_t rate = parse_size(options.rate);
  if (rate == 0) throw Error(Code::invalid, "--limit-rate takes a size greater than 0");
  return open_limited_store(options.repository, rate, console);
}

std::string Session::state_parent() const {
  if (!options.state_directory.empty()) return absolute_path(options.state_directory);
  if (::geteuid() == 0) return "/var/lib/kist";
  const char* state = std::getenv("XDG_STATE_HOME");  // NOLINT(concurrency-mt-unsafe)
  if (state != nullptr && *state == '/') return std::string(state) + "/kist";
  const char* home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe): before any thread
  if (home == nullptr || *home != '/') {
    throw Error(Code::invalid, "there is no home directory for the local state; give --state-dir");
  }
  return std::string(home) + "/.local/state/kist";
}

namespace {

// Parses --head: "17" or "17:3f9a…".
std::optional<KnownEntry> parse_known(const std::string& text) {
  if (text.empty()) return std::nullopt;
  KnownEntry out;
  const char* end = text.data() + text.size();
  const auto [after, error] = std::from_chars(text.data(), end, out.sequence);
  const bool has_hash = after != end && *after == ':';
  if (has_hash) out.hash_digits = std::string(after + 1, end);
  const bool is_hash = out.hash_digits.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (error == std::errc() && (after == end || has_hash) && is_hash) return out;
  throw Error(Code::invalid,
              "--head takes the number of an entry, and after a colon, if you like, "
              "the first digits of its hash");
}

}  // namespace

OpenOptions Session::open_options() const {
  OpenOptions out{.state_parent = state_parent(),
                  .slot = {},
                  .known = parse_known(options.head),
                  .trusts_journal = options.is_confirmed};
  if (options.slot.empty()) return out;
  out.slot = parse_id<SlotId>(options.slot);
  if (out.slot) return out;
  const auto object = parse_slot_path(options.slot);
  if (!object) {
    throw Error(Code::invalid,
                "--slot takes the 32 digits of a slot's id (kist key list --json shows them), and "
                "behind a hyphen, if you like, the number of one of its objects in slots/");
  }
  out.slot = object->slot;
  out.slot_generation = object->generation;
  return out;
}

std::shared_ptr<Store> Session::existing_store() const {
  std::shared_ptr<Store> out = store();
  if (has_repository(*out)) return out;
  throw Error(Code::no_repository,
              concat("there is no repository in ", options.repository,
                     "; make one with kist init, or name another with --repo"));
}

namespace {

void tell_incidents(Console& console, const Repository& repository) {
  const std::vector<Incident> open = open_incidents(repository);
  if (open.empty()) return;
  const Incident& newest = open.back();
  console.notice(concat(open.size(), open.size() == 1 ? " incident is" : " incidents are",
                        " open; the newest: journal entry ", newest.last,
                        newest.kind == IncidentKind::void_entries ? " is void, " : " tells of ",
                        newest.reason, " (kist incident list; an owner closes them)"));
}

// Packs that this machine has found damaged, and that nobody has looked into.
void tell_damage(Console& console, const Repository& repository) {
  std::size_t count = 0;
  std::string first;
  for (const DamageIncident& incident : damage_incidents(repository)) {
    if (!incident.is_open()) continue;
    const auto& [pack, problem] = *incident.packs.begin();
    if (count == 0) first = concat(pack_path(pack), ": ", describe(problem));
    count += incident.packs.size();
  }
  if (count == 0) return;
  console.notice(
      concat("this machine has found ", count, count == 1 ? " pack" : " packs",
             " gone or damaged; ", first,
             " (kist incident list; kist incident close --here --note TEXT once you know "
             "why)"));
}

}  // namespace

Repository Session::open() {
  const OpenOptions how = open_options();
  std::shared_ptr<Store> where = existing_store();  // before a password is asked for
  Repository repository =
      open_repository(std::move(where), get_credential(options.secret), how, services());
  tell_incidents(console, repository);
  tell_damage(console, repository);
  return repository;
}

Repository Session::accept(const ObjectHash& fingerprint) {
  OpenOptions how = open_options();
  how.fingerprint = fingerprint;
  std::shared_ptr<Store> where = existing_store();
  const SecretOptions secret = or_environment(options.secret);
  if (secret.key_file.empty()) {
    throw Error(Code::invalid, "which key? give --key-file, the file of kist key generate");
  }
  return accept_slot(std::move(where), get_key_file(secret.key_file), how, services());
}

namespace {

std::uint64_t parse_with_unit(const std::string& text,
                              const std::map<std::string, std::uint64_t>& units,
                              const std::string& what) {
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const auto unit = units.find(std::string(end, text.data() + text.size()));
  if (error != std::errc() || unit == units.end() || count > INT64_MAX / unit->second) {
    throw Error(Code::invalid, concat(text, " is not ", what));
  }
  return count * unit->second;
}

}  // namespace

std::uint64_t parse_size(const std::string& text) {
  constexpr std::uint64_t gib = std::uint64_t{1} << 30U;
  constexpr std::uint64_t tib = std::uint64_t{1} << 40U;
  return parse_with_unit(text,
                         {{"", 1},
                          {"K", 1U << 10U},
                          {"KiB", 1U << 10U},
                          {"M", 1U << 20U},
                          {"MiB", 1U << 20U},
                          {"G", gib},
                          {"GiB", gib},
                          {"T", tib},
                          {"TiB", tib}},
                         "a size such as 128KiB, 1MiB or 2GiB");
}

unsigned parse_percent(const std::string& text) {
  const std::string digits = text.ends_with('%') ? text.substr(0, text.size() - 1) : text;
  const bool is_number = !digits.empty() && digits.size() <= 3 &&
                         digits.find_first_not_of("0123456789") == std::string::npos;
  if (is_number && std::stoul(digits) <= 100) return static_cast<unsigned>(std::stoul(digits));
  throw Error(Code::invalid, concat(text, " is not a share such as 25%, up to 100%"));
}

std::uint64_t parse_seconds(const std::string& text) {
  if (text == "0") return 0;
  if (const auto duration = parse_duration(text)) return duration->seconds();
  throw Error(Code::invalid, concat(text, " is not a time such as 12h, 7d or 10y"));
}

void add_filter_options(CLI::App& command, FilterOptions& options) {
  command
      .add_option(
          "-e,--exclude", options.excludes,
          "Leave out paths that match this pattern; \"!\" before a pattern takes paths in again")
      ->type_name("PATTERN")
      ->take_all()
      ->allow_extra_args(false);
  command
      .add_option("--exclude-file", options.exclude_files,
                  "Read patterns for --exclude from this file")
      ->type_name("FILE")
      ->take_all()
      ->allow_extra_args(false);
  command
      .add_option("-i,--include", options.includes,
                  "Take only paths that match this pattern, and everything below them")
      ->type_name("PATTERN")
      ->take_all()
      ->allow_extra_args(false);
}

PathFilter make_filter(const FilterOptions& options) {
  PathFilter out;
  for (const std::string& file : options.exclude_files) {
    in_context(file, [&] {
      try {
        out.exclude_lines(as_text(read_file(file, 16U << 20U)));
      } catch (const Error& error) {
        throw Error(Code::invalid, error.text());
      }
    });
  }
  for (const std::string& pattern : options.excludes) {
    out.exclude(pattern);
  }
  for (const std::string& pattern : options.includes) {
    out.include(pattern);
  }
  return out;
}

void confirm(const Session& session, const std::string& question) {
  if (session.options.is_confirmed) return;
  const std::unique_ptr<FILE, int (*)(FILE*)> terminal(std::fopen("/dev/tty", "r+e"), &std::fclose);
  if (!terminal) throw Error(Code::refused, concat(question, " Give --yes to go on"));
  static_cast<void>(std::fprintf(terminal.get(), "%s [y/N] ", printable(question).c_str()));
  static_cast<void>(std::fflush(terminal.get()));
  std::array<char, 16> answer{};
  const bool is_read = std::fgets(answer.data(), answer.size(), terminal.get()) != nullptr;
  if (!is_read || (answer[0] != 'y' && answer[0] != 'Y')) {
    throw Error(Code::refused, "not confirmed; nothing was done");
  }
}

}  // namespace kist::cli
