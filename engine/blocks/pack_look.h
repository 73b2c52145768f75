// Looking at the packs that a run relies on: is each there, with its size? A block that is in the
// index is referred to and not stored again, so a pack that is gone would hurt each new snapshot in
// silence, while the source still has what was in it.
//
//   did a slot condemn the pack?         it is not relied on, until a slot clears it
//   or the segment that lists it?        likewise: nothing of it is needed, and it may end
//   is the pack known to be damaged?     it is not relied on; one that was missing or had a wrong
//                                        size is looked at again, for it may have been put back
//   looked at in this round?             it is relied on (catalog/looked_packs.h: half a day)
//   else                                 the store is asked for its size, and the answer noted
//
// A pack that is gone or has another size becomes an incident of this machine, is said to the
// observer, and is not relied on: the run stores again what the source still has of it. A store
// that cannot answer says nothing about the pack: this run does not rely on it, and nothing is
// noted. An absence from a listing says nothing either: the pack is asked for by its name.
// docs/operations.md, "Packs that are gone".
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "engine/base/pinned.h"
#include "engine/base/pool.h"
#include "engine/catalog/block_index.h"
#include "engine/catalog/damage_record.h"
#include "engine/catalog/looked_packs.h"
#include "engine/journal/journal.h"

namespace kist {

// How many packs of the index lie in each of the folders packs/00 to packs/ff.
using FolderCounts = std::array<std::uint32_t, 256>;

FolderCounts count_by_folder(const BlockIndex::Reader& index);

// Belongs to one thread.
class PackLook : private Pinned {
 public:
  // `asks`: the store, and notes what it answers; without it, what is known already decides alone.
  PackLook(const Journal& journal, bool asks);

  // Whether the run may refer to blocks in that pack.
  bool may_rely_on(const PackRecord& pack);
  // The same of many packs, whose answers are kept: in parallel, and by a listing of a folder in
  // which the run relies on many of the packs that are there.
  void look_at(const std::vector<PackRecord>& packs, const FolderCounts& counts, Pool& pool);

  // This run has put the packs: they need no look in this round.
  void note_stored(const std::vector<ObjectHash>& packs);
  // Whether, in this round, all packs were looked at that the source's last snapshot relies on.
  [[nodiscard]] bool has_looked_for(std::string_view source_key) const;

  // Whether the store has said of each pack that it is there.
  [[nodiscard]] bool found_nothing() const {
    return found_.empty() && doubted_.empty() && unanswered_count_ == 0;
  }

  void note_looked_for(std::string_view source_key) { looked_.add_source(source_key); }

  // Takes over what other commands of this machine have found damaged by now.
  void renew();

  // The packs that are known to be damaged, as of the last renew() and this run's own looks.
  [[nodiscard]] const DamagedPacks& damaged() const { return damaged_; }

  // These, the condemned ones, and those of which the store did not say whether they are there.
  [[nodiscard]] std::set<ObjectHash> unrelied() const;

  // Packs that were not there while the journal went on: they may have ended. Nothing relies on
  // them, and nothing is recorded, until the journal was followed and the index knows.
  [[nodiscard]] bool has_doubts() const { return !doubted_.empty(); }

  // Those that `has_ended` denies are gone.
  void settle(const std::function<bool(const ObjectHash&)>& has_ended);

  // What was not known to be damaged before this run found it.
  [[nodiscard]] const DamagedPacks& found() const { return found_; }

  // Notes for later runs what was looked at. A failure is said and costs them a look.
  void remember();

 private:
  // What the store says of a pack: its problem, or none.
  struct Answer {
    std::optional<PackProblem> problem;
    std::optional<Error> failure;  // set: it says nothing
  };

  [[nodiscard]] std::optional<bool> answer_known(const PackRecord& pack) const;
  [[nodiscard]] Answer ask(const PackRecord& pack) const;
  [[nodiscard]] std::vector<Answer> ask_folder(const std::vector<PackRecord>& packs,
                                               bool is_listed) const;
  bool take(const ObjectHash& pack, const Answer& answer);
  void take_problem(const ObjectHash& pack, PackProblem problem);
  void take_back(const ObjectHash& pack);
  void tell_counts();

  const Journal& journal_;
  const bool asks_;
  LookedPacks looked_;
  DamagedPacks damaged_;
  DamagedPacks found_;
  DamagedPacks doubted_;
  std::set<ObjectHash> asked_;  // in this run, and not to be relied on
  DamagedPacks taken_back_;     // with the problems that they had; removed from the record together
  std::size_t taken_back_count_ = 0;
  std::size_t unanswered_count_ = 0;
  std::size_t told_found_ = 0;  // how many a person was told of
  std::size_t told_unanswered_ = 0;
  std::size_t told_taken_back_ = 0;
};

}  // namespace kist
