// A command whose output is backed up. It runs without a shell, with the terminal's standard input
// and error.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.h"

namespace kist::cli {

class CommandInput {
 public:
  // Error{invalid} when there is no such program.
  explicit CommandInput(const std::vector<std::string>& words);
  CommandInput(const CommandInput&) = delete;
  CommandInput& operator=(const CommandInput&) = delete;
  CommandInput(CommandInput&&) = delete;
  CommandInput& operator=(CommandInput&&) = delete;
  ~CommandInput();

  // The command's output, as far as the view goes; less only at its end.
  std::size_t read(MutableView out, const Observer& observer) const;
  // Waits for the command; Error{failed} unless it ended with 0.
  void finish();

 private:
  std::string name_;
  File pipe_;
  int process_ = -1;
};

// The same of what is piped into this process.
std::size_t read_standard_input(MutableView out, const Observer& observer);

}  // namespace kist::cli
