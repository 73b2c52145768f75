// What a machine forgets is gone from its disk: an image of it, taken after the machine has
// followed an epoch's end, says nothing of what was there before, to whoever has every secret.
#include <functional>
#include <set>

#include "engine/ops/backup/file_cache.h"
#include "tests/support/disk_image.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/roles.h"

using namespace kist;
using namespace kist::test;

namespace {

// Tells of every call, so that files are seen that do not outlive a command.
class ObservedStore final : public ForwardingStore {
 public:
  ObservedStore(Store& store, std::function<void()> look)
      : ForwardingStore(store), look_(std::move(look)) {}

  std::size_t get_range(const std::string& path, std::uint64_t offset, MutableView out) override {
    look_();
    return ForwardingStore::get_range(path, offset, out);
  }

  bool put_if_absent(const std::string& path, View bytes) override {
    look_();
    return ForwardingStore::put_if_absent(path, bytes);
  }

 private:
  std::function<void()> look_;
};

// What whoever has the files of a state directory, and its secrets, can read in them.
struct Reading {
  Reading(const DiskImage::Moment& moment, const std::string& repository) {
    const TemporaryDirectory parent;
    const std::string state = parent / repository;
    std::filesystem::create_directory(state);
    DiskImage::lay_out(moment, parent.path());
    SeededRandom random(9);
    RecordingObserver observer;
    const LocalDirectory local(state, random, observer);
    has_index = std::ranges::none_of(observer.notices, [](const std::string& notice) {
      return notice.find("rebuilt from the index segments") != std::string::npos;
    });
    for (const auto& [path, link] : moment) {
      const std::filesystem::path name = std::filesystem::path(path).filename();
      for (const auto& [ending, kind] :
           {std::pair(".key", CacheKind::complete), std::pair(".pending", CacheKind::pending)}) {
        if (name.extension() != ending || name == "local.key") continue;
        const auto cache = FileCacheReader::open(local, name.stem(), kind);
        if (cache) last_paths.insert(cache->facts().last_path);
      }
    }
  }

  bool has_index = false;
  std::set<std::string> last_paths;  // of the caches that open
};

// A laptop that only writes, with its disk; the owner is another machine.
struct Laptop : Roles {
  Laptop() : Roles(writer_capabilities) {
    other.store = watched;
    repository.emplace(open());
  }

  // Looks at the disk, and notes each secret that stands in a local key.
  DiskImage::Moment look() {
    DiskImage::Moment moment = image.look();
    for (const auto& [path, link] : moment) {
      if (!path.ends_with("local.key")) continue;
      const Bytes keys = slurp(link);
      const std::lock_guard lock(mutex);
      if (keys.size() == 64) secrets.insert(Bytes(keys.begin() + 16, keys.begin() + 32));
    }
    return moment;
  }

  [[nodiscard]] std::string name() const { return hex(repository->keyring().repository()); }

  // Stopped after a pending snapshot, which leaves a cache of its own.
  void back_up_in_part() {
    class Stopping final : public Observer {
     public:
      [[nodiscard]] bool cancelled() const override { return is_stopped; }

      void progress(const Progress& progress) override {
        is_stopped = progress.bytes_done > 600'000;
      }

      std::atomic<bool> is_stopped{false};
    };

    Stopping observer;
    Repository stopped = open_repository(watched, Machine::credential(9),
                                         {.state_parent = other.state.path(), .slot = {}},
                                         {other.clock, other.random, observer});
    other.clock.advance_ms(120'000);
    BackupOptions options;
    options.paths = {source / "tree"};
    options.source = "laptop";
    options.threads = 1;
    options.pending_bytes = 1;
    REQUIRE_THROWS_AS(kist::backup(stopped, options), Interrupted);
  }

  // The place of each frame in its pack, as a row of the index states it: three sizes.
  std::vector<Bytes> frame_sizes() {
    std::vector<Bytes> out;
    const BlockIndex::Reader index(repository->blocks().index());
    for (const std::uint32_t pack : index.packs()) {
      for (std::uint32_t frame = 0; frame < index.pack(pack).frame_count; ++frame) {
        const FramePlace place = index.frame(pack, frame).place;
        ByteWriter encoded;
        encoded.u32(place.offset);
        encoded.u32(place.contents_size);
        encoded.u32(place.list_size);
        out.push_back(encoded.take());
      }
    }
    return out;
  }

  std::mutex mutex;
  std::set<Bytes> secrets;
  DiskImage image{other.state.path()};
  std::shared_ptr<Store> watched = std::make_shared<ObservedStore>(*store, [this] { look(); });
  std::optional<Repository> repository;
};

}  // namespace

TEST_CASE("a disk that is imaged after an epoch's end shows no name, tag or size from before") {
  Laptop laptop;
  laptop.backup(*laptop.repository, "laptop");
  REQUIRE(check_catalog(*laptop.repository).empty());  // makes an index beside the other
  for (int i = 0; i < 10; ++i) {
    laptop.write_news(100'000, "news" + std::to_string(i));
  }
  laptop.back_up_in_part();
  laptop.repository->journal().replay();
  const std::vector<Bytes> sizes = laptop.frame_sizes();
  REQUIRE(sizes.size() > 2);
  const DiskImage::Moment before = laptop.look();
  {
    // What the image is worth as long as the epoch lasts.
    const Reading reading(before, laptop.name());
    CHECK(reading.has_index);
    CHECK(reading.last_paths.size() == 2);
  }
  const std::set<Bytes> former = laptop.secrets;
  REQUIRE(former.size() >= 2);  // the machine's, and the check's

  end_epoch(laptop.owner_repository, {.forgets = true});
  laptop.repository->journal().replay();
  laptop.look();
  const Reading reading(before, laptop.name());
  CHECK_FALSE(reading.has_index);
  CHECK(reading.last_paths.empty());
  for (const Bytes& file : laptop.image.contents()) {
    CHECK_FALSE(holds(file, secret_name));
    CHECK(std::ranges::none_of(former, [&](const Bytes& secret) { return holds(file, secret); }));
    CHECK(std::ranges::none_of(sizes, [&](const Bytes& size) { return holds(file, size); }));
  }
  // The machine works on.
  const SnapshotId snapshot = laptop.backup(*laptop.repository, "laptop").snapshot;
  laptop.owner_repository.journal().replay();
  require_restored(laptop.owner, laptop.owner_repository, laptop, snapshot, "news7");
}
