// From blocks to packs: blocks fill a frame, a worker compresses it, it gets its place in a pack, a
// worker seals it and checks that it opens again, the pack writer writes it.
//
// Invariant: one thread calls this class, and that thread alone decides which frame takes a block,
// in which order frames are placed, where a pack ends, and when random bytes are drawn. The workers
// and the pack writer decide nothing. So the bytes in the store are a function of the calls and of
// the random source, whatever the number of threads. Frames in flight are bounded by the pool's
// threads. docs/format.md, "Frames", "Packs".
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <vector>

#include "engine/base/pinned.h"
#include "engine/base/pool.h"
#include "engine/base/random.h"
#include "engine/blocks/pack_layout.h"
#include "engine/blocks/pack_writer.h"
#include "engine/content/compress.h"
#include "engine/format/index.h"

namespace kist {

// A pack that was written under its name; durable after the store's next barrier.
struct StoredPack {
  IndexedPack indexed;
  Key key;
};

class PackBuilder : private Pinned {
 public:
  struct Options {
    RepositoryId repository;
    std::uint64_t frame_target = 0;  // bytes of plaintext; a larger block has a frame of its own
    Compression compression;
  };

  // Called in the builder's own thread when a pack of that kind was closed, before the next pack
  // draws its key. It may call closed_block_count() and take_closed().
  using PackClosed = std::function<void(PackKind)>;

  PackBuilder(
      StoreWriter& store, Pool& pool, Random& random, const Options& options, PackClosed on_closed);
  ~PackBuilder();  // packs that are still open are abandoned

  // The next block of that kind: 1 to block_bytes_max bytes, copied once, into its frame.
  void add(PackKind kind, const BlockId& id, View plaintext) { add(kind, id, plaintext, nullptr); }

  // The same of a block that keeps these numbers; all blocks of a builder do, or none.
  void add(PackKind kind,
           const BlockId& id,
           View plaintext,
           const std::vector<std::uint64_t>& numbers) {
    add(kind, id, plaintext, &numbers);
  }

  // Closes all that is open, data first.
  void close_all();

  // Blocks in the packs that were closed and not taken yet.
  [[nodiscard]] std::uint64_t closed_block_count(PackKind kind) const;
  // The packs that were closed since the last call, in order, once all of them are written.
  std::vector<StoredPack> take_closed(PackKind kind);

  // Bytes of all packs closed so far.
  [[nodiscard]] std::uint64_t stored_bytes() const { return stored_bytes_; }

 private:
  struct Frame {
    Bytes plain;
    FrameList list;
  };

  // A frame that a worker compresses: its plaintext stays until the sealed form was checked.
  struct CompressJob {
    PackKind kind = PackKind::data;
    std::shared_ptr<Frame> frame;
    std::future<std::shared_ptr<const Bytes>> compressed;  // null: the frame stays raw
  };

  struct ClosedPack {
    IndexedPack indexed;
    Key key;
    std::future<ObjectHash> hash;  // valid once the writer has been told to end the pack
  };

  // The writer's next order: a sealed frame, or the end of a pack.
  struct WriteJob {
    PackKind kind = PackKind::data;
    std::future<Bytes> sealed{};
    std::optional<PackEnd> end{};
    ClosedPack* closed = nullptr;  // the pack that `end` ends
  };

  // Data or meta.
  struct Stream {
    PackKind kind = PackKind::data;
    Frame frame{};
    std::optional<PackLayout> pack{};
    std::deque<ClosedPack> closed{};  // a deque: elements stay where they are
    std::uint64_t closed_blocks = 0;
  };

  void add(PackKind kind,
           const BlockId& id,
           View plaintext,
           const std::vector<std::uint64_t>* numbers);

  [[nodiscard]] Stream& stream(PackKind kind) { return kind == PackKind::data ? data_ : meta_; }

  void close_frame(Stream& from);
  void place_next_frame();
  void start_sealing(Stream& to, CompressJob job);
  void close_pack(Stream& from, bool is_full);
  void write_next();
  void write_all();

  Pool& pool_;
  Random& random_;
  const Options options_;
  const PackClosed on_closed_;
  const std::size_t in_flight_max_;
  PackWriter writer_;
  Stream data_{.kind = PackKind::data};
  Stream meta_{.kind = PackKind::meta};
  std::deque<CompressJob> compressing_;
  std::deque<WriteJob> writing_;
  std::uint64_t stored_bytes_ = 0;
};

}  // namespace kist
