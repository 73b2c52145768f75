#include "tests/simulation/beginning.h"

#include <cstdlib>
#include <filesystem>
#include <future>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "engine/journal/journal.h"
#include "tests/simulation/actor_threads.h"
#include "tests/support/repository_fixture.h"
#include "tests/support/test.h"

namespace kist::test {

namespace fs = std::filesystem;

namespace {

constexpr int places_max = 64;

std::string parent_of_places() {
  const char* given = std::getenv("KIST_PLACE");  // NOLINT(concurrency-mt-unsafe)
  if (given != nullptr) return given;
  return fs::is_directory("/dev/shm") ? "/dev/shm/kist-simulation" : "/tmp/kist-simulation";
}

}  // namespace

Place::Place() {
  const bool is_given = std::getenv("KIST_PLACE") != nullptr;  // NOLINT(concurrency-mt-unsafe)
  const std::string parent = parent_of_places();
  for (int number = 0; number < places_max; ++number) {
    path_ = is_given ? parent : concat(parent, "-", number);
    const std::string lock_file = path_ + ".lock";
    lock_ = ::open(lock_file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666);
    if (lock_ >= 0 && ::flock(lock_, LOCK_EX | LOCK_NB) == 0) break;
    if (lock_ >= 0) ::close(lock_);
    lock_ = -1;
    if (is_given) break;
  }
  if (lock_ < 0) throw Error(Code::failed, concat("no place for a simulation at ", parent));
  fs::remove_all(path_);
  fs::create_directories(path_);
}

Place::~Place() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  fs::remove(path_ + ".lock", ignored);
  ::close(lock_);
}

Credential credential_of(unsigned machine, unsigned generation) {
  return Machine::credential(static_cast<std::uint8_t>(10 + machine + 16 * generation));
}

std::string slot_name(unsigned machine, unsigned generation) {
  return concat("machine", machine, "-", generation);
}

std::string source_name(unsigned machine, unsigned generation) {
  return concat("source", machine, "-", generation);
}

std::string state_path(const Place& place, unsigned machine) {
  return place / concat("run/state", machine);
}

std::string tree_path(const Place& place, unsigned machine) {
  return place / concat("run/tree", machine);
}

namespace {

constexpr Capabilities capabilities_of(unsigned machine) {
  switch (machine) {
    case operator_machine:
      return operator_capabilities;
    case reader_machine:
      return reader_capabilities;
    default:
      return writer_capabilities;
  }
}

struct MachineBefore {
  explicit MachineBefore(std::uint64_t seed) : random(seed) {}

  Services services() { return {clock, random, observer}; }

  FixedClock clock{start_ms};
  SeededRandom random;
  RecordingObserver observer;
};

// Small blocks, and no minimum: what is forgotten may end at once.
InitOptions init_options() {
  InitOptions out;
  out.block_target = 16U << 10U;
  out.compression = 1;
  out.minimum_retention_seconds = 0;
  return out;
}

void set_rules(Repository& repository) {
  static_cast<void>(set_policy(
      repository, "default",
      [](Policy& policy) {
        policy.minimum_seconds = 0;
        policy.grace_seconds = 0;
        policy.last = 2;
      },
      "simulated"));
}

// In a thread that sees what those of the simulated machines will see of the tree.
SnapshotId backup_as_actor(Repository& repository, const BackupOptions& options) {
  Alarm alarm(0);
  ActorThreads actor(alarm);
  actor.sees_plain_status = true;
  std::promise<SnapshotId> made;
  actor.start([&] {
    try {
      made.set_value(backup(repository, options).snapshot);
    } catch (...) {
      made.set_exception(std::current_exception());
    }
  });
  return made.get_future().get();
}

}  // namespace

Beginning::Beginning(const Place& place) : place_(place) {
  const auto store = std::make_shared<MemoryStore>();
  std::vector<std::unique_ptr<MachineBefore>> machines;
  for (unsigned machine = 0; machine <= machine_count; ++machine) {
    machines.push_back(std::make_unique<MachineBefore>(1000 + machine));
    fs::create_directories(state_path(place, machine));
  }
  const auto open = [&](unsigned machine) {
    const unsigned slot = machine == machine_count ? owner_machine : machine;
    return open_repository(store, credential_of(slot),
                           {.state_parent = state_path(place, machine), .slot = {}},
                           machines[machine]->services());
  };
  {
    Repository owner =
        init_repository(store, credential_of(owner_machine), init_options(),
                        state_path(place, owner_machine), machines[owner_machine]->services());
    set_rules(owner);
    for (unsigned machine = operator_machine; machine < machine_count; ++machine) {
      add_slot(owner, credential_of(machine), argon2_floor, slot_name(machine),
               capabilities_of(machine));
    }
  }
  for (unsigned machine = 0; machine <= machine_count; ++machine) {
    machines[machine]->clock.advance_ms(std::int64_t{60'000} * (machine + 1));
    Repository repository = open(machine);
    static_cast<void>(repository.journal().require_writable());
    if (machine >= reader_machine) continue;
    fs::create_directories(tree_path(place, machine));
    trees_.emplace_back(tree_path(place, machine), machine);
    for (std::uint64_t i = 0; i < 3; ++i) {
      trees_.back().change(mix(machine, i));
    }
    BackupOptions options{.paths = {tree_path(place, machine)}, .source = source_name(machine)};
    options.host = "host";
    options.threads = 1;
    snapshots_.push_back(backup_as_actor(repository, options));
  }
  end_ms_ = start_ms + std::int64_t{60'000} * (machine_count + 2);
  for (const auto& [path, bytes] : store->objects_without_probes()) {
    objects_[path] = std::make_shared<const Bytes>(bytes);
  }
  fs::rename(place / "run", place / "beginning");
}

void Beginning::restore_files() const {
  const std::string run = place_ / "run";
  fs::remove_all(run);
  fs::copy(place_ / "beginning", run, fs::copy_options::recursive);
  // A tree's files have their times, which tell the one from the other.
  for (const SimulatedTree& tree : trees_) {
    const std::string from = place_ / "beginning" + tree.path().substr(run.size());
    for (const auto& entry : fs::directory_iterator(from)) {
      fs::last_write_time(tree.path() + "/" + entry.path().filename().string(),
                          entry.last_write_time());
    }
  }
}

}  // namespace kist::test
