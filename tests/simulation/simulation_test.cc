// Several machines at work at once, by seed: see simulation.h.
//
//   KIST_SEEDS="FIRST COUNT"  other seeds than those of a test run
//   KIST_SEED=N               this one alone, with what each act said; KIST_TRACE=1: each operation
//   KIST_SEED=N with "[.shrink]"  makes its plan smaller, as long as it fails, and prints it: it
//                             goes to tests/simulation/kept/. KIST_SHRINK=K: as long as it comes
//                             to that named state, by its number from 0 on
//   KIST_RARE="K …"           names the seeds that come to these states
//   KIST_SHARD=2              the other half of the seeds of a test run
//   KIST_PLACE=DIRECTORY      where its files are, which is part of what a seed stands for
#include "tests/simulation/simulation.h"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <sstream>

#include "tests/simulation/reached.h"
#include "tests/simulation/shrink.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

constexpr std::uint64_t seeds_in_a_test_run = 5'000;  // of each shard

std::string given(const char* name, const std::string& otherwise) {
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? otherwise : value;
}

bool is_given(const char* name) {
  return !given(name, "").empty();
}

struct Seeds {
  std::uint64_t first = 1;
  std::uint64_t count = 0;
  bool are_all = false;  // those of a test run: every named state must be reached
};

Seeds seeds_of_run(std::uint64_t count) {
  Seeds out{.count = std::max<std::uint64_t>(1, count / stride()), .are_all = stride() == 1};
  if (given("KIST_SHARD", "1") == "2") out.first += out.count;
  const std::string text =
      is_given("KIST_SEED") ? given("KIST_SEED", "") + " 1" : given("KIST_SEEDS", "");
  if (text.empty()) return out;
  out.are_all = false;
  std::istringstream(text) >> out.first >> out.count;
  return out;
}

void print(const Simulation& simulation) {
  std::printf("%s", text_of(simulation.plan()).c_str());
  for (const TraceStep& step : simulation.trace()) {
    if (is_given("KIST_TRACE")) std::printf("%s\n", text_of(step).c_str());
  }
  for (const ActEnd& end : simulation.ends()) {
    const std::string line =
        concat("act ", end.act, " ", std::string_view(text_of(simulation.act(end.act).act)),
               " of machine ", end.machine,
               end.is_done      ? ": done"
               : end.is_crashed ? ": cut off"
                                : ": ",
               end.text, " (", end.faults, " faults, ", end.steps, " operations)\n", end.told);
    std::printf("%s", line.c_str());
  }
}

// Which of these states, by their numbers, the run has come to.
std::string come_to(const Simulation& simulation, const std::string& states) {
  std::istringstream asked(states);
  std::string out;
  for (std::size_t number = 0; asked >> number;) {
    if (states_of(simulation).at(number) > 0) out += concat(" ", number);
  }
  return out;
}

void tell_rare(const Simulation& simulation, std::uint64_t seed) {
  const std::string found = come_to(simulation, given("KIST_RARE", ""));
  if (!found.empty()) std::printf("%s\n", concat("seed ", seed, ":", found).c_str());
}

// What became of the run; empty: nothing is wrong.
std::string outcome_of(Simulation& simulation) {
  try {
    simulation.run();
  } catch (const BrokenPromise& broken) {
    return broken.text;
  }
  return {};
}

struct Totals {
  ReachCounts reached{};
  std::uint64_t runs = 0;
  std::uint64_t steps = 0;
  std::uint64_t acts = 0;
  std::uint64_t calm_steps_max = 0;
  int tries_max = 0;

  void add(const Simulation& simulation) {
    const ReachCounts states = states_of(simulation);
    for (std::size_t i = 0; i < states.size(); ++i) {
      reached[i] += states[i];
    }
    ++runs;
    steps += simulation.step();
    acts += simulation.ends().size();
    calm_steps_max = std::max(calm_steps_max, simulation.calm_steps());
    tries_max = std::max(tries_max, simulation.most_tries());
  }

  void print() const {
    const auto row = [](std::uint64_t count, const char* text) {
      std::printf("%8llu  %s\n", static_cast<unsigned long long>(count), text);
    };
    for (std::size_t i = 0; i < reached.size(); ++i) {
      row(reached[i], text_of(static_cast<Reach>(i)));
    }
    std::printf("%s\n", concat(runs, " runs, ", acts, " acts, ", steps, " operations; calm at ",
                               calm_steps_max, " operations at the most, and ", tries_max,
                               " tries of an act")
                            .c_str());
  }
};

