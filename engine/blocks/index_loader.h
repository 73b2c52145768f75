// From the journal to the block index: the segments that entries have introduced, and the key
// segments that open them. docs/format.md, "Index segments", "Key segments".
#pragma once

#include <cstdint>
#include <vector>

#include "engine/base/attempt.h"
#include "engine/blocks/blocks.h"
#include "engine/format/index.h"
#include "engine/journal/journal.h"

namespace kist {

// A key segment's outer part, which every slot may open. Secret: it is wiped by its owner.
KeySegmentOuter get_key_segment(const Journal& journal, const ObjectHash& hash);

// Runs `work` on bytes whose hash was checked. If they do not decode, their author wrote nonsense,
// and every client finds the same: the object is invalid, counts as absent, and false is returned.
template <typename Work>
bool passes_over_invalid(Observer& observer, const Work& work) {
  const auto failure = failure_of(work);
  if (!failure) return true;
  if (failure->code() != Code::corrupt && failure->code() != Code::unsupported) {
    throw Error(*failure);
  }
  observer.notice(concat(failure->text(), "; it does not count"));
  return false;
}

// As get_key_segment(), for a segment of the epoch that the journal has followed to.
// Error{conflict} as of Journal::rethrow(): an epoch's end takes key segments with it.
KeySegmentOuter get_current_key_segment(const Journal& journal, const ObjectHash& hash);

// The same as get_key_segment() in two steps. Error{missing} or {corrupt} when neither copy has
// that hash.
Bytes get_whole_key_segment(const Journal& journal, const ObjectHash& hash);
// The same of an index segment.
Bytes get_whole_index_segment(const Journal& journal, const ObjectHash& hash);
// A segment that counts, whoever has introduced it. Error{missing} too where its key is in no key
// segment.
IndexSegment get_index_segment(const Journal& journal, const ObjectHash& hash);

// A pack of which an entry has brought the key, and the key segment that has it.
struct KeyedPack {
  ObjectHash pack;
  ObjectHash key_segment;
};

// Those of an entry, in the order of its index segments.
std::vector<KeyedPack> keyed_packs(const Journal& journal, std::uint64_t sequence);

// Error{corrupt} when these bytes do not count, for anybody: they are not the author's that the
// journal names, not of the current epoch, or nothing at all.
KeySegmentOuter open_key_segment(const Journal& journal, View bytes, const ObjectHash& hash);

}  // namespace kist
