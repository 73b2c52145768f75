// long_journal DIR COUNT [SLOTS] [MINUTES]: makes in DIR a repository as SLOTS machines (20) have
// made it that backed up in turn, one snapshot each so many MINUTES (1) until now, COUNT of them.
// Each has what a real one has but for its pack: a body, a reference set, an index segment of one
// block and a key segment, all of which open. The files are written straight, and nothing is
// synced: a commit through the engine would take the disk's time for each. DIR/owner.key and
// DIR/writer-00.key … open the slots.
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <vector>

#include "engine/blocks/objects.h"
#include "engine/blocks/stored_snapshot.h"
#include "engine/crypto/hash.h"
#include "engine/engine.h"
#include "engine/format/limits.h"
#include "engine/journal/sealed_entry.h"
#include "engine/store/twins.h"

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t minute_ms = 60'000;
constexpr std::uint64_t chunk = 4'096;  // snapshots that are prepared while others are committed

// A clock that runs from entry to entry.
class EntryClock final : public kist::Clock {
 public:
  EntryClock(std::int64_t start_ms, std::int64_t interval_ms)
      : now_ms_(start_ms), interval_ms_(interval_ms) {}

  [[nodiscard]] std::int64_t now_ms() const override { return now_ms_; }

  void advance() { now_ms_ += interval_ms_; }

 private:
  std::int64_t now_ms_;
  std::int64_t interval_ms_;
};

// Puts objects into a local repository's directory without a sync. Any threads.
class PlainWriter final : public kist::StoreWriter {
 public:
  explicit PlainWriter(std::string root) : root_(std::move(root)) {}

  void create_folders() override {}

  std::unique_ptr<kist::ObjectWriter> begin_put() override { KIST_ENSURE(false); }

  void put(const std::string& path, kist::View bytes) override {
    std::ofstream out(root_ + "/" + path, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()),  // NOLINT
              static_cast<std::streamsize>(bytes.size()));
    if (!out.flush()) throw kist::Error(kist::Code::failed, "cannot write " + path);
  }

  bool put_if_absent(const std::string& path, kist::View bytes) override {
    put(path, bytes);
    return true;
  }

  void barrier() override {}

  void confirm(const std::string& /*path*/) override {}

 private:
  std::string root_;
};

// What all of the work needs. The threads that prepare snapshots only read the repositories.
struct Site {
  std::vector<kist::Repository>& writers;
  kist::Random& random;
  PlainWriter& store;
};

kist::IndexSegment draw_index_segment(kist::Random& random) {
  kist::IndexedFrame frame;
  frame.place = {kist::pack_header_size, 100, 100};
  frame.blocks = {{random.draw_id<kist::BlockTag>(), 84}};
  kist::IndexedPack pack;
  pack.hash = random.draw_id<kist::ObjectHash>();
  pack.size = kist::pack_bytes_min;
  pack.frames = {frame};
  kist::IndexSegment out;
  out.packs = {pack};
  return out;
}

kist::SnapshotBody draw_body(kist::Random& random, const std::string& host) {
  kist::SnapshotBody out;
  out.root = random.draw_id<kist::BlockId>();
  out.host = host;
  out.paths = {"/home"};
  return out;
}

kist::KeyBytes draw_key(kist::Random& random) {
  kist::KeyBytes out;
  random.fill(out);
  return out;
}

// How an entry introduces its index segment of one block: under which numbers, the journal's end
// says.
void introduce(const kist::ObjectHash& index_segment, kist::StoredSnapshot& stored) {
  stored.numbers.data = static_cast<std::uint32_t>(kist::reserved_count(1));
  stored.segments = {{index_segment, kist::PackKind::data}};
}

// Puts the objects of one snapshot of that slot.
kist::StoredSnapshot store_snapshot(const Site& site, std::size_t slot) {
  const kist::Repository& writer = site.writers[slot];
  const kist::ObjectAuthor author{.origin = writer.keyring().origin(),
                                  .signing_seed = writer.keyring().signing_seed(),
                                  .random = site.random};
  const kist::IndexSegment segment = draw_index_segment(site.random);
  const kist::NamedKey index = put_index_segment(site.store, author, segment).key;
  const std::string host = kist::concat("host-", slot);
  const kist::NamedKey body = put_body(site.store, author, draw_body(site.random, host)).key;
  kist::ReferenceSet references;
  references.relative.add(0);
  const kist::NamedKey set = put_reference_set(site.store, author, references).key;
  const kist::KeyGroup names{.index_segments = {index},
                             .reference_sets = {set.hash},
                             .packs = {segment.packs.front().hash},
                             .bodies = {body.hash},
                             .author_box = {}};
  const kist::InnerKeyGroup secrets{.packs = {draw_key(site.random)}, .bodies = {body.key}};
  const kist::EpochBeginning& beginning = writer.state().beginning;
  const kist::SealedObject keys = seal_key_segment(author,
                                                   {.index_key = writer.journal().index_key(),
                                                    .audit_key = beginning.audit_key,
                                                    .epoch_key = beginning.epoch_key},
                                                   {.outer = {.groups = {names}},
                                                    .sets = {.groups = {{set.key}}},
                                                    .inner = {.groups = {secrets}}});
  put_sealed(site.store, kist::ObjectType::key_segment, keys);
  kist::StoredSnapshot out;
  introduce(index.hash, out);
  out.key_segments = {keys.hash};
  out.body = body.hash;
  out.reference_set = set.hash;
  return out;
}

