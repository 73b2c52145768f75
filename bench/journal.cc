// journal DIR COUNT [retention]: makes in DIR a repository whose journal has COUNT entries, of
// snapshots, or of a thousand snapshots and acts of retention, by writing the files themselves. Run
// again it opens the repository: what a first replay takes, and what a client that is up to date
// pays.
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

constexpr std::uint64_t sources = 100;

std::string source_name(std::uint64_t i) {
  return kist::concat("host-", i % sources);
}

// What a backup of the i-th source of a hundred writes.
kist::SnapshotTaken taken_by(const kist::Repository& repository,
                             const kist::State& state,
                             std::uint64_t i) {
  kist::StoredSnapshot stored;
  kist::Random& random = repository.services().random;
  stored.body = random.draw_id<kist::ObjectHash>();
  stored.reference_set = random.draw_id<kist::ObjectHash>();
  stored.key_segments = {random.draw_id<kist::ObjectHash>()};
  stored.numbers = {.first_number = 0, .data = 1'024, .meta = 64};
  stored.segments = {{random.draw_id<kist::ObjectHash>(), kist::PackKind::data},
                     {random.draw_id<kist::ObjectHash>(), kist::PackKind::meta}};
  kist::SnapshotTaken out = kist::snapshot_entry(stored, state, source_name(i), {});
  out.snapshot = random.draw_id<kist::SnapshotId>();
  return out;
}

// Acts of retention in turn, each valid behind those before it.
kist::Act retention_act(const std::vector<kist::SnapshotId>& snapshots, std::uint64_t i) {
  const std::uint64_t round = i / 6;
  const kist::SnapshotId& snapshot = snapshots[round % snapshots.size()];
  const std::string matter = kist::concat("matter ", round % sources);
  kist::Policy policy;
  policy.name = "default";
  policy.minimum_seconds = 0;
  policy.daily.count = static_cast<std::uint32_t>(7 + round % 7);
  switch (i % 6) {
    case 0:
      return kist::SnapshotsRetired{.snapshots = {{snapshot}}, .reason = ""};
    case 1:
      return kist::SnapshotsUnretired{.snapshots = {snapshot}, .reason = ""};
    case 2:
      return kist::HoldPlaced{matter, "", {.snapshots = {}, .sources = {source_name(round)}}};
    case 3:
      return kist::HoldLifted{matter, "", {}};
    case 4:
      return kist::PolicySet{policy, ""};
    default:
      return kist::PolicyAssigned{source_name(round), "default", ""};
  }
}

// Entries as one owner writes them, one after another: snapshots of a hundred sources; with
// `retains` a thousand of them, then acts of retention.
void write_entries(kist::Repository& repository,
                   const std::string& directory,
                   std::uint64_t count,
                   bool retains) {
  constexpr std::uint64_t retained = 1'000;
  kist::State state = repository.state();
  kist::Random& random = repository.services().random;
  std::vector<kist::SnapshotId> snapshots;
  for (std::uint64_t i = 0; i < count; ++i) {
    const bool is_snapshot = !retains || i < retained;
    kist::Act act;
    std::uint64_t numbers = 0;
    if (is_snapshot) {
      const kist::SnapshotTaken taken = taken_by(repository, state, i);
      numbers = taken.numbers.count();
      snapshots.push_back(taken.snapshot);
      act = taken;
    } else {
      act = retention_act(snapshots, i - retained);
    }
    const kist::JournalEntry entry{.sequence = state.next_sequence,
                                   .previous = state.head,
                                   .author = repository.keyring().slot(),
                                   .epoch_number = state.epoch_number,
                                   .epoch = state.epoch,
                                   .time_ms = state.last_ms + 60'000,
                                   .act = act};
    const kist::Bytes bytes = kist::seal_entry(repository.keyring(), random, entry);
    const std::string name = directory + "/" + kist::journal_path(entry.sequence);
    write(name, bytes);
    write(name + ".2", bytes);
    state.next_sequence++;
    state.next_number += numbers;
    state.last_ms = entry.time_ms;
    state.head = kist::hash_object(bytes);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: journal DIR COUNT [retention]\n";
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
    kist::Repository repository =
        kist::init_repository(kist::open_store(repository_directory), credential(),
                              {.minimum_retention_seconds = 0}, directory + "/state", services);
    write_entries(repository, repository_directory, count, argc > 3);
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
