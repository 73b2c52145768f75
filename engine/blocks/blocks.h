// The stored blocks of a repository: which pack holds which block. The index is a database of this
// machine that follows the journal; to ask for it is to bring it in step, so that nobody can look
// things up in an index that lags.
//
// The folder blocks/ is the way of a block into the store (block_writer) and out of it
// (block_reader), and the objects that carry it: packs, index segments, key segments, bodies,
// reference sets. It takes the journal as it is and never commits; repository/ and the verbs
// include it. docs/format.md, "Packs", "Index segments", "Key segments".
#pragma once

#include <cstdint>
#include <set>

#include "engine/base/pinned.h"
#include "engine/catalog/block_index.h"
#include "engine/journal/journal.h"

namespace kist {

// Work that has to be finished although a person has asked to stop does not let itself be
// cancelled.
enum class Cancelling { yes, no };

class Blocks : private Pinned {
 public:
  // The journal outlives the blocks.
  explicit Blocks(Journal& journal) : journal_(journal) {}

  ~Blocks() = default;

  // The index, with the segments of every replayed entry loaded. Replays the journal where another
  // process of this machine is further, or a segment is missing that may have been replaced. No
  // Reader of the index may be open then, for a new epoch brings another index: ask anew after each
  // replay, and keep no reference over one.
  BlockIndex& index(Cancelling cancelling = Cancelling::yes);
  // The same; and if a segment that could not be read when it was loaded can be by now, all of the
  // index is made anew, so that the entries count in the journal's order.
  BlockIndex& complete_index();

  [[nodiscard]] Journal& journal() const { return journal_; }

 private:
  // Error{conflict} where the journal has gone on, and what is missing may have been replaced.
  void load(Cancelling cancelling, bool may_follow);

  Journal& journal_;
  // Entries from `loaded_` up to `scanned_` introduce no segments.
  std::uint64_t loaded_ = 0;
  std::uint64_t scanned_ = 0;
};

}  // namespace kist
