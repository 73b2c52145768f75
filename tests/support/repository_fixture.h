// A repository for tests: in memory or in a directory, with a key file's credential, a fixed clock
// and a seeded random source. Everything that is told to the observer is kept.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/blocks/index_loader.h"
#include "engine/engine.h"
#include "engine/journal/sealed_entry.h"
#include "engine/keys/epoch_secrets.h"
#include "engine/store/twins.h"
#include "tests/support/fixed_clock.h"
#include "tests/support/memory_store.h"
#include "tests/support/seeded_random.h"
#include "tests/support/tree_fixture.h"

namespace kist::test {

class RecordingObserver final : public Observer {
 public:
  void notice(const std::string& text) override {
    const std::lock_guard lock(mutex_);
    notices.push_back(text);
  }

  void problem(const std::string& subject, const Error& error) override {
    const std::lock_guard lock(mutex_);
    problems.push_back(subject + ": " + error.text());
  }

  std::vector<std::string> notices;
  std::vector<std::string> problems;

 private:
  std::mutex mutex_;
};

// What a verb does to commit an act: asks for the right to, then commits.
inline JournalEntry commit(Repository& repository, const Journal::MakeAct& make) {
  const Journal::Writable writable = repository.journal().require_writable();
  return repository.journal().commit(writable, make);
}

inline constexpr std::int64_t start_ms = 4'000'000'000'000;  // well after any file's times

// One machine that uses a store: its clock, randomness and local state.
struct Machine {
  explicit Machine(std::shared_ptr<Store> where, std::uint64_t seed = 1)
      : store(std::move(where)), random(seed) {}

  Services services() { return {clock, random, observer}; }

  static Credential credential(std::uint8_t fill = 7) {
    return {SlotKind::key_file, SecretBytes(Bytes(32, fill))};
  }

  Repository init(std::uint32_t block_target = 16U << 10U) {
    InitOptions options;
    options.block_target = block_target;
    return init_repository(store, credential(), options, state.path(), services());
  }

  // Opens the slot of the key file that credential(fill) stands for.
  Repository open(std::uint8_t fill = 7) {
    return open_repository(store, credential(fill), {.state_parent = state.path(), .slot = {}},
                           services());
  }

  // The same, told to another observer.
  Repository open_with(Observer& told) {
    return open_repository(store, credential(), {.state_parent = state.path(), .slot = {}},
                           {clock, random, told});
  }

  BackupResult backup(Repository& repository, const std::string& path, unsigned threads = 2) {
    clock.advance_ms(60'000);
    BackupOptions options;
    options.paths = {path};
    options.source = "test";
    options.host = "host";
    options.threads = threads;
    return kist::backup(repository, options);
  }

  RestoreResult restore(Repository& repository,
                        const SnapshotId& snapshot,
                        const std::string& path,
                        const std::string& target,
                        Overwrite overwrite = Overwrite::if_changed) {
    RestoreOptions options;
    options.snapshot = snapshot;
    options.path = path.substr(1);
    options.target = target;
    options.tree.overwrite = overwrite;
    options.threads = 2;
    return kist::restore(repository, options);
  }

  std::shared_ptr<Store> store;
  FixedClock clock{start_ms};
  SeededRandom random;
  RecordingObserver observer;
  TemporaryDirectory state;
};

}  // namespace kist::test
