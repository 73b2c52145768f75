// What the engine tells while it works. The engine never logs or prints; the command line renders.
// Every function may be called from any thread.
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/error.h"
#include "engine/base/pinned.h"

namespace kist {

struct Progress {
  std::uint64_t files_done = 0;
  std::uint64_t files_total = 0;  // 0 while unknown
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;  // 0 while unknown
  bool is_estimate = false;       // the totals are those of the time before
  std::string current;            // the path or object being worked on
};

class Observer : private Pinned {
 public:
  virtual ~Observer() = default;

  // Something a person should know that does not stop the work ("the catalog was damaged:
  // rebuilt").
  virtual void notice(const std::string& /*text*/) {}

  // One path or object that could not be handled; the rest goes on.
  virtual void problem(const std::string& /*subject*/, const Error& /*error*/) {}

  virtual void progress(const Progress& /*progress*/) {}

  // Asked now and then; true ends the work with Interrupted.
  [[nodiscard]] virtual bool cancelled() const { return false; }
};

inline void check_cancelled(const Observer& observer) {
  if (observer.cancelled()) throw Interrupted();
}

}  // namespace kist
