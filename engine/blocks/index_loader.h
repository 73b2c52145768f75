// From the catalog to the block index: the segments that entries have introduced, and the key
// segments that open them. docs/format.md, "Index segments", "Key segments".
#pragma once

#include "engine/format/index.h"
#include "engine/keys/repository.h"

namespace kist {

// Loads the index segments of every replayed entry into the block index. What has to be finished
// although somebody has asked to stop does not let itself be cancelled.
enum class Cancelling { yes, no };
void sync_index(Repository& repository, Cancelling cancelling = Cancelling::yes);
// The same; and if what could not be read when it was loaded can be by now, all is loaded anew.
void sync_whole_index(Repository& repository);

// A key segment's outer part, which every slot may open. Secret: it is wiped by its owner.
KeySegmentOuter get_key_segment(Repository& repository, const ObjectHash& name);

// Runs work on bytes that are as their author wrote them: where they do not hold what they should,
// they are junk, for everybody, and as good as absent. False then.
template <typename Work>
bool ignoring_junk(Observer& observer, const Work& work) {
  try {
    work();
    return true;
  } catch (const Error& error) {
    if (error.code() != Code::corrupt && error.code() != Code::unsupported) throw;
    observer.notice(concat(error.text(), "; it does not count"));
    return false;
  }
}

// The same as get_key_segment() in two steps. Error{missing} or {corrupt} when neither copy is what
// the name says.
Bytes get_whole_key_segment(Repository& repository, const ObjectHash& name);
// The same of an index segment, which is stored once.
Bytes get_whole_index_segment(Repository& repository, const ObjectHash& name);
// Error{corrupt} when these bytes do not count, for anybody: they are not the author's that the
// journal names, not of the current epoch, or nothing at all.
KeySegmentOuter open_key_segment(const Repository& repository, View bytes, const ObjectHash& name);

}  // namespace kist
