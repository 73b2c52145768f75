// What befalls a run: faults of the store and of clocks, acts that are cut off, objects that are
// damaged.
#include <algorithm>

#include "engine/format/names.h"
#include "tests/simulation/simulation.h"

namespace kist::test {

namespace {

constexpr std::uint64_t late_steps_max[] = {20, 200, 2'000};
constexpr std::uint64_t listing_lag_steps = 200;
constexpr std::uint64_t ten_thousand = 10'000;
constexpr std::int64_t minute_ms = 60'000;
constexpr std::int64_t hour_ms = 60 * minute_ms;
constexpr std::int64_t day_ms = 24 * hour_ms;

bool is_put(Wish wish) {
  return wish == Wish::put || wish == Wish::put_if_absent;
}

bool changes(Wish wish) {
  return is_put(wish) || wish == Wish::remove || wish == Wish::replace;
}

// Stands for the bytes in a trace.
std::uint64_t number_of_bytes(View bytes) {
  std::uint64_t out = bytes.size();
  for (const std::uint8_t byte : bytes) {
    out = (out ^ byte) * 0x100000001b3U;
  }
  return out;
}

}  // namespace

void Simulation::jump_clock() {
  const std::string name = concat("clock.", step_);
  const std::uint64_t drawn = mix(plan_.seed, name);
  if (drawn % ten_thousand >= plan_.rates.clock || plan_.muted.contains(name)) return;
  constexpr std::int64_t jumps[] = {0,          30 * minute_ms,  2 * hour_ms,  26 * hour_ms,
                                    -minute_ms, -30 * minute_ms, -3 * hour_ms, 40 * day_ms};
  faults_.push_back(name);
  machines_[drawn / 7 % machine_count]->skew_ms = jumps[drawn / 31 % std::size(jumps)];
  record({.number = step_,
          .machine = static_cast<unsigned>(drawn / 7 % machine_count),
          .outcome = Outcome::landed,
          .path = name});
}

// Puts that nobody waits for any more.
void Simulation::land_late() {
  for (std::size_t i = 0; i < late_.size();) {
    if (late_[i].due > step_ && !is_calm_) {
      ++i;
      continue;
    }
    Late late = std::move(late_[i]);
    late_.erase(late_.begin() + static_cast<std::ptrdiff_t>(i));
    if (!objects_.try_emplace(late.step.path, late.bytes).second) continue;
    late.step.number = step_;
    late.step.outcome = Outcome::landed;
    note_put(late.step.path);
    record(late.step);
  }
}

bool Simulation::recently_put(const std::string& path, std::uint64_t steps) const {
  const auto found = put_at_.find(path);
  return found != put_at_.end() && found->second + steps > step_;
}

// Of something that is stored twice, and was a while ago, one copy.
void Simulation::damage_something() {
  if (is_calm_) return;
  const std::string name = concat("damage.", step_);
  const std::uint64_t drawn = mix(plan_.seed, name);
  if (drawn % ten_thousand >= plan_.rates.damage || plan_.muted.contains(name)) return;
  std::vector<std::string> paths;
  for (const auto& [path, bytes] : objects_) {
    if (!path.starts_with("bodies/") && !path.starts_with("keys/")) continue;
    if (path.ends_with(".2") || recently_put(path, 30)) continue;
    const auto second = objects_.find(second_copy_path(path));
    if (second != objects_.end() && *second->second == *bytes) paths.push_back(path);
  }
  if (paths.empty()) return;
  std::string path = paths[drawn / 3 % paths.size()];
  if (drawn % 2 == 0) path = second_copy_path(path);
  Bytes bytes = *objects_.at(path);
  if (drawn / 5 % 3 == 0) {
    objects_.erase(path);
  } else {
    bytes[drawn / 11 % bytes.size()] ^= 4;
    objects_[path] = std::make_shared<const Bytes>(bytes);
  }
  faults_.push_back(name);
  has_damage = true;
  record({.number = step_, .outcome = Outcome::landed, .path = concat(name, " ", path)});
}

std::string Simulation::fault_name(const Client& client, const char* kind) const {
  return concat(std::string_view(kind), ".", client.machine, ".", client.seed % 100'000, ".",
                client.operations.load());
}

bool Simulation::befalls(Client& client, const char* kind, unsigned rate) {
  if (rate == 0 || is_calm_) return false;
  const std::string name = fault_name(client, kind);
  if (mix(plan_.seed, name) % ten_thousand >= rate || plan_.muted.contains(name)) return false;
  ++client.faults;
  faults_.push_back(name);
  return true;
}

Outcome Simulation::draw_crash(Client& client, const Operation& operation) {
  if (!client.crashes_at) return Outcome::done;
  if (operation.wish == Wish::remove && client.crashes_in_clean_up) ++client.removals;
  const std::uint64_t reached =
      client.crashes_in_clean_up ? client.removals : client.operations.load();
  if (reached < *client.crashes_at) return Outcome::done;
  client.is_crashed = true;
  const std::uint64_t drawn = mix(plan_.seed, fault_name(client, "how"));
  if (!changes(operation.wish) || drawn % 3 == 0) return Outcome::crashed;
  return drawn % 3 == 1 && is_put(operation.wish) ? Outcome::crashed_late : Outcome::crashed_after;
}

Outcome Simulation::draw_fault(Client& client, const Operation& operation) {
  if (const Outcome crash = draw_crash(client, operation); crash != Outcome::done) return crash;
  const Rates& rates = plan_.rates;
  if (befalls(client, "error", rates.error)) return Outcome::failed;
  if (changes(operation.wish) && befalls(client, "lost", rates.lost)) return Outcome::lost;
  if (is_put(operation.wish) && befalls(client, "late", rates.late)) return Outcome::late;
  const bool wins = operation.wish == Wish::put_if_absent && !objects_.contains(operation.path);
  if (wins && befalls(client, "denied", rates.denied)) return Outcome::denied;
  return Outcome::done;
}

void Simulation::put_later(const TraceStep& step, View bytes) {
  const std::uint64_t drawn = mix(plan_.seed, 13 * step_);
  const std::uint64_t wait = drawn / 3 % late_steps_max[drawn % 3];
  late_.push_back(
      {step_ + 1 + wait, step, std::make_shared<const Bytes>(bytes.begin(), bytes.end())});
}

void Simulation::note_put(const std::string& path) {
  put_at_[path] = step_;
  if (!path.starts_with("journal/")) return;
  const auto number = parse_journal_path(path.substr(path.find('/') + 1));
  if (number) journal_end_ = std::max(journal_end_, *number);
}

// Whether something has changed.
bool Simulation::change(const Operation& operation) {
  const auto bytes = [&] {
    return std::make_shared<const Bytes>(operation.bytes.begin(), operation.bytes.end());
  };
  bool has_changed = true;
  if (operation.wish == Wish::remove) {
    has_changed = objects_.erase(operation.path) > 0;
    if (has_changed) removed_at_[operation.path] = step_;
  } else if (operation.wish == Wish::replace) {
    objects_[operation.path] = bytes();
  } else {
    has_changed = objects_.try_emplace(operation.path, bytes()).second;
    if (has_changed) note_put(operation.path);
  }
  return has_changed;
}

// A listing may lag behind in both directions, or leave out whatever it likes. What a client looks
// for its own slot in is spared the latter: without a slot nothing goes on.
std::vector<std::string> Simulation::list(Client& client,
                                          const std::string& folder,
                                          bool& is_partial) {
  std::vector<std::string> out = names_below(objects_, folder);
  is_partial = befalls(client, "listing", plan_.rates.listing);
  if (!is_partial) return out;
  const std::uint64_t how = mix(plan_.seed, fault_name(client, "how")) % 4;
  const bool is_spared = folder == "slots" || folder == "grants" || folder == "epochs";
  if (how == 0) {
    const std::string prefix = folder.empty() ? "" : folder + "/";
    for (const auto& [path, step] : removed_at_) {
      const bool is_ghost = path.starts_with(prefix) && !objects_.contains(path);
      if (is_ghost && step + listing_lag_steps > step_) out.push_back(path.substr(prefix.size()));
    }
  } else if (how == 1 && !is_spared) {
    std::erase_if(out, [&](const std::string& name) { return mix(step_, name) % 2 == 0; });
  } else if (how == 2 && !is_spared) {
    out.clear();
  } else {
    std::erase_if(out, [&](const std::string& name) {
      return recently_put(folder + "/" + name, listing_lag_steps) && mix(step_, name) % 2 == 0;
    });
  }
  return out;
}

Answer Simulation::carry_out(Client& client, const Operation& operation) {
  Answer out;
  const auto found = objects_.find(operation.path);
  switch (operation.wish) {
    case Wish::begin:
    case Wish::barrier:
      break;
    case Wish::confirm:
    case Wish::size:
      if (found != objects_.end()) out.size = found->second->size();
      out.outcome = out.size ? Outcome::done : Outcome::absent;
      break;
    case Wish::read:
      if (found == objects_.end()) {
        out.outcome = Outcome::absent;
      } else {
        TrueStore store(objects_);
        out.size = store.get_range(operation.path, operation.offset, operation.out);
      }
      break;
    case Wish::list: {
      bool is_partial = false;
      out.names = list(client, operation.path, is_partial);
      out.outcome = is_partial ? Outcome::partial : Outcome::done;
      break;
    }
    case Wish::put:
    case Wish::put_if_absent:
    case Wish::remove:
    case Wish::replace:
      out.is_yes = change(operation);
      if (!out.is_yes) {
        out.outcome = operation.wish == Wish::remove ? Outcome::absent : Outcome::taken;
      }
  }
  return out;
}

// Whether nobody else can tell when the operation was: it looks far behind the journal's end, as
// each replay does, or into one of the folders of packs, which are many. It costs no step.
bool Simulation::is_aside(const Operation& operation) const {
  const std::string& path = operation.path;
  if (operation.wish == Wish::list) {
    return path.starts_with("packs/") && mix(plan_.seed, path) % 24 != 0;
  }
  if (operation.wish != Wish::size || !path.starts_with("journal/")) return false;
  const auto number = parse_journal_path(path.substr(path.find('/') + 1));
  return number && *number > journal_end_ + 1 && !objects_.contains(path);
}

Answer Simulation::operate(Client& client, const Operation& operation) {
  if (client.is_crashed || is_over_) throw Crashed();
  if (is_aside(operation)) {
    return {.outcome = Outcome::done, .names = names_below(objects_, operation.path)};
  }
  ActorThreads::park(operation);
  if (client.is_crashed || is_over_) throw Crashed();
  ++client.operations;
  const Outcome fault =
      operation.wish == Wish::begin ? Outcome::done : draw_fault(client, operation);
  TraceStep step{.number = step_,
                 .machine = client.machine,
                 .act = client.act,
                 .operation = client.operations,
                 .wish = operation.wish,
                 .outcome = fault,
                 .path = operation.path,
                 .size = operation.bytes.size(),
                 .content = number_of_bytes(operation.bytes)};
  const bool is_entry = operation.wish == Wish::put_if_absent && machines_[client.machine]->tree;
  if (is_entry && operation.path.starts_with("journal/")) {
    oracle_->note_entry(operation.bytes, machines_[client.machine]->tree->content());
  }
  Answer out;
  const bool lands_again = fault == Outcome::lost && is_put(operation.wish);
  if (fault == Outcome::late || fault == Outcome::crashed_late || lands_again) {
    put_later(step, operation.bytes);
  }
  const bool happens = fault == Outcome::done || fault == Outcome::lost ||
                       fault == Outcome::denied || fault == Outcome::crashed_after;
  if (happens) {
    out = carry_out(client, operation);
    if (out.outcome != Outcome::done) step.outcome = out.outcome;
  }
  record(step);
  if (client.is_crashed) throw Crashed();
  if (fault == Outcome::denied) out.is_yes = false;
  if (fault == Outcome::failed || fault == Outcome::lost || fault == Outcome::late) {
    throw Error(Code::failed, concat("the store failed with ", operation.path));
  }
  return out;
}

}  // namespace kist::test
