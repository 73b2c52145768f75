// One operation on the store, as an actor wants it, and what became of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/bytes.h"

namespace kist::test {

enum class Wish : std::uint8_t {
  begin,  // no operation: an act is about to begin
  size,
  read,
  list,
  put,
  put_if_absent,
  barrier,
  confirm,
  remove,
  replace,
};

struct Operation {
  Wish wish = Wish::begin;
  std::string path{};
  View bytes{};  // to be put
  std::uint64_t offset = 0;
  MutableView out{};  // to be read into
};

// What the store did, and what it said of it.
enum class Outcome : std::uint8_t {
  done,
  absent,         // there is no such object
  taken,          // a put found an object there
  failed,         // it said that it failed, and nothing happened
  lost,           // it said that it failed, and it happened
  late,           // it said that it failed, and it happens later
  denied,         // a put-if-absent won, and the answer was no
  partial,        // a listing that is not what there is
  crashed,        // the actor was cut off: nothing happened
  crashed_after,  // it was cut off, and the change happened
  crashed_late,   // it was cut off, and the change happens later
  landed,         // a late change happens now
};

struct Answer {
  Outcome outcome = Outcome::done;
  bool is_yes = false;
  std::optional<std::uint64_t> size{};
  std::vector<std::string> names{};
};

// A line of a run's trace.
struct TraceStep {
  std::uint64_t number = 0;
  unsigned machine = 0;
  unsigned act = 0;             // of the plan
  std::uint64_t operation = 0;  // of the act
  Wish wish = Wish::begin;
  Outcome outcome = Outcome::done;
  std::string path{};
  std::uint64_t size = 0;
  std::uint64_t content = 0;  // of a put: a number that stands for the bytes

  [[nodiscard]] bool is_change() const {
    return wish == Wish::put || wish == Wish::put_if_absent || wish == Wish::remove ||
           wish == Wish::replace;
  }

  // Whether the change is in the store from here on.
  [[nodiscard]] bool has_happened() const {
    return outcome == Outcome::done || outcome == Outcome::lost || outcome == Outcome::denied ||
           outcome == Outcome::crashed_after || outcome == Outcome::landed;
  }
};

const char* text_of(Wish wish);
const char* text_of(Outcome outcome);
std::string text_of(const TraceStep& step);

}  // namespace kist::test
