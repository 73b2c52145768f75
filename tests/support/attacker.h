// What a client that was taken over does with the real keys of its slot, and stores by which to be
// in between: each of them breaks one promise of engine/store/store.h and keeps the others.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/blocks/objects.h"
#include "engine/format/index.h"
#include "engine/format/journal_entry.h"
#include "engine/format/names.h"
#include "engine/repository/repository.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/memory_store.h"

namespace kist::test {

// The keys that key segments of the epoch are sealed with.
KeySegmentKeys current_keys(const Repository& repository);

// An entry of the writer's that introduces that index segment, with the keys of those packs. The
// segment's own key goes into `outer` here.
void introduce_claims(Repository& evil,
                      Random& random,
                      const IndexSegment& segment,
                      KeyGroup names,
                      const InnerKeyGroup& secrets);

// An entry of the writer's that says: these packs are mine, and here is what they hold and a key.
void claim_packs(Repository& evil,
                 Random& random,
                 const std::vector<std::string>& names,
                 bool has_keys = true);

// Numbers for one block of each of these segments.
EntryNumbers numbers_of_each(const std::vector<SegmentIntroduction>& segments);

// What a writer's client puts of a snapshot whose entry names all of it. What is not put never
// existed.
struct HollowSnapshot {
  bool puts_keys = true;  // a key segment, with the keys of body and set
  bool puts_body = true;
  bool puts_set = true;
  bool has_body_key = true;  // of the body: in the key segment
  bool is_body_key_right = true;
  std::vector<SegmentIntroduction> segments{};  // that nobody put, with numbers for one block each
  // The body and set of a snapshot of somebody else's, named in place of own ones.
  std::optional<SnapshotTaken> of_other{};
};

// A complete snapshot of that source by the writer, newer than all others, as hollow as that.
SnapshotId commit_hollow(Repository& evil,
                         Random& random,
                         const std::string& source,
                         const HollowSnapshot& hollow);

// An entry, put in its place whether it holds or not: what its author's client would never do.
void forge(MemoryStore& store, Repository& evil, Random& random, const JournalEntry& entry);

std::vector<std::string> pack_names(const MemoryStore& store);

// Calls somebody once, when the first object of a folder has been put: when a key segment is, packs
// are there, and the entry is not.
class WatchedStore final : public ForwardingStore {
 public:
  WatchedStore(Store& store, std::string folder, std::function<void()> seen)
      : ForwardingStore(store), folder_(std::move(folder)), seen_(std::move(seen)) {}

  void put(const std::string& name, View bytes) override {
    ForwardingStore::put(name, bytes);
    if (name.starts_with(folder_) && seen_) std::exchange(seen_, {})();
  }

 private:
  std::string folder_;
  std::function<void()> seen_;
};

// Loses the answer to each put-if-absent in the journal: sometimes before it is done, sometimes
// after.
class LostAnswers final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  bool put_if_absent(const std::string& name, View bytes) override {
    if (!name.starts_with("journal/")) return ForwardingStore::put_if_absent(name, bytes);
    if (++count_ % 2 == 1) ForwardingStore::put_if_absent(name, bytes);
    throw Error(Code::failed, "the connection was cut");
  }

 private:
  int count_ = 0;
};

// Does what it is asked in the journal, and says that it did not: as a network file system that has
// lost an answer, asks again and finds its own work.
class LyingStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  bool put_if_absent(const std::string& name, View bytes) override {
    return ForwardingStore::put_if_absent(name, bytes) && !name.starts_with("journal/");
  }
};

// Gives everything, and takes no entry.
class ReadOnlyStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  bool put_if_absent(const std::string& /*name*/, View /*bytes*/) override {
    throw Error(Code::failed, "read-only");
  }
};

// Puts if absent, and if not.
class CarelessStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  bool put_if_absent(const std::string& name, View bytes) override {
    ForwardingStore::replace(name, bytes);
    return true;
  }
};

}  // namespace kist::test
