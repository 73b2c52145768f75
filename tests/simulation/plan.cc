#include "tests/simulation/plan.h"

#include <array>
#include <sstream>

#include "engine/base/error.h"
#include "tests/support/seeded_random.h"

namespace kist::test {

namespace {

constexpr std::array<const char*, act_count> act_names = {
    "backup",   "backup-in-parts", "backup-cancelled", "forget", "expire", "collect", "collect-all",
    "forecast", "rotate",          "replace-slot",     "verify", "repair", "restore", "replay"};

struct Field {
  const char* name;
  unsigned Rates::*rate;
};

constexpr std::array<Field, 10> fields = {{
    {"error", &Rates::error},
    {"lost", &Rates::lost},
    {"late", &Rates::late},
    {"denied", &Rates::denied},
    {"crash", &Rates::crash},
    {"listing", &Rates::listing},
    {"clock", &Rates::clock},
    {"damage", &Rates::damage},
    {"tick-ms", &Rates::tick_ms},
    {"burst", &Rates::burst},
}};

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t end) { return random_.next() % end; }

  bool chance(unsigned percent) { return below(100) < percent; }

  template <std::size_t size, typename Value>
  Value one_of(const Value (&values)[size]) {
    return values[below(size)];
  }

  std::uint64_t next() { return random_.next(); }

 private:
  SeededRandom random_;
};

// Most kinds of faults are off in most runs: then what the others do goes far.
Rates draw_rates(Draw& draw) {
  Rates out;
  const bool is_faulty = draw.chance(80);
  const auto rate = [&](unsigned percent, unsigned value) {
    return is_faulty && draw.chance(percent) ? value : 0;
  };
  out.error = rate(25, draw.one_of<2, unsigned>({10, 60}));
  out.lost = rate(30, draw.one_of<2, unsigned>({50, 300}));
  out.late = rate(30, draw.one_of<2, unsigned>({50, 300}));
  out.denied = rate(25, 2000);
  out.crash = rate(40, draw.one_of<2, unsigned>({2000, 5000}));
  out.listing = rate(35, draw.one_of<2, unsigned>({1000, 5000}));
  out.clock = rate(30, draw.one_of<2, unsigned>({10, 60}));
  out.damage = rate(20, 30);
  out.tick_ms = draw.one_of<3, unsigned>({20, 2'000, 20'000});
  out.burst = draw.one_of<4, unsigned>({0, 6, 9, 10});
  return out;
}

Act draw_act(Draw& draw, unsigned machine) {
  switch (machine) {
    case owner_machine:
      return draw.one_of<12, Act>({Act::collect, Act::collect, Act::collect, Act::collect,
                                   Act::forget, Act::forget, Act::forget, Act::rotate,
                                   Act::replace_slot, Act::repair, Act::expire, Act::backup});
    case operator_machine:
      return draw.one_of<10, Act>({Act::collect, Act::collect, Act::collect, Act::repair,
                                   Act::repair, Act::rotate, Act::backup, Act::backup_in_parts,
                                   Act::forecast, Act::verify});
    case first_writer:
    case second_writer:
      return draw.one_of<6, Act>({Act::backup, Act::backup, Act::backup, Act::backup_in_parts,
                                  Act::backup_cancelled, Act::backup});
    default:
      return draw.one_of<4, Act>({Act::restore, Act::restore, Act::verify, Act::replay});
  }
}

// Anybody does anything; something is to be collected in most runs.
void draw_crowd(Draw& draw, Plan& out) {
  std::vector<unsigned> machines;
  for (unsigned machine = 0; machine < machine_count; ++machine) {
    if (draw.chance(machine == owner_machine ? 85 : 50)) machines.push_back(machine);
  }
  if (machines.empty()) machines.push_back(owner_machine);
  if (draw.chance(60)) out.acts.push_back({owner_machine, Act::forget, draw.next()});
  if (draw.chance(40)) out.acts.push_back({owner_machine, Act::collect, draw.next()});
  const std::uint64_t count = 2 + draw.below(5);
  for (std::uint64_t i = 0; i < count; ++i) {
    const unsigned machine = machines[draw.below(machines.size())];
    out.acts.push_back({machine, draw_act(draw, machine), draw.next()});
  }
}

