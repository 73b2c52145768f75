// The terminal: progress and warnings go to stderr, results to stdout. Ctrl-C and fatal signals are
// handled here too.
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

// Prints what the engine tells its observer. Thread-safe.
class Console final : public Observer {
 public:
  // Sends the log to stderr, and to a file if the options name one.
  void configure(const ConsoleOptions& options);

  void notice(const std::string& text) override;
  void problem(const std::string& subject, const Error& error) override;
  void progress(const Progress& progress) override;
  [[nodiscard]] bool cancelled() const override;

  // Removes the progress line. To be called before anything else is printed.
  void clear_progress();

 private:
  void draw(const Progress& progress);

  ConsoleOptions options_;
  bool draws_line_ = false;  // stderr is a terminal that takes a line rewritten in place
  std::mutex mutex_;
  std::chrono::steady_clock::time_point started_;  // when the first progress was told
  std::chrono::steady_clock::time_point last_drawn_;
  bool is_line_shown_ = false;
};

// From here on the first SIGINT or SIGTERM asks running work to stop; the second ends the process.
void catch_signals();

}  // namespace kist::cli
