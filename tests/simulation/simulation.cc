#include "tests/simulation/simulation.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "engine/format/names.h"
#include "tests/simulation/acts.h"
#include "tests/support/test.h"

namespace kist::test {

namespace {

constexpr std::uint64_t steps_max = 100'000;
constexpr std::uint64_t crash_operations_max[] = {60, 200, 700};
constexpr std::int64_t day_ms = 86'400'000;
constexpr int calm_tries_max = 6;
constexpr std::uint64_t calm_steps_max = 20'000;
constexpr unsigned slow_burst = 5;

bool ends_something(Act act) {
  return act == Act::collect || act == Act::rotate || act == Act::replace_slot;
}

}  // namespace

void ActObserver::notice(const std::string& text) {
  const std::lock_guard lock(mutex_);
  told_ += concat("notice: ", text, "\n");
}

void ActObserver::problem(const std::string& subject, const Error& error) {
  const std::lock_guard lock(mutex_);
  told_ += concat("problem: ", subject, ": ", error.text(), "\n");
}

std::string ActObserver::told() const {
  const std::lock_guard lock(mutex_);
  return told_;
}

Simulation::Simulation(const Beginning& beginning, const Plan& plan)
    : beginning_(beginning),
      plan_(plan),
      objects_(beginning.objects()),
      schedule_(mix(plan.seed, std::uint64_t{2})),
      now_ms_(beginning.end_ms()) {
  beginning.restore_files();
  for (unsigned number = 0; number < machine_count; ++number) {
    machines_.push_back(
        std::make_unique<SimulatedMachine>(number, mix(plan.seed, 100 + number), beginning));
    if (number < reader_machine) machines_.back()->tree = beginning.tree(number);
  }
  for (const auto& object : objects_) {
    note_put(object.first);
  }
  put_at_.clear();
  oracle_ = std::make_unique<Oracle>(beginning, objects_);
  conformance_ =
      std::make_unique<Conformance>(oracle_->state().next_sequence, 0, hex(oracle_->state().epoch));
}

Simulation::~Simulation() = default;

void Simulation::violate(const std::string& text) {
  if (!violation_) violation_ = BrokenPromise{text};
  is_over_ = true;
}

void Simulation::run() {
  run_acts(plan_.acts);
  if (plan_.ends_calmly && !violation_) run_calmly();
  if (!violation_) {
    const std::string wrong = oracle_->look_at_all();
    if (!wrong.empty()) violate(wrong);
  }
  if (violation_) throw BrokenPromise(*violation_);
}

// Faults have stopped, clocks agree, what was late is there. All machines work at once, and each
// must come to its end; then the owner alone collects, and nothing stays but what the head names.
void Simulation::run_calmly() {
  is_calm_ = true;
  for (const auto& machine : machines_) {
    machine->skew_ms = 0;
  }
  const std::uint64_t begun = step_;
  std::vector<PlannedAct> acts{{owner_machine, Act::repair, mix(plan_.seed, std::uint64_t{51})},
                               {owner_machine, Act::collect, mix(plan_.seed, std::uint64_t{52})},
                               {operator_machine, Act::collect, mix(plan_.seed, std::uint64_t{53})},
                               {reader_machine, Act::restore, mix(plan_.seed, std::uint64_t{54})}};
  for (std::uint64_t i = 0; i < 3; ++i) {
    acts.push_back({first_writer, Act::backup, mix(plan_.seed, 60 + i)});
  }
  if (oracle_->has_slot(slot_name(second_writer, second_generation))) {
    acts.push_back({second_writer, Act::backup_in_parts, mix(plan_.seed, std::uint64_t{70})});
  }
  run_acts(acts);
  calm_steps_ = step_ - begun;
  if (calm_steps_ > calm_steps_max) violate(concat("it took ", calm_steps_, " steps of calm"));
  // Objects of the epoch that nobody names, and attempts at the next one, stay until that begins.
  for (const Act act : {Act::collect_all, Act::collect_all, Act::rotate}) {
    now_ms_ += 2 * day_ms;
    if (!violation_) run_acts({{owner_machine, act, mix(plan_.seed, std::uint64_t{80})}});
  }
  if (violation_) return;
  const std::string left = oracle_->find_leftover();
  if (!left.empty()) violate(concat(left, " is left after quiet collections"));
}

void Simulation::note_backup(Client& client, const BackupResult& result) {
  oracle_->note_acknowledged(result.snapshot, result.sequence);
  client.has_resumed = result.has_resumed;
  if (result.lost_packs.empty() || client.faults > 0) return;
  violate(concat("machine ", client.machine, " misses ", result.lost_packs.size(),
                 " packs, and none is lost"));
}

void Simulation::note_findings(const Client& client, const VerifyReport& report) {
  if (has_damage || client.faults > 0) return;
  for (const Finding& finding : report.findings) {
    // What a clean-up that was cut off has left is no damage.
    if (finding.remedy == Remedy::remove || finding.remedy == Remedy::wait) continue;
    // Nor is the second copy of an entry, of which the author was cut off before it.
    if (finding.object.starts_with("journal/") && finding.object.ends_with(".2")) continue;
    violate(concat("machine ", client.machine, " finds damage, and there is none: ", finding.object,
                   ": ", finding.problem));
  }
}

void Simulation::note_restored(const Client& client,
                               const SnapshotId& snapshot,
                               const RestoreResult& result,
                               const std::string& told) {
  if (has_damage || client.faults > 0) return;
  if (result.problems == 0) return;
  if (oracle_->is_forgotten(snapshot)) return;  // it has ended meanwhile
  violate(concat("machine ", client.machine, " has restored ", hex(snapshot), " with ",
                 result.problems, " problems: ", told));
}

// Each machine does its acts one after the other.
void Simulation::run_acts(const std::vector<PlannedAct>& acts) {
  if (acts.empty()) return;
  std::map<unsigned, NumberedActs> by_machine;
  for (const PlannedAct& act : acts) {
    by_machine[act.machine].emplace_back(all_acts_.size(), act);
    all_acts_.push_back(act);
  }
  actors_.clear();
  actor_machines_.clear();
  have_ended_ = false;
  is_step_due_ = false;
  for (const auto& row : by_machine) {
    actors_.push_back(std::make_unique<ActorThreads>(alarm_, [this] { step_after_park(); }));
    actor_machines_.push_back(row.first);
    actors_.back()->start([this, list = row.second] { run_machine(list); });
    while (!actors_.back()->is_quiet()) {
      std::this_thread::yield();
    }
  }
  last_actor_ = 0;
  is_step_due_ = true;
  wait_for_the_end();
  actors_.clear();
}

// Mostly the thread that parks takes the next step, which costs least. Where it was not the last of
// its actor to become quiet, the thread that waits here does.
void Simulation::wait_for_the_end() {
  constexpr auto often = std::chrono::microseconds(30);
  auto changed = std::chrono::steady_clock::now();
  for (std::uint64_t seen = 0; !have_ended_;) {
    static_cast<void>(alarm_.try_acquire_for(often));
    const std::lock_guard lock(stepping_);
    step_if_quiet();
    const auto now = std::chrono::steady_clock::now();
    if (seen != step_) changed = now;
    seen = step_;
    KIST_ENSURE(now - changed < std::chrono::minutes(2));  // otherwise all wait for each other
  }
}

void Simulation::step_if_quiet() {
  if (!is_step_due_ || !actors_[last_actor_]->is_quiet()) return;
  is_step_due_ = false;
  take_step();
}

void Simulation::step_after_park() {
  bool is_taken = false;
  if (stepping_.try_lock()) {
    const std::uint64_t before = step_;
    step_if_quiet();
    is_taken = step_ != before;
    stepping_.unlock();
  }
  if (!is_taken) alarm_.release();
}

void Simulation::run_machine(const NumberedActs& acts) {
  for (const auto& [number, act] : acts) {
    if (!is_calm_) {
      run_one(number, act);
      continue;
    }
    int tries = 1;
    while (!is_over_ && !run_one(number, act) && tries <= calm_tries_max) {
      ++tries;
    }
    most_tries_ = std::max(most_tries_, tries);
    if (tries > calm_tries_max) {
      violate(concat(std::string_view(text_of(act.act)), " of machine ", act.machine,
                     " does not come to its end: ", ends_.empty() ? "" : ends_.back().text));
    }
  }
}

void Simulation::begin_act(Client& client) {
  operate(client, {});
}

bool Simulation::run_one(unsigned number, const PlannedAct& act) {
  if (is_over_) return false;
  Client client;
  client.machine = act.machine;
  client.act = number;
  client.seed = act.seed;
  if (befalls(client, "crash", plan_.rates.crash)) {
    const std::uint64_t drawn = mix(plan_.seed, fault_name(client, "when"));
    client.crashes_at = 1 + drawn / 3 % crash_operations_max[drawn % 3];
    client.crashes_in_clean_up = ends_something(act.act) && drawn / 7 % 2 == 0;
    if (client.crashes_in_clean_up) client.crashes_at = 1 + drawn / 3 % 12;
  }
  ActObserver observer(client);
  ActEnd end{.machine = act.machine, .act = number};
  try {
    begin_act(client);
    run_act(*this, client, act, observer);
    end.is_done = true;
  } catch (const Crashed&) {
    end.is_crashed = true;
  } catch (const Interrupted& interrupted) {
    end.text = interrupted.text();
  } catch (const Error& error) {
    end.code = error.code();
    end.text = error.text();
  }
  end.faults = client.faults;
  end.steps = client.operations;
  end.told = observer.told();
  end.has_resumed = client.has_resumed;
  if (is_over_) return false;
  ends_.push_back(end);
  std::string wrong = what_is_wrong(*this, act, end);
  // What a verify vouches for may fail to be recorded, which it says.
  const bool reports = act.act != Act::verify && act.act != Act::repair;
  if (wrong.empty() && end.is_done && reports) wrong = end_of_trace(end);
  if (!wrong.empty()) violate(wrong);
  return end.is_done;
}

// An actor goes on for one operation or for many, so that a whole collection may fit between two
// operations of a backup.
Simulation::Choice Simulation::choose(const std::vector<Choice>& choices) {
  std::vector<Choice> from;
  if (burst_ > 0) {
    --burst_;
    std::ranges::copy_if(choices, std::back_inserter(from),
                         [&](const Choice& choice) { return choice.actor == last_actor_; });
  }
  if (!from.empty()) return from[schedule_.next() % from.size()];
  const Choice out = choices[schedule_.next() % choices.size()];
  const bool is_slow = actor_machines_[out.actor] == plan_.slow;
  const unsigned longest = is_slow ? std::min(plan_.rates.burst, slow_burst) : plan_.rates.burst;
  burst_ = schedule_.next() % (std::uint64_t{1} << (schedule_.next() % (longest + 1)));
  return out;
}

// Lets one thread do one operation. All actors are quiet.
void Simulation::take_step() {
  if (!is_over_) watch();
  std::vector<Choice> choices;
  bool have_ended = true;
  for (std::size_t i = 0; i < actors_.size(); ++i) {
    have_ended = have_ended && actors_[i]->has_ended();
    for (ActorThreads::Thread* const thread : actors_[i]->parked()) {
      choices.push_back({i, thread});
    }
  }
  if (choices.empty()) {
    KIST_ENSURE(have_ended);  // otherwise all wait for each other
    have_ended_ = true;
    return;
  }
  if (++step_ > steps_max) violate("it does not come to an end");
  if (!is_over_) {
    pass_time();
    land_late();
    damage_something();
    watch();
  }
  const Choice chosen = choose(choices);
  last_actor_ = chosen.actor;
  is_step_due_ = true;
  ActorThreads::go_on(*chosen.thread);
}

void Simulation::pass_time() {
  now_ms_ += static_cast<std::int64_t>(mix(plan_.seed, 7 * step_) % plan_.rates.tick_ms);
  if (!is_calm_) jump_clock();
  for (const auto& machine : machines_) {
    machine->clock.advance_ms(now_ms_ + machine->skew_ms - machine->clock.now_ms());
  }
  oracle_->set_time(now_ms_);
}

void Simulation::watch() {
  for (; watched_ < trace_.size() && !is_over_; ++watched_) {
    std::string wrong = conformance_->take(trace_[watched_]);
    const std::size_t before = oracle_->entries().size();
    if (wrong.empty()) wrong = oracle_->watch(trace_[watched_]);
    for (std::size_t i = before; i < oracle_->entries().size() && wrong.empty(); ++i) {
      wrong = conformance_->take(trace_[watched_], oracle_->entries()[i].facts);
    }
    if (!wrong.empty()) violate(concat(wrong, "\n  after ", text_of(trace_[watched_])));
  }
}

// What the act did last may not have been looked at yet.
std::string Simulation::end_of_trace(const ActEnd& end) {
  if (is_calm_) return {};  // several tries of an act have one number
  watch();
  return is_over_ ? "" : conformance_->take_end(end.machine, end.act);
}

void Simulation::record(TraceStep step) {
  trace_.push_back(std::move(step));
}

}  // namespace kist::test
