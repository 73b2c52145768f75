// A run: the machines of a plan do their acts at the same time on one store in memory. Each store
// operation waits until the scheduler lets it go on; which goes on, what befalls it, and how time
// goes by, is drawn from the seed. After each step who watches (oracle.h) looks whether what must
// hold still does.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/base/pinned.h"
#include "tests/simulation/actor_threads.h"
#include "tests/simulation/beginning.h"
#include "tests/simulation/conformance.h"
#include "tests/simulation/operation.h"
#include "tests/simulation/oracle.h"
#include "tests/simulation/plan.h"
#include "tests/simulation/simulated_store.h"
#include "tests/support/fixed_clock.h"
#include "tests/support/repository_fixture.h"
#include "tests/support/seeded_random.h"

namespace kist::test {

// Something that must hold does not.
struct BrokenPromise {
  std::string text;
};

// One act as it runs: a process of its machine.
struct Client {
  unsigned machine = 0;
  unsigned act = 0;
  std::uint64_t seed = 0;  // of the act
  std::atomic<std::uint64_t> operations{0};
  std::uint64_t faults = 0;                   // that befell it, its clock's included
  std::optional<std::uint64_t> crashes_at{};  // operations, or removals
  bool crashes_in_clean_up = false;
  std::uint64_t removals = 0;
  std::atomic<bool> is_crashed{false};
  std::uint64_t cancels_at = UINT64_MAX;  // operations
  bool has_resumed = false;
};

// What an act tells. Whether a person asks it to stop depends on its operations alone, which is the
// same in each run, whichever of its threads asks.
class ActObserver final : public Observer {
 public:
  explicit ActObserver(const Client& client) : client_(client) {}

  void notice(const std::string& text) override;
  void problem(const std::string& subject, const Error& error) override;

  [[nodiscard]] bool cancelled() const override { return client_.operations >= client_.cancels_at; }

  // Lines.
  [[nodiscard]] std::string told() const;

 private:
  const Client& client_;
  mutable std::mutex mutex_;
  std::string told_;
};

// How an act ended.
struct ActEnd {
  unsigned machine = 0;
  unsigned act = 0;
  bool is_done = false;
  bool is_crashed = false;
  std::optional<Code> code{};
  std::string text{};
  std::uint64_t faults = 0;
  std::uint64_t steps = 0;   // that it took itself
  bool has_resumed = false;  // of a backup
  std::string told{};        // what it told the observer
};

class SimulatedMachine : private Pinned {
 public:
  SimulatedMachine(unsigned number, std::uint64_t seed, const Beginning& beginning)
      : clock(beginning.end_ms()), random(seed), state(state_path(beginning.place(), number)) {}

  FixedClock clock;
  SeededRandom random;
  std::string state;
  std::optional<SimulatedTree> tree;
  std::int64_t skew_ms = 0;
};

class Simulation : private Pinned {
 public:
  Simulation(const Beginning& beginning, const Plan& plan);
  ~Simulation();

  // Throws BrokenPromise.
  void run();

  // What the acts ask for, in their threads.
  Answer operate(Client& client, const Operation& operation);
  void begin_act(Client& client);

  [[nodiscard]] SimulatedMachine& machine(unsigned number) { return *machines_.at(number); }

  [[nodiscard]] const Plan& plan() const { return plan_; }

  [[nodiscard]] const Place& place() const { return beginning_.place(); }

  [[nodiscard]] Oracle& oracle() { return *oracle_; }

  [[nodiscard]] const Oracle& oracle() const { return *oracle_; }

  // By its number, the calm ones at the end included.
  [[nodiscard]] const PlannedAct& act(unsigned number) const { return all_acts_.at(number); }

  [[nodiscard]] const std::vector<TraceStep>& trace() const { return trace_; }

  // The names of all faults that came.
  [[nodiscard]] const std::vector<std::string>& faults() const { return faults_; }

  [[nodiscard]] const std::vector<ActEnd>& ends() const { return ends_; }

  [[nodiscard]] const ObjectMap& objects() const { return objects_; }

