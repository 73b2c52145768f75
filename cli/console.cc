#include "cli/console.h"

#include <csignal>
#include <cstdio>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/report.h"

namespace kist::cli {

namespace {

std::atomic<int> signals_seen{0};
static_assert(std::atomic<int>::is_always_lock_free);

extern "C" void on_signal(int /*signal*/) {
  if (signals_seen.fetch_add(1) > 0) ::_exit(130);
}

// The most likely cause is a damaged page of the catalog, so the next run rebuilds the catalog. The
// signal is raised again: if the cause is a bug, whoever started the program sees it.
extern "C" void on_fault(int signal) {
  mark_catalog_suspect();
  constexpr std::string_view text =
      "kist: failed inside the local catalog; it will be rebuilt: run the same command again\n";
  const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
  static_cast<void>(written);
  static_cast<void>(std::signal(signal, SIG_DFL));
  static_cast<void>(std::raise(signal));
}

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

// The message as a JSON string: names may hold quotes.
class JsonTextFlag final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message,
              const std::tm& /*time*/,
              spdlog::memory_buf_t& out) override {
    const std::string text =
        Json(std::string(message.payload.data(), message.payload.size())).dump();
    out.append(text.data(), text.data() + text.size());
  }

  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<JsonTextFlag>();
  }
};

std::unique_ptr<spdlog::formatter> file_formatter(bool as_json) {
  auto out = std::make_unique<spdlog::pattern_formatter>();
  out->add_flag<JsonTextFlag>('*');
  out->set_pattern(as_json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","text":%*})"
                           : "%Y-%m-%dT%H:%M:%S%z %l %v");
  return out;
}

}  // namespace

void catch_signals() {
  struct sigaction action {};

  action.sa_handler = on_signal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);

  struct sigaction fault {};

  fault.sa_handler = on_fault;
  for (const int signal : {SIGABRT, SIGBUS, SIGSEGV}) {
    ::sigaction(signal, &fault, nullptr);
  }

  struct sigaction ignored {};

  ignored.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignored, nullptr);
}

void Console::configure(const ConsoleOptions& options) {
  options_ = options;
  draws_line_ = options.progress == ProgressStyle::automatic && !options.is_quiet &&
                ::isatty(STDERR_FILENO) == 1;
  std::vector<spdlog::sink_ptr> sinks;
  auto terminal = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  terminal->set_pattern("kist: %v");
  terminal->set_level(options.is_quiet ? spdlog::level::err : spdlog::level::warn);
  sinks.push_back(terminal);
  if (!options.log_file.empty()) {
    auto file = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.log_file);
    file->set_formatter(file_formatter(options.log_as_json));
    sinks.push_back(file);
  }
  auto logger = std::make_shared<spdlog::logger>("kist", sinks.begin(), sinks.end());
  logger->set_level(options.is_verbose ? spdlog::level::debug : spdlog::level::info);
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(logger);
}

bool Console::cancelled() const {
  return signals_seen.load() > 0;
}

void Console::notice(const std::string& text) {
  clear_progress();
  spdlog::warn("{}", printable(text));
}

void Console::problem(const std::string& subject, const Error& error) {
  clear_progress();
  spdlog::warn("{}: {}", printable(subject), printable(error.text()));
}

void Console::clear_progress() {
  const std::lock_guard lock(mutex_);
  if (!is_line_shown_) return;
  static_cast<void>(std::fputs("\r\033[K", stderr));
  is_line_shown_ = false;
}

void Console::progress(const Progress& progress) {
  const bool is_plain = options_.progress == ProgressStyle::plain;
  if (!draws_line_ && !is_plain) return;
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (started_ == std::chrono::steady_clock::time_point()) started_ = now;
  if (now - last_drawn_ < std::chrono::milliseconds(is_plain ? 5000 : 100)) return;
  last_drawn_ = now;
  draw(progress);
}

namespace {

std::string progress_line(const Progress& progress, double seconds) {
  const auto speed =
      static_cast<std::uint64_t>(static_cast<double>(progress.bytes_done) / std::max(seconds, 0.1));
  const bool has_bytes = progress.bytes_total != 0;
  const std::uint64_t total = has_bytes ? progress.bytes_total : progress.files_total;
  const std::uint64_t done = has_bytes ? progress.bytes_done : progress.files_done;
  std::string line;
  std::string left;
  // An estimate is the size of the previous backup. Once it is reached, no share is shown: the rest
  // may be larger, so "~100 %" would promise an end that is not known.
  if (total != 0 && !(progress.is_estimate && done >= total)) {
    const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    line = concat(progress.is_estimate ? "~" : "", static_cast<int>(share * 100), " %, ");
    if (seconds >= 2 && share >= 0.01) {
      left = concat(", ",
                    human_duration(static_cast<std::int64_t>(seconds * 1000 * (1 - share) / share)),
                    " left");
    }
  }
  line += concat(progress.files_done);
  if (progress.files_total != 0 && !progress.is_estimate) line += concat("/", progress.files_total);
  return concat(line, " files, ", human_size(progress.bytes_done), ", ", human_size(speed), "/s",
                left, "  ", printable(progress.current));
}

}  // namespace

void Console::draw(const Progress& progress) {
  std::string line = progress_line(
      progress, std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count());
  if (options_.progress == ProgressStyle::plain) {
    static_cast<void>(std::fprintf(stderr, "%s\n", line.c_str()));
    return;
  }
  line.resize(clipped(line, terminal_width() - 1).size());
  static_cast<void>(std::fprintf(stderr, "\r\033[K%s", line.c_str()));
  is_line_shown_ = true;
}

}  // namespace kist::cli
