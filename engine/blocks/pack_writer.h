// Writes packs in a thread of its own: frames, fill, directory, footer; hashing them on the way,
// for the hash is the name. What it writes is decided by the caller alone, so the store's bytes do
// not depend on timing. docs/format.md, "Packs".
#pragma once

#include <future>
#include <memory>
#include <optional>
#include <thread>

#include "engine/base/queue.h"
#include "engine/crypto/hash.h"
#include "engine/format/pack.h"
#include "engine/store/store.h"

namespace kist {

// The end of a pack: random fill up to its directory, then directory and footer.
struct PackEnd {
  Key fill_seed;
  std::uint64_t fill_size = 0;
  Bytes directory_and_footer;
};

class PackWriter {
 public:
  // At most `waiting_max` bytes wait to be written.
  PackWriter(StoreWriter& store, const RepositoryId& repository, std::uint64_t waiting_max);
  PackWriter(const PackWriter&) = delete;
  PackWriter& operator=(const PackWriter&) = delete;
  PackWriter(PackWriter&&) = delete;
  PackWriter& operator=(PackWriter&&) = delete;
  ~PackWriter();  // packs that were not ended are abandoned

  // The next bytes of the open pack of that kind; the first ones open it.
  void append(PackKind kind, Bytes bytes);
  // Ends the open pack. Its name comes once it is written and synced; a failure comes instead.
  std::future<ObjectHash> end(PackKind kind, PackEnd end);
  // That name, or whatever made the writer give up.
  ObjectHash wait(std::future<ObjectHash>& name);

 private:
  struct Order {
    PackKind kind = PackKind::data;
    Bytes bytes{};
    std::optional<PackEnd> end{};
    std::promise<ObjectHash> name{};
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
