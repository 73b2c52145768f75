// A command whose output is backed up. It runs without a shell and shares this program's standard
// input and error, but does not see its passwords.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.h"

namespace kist::cli {

class CommandInput : private Pinned {
 public:
  // Error{invalid} when there is no such program.
  explicit CommandInput(const std::vector<std::string>& words);
  ~CommandInput();

  // Fills `out` with the command's output; fewer bytes than fit mean that the output has ended.
  std::size_t read(MutableView out, const Observer& observer) const;
  // Waits for the command; Error{failed} unless it ended with 0.
  void finish();

 private:
  std::string name_;
  File pipe_;
  int process_ = -1;
};

// The same for this program's standard input.
std::size_t read_standard_input(MutableView out, const Observer& observer);

}  // namespace kist::cli
