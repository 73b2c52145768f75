// The rules of docs/model/commit.pml, late.pml, entry.pml and twin.pml that show in the order of
// the store's operations, held against the real ones: so that the model and the code cannot part.
// Each rule bears the name of the switch that takes it out of the model; docs/model/README.md says
// what for.
//
// A trace is fed step by step, and each entry of the journal when it has landed. What is wrong is
// said as "RULE: what".
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/operation.h"

namespace kist::test {

// What the rules ask of an entry.
struct EntryFacts {
  std::uint64_t sequence = 0;
  bool is_snapshot = false;  // whole, not a pending one
  bool ends_epoch = false;
  std::uint64_t epoch_number = 0;     // the current one from here on
  std::string epoch{};                // its id, in hexadecimal
  std::set<std::string> removable{};  // names of content that nobody needs from here on
};

class Conformance {
 public:
  // Entries below this number are there, in both copies; the epoch that began last.
  Conformance(std::uint64_t next_entry, std::uint64_t epoch_number, std::string epoch);

  std::string take(const TraceStep& step);
  // Right after the step with which it has landed.
  std::string take(const TraceStep& step, const EntryFacts& entry);
  // The act has come to its end, and reports that it is done.
  std::string take_end(unsigned machine, unsigned act);

 private:
  // An attempt to begin an epoch.
  struct Attempt {
    std::set<std::string> anchors;
    bool is_durable = false;  // a barrier came after the last of them
    bool has_read_head = false;
  };

  // What an act has done so far.
  struct ActState {
    std::set<std::string> not_durable;         // puts since its last barrier
    std::map<std::string, std::uint64_t> put;  // contents
    std::map<std::string, Attempt> attempts;   // by epoch
    std::set<std::uint64_t> own_entries;       // that it has won
    std::string unsettled;                     // the entry whose answer was lost, or no
    std::string healed;                        // a copy that it has put over, not looked at since
    std::uint64_t confirmed = 0;               // the greatest entry that it has made durable
    std::uint64_t snapshots = 0;
  };

  using Rule = std::string (Conformance::*)(const TraceStep&, const ActState&) const;

  std::string entry_before_barrier(const TraceStep& step, const ActState& act) const;
  std::string twin_first(const TraceStep& step, const ActState& act) const;
  std::string no_completion(const TraceStep& step, const ActState& act) const;
  std::string no_read_back(const TraceStep& step, const ActState& act) const;
  std::string put_over(const TraceStep& step, const ActState& act) const;
  std::string fresh_bytes(const TraceStep& step, const ActState& act) const;
  std::string anchor_last(const TraceStep& step, const ActState& act) const;
  std::string anchor_again(const TraceStep& step, const ActState& act) const;
  std::string clean_greater(const TraceStep& step, const ActState& act) const;
  std::string clean_before_barrier(const TraceStep& step, const ActState& act) const;
  std::string remove_unnamed(const TraceStep& step, const ActState& act) const;
  std::string no_second_look(const TraceStep& step, const ActState& act) const;

  void note(const TraceStep& step, ActState& act);
  void note_put(const TraceStep& step, ActState& act);
  void note_barrier(ActState& act) const;
  void note_in_store(const TraceStep& step);

  std::map<std::pair<unsigned, unsigned>, ActState> acts_;
  std::set<std::string> entries_;  // paths of both copies that are in the store
  std::set<std::string> anchors_;  // that somebody has tried to put
  std::set<std::string> removable_;
  std::map<std::string, std::uint64_t> removable_since_;  // entries
  std::uint64_t epoch_number_;
  std::string epoch_;
};

}  // namespace kist::test
