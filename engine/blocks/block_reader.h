// A block out: from its id to its plaintext, through index, key segment, pack and frame. Every
// block that leaves here was hashed and is the one that was asked for. docs/format.md, "Reading a
// block".
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "engine/catalog/block_index.h"
#include "engine/content/compress.h"
#include "engine/format/snapshot.h"
#include "engine/journal/journal.h"
#include "engine/keys/rights.h"

namespace kist {

// The keys of packs and bodies, key segment by key segment. Thread-safe. Holds a bounded number.
class PackKeyring {
 public:
  PackKeyring(const Journal& journal, const ReadKeys& keys) : journal_(journal), read_(keys) {}

  // Error{missing} where no key segment of the entry that introduced the pack has its key.
  Key pack_key(const PackRecord& pack);

 private:
  struct Opened;
  std::shared_ptr<const Opened> open(const ObjectHash& key_segment);

  const Journal& journal_;
  ReadKeys read_;
  std::mutex mutex_;
  std::list<std::pair<ObjectHash, std::shared_ptr<const Opened>>> recent_;
};

// A frame by its place in the block index.
struct FrameId {
  std::uint32_t pack = 0;
  std::uint32_t frame = 0;
  auto operator<=>(const FrameId&) const = default;  // NOLINT(modernize-use-nullptr)
};

// Reads and opens frames. Thread-safe but for `index`, which the caller owns. A pack that turns out
// to be gone or damaged becomes an incident of this machine; unless the journal has gone on, which
// is Error{conflict}: the pack may have ended.
class FrameReader {
 public:
  FrameReader(const Journal& journal, const ReadKeys& keys)
      : journal_(journal), keys_(journal, keys) {}

  // All that is known of a frame without touching the store.
  struct Plan {
    PackRecord pack;
    FrameRecord record;
    std::uint32_t frame = 0;
  };

  static Plan plan(const BlockIndex::Reader& index, const FrameId& frame);
  // The frame's plaintext.
  Bytes read(const Plan& plan, Decompressor& decompressor);

  PackKeyring& keys() { return keys_; }

 private:
  [[nodiscard]] Bytes get(const Plan& plan) const;
  void record_damage(const PackRecord& pack) const;

  const Journal& journal_;
  PackKeyring keys_;
};

// Throws Error{corrupt} unless `plaintext` is the block of that id.
void check_block(const Key& id_key, const BlockId& id, View plaintext);

// Blocks one at a time, with the last few frames kept open: for manifests and single files. Belongs
// to one thread.
class BlockReader {
 public:
  BlockReader(const Journal& journal, BlockIndex& index, const ReadKeys& keys);
  // Error{missing} when no pack holds the block; Error{conflict} where a copy may have ended.
  Bytes get(const BlockId& id);

  [[nodiscard]] const BlockIndex::Reader& index() const { return index_; }

  [[nodiscard]] FrameReader& frames() { return frames_; }

 private:
  View frame(const FrameId& id);

  ReadKeys keys_;
  BlockIndex::Reader index_;
  FrameReader frames_;
  Decompressor decompressor_;
  std::list<std::pair<FrameId, Bytes>> recent_;
};

// The inner part of a key segment, whose records match the names of the outer one.
KeySegmentInner open_inner(const ReadKeys& keys,
                           const KeySegmentOuter& outer,
                           const ObjectHash& hash);

}  // namespace kist
