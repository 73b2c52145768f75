#include "tests/simulation/acts.h"

#include <filesystem>

#include "engine/journal/journal.h"
#include "engine/ops/epoch/collect.h"
#include "engine/ops/epoch/end_epoch.h"
#include "engine/ops/retention/expire.h"
#include "engine/ops/retention/forget.h"

namespace kist::test {

namespace {

// An act of a machine under way, with the repository that it has opened.
class RunningAct {
 public:
  RunningAct(Simulation& simulation, Client& client, const PlannedAct& act, ActObserver& observer)
      : simulation_(simulation),
        client_(client),
        act_(act),
        observer_(observer),
        random_(mix(act.seed, std::uint64_t{3})) {}

  void run() {
    switch (act_.act) {
      case Act::backup:
        return back_up({});
      case Act::backup_in_parts:
      case Act::backup_cancelled:
        return back_up({.pending_bytes = 1});
      case Act::forget:
        return forget_some();
      case Act::expire:
        return expire_all();
      case Act::collect:
        return collect_garbage();
      case Act::collect_all:
        static_cast<void>(
            kist::collect(open(), {.unused_percent = 0, .grace_seconds = 0, .threads = 1}));
        return;
      case Act::forecast:
        static_cast<void>(plan_collect(open(), collect_options()));
        return;
      case Act::rotate:
        static_cast<void>(end_epoch(open(), {}));
        return;
      case Act::replace_slot:
        return replace_slot();
      case Act::verify:
        return check({.level = VerifyLevel::content, .threads = 1});
      case Act::repair:
        return check({.level = VerifyLevel::content, .threads = 1, .repairs = true});
      case Act::restore:
        return restore_one();
      case Act::replay:
        static_cast<void>(open());
        return;
    }
  }

 private:
  std::uint64_t below(std::uint64_t end) { return random_.next() % end; }

  bool chance(unsigned percent) { return below(100) < percent; }

  SimulatedMachine& machine() { return simulation_.machine(client_.machine); }

  [[nodiscard]] unsigned generation() const {
    return client_.machine == second_writer ? simulation_.second_generation : 0;
  }

  Repository& open() {
    const auto store = std::make_shared<SimulatedStore>(simulation_, client_);
    repository_.emplace(open_repository(store, credential_of(client_.machine, generation()),
                                        {.state_parent = machine().state, .slot = {}},
                                        {machine().clock, machine().random, observer_}));
    return *repository_;
  }

  void back_up(BackupOptions options) {
    ActorThreads::current()->sees_plain_status = true;
    if (!chance(15)) machine().tree->change(act_.seed);
    Repository& repository = open();
    if (act_.act == Act::backup_cancelled) client_.cancels_at = client_.operations + below(40);
    options.paths = {machine().tree->path()};
    options.source = source_name(client_.machine, generation());
    options.host = "host";
    options.threads = 1;
    const BackupResult made = backup(repository, options);
    ActorThreads::current()->sees_plain_status = false;
    simulation_.note_backup(client_, made);
  }

  void forget_some() {
    Repository& repository = open();
    ForgetOptions options{.reason = "simulated", .may_take_last = true};
    for (const SnapshotPtr& snapshot : repository.state().live_snapshots()) {
      if (snapshot->is_retired() || snapshot->taken.is_pending || chance(30)) continue;
      options.snapshots.push_back(snapshot->taken.snapshot);
    }
    if (!options.snapshots.empty()) static_cast<void>(kist::forget(repository, options));
  }

  void expire_all() { static_cast<void>(kist::expire(open(), {.brake_percent = 100})); }

  CollectOptions collect_options() {
    CollectOptions out{.threads = 1};
    if (chance(70)) out.unused_percent = 0;
    if (chance(20)) out.write_bytes_max = 50'000;
    constexpr std::uint64_t graces[] = {0, 0, 60, 600};
    if (chance(85)) out.grace_seconds = graces[below(std::size(graces))];
    return out;
  }

  void collect_garbage() {
    const CollectOptions options = collect_options();
    static_cast<void>(kist::collect(open(), options));
  }

  // The newest slot of the second writer goes, if it still stands, and another one comes.
  void replace_slot() {
    Repository& repository = open();
    unsigned newest = 0;
    std::optional<SlotId> former;
    for (unsigned number = 0; number < 12; ++number) {
      for (const auto& [id, slot] : repository.state().slots) {
        if (slot.introduction.name != slot_name(second_writer, number)) continue;
        newest = number;
        former = slot.is_revoked ? std::optional<SlotId>() : id;
      }
    }
    if (former) static_cast<void>(end_epoch(repository, {.revoked = {*former}}));
    add_slot(repository, credential_of(second_writer, newest + 1), argon2_floor,
             slot_name(second_writer, newest + 1), writer_capabilities);
    simulation_.second_generation = newest + 1;
  }

  void check(const VerifyOptions& options) {
    const VerifyReport report = verify(open(), options);
    simulation_.note_findings(client_, report);
  }

  void restore_one() {
    Repository& repository = open();
    std::vector<SnapshotPtr> from;
    for (const SnapshotPtr& snapshot : repository.state().live_snapshots()) {
      if (!snapshot->taken.is_pending) from.push_back(snapshot);
    }
    if (from.empty()) return;
    const SnapshotTaken taken = from[below(from.size())]->taken;
    const TreeContent* const tree = simulation_.oracle().tree_of(taken.snapshot);
    RestoreOptions options;
    options.snapshot = taken.snapshot;
    options.path = simulation_.oracle().path_of(taken.snapshot);
    options.target = simulation_.place() / concat("run/out", client_.machine, "-", client_.act);
    options.threads = 1;
    const RestoreResult result = kist::restore(repository, options);
    const std::string different = tree == nullptr ? "" : differences(*tree, options.target);
    if (result.problems == 0 && !different.empty()) simulation_.violate("restored: " + different);
    simulation_.note_restored(client_, taken.snapshot, result, observer_.told());
    std::filesystem::remove_all(options.target);
  }

  Simulation& simulation_;
  Client& client_;
  const PlannedAct& act_;
  ActObserver& observer_;
  SeededRandom random_;
  std::optional<Repository> repository_;
};

}  // namespace

void run_act(Simulation& simulation, Client& client, const PlannedAct& act, ActObserver& observer) {
  RunningAct(simulation, client, act, observer).run();
}

// A store that failed, or an act that was cut off, may end anyhow. Where nothing befell an act but
// other machines, it may have lost a race, and must not speak of damage.
std::string what_is_wrong(const Simulation& simulation, const PlannedAct& act, const ActEnd& end) {
  if (end.is_done || end.is_crashed || !end.code || end.faults > 0) return {};
  const bool speaks_of_damage = *end.code == Code::corrupt || *end.code == Code::missing;
  if (!speaks_of_damage || simulation.has_damage) return {};
  return concat(std::string_view(text_of(act.act)), " of machine ", act.machine,
                " speaks of damage, and there is none: ", end.text);
}

}  // namespace kist::test
