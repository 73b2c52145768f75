// What a seed stands for: which machine does what, in which order, and how the store, the clocks
// and the scheduler behave meanwhile. A plan is text as well, so that a failing one can be made
// smaller and kept.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace kist::test {

// The machines of every run. Each has a state directory; the first four have a tree.
enum MachineNumber : unsigned {
  owner_machine = 0,
  operator_machine = 1,  // a slot that reads, writes and maintains
  first_writer = 2,      // slots that only write
  second_writer = 3,
  reader_machine = 4,
};

inline constexpr unsigned machine_count = 5;

enum class Act : std::uint8_t {
  backup,
  backup_in_parts,   // with pending snapshots
  backup_cancelled,  // a person stops it: a pending snapshot stays
  forget,
  expire,
  collect,
  collect_all,  // without any grace, and down to the last dead block
  forecast,     // of a collection
  rotate,
  replace_slot,  // revokes the second writer's former slot, and lets a new one in
  verify,
  repair,
  restore,
  replay,
};

inline constexpr unsigned act_count = 14;

const char* text_of(Act act);

// Each is a chance in ten thousand at each operation that it can befall, unless said otherwise.
struct Rates {
  unsigned error = 0;       // the store fails, and nothing has happened
  unsigned lost = 0;        // the answer to a change is lost
  unsigned late = 0;        // a put fails, and lands some steps later
  unsigned denied = 0;      // a put-if-absent that has won is told no
  unsigned crash = 0;       // an act is cut off; in ten thousand acts
  unsigned listing = 0;     // a listing leaves things out, or names what is gone
  unsigned clock = 0;       // a machine's clock jumps
  unsigned damage = 0;      // one of two copies is damaged; in ten thousand steps
  unsigned tick_ms = 1000;  // by how much time goes on at each step, at most
  unsigned burst = 5;       // an actor goes on for 2^burst operations, at most, before another one
};

struct PlannedAct {
  unsigned machine = 0;
  Act act = Act::backup;
  std::uint64_t seed = 0;
};

struct Plan {
  std::uint64_t seed = 0;
  Rates rates;
  unsigned slow = machine_count;  // a machine that goes on for a few operations only
  bool ends_calmly = false;       // liveness: afterwards faults stop, and all must come to an end
  std::vector<PlannedAct> acts;
  std::set<std::string> muted;  // faults that do not happen, by their names in the trace
};

Plan plan_of(std::uint64_t seed);
std::string text_of(const Plan& plan);
Plan read_plan(const std::string& text);

// A number that is a function of these, and looks like chance.
std::uint64_t mix(std::uint64_t a, std::uint64_t b);
std::uint64_t mix(std::uint64_t a, const std::string& b);

}  // namespace kist::test
