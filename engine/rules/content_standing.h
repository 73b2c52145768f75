// How an object of packs/, index/, bodies/ or refs/ stands to the journal's head. A whitelist: the
// head names it, or an entry has ended it for good, or nobody has ever named it, and then a run may
// be about to. Pure: no I/O and no clock. docs/format.md, "What ends", "Cleaning up".
//
// Invariant: what has ended is never named again. A segment that is current no more cannot be
// introduced anew (V32, V57), a snapshot that is forgotten has no other body, and a name that an
// entry has removed counts for nobody.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "engine/rules/state.h"

namespace kist {

enum class ContentStanding {
  named,    // something that counts is in it
  ended,    // nobody will ever need it; goes
  unnamed,  // a run that is under way may have put it, or one that was cut off
  foreign,  // no object of Kist's has that path
};

// What the block index knows of names.
struct IndexedNames {
  std::function<bool(const ObjectHash& pack)> lists_pack;
  std::function<bool(const ObjectHash& name)> has_ended;  // an entry has removed it
};

class ContentJudge {
 public:
  // Of that state; the names are those of an index that has loaded all of its entries.
  ContentJudge(const State& state, IndexedNames names);

  [[nodiscard]] ContentStanding judge(const std::string& path) const;
  // Whether an entry has named an object of that name, in whichever folder.
  [[nodiscard]] bool has_named(const ObjectHash& name) const;

 private:
  [[nodiscard]] ContentStanding judge_segment(const ObjectHash& name) const;
  [[nodiscard]] ContentStanding by_name(const ObjectHash& name) const;

  const State& state_;
  const IndexedNames names_;
  std::set<ObjectHash> kept_;       // bodies and reference sets
  std::set<ObjectHash> forgotten_;  // likewise; one may be kept for another snapshot
};

// The name of an object in one of these folders, from its path, of either copy; nothing for
// anything else.
[[nodiscard]] std::optional<ObjectHash> content_name(const std::string& path);

}  // namespace kist
