// journal DIR COUNT [SNAPSHOTS]: makes in DIR a repository whose journal has COUNT entries of
// snapshots, by writing the files themselves, and opens it: what a first replay takes, and what a
// client that is up to date pays.
#include "engine/journal/journal.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include <sys/resource.h>

#include "engine/blocks/stored_snapshot.h"
#include "engine/crypto/hash.h"
#include "engine/engine.h"
#include "engine/format/names.h"
#include "engine/journal/sealed_entry.h"
#include "engine/store/local.h"

namespace {

namespace fs = std::filesystem;

class Quiet final : public kist::Observer {};

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

long peak_mib() {
  struct rusage usage {};

  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

void write(const std::string& path, const kist::Bytes& bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()),  // NOLINT
            static_cast<std::streamsize>(bytes.size()));
}

// Entries as backups of a hundred sources write them, one after another.
void write_entries(kist::Repository& repository,
                   const std::string& directory,
                   std::uint64_t count) {
  kist::State state = repository.state();
  for (std::uint64_t i = 0; i < count; ++i) {
    kist::StoredSnapshot stored;
    kist::Random& random = repository.services().random;
    stored.body = random.draw_id<kist::ObjectHash>();
    stored.reference_set = random.draw_id<kist::ObjectHash>();
    stored.key_segments = {random.draw_id<kist::ObjectHash>()};
    stored.numbers = {.first_number = 0, .data = 1'024, .meta = 64};
    stored.segments = {{random.draw_id<kist::ObjectHash>(), kist::PackKind::data},
                       {random.draw_id<kist::ObjectHash>(), kist::PackKind::meta}};
    kist::SnapshotTaken taken = kist::snapshot_entry(stored, state);
    taken.snapshot = random.draw_id<kist::SnapshotId>();
    taken.source = kist::concat("host-", i % 100);
    const kist::JournalEntry entry{.sequence = state.next_sequence,
                                   .previous = state.head,
                                   .author = repository.keyring().slot(),
                                   .epoch_number = state.epoch_number,
                                   .epoch = state.epoch,
                                   .time_ms = state.last_ms + 60'000,
                                   .act = taken};
    const kist::Bytes bytes = kist::seal_entry(repository.keyring(), random, entry);
    const std::string name = directory + "/" + kist::journal_path(entry.sequence);
    write(name, bytes);
    write(name + ".2", bytes);
    state.next_sequence++;
    state.next_number += taken.numbers.count();
    state.last_ms = entry.time_ms;
    state.head = kist::hash_object(bytes);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: journal DIR COUNT\n";
    return 2;
  }
  const std::string directory = argv[1];
  const std::uint64_t count = std::strtoull(argv[2], nullptr, 10);
  kist::SystemClock clock;
  kist::SystemRandom random;
  Quiet observer;
  kist::init_crypto();
  const kist::Services services{clock, random, observer};
  const std::string repository_directory = directory + "/repository";
  const auto credential = [] {
    return kist::Credential{kist::SlotKind::key_file, kist::SecretBytes(kist::Bytes(32, 7))};
  };
  const auto open = [&](const std::string& state) {
    return kist::open_repository(kist::open_store(repository_directory), credential(),
                                 {.state_parent = state, .slot = {}}, services);
  };
  if (!fs::exists(repository_directory)) {
    kist::Repository repository = kist::init_repository(
        kist::open_store(repository_directory), credential(), {}, directory + "/state", services);
    write_entries(repository, repository_directory, count);
    return 0;
  }
  const long before = peak_mib();
  std::cout << "first replay: " << seconds_of([&] { open(directory + "/state"); }) << " s\n";
  std::cout << "peak memory: " << peak_mib() << " MiB, " << before << " before\n";
  for (int i = 0; i < 3; ++i) {
    std::cout << "up to date: " << 1000 * seconds_of([&] { open(directory + "/state"); })
              << " ms\n";
  }
  return 0;
}