  [[nodiscard]] std::uint64_t step() const { return step_; }

  [[nodiscard]] bool is_calm() const { return is_calm_; }

  // Of the calm end: how many steps it took, and the tries of the act that took most.
  [[nodiscard]] std::uint64_t calm_steps() const { return calm_steps_; }

  [[nodiscard]] int most_tries() const { return most_tries_; }

  // The first violation counts; what is under way is cut off.
  void violate(const std::string& text);

  // What acts have to say of what they came to.
  void note_backup(Client& client, const BackupResult& result);
  void note_findings(const Client& client, const VerifyReport& report);
  void note_restored(const Client& client,
                     const SnapshotId& snapshot,
                     const RestoreResult& result,
                     const std::string& told);

  // How many slots of the second writer there were before the one that it uses.
  unsigned second_generation = 0;
  bool has_damage = false;

 private:
  struct Late {
    std::uint64_t due = 0;
    TraceStep step;
    std::shared_ptr<const Bytes> bytes;
  };

  struct Choice {
    std::size_t actor = 0;
    ActorThreads::Thread* thread = nullptr;
  };

  Choice choose(const std::vector<Choice>& choices);

  using NumberedActs = std::vector<std::pair<unsigned, PlannedAct>>;

  void run_acts(const std::vector<PlannedAct>& acts);
  void run_machine(const NumberedActs& acts);
  bool run_one(unsigned number, const PlannedAct& act);  // whether it is done
  void run_calmly();
  void jump_clock();
  void take_step();
  void wait_for_the_end();
  void step_if_quiet();
  void step_after_park();
  void pass_time();
  void land_late();
  void damage_something();
  void watch();
  std::string end_of_trace(const ActEnd& end);
  void record(TraceStep step);

  Outcome draw_fault(Client& client, const Operation& operation);
  [[nodiscard]] bool befalls(Client& client, const char* kind, unsigned rate);
  Outcome draw_crash(Client& client, const Operation& operation);
  Answer carry_out(Client& client, const Operation& operation);
  [[nodiscard]] bool is_aside(const Operation& operation) const;
  [[nodiscard]] bool recently_put(const std::string& path, std::uint64_t steps) const;
  void note_put(const std::string& path);
  bool change(const Operation& operation);
  void put_later(const TraceStep& step, View bytes);
  std::vector<std::string> list(Client& client, const std::string& folder, bool& is_partial);
  [[nodiscard]] std::string fault_name(const Client& client, const char* kind) const;

  const Beginning& beginning_;
  const Plan plan_;
  ObjectMap objects_;
  std::map<std::string, std::uint64_t> put_at_;      // steps
  std::map<std::string, std::uint64_t> removed_at_;  // likewise
  std::vector<std::unique_ptr<SimulatedMachine>> machines_;
  std::unique_ptr<Oracle> oracle_;
  std::unique_ptr<Conformance> conformance_;
  Alarm alarm_{0};
  std::vector<std::unique_ptr<ActorThreads>> actors_;
  std::vector<unsigned> actor_machines_;
  SeededRandom schedule_;
  std::uint64_t burst_ = 0;  // for how many more operations the last actor goes on
  std::mutex stepping_;      // held by who takes a step
  bool is_step_due_ = false;
  std::atomic<bool> have_ended_{false};
  std::size_t last_actor_ = 0;
  std::uint64_t step_ = 0;
  std::uint64_t journal_end_ = 0;  // the greatest number
  std::int64_t now_ms_;
  bool is_calm_ = false;
  std::uint64_t calm_steps_ = 0;
  int most_tries_ = 0;
  std::atomic<bool> is_over_{false};
  std::optional<BrokenPromise> violation_;
  std::vector<Late> late_;
  std::vector<TraceStep> trace_;
  std::size_t watched_ = 0;  // steps of the trace that the oracle has seen
  std::vector<std::string> faults_;
  std::vector<ActEnd> ends_;
  std::vector<PlannedAct> all_acts_;
};

}  // namespace kist::test
