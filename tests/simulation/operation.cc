#include "tests/simulation/operation.h"

#include "engine/base/error.h"

namespace kist::test {

const char* text_of(Wish wish) {
  switch (wish) {
    case Wish::begin:
      return "begin";
    case Wish::size:
      return "size";
    case Wish::read:
      return "read";
    case Wish::list:
      return "list";
    case Wish::put:
      return "put";
    case Wish::put_if_absent:
      return "put-if-absent";
    case Wish::barrier:
      return "barrier";
    case Wish::confirm:
      return "confirm";
    case Wish::remove:
      return "remove";
    case Wish::replace:
      return "replace";
  }
  return "";
}

const char* text_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::done:
      return "done";
    case Outcome::absent:
      return "absent";
    case Outcome::taken:
      return "taken";
    case Outcome::failed:
      return "error";
    case Outcome::lost:
      return "lost";
    case Outcome::late:
      return "late";
    case Outcome::denied:
      return "denied";
    case Outcome::partial:
      return "partial";
    case Outcome::crashed:
      return "crash";
    case Outcome::crashed_after:
      return "crash-after";
    case Outcome::crashed_late:
      return "crash-late";
    case Outcome::landed:
      return "landed";
  }
  return "";
}

std::string text_of(const TraceStep& step) {
  return concat(step.number, " machine ", step.machine, " act ", step.act, " operation ",
                step.operation, ": ", std::string_view(text_of(step.wish)), " ", step.path, " ",
                std::string_view(text_of(step.outcome)), " ", step.size);
}

}  // namespace kist::test