// Plans that came to something rare once, or found something: they are run first.
void run_kept(const Beginning& beginning, Totals& totals) {
  std::vector<std::string> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(KIST_SOURCE_DIR "/tests/simulation/kept")) {
    files.push_back(entry.path().string());
  }
  REQUIRE_FALSE(files.empty());
  std::ranges::sort(files);
  for (const std::string& file : files) {
    const Bytes text = slurp(file);
    Simulation simulation(beginning, read_plan({text.begin(), text.end()}));
    const std::string wrong = outcome_of(simulation);
    totals.add(simulation);
    if (!wrong.empty()) print(simulation);
    INFO(file << ": " << wrong);
    CHECK(wrong.empty());
  }
}

void print_how_to_repeat(const Place& place, std::uint64_t seed) {
  std::printf("to see it alone: KIST_SEED=%llu KIST_TRACE=1 KIST_PLACE=%s simulation_test\n",
              static_cast<unsigned long long>(seed), place.path().c_str());
}

}  // namespace

TEST_CASE("whatever several machines do at once, nothing that is needed is lost", "[seeds]") {
  const Place place;
  const Beginning beginning(place);
  const Seeds seeds = seeds_of_run(seeds_in_a_test_run);
  Totals totals;
  if (seeds.are_all) run_kept(beginning, totals);
  const auto begun = std::chrono::steady_clock::now();
  for (std::uint64_t seed = seeds.first; seed < seeds.first + seeds.count; ++seed) {
    Simulation simulation(beginning, plan_of(seed));
    const std::string wrong = outcome_of(simulation);
    totals.add(simulation);
    tell_rare(simulation, seed);
    if (!wrong.empty() || is_given("KIST_SEED")) print(simulation);
    if (wrong.empty()) continue;
    print_how_to_repeat(place, seed);
    INFO("seed " << seed << ": " << wrong);
    CHECK(false);
    if (is_given("KIST_STOP")) break;
  }
  totals.print();
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begun;
  std::printf("%.1f ms a seed\n", took.count() / static_cast<double>(totals.runs));
  for (std::size_t i = 0; i < reach_count && seeds.are_all; ++i) {
    INFO("no run came to this: " << text_of(static_cast<Reach>(i)));
    CHECK(totals.reached[i] > 0);
  }
}

TEST_CASE("a plan is what its text says, and a smaller one that fails is found") {
  for (std::uint64_t seed = 1; seed < 50; ++seed) {
    const std::string text = text_of(plan_of(seed));
    REQUIRE(text_of(read_plan(text)) == text);
  }
  Plan plan = plan_of(1);
  plan.acts = {{1, kist::test::Act::backup, 1},
               {2, kist::test::Act::forget, 2},
               {3, kist::test::Act::collect, 3},
               {0, kist::test::Act::rotate, 4}};
  plan.rates.error = 5;
  const Plan smaller = shrink(plan, [](const Plan& each) {
    const bool fails = std::ranges::any_of(
        each.acts, [](const PlannedAct& act) { return act.act == kist::test::Act::collect; });
    return PlanOutcome{.fails = fails, .faults = {"lost.0.1.2"}};
  });
  REQUIRE(smaller.acts.size() == 1);
  REQUIRE(smaller.acts.front().act == kist::test::Act::collect);
  REQUIRE(smaller.rates.error == 0);
  REQUIRE(smaller.muted.size() == 1);
}

namespace {

// What KIST_SHRINK asks for, or that something is wrong.
bool is_as_asked(Simulation& simulation) {
  const std::string wrong = outcome_of(simulation);
  const std::string asked = given("KIST_SHRINK", "");
  return asked.empty() ? !wrong.empty() : !come_to(simulation, asked).empty();
}

}  // namespace

// By hand.
TEST_CASE("a seed that fails is made smaller", "[.shrink]") {
  const Place place;
  const Beginning beginning(place);
  const Plan smaller = shrink(plan_of(seed()), [&](const Plan& plan) {
    Simulation simulation(beginning, plan);
    const bool fails = is_as_asked(simulation);
    return PlanOutcome{.fails = fails, .faults = simulation.faults()};
  });
  std::printf("%s", text_of(smaller).c_str());
}

TEST_CASE("a simulated run is a function of its seed") {
  const Place place;
  const Beginning beginning(place);
  const std::uint64_t first = seed();
  for (std::uint64_t seed = first; seed < first + 20; ++seed) {
    std::vector<std::string> lines[2];
    for (std::vector<std::string>& out : lines) {
      Simulation simulation(beginning, plan_of(seed));
      const std::string wrong = outcome_of(simulation);
      for (const TraceStep& step : simulation.trace()) {
        out.push_back(text_of(step));
      }
      out.push_back(wrong);
    }
    const auto differs = std::ranges::mismatch(lines[0], lines[1]);
    const bool is_same = differs.in1 == lines[0].end() && differs.in2 == lines[1].end();
    INFO("seed " << seed << ": " << (is_same ? "" : *differs.in1));
    CHECK(is_same);
  }
}