// Those of `count` snapshots from the given one on, by two threads.
std::vector<kist::StoredSnapshot> store_snapshots(const Site& site,
                                                  std::uint64_t first,
                                                  std::uint64_t count) {
  std::vector<kist::StoredSnapshot> out(count);
  const auto store_half = [&](std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t i = begin; i < end; ++i) {
      out[i] = store_snapshot(site, (first + i) % site.writers.size());
    }
  };
  auto other = std::async(std::launch::async, store_half, count / 2, count);
  store_half(0, count / 2);
  other.get();
  return out;
}

// The journal's end, as the entries put so far have made it.
struct End {
  kist::State state;
  EntryClock& clock;
};

void put_entry(const Site& site, End& end, std::size_t slot, const kist::StoredSnapshot& stored) {
  end.clock.advance();
  kist::State& state = end.state;
  const kist::Keyring& keyring = site.writers[slot].keyring();
  kist::SnapshotTaken taken =
      snapshot_entry(stored, state, kist::concat("host-", slot), keyring.slot());
  taken.snapshot = site.random.draw_id<kist::SnapshotId>();
  taken.started_ms = end.clock.now_ms();
  const kist::JournalEntry entry{.sequence = state.next_sequence,
                                 .previous = state.head,
                                 .author = keyring.slot(),
                                 .epoch_number = state.epoch_number,
                                 .epoch = state.epoch,
                                 .time_ms = end.clock.now_ms(),
                                 .act = taken};
  const kist::Bytes bytes = seal_entry(keyring, site.random, entry);
  put_twinned(site.store, kist::journal_path(entry.sequence), bytes);
  state.next_sequence++;
  state.next_number += taken.numbers.count();
  state.head = kist::hash_object(bytes);
}

void put_entries(const Site& site, End& end, std::uint64_t count) {
  const auto prepare = [&](std::uint64_t first) {
    return std::async(std::launch::async, store_snapshots, site, first,
                      std::min(chunk, count - first));
  };
  auto next = prepare(0);
  for (std::uint64_t first = 0; first < count; first += chunk) {
    const std::vector<kist::StoredSnapshot> stored = next.get();
    if (first + chunk < count) next = prepare(first + chunk);
    for (std::uint64_t i = 0; i < stored.size(); ++i) {
      put_entry(site, end, (first + i) % site.writers.size(), stored[i]);
    }
  }
}

std::string padded(std::size_t number) {
  return kist::concat(number < 10 ? "0" : "", number);
}

struct Size {
  std::uint64_t count = 0;
  std::size_t slots = 20;
  std::int64_t interval_ms = minute_ms;
};

void make(const std::string& directory, const Size& size) {
  const auto& [count, slots, interval_ms] = size;
  const auto steps = static_cast<std::int64_t>(count + slots + 1);
  EntryClock clock(kist::SystemClock().now_ms() - steps * interval_ms, interval_ms);
  kist::SystemRandom random;
  kist::Observer observer;
  const kist::Services services{clock, random, observer};
  const std::string root = directory + "/repository";
  const std::string state_parent = directory + "/made-with";
  fs::create_directories(directory);
  kist::Repository owner =
      init_repository(kist::open_store(root), kist::make_key_file(directory + "/owner.key", random),
                      {}, state_parent, services);
  std::vector<kist::Repository> writers;
  for (std::size_t slot = 0; slot < slots; ++slot) {
    clock.advance();
    const std::string name = "writer-" + padded(slot);
    const kist::Credential key =
        kist::make_key_file(kist::concat(directory, "/", name, ".key"), random);
    add_slot(owner, key, {}, name, kist::writer_capabilities);
    writers.push_back(open_repository(kist::open_store(root), key,
                                      {.state_parent = state_parent, .slot = {}}, services));
    writers.back().journal().unlock();
  }
  PlainWriter store(root);
  End end{writers.back().state(), clock};
  put_entries({writers, random, store}, end, count);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: long_journal DIR COUNT [SLOTS] [MINUTES]\n";
    return 2;
  }
  try {
    kist::Observer observer;
    kist::prepare_process(observer);
    const std::string directory = argv[1];
    Size size{.count = std::strtoull(argv[2], nullptr, 10)};
    if (argc > 3) size.slots = std::strtoull(argv[3], nullptr, 10);
    if (argc > 4) size.interval_ms = std::strtoll(argv[4], nullptr, 10) * minute_ms;
    make(directory, size);
    fs::remove_all(directory + "/made-with");
  } catch (const kist::Error& error) {
    std::cerr << "long_journal: " << error.text() << '\n';
    return 1;
  }
  return 0;
}
