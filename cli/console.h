// The terminal: progress and warnings on stderr, results on stdout. Also where Ctrl-C arrives.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>

#include "engine/engine.h"

namespace kist::cli {

enum class ProgressStyle { automatic, plain, none };

struct ConsoleOptions {
  ProgressStyle progress = ProgressStyle::automatic;
  bool is_quiet = false;
  bool is_verbose = false;
  std::string log_file;
  bool log_as_json = false;
};

// Renders what the engine tells. Thread-safe.
class Console final : public Observer {
 public:
  // Logs go to stderr, and to a file where one is asked for.
  void configure(const ConsoleOptions& options);

  void notice(const std::string& text) override;
  void problem(const std::string& subject, const Error& error) override;
  void progress(const Progress& progress) override;
  [[nodiscard]] bool cancelled() const override;

  // Removes the progress line, before something else is printed.
  void clear_progress();

 private:
  void draw(const Progress& progress);

  ConsoleOptions options_;
  bool draws_line_ = false;  // stderr is a terminal that takes a line rewritten in place
  std::mutex mutex_;
  std::chrono::steady_clock::time_point started_;  // with the first that was told
  std::chrono::steady_clock::time_point last_drawn_;
  bool is_line_shown_ = false;
};

// From here on SIGINT and SIGTERM ask running work to stop; a second one ends the process at once.
void catch_signals();

}  // namespace kist::cli
