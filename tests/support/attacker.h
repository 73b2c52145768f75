// What a client that was taken over does with the real keys of its slot, and a store by which to be
// in between.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/blocks/stored_snapshot.h"
#include "engine/crypto/hash.h"
#include "engine/crypto/seal.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/journal/journal.h"
#include "engine/keys/sealed_object.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/repository_fixture.h"

namespace kist::test {

// An entry of the writer's that introduces that index segment, with the keys of those packs.
inline void introduce_claims(Repository& evil,
                             Random& random,
                             const IndexSegment& segment,
                             KeySegmentOuter outer,
                             const KeySegmentInner& inner) {
  const auto seal = [&](ObjectType type, const Key& key, View payload) {
    return seal_object({.type = type, .origin = evil.keyring().origin()}, key,
                       evil.keyring().signing_seed(), random, payload);
  };
  const Bytes index = seal(ObjectType::index_segment, Key(), encode_index_segment(segment));
  outer.index_segments = {{hash_object(index), KeyBytes()}};
  Key ephemeral;
  random.fill(ephemeral.mutable_view());
  outer.inner_box = seal_box(evil.state().epoch_key, ephemeral, encode_key_segment_inner(inner));
  const Bytes keys =
      seal(ObjectType::key_segment, evil.keyring().index_key(), encode_key_segment(outer));
  evil.writer().put(index_segment_path(hash_object(index)), index);
  put_twinned(evil.writer(), key_segment_path(hash_object(keys)), keys);
  commit(evil, [&](const State& state) {
    StoredSnapshot claimed;
    claimed.key_segments = {hash_object(keys)};
    claimed.segments = {{hash_object(index), 0, static_cast<std::uint32_t>(segment.block_count())}};
    SnapshotTaken taken = snapshot_entry(claimed, state);
    taken.snapshot = random.draw_id<SnapshotId>();
    taken.source = "evil";
    return Act(std::move(taken));
  });
}

// An entry of the writer's that says: these packs are mine, and here is what they hold and a key.
inline void claim_packs(Repository& evil,
                        Random& random,
                        const std::vector<std::string>& names,
                        bool has_keys = true) {
  IndexSegment segment;
  KeySegmentOuter outer;
  KeySegmentInner inner;
  for (const std::string& name : names) {
    IndexedPack pack;
    pack.hash = *parse_id<ObjectHash>(name.substr(name.rfind('/') + 1));
    pack.size = pack_bytes_min;
    IndexedFrame frame;
    frame.place = {pack_header_size, 100, 100};
    frame.blocks = {{random.draw_id<BlockTag>(), 84}};
    pack.frames = {frame};
    segment.packs.push_back(pack);
    if (!has_keys) continue;
    outer.packs.push_back(pack.hash);
    inner.packs.emplace_back();
  }
  introduce_claims(evil, random, segment, outer, inner);
}

inline std::vector<std::string> pack_names(const MemoryStore& store) {
  std::vector<std::string> out;
  for (const auto& [name, bytes] : store.objects()) {
    if (name.starts_with("packs/")) out.push_back(name);
  }
  return out;
}

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

// An entry, put in its place whether it holds or not: what its author's client would never do.
inline void forge(MemoryStore& store, Repository& evil, Random& random, const JournalEntry& entry) {
  const Bytes bytes = seal_entry(evil.keyring(), random, entry);
  store.put(journal_path(entry.sequence), bytes);
  store.put(second_copy_path(journal_path(entry.sequence)), bytes);
}

}  // namespace kist::test
