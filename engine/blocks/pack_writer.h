// Writes packs in a thread of its own: header, frames, padding, directory, footer; and hashes them
// on the way, because a pack is named by its hash.
//
// Invariant: the bytes and their order are decided by the caller alone, so they do not depend on
// timing. One data pack and one meta pack may be open at once. After a failure the writer stays
// failed: the call that waits for a pack and every later call throw it. docs/format.md, "Packs".
#pragma once

#include <future>
#include <memory>
#include <optional>
#include <thread>

#include "engine/base/pinned.h"
#include "engine/base/queue.h"
#include "engine/crypto/hash.h"
#include "engine/format/pack.h"
#include "engine/store/store.h"

namespace kist {

// The end of a pack: padding up to its directory, then directory and footer.
struct PackEnd {
  Key padding_seed;  // the padding is a function of it
  std::uint64_t padding_size = 0;
  Bytes directory_and_footer;
};

class PackWriter : private Pinned {
 public:
  // At most `waiting_max` bytes wait to be written.
  PackWriter(StoreWriter& store, const RepositoryId& repository, std::uint64_t waiting_max);
  ~PackWriter();  // packs that were not ended are abandoned

  // The next bytes of the open pack of that kind; the first ones open it.
  void append(PackKind kind, Bytes bytes);
  // Ends the open pack. The future yields its hash once it has its name in the store; it is durable
  // after the store's next barrier.
  std::future<ObjectHash> end(PackKind kind, PackEnd end);
  // That hash; throws the failure that made the writer give up.
  ObjectHash wait(std::future<ObjectHash>& hash);

 private:
  struct Order {
    PackKind kind = PackKind::data;
    Bytes bytes{};
    std::optional<PackEnd> end{};
    std::promise<ObjectHash> hash{};
  };

  struct OpenPack {
    std::unique_ptr<ObjectWriter> writer;
    ObjectHasher hasher;

    void append(View bytes) {
      writer->append(bytes);
      hasher.update(bytes);
    }
  };

  void run();
  void carry_out(Order& order);
  OpenPack& open_pack(PackKind kind);
  void push(Order order);
  [[noreturn]] void rethrow_failure();

  StoreWriter& store_;
  RepositoryId repository_;
  std::unique_ptr<OpenPack> open_[2];
  BoundedQueue<Order> orders_;
  std::exception_ptr failure_;  // of the thread; read after it has ended
  std::thread thread_;
};

}  // namespace kist