// One or two acts against a collection, or what else ends something: each may fall between any two
// operations of the other.
void draw_duel(Draw& draw, Plan& out) {
  const auto add = [&](unsigned machine, Act act) {
    out.acts.push_back({machine, act, draw.next()});
  };
  out.rates.burst = draw.one_of<3, unsigned>({9, 11, 12});
  const unsigned ender = draw.chance(70) ? owner_machine : operator_machine;
  if (draw.chance(50)) add(owner_machine, Act::forget);
  const std::uint64_t others = 1 + draw.below(2);
  for (std::uint64_t i = 0; i < others; ++i) {
    const unsigned machine = (ender + 1 + static_cast<unsigned>(draw.below(4))) % machine_count;
    if (draw.chance(30))
      add(machine, machine == owner_machine ? Act::backup : draw_act(draw, machine));
    add(machine, machine == owner_machine ? draw_act(draw, machine)
                 : draw.chance(70) && machine != reader_machine
                     ? draw.one_of<3, Act>({Act::backup, Act::backup, Act::backup_in_parts})
                     : draw_act(draw, machine));
  }
  if (draw.chance(70)) out.slow = out.acts.back().machine;
  if (draw.chance(60)) add(owner_machine, Act::forget);
  add(ender, draw.chance(80) ? Act::collect : Act::rotate);
  if (draw.chance(30)) add(ender, draw.one_of<3, Act>({Act::collect, Act::rotate, Act::repair}));
  if (draw.chance(40)) {
    add(owner_machine, Act::forget);
    add(owner_machine, Act::collect);
  }
}

// A slow backup against collections that come again and again, without any grace.
void draw_siege(Draw& draw, Plan& out) {
  const auto add = [&](unsigned machine, Act act) {
    out.acts.push_back({machine, act, draw.next()});
  };
  out.rates.burst = draw.one_of<3, unsigned>({8, 9, 11});
  out.slow = draw.chance(50) ? first_writer : second_writer;
  if (draw.chance(30)) add(out.slow, Act::backup);
  add(out.slow, draw.one_of<3, Act>({Act::backup, Act::backup, Act::backup_in_parts}));
  const std::uint64_t rounds = 2 + draw.below(3);
  for (std::uint64_t i = 0; i < rounds; ++i) {
    if (i == 0 || draw.chance(40)) add(owner_machine, Act::forget);
    add(owner_machine, Act::collect_all);
  }
}

}  // namespace

const char* text_of(Act act) {
  return act_names.at(static_cast<std::size_t>(act));
}

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  return SeededRandom(a ^ SeededRandom(b + 0x51ed270b).next()).next();
}

std::uint64_t mix(std::uint64_t a, const std::string& b) {
  std::uint64_t out = a;
  for (const char c : b) {
    out = (out ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return mix(out, b.size());
}

Plan plan_of(std::uint64_t seed) {
  Draw draw(mix(seed, std::uint64_t{1}));
  Plan out{.seed = seed, .rates = draw_rates(draw), .acts = {}, .muted = {}};
  out.ends_calmly = draw.chance(8);
  const std::uint64_t kind = draw.below(100);
  if (kind < 45) {
    draw_crowd(draw, out);
  } else if (kind < 90) {
    draw_duel(draw, out);
  } else {
    draw_siege(draw, out);
  }
  return out;
}

std::string text_of(const Plan& plan) {
  std::string out = concat("seed ", plan.seed, "\n");
  for (const Field& field : fields) {
    out += concat(field.name, " ", plan.rates.*field.rate, "\n");
  }
  out += concat("slow ", plan.slow, "\n");
  out += concat("ends-calmly ", plan.ends_calmly ? 1 : 0, "\n");
  for (const PlannedAct& act : plan.acts) {
    out +=
        concat("act ", act.machine, " ", std::string_view(text_of(act.act)), " ", act.seed, "\n");
  }
  for (const std::string& fault : plan.muted) {
    out += concat("without ", fault, "\n");
  }
  return out;
}

namespace {

Act read_act(const std::string& name) {
  for (std::size_t i = 0; i < act_names.size(); ++i) {
    if (name == act_names[i]) return static_cast<Act>(i);
  }
  throw Error(Code::invalid, concat("no act is called ", name));
}

void read_line(const std::string& word, std::istream& in, Plan& out) {
  if (word == "seed") {
    in >> out.seed;
  } else if (word == "slow") {
    in >> out.slow;
  } else if (word == "ends-calmly") {
    in >> out.ends_calmly;
  } else if (word == "act") {
    PlannedAct act;
    std::string name;
    in >> act.machine >> name >> act.seed;
    act.act = read_act(name);
    out.acts.push_back(act);
  } else if (word == "without") {
    std::string fault;
    in >> fault;
    out.muted.insert(fault);
  } else {
    for (const Field& field : fields) {
      if (word == field.name) in >> out.rates.*field.rate;
    }
  }
}

}  // namespace

Plan read_plan(const std::string& text) {
  Plan out;
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream in(line);
    std::string word;
    if (in >> word && !word.starts_with('#')) read_line(word, in, out);
  }
  return out;
}

}  // namespace kist::test
