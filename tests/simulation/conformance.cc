#include "tests/simulation/conformance.h"

#include <algorithm>
#include <cstdlib>

#include "engine/base/error.h"
#include "engine/format/names.h"

namespace kist::test {

namespace {

std::string folder_of(const std::string& path) {
  return path.substr(0, path.find('/'));
}

std::string file_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

bool is_entry(const std::string& path) {
  return path.starts_with("journal/") && !path.ends_with(".2");
}

bool is_second_copy_of_entry(const std::string& path) {
  return path.starts_with("journal/") && path.ends_with(".2");
}

std::uint64_t number_of(const std::string& path) {
  return parse_journal_path(file_of(first_copy_path(path))).value_or(0);
}

// "epochs/3-<id>/<slot>" and "anchors/3-<id>.1" are of epoch "3-<id>".
std::string epoch_of(const std::string& path) {
  const std::size_t from = path.find('/') + 1;
  return path.substr(from, path.find_first_of("/.", from) - from);
}

bool is_content(const std::string& folder) {
  return folder == "packs" || folder == "index" || folder == "bodies" || folder == "refs";
}

bool is_put(const TraceStep& step) {
  return step.wish == Wish::put || step.wish == Wish::put_if_absent;
}

// Whether the client knows that the object is there: it was told so.
bool has_answer(const TraceStep& step) {
  return step.outcome == Outcome::done || step.outcome == Outcome::taken;
}

}  // namespace

Conformance::Conformance(std::uint64_t next_entry, std::uint64_t epoch_number, std::string epoch)
    : epoch_number_(epoch_number), epoch_(std::move(epoch)) {
  for (std::uint64_t number = 0; number < next_entry; ++number) {
    entries_.insert(journal_path(number));
    entries_.insert(second_copy_path(journal_path(number)));
  }
}

// What an entry names is durable before the entry is put.
std::string Conformance::entry_before_barrier(const TraceStep& step, const ActState& act) const {
  if (!is_entry(step.path) || step.wish != Wish::put_if_absent) return {};
  const auto wet = std::ranges::find_if(act.not_durable, [](const std::string& path) {
    return !path.starts_with("journal/") && path != repository_file;
  });
  return wet == act.not_durable.end() ? "" : *wet + " has no barrier behind it";
}

// The second copy follows the first; its author has made the first durable before.
std::string Conformance::twin_first(const TraceStep& step, const ActState& act) const {
  if (!is_second_copy_of_entry(step.path) || !is_put(step)) return {};
  const std::string first = first_copy_path(step.path);
  if (!entries_.contains(first)) return "it is put before the entry has won its number";
  return act.not_durable.contains(first) ? "the entry is not durable yet" : "";
}

// Who commits after an entry has completed its second copy.
std::string Conformance::no_completion(const TraceStep& step, const ActState& /*act*/) const {
  const bool wins = is_entry(step.path) && step.wish == Wish::put_if_absent && step.has_happened();
  if (!wins) return {};
  const std::string before = second_copy_path(journal_path(number_of(step.path) - 1));
  return entries_.contains(before) ? "" : before + " is not there";
}

// After an answer that was lost, or a no, the next look is at what stands under the number.
std::string Conformance::no_read_back(const TraceStep& step, const ActState& act) const {
  if (act.unsettled.empty() || step.path == act.unsettled) return {};
  // A reader that puts a lone second copy in the first one's place makes it durable before.
  if (step.wish == Wish::barrier) return {};
  return act.unsettled + " was not read back";
}

// Only a put-if-absent makes an entry; only a repair replaces a copy of one.
std::string Conformance::put_over(const TraceStep& step, const ActState& /*act*/) const {
  if (!is_entry(step.path)) return {};
  return step.wish == Wish::put || step.wish == Wish::remove ? "an entry is put over, or removed"
                                                             : "";
}

// Under one path a client puts the same bytes again, and no others.
std::string Conformance::fresh_bytes(const TraceStep& step, const ActState& act) const {
  if (!is_put(step) || step.path.starts_with("journal/")) return {};
  const auto before = act.put.find(step.path);
  return before == act.put.end() || before->second == step.content ? "" : "other bytes are put";
}

// The anchor is first of all, durable, and the head was read after it.
std::string Conformance::anchor_last(const TraceStep& step, const ActState& act) const {
  if (folder_of(step.path) != "epochs" || step.wish != Wish::put) return {};
  const std::string epoch = epoch_of(step.path);
  if (epoch == concat(epoch_number_, "-", epoch_)) return {};  // of a new slot
  const auto attempt = act.attempts.find(epoch);
  if (attempt == act.attempts.end()) {
    // A new slot's box that is put again, in an epoch that has ended meanwhile.
    return std::strtoull(epoch.c_str(), nullptr, 10) <= epoch_number_ ? "" : "it has no anchor";
  }
  if (attempt->second.anchors.size() < anchor_copies) return "a copy of the anchor is not put yet";
  if (!attempt->second.is_durable) return "the anchor is not durable yet";
  return attempt->second.has_read_head ? "" : "the head was not read after the anchor";
}

// Nobody puts an anchor again, whatever became of the first put.
std::string Conformance::anchor_again(const TraceStep& step, const ActState& /*act*/) const {
  const bool puts = folder_of(step.path) == "anchors" && is_put(step);
  return puts && anchors_.contains(step.path) ? "it was put before" : "";
}

// What is removed of an epoch is of one that has ended, or of an attempt that has lost: the current
// epoch and those to come are spared.
std::string Conformance::clean_greater(const TraceStep& step, const ActState& /*act*/) const {
  const std::string folder = folder_of(step.path);
  if (step.wish != Wish::remove || (folder != "epochs" && folder != "anchors")) return {};
  const std::string epoch = epoch_of(step.path);
  const std::uint64_t number = std::strtoull(epoch.c_str(), nullptr, 10);
  if (number > epoch_number_) return "it is of an epoch to come";
  // A slot's box goes with the slot.
  const bool is_current = epoch == concat(epoch_number_, "-", epoch_);
  return is_current && folder == "anchors" ? "it is of the current epoch" : "";
}

// Nothing goes before the entry that has ended it is durable.
std::string Conformance::clean_before_barrier(const TraceStep& step, const ActState& act) const {
  if (step.wish != Wish::remove) return {};
  if (act.confirmed == 0) return "no entry was made durable before it";
  const auto since = removable_since_.find(file_of(first_copy_path(step.path)));
  const bool is_early = since != removable_since_.end() && act.confirmed < since->second;
  return is_early ? concat("entry ", since->second, " is not durable yet") : "";
}

// Of content only what an entry has ended is removed: what nobody names stays.
std::string Conformance::remove_unnamed(const TraceStep& step, const ActState& /*act*/) const {
  if (step.wish != Wish::remove || !is_content(folder_of(step.path))) return {};
  const std::string name = file_of(first_copy_path(step.path));
  return removable_.contains(name) ? "" : "no entry has ended it";
}

// A healer makes its copy durable, and then looks at the journal once more, before it does anything
// else.
std::string Conformance::no_second_look(const TraceStep& step, const ActState& act) const {
  if (act.healed.empty() || !step.is_change()) return {};
  return act.healed + " was put over, and the journal was not read afterwards";
}

void Conformance::note_barrier(ActState& act) const {
  act.not_durable.clear();
  for (auto& row : act.attempts) {
    row.second.is_durable = row.second.anchors.size() == anchor_copies;
  }
  if (!act.own_entries.empty()) act.confirmed = std::max(act.confirmed, *act.own_entries.rbegin());
}

void Conformance::note_put(const TraceStep& step, ActState& act) {
  act.put[step.path] = step.content;
  if (has_answer(step) || step.outcome == Outcome::denied) {
    act.not_durable.insert(step.path);
  }
  if (folder_of(step.path) == "anchors") {
    anchors_.insert(step.path);
    act.attempts[epoch_of(step.path)].anchors.insert(step.path);
  }
  if (!is_entry(step.path)) return;
  if (step.has_happened()) act.own_entries.insert(number_of(step.path));
  if (step.outcome == Outcome::taken) act.not_durable.erase(step.path);
  if (step.outcome != Outcome::done) act.unsettled = step.path;
}

void Conformance::note_in_store(const TraceStep& step) {
  const bool is_there = step.has_happened() && (is_put(step) || step.wish == Wish::replace);
  if (is_there && step.path.starts_with("journal/")) entries_.insert(step.path);
}

void Conformance::note(const TraceStep& step, ActState& act) {
  const bool reads = step.wish == Wish::size || step.wish == Wish::read;
  if (step.path == act.unsettled && reads) act.unsettled.clear();
  if (reads && step.path.starts_with("journal/")) {
    if (act.not_durable.empty()) act.healed.clear();
    for (auto& row : act.attempts) {
      row.second.has_read_head = row.second.has_read_head || row.second.is_durable;
    }
  }
  if (step.wish == Wish::barrier && step.outcome == Outcome::done) note_barrier(act);
  if (step.wish == Wish::confirm && step.outcome == Outcome::done) {
    act.confirmed = std::max(act.confirmed, number_of(step.path));
  }
  if (is_put(step)) note_put(step, act);
  if (step.wish == Wish::replace && step.has_happened()) {
    act.healed = step.path;
    act.not_durable.insert(step.path);
  }
}

std::string Conformance::take(const TraceStep& step) {
  struct NamedRule {
    const char* name;
    Rule holds;
  };

  static constexpr NamedRule rules[] = {
      {"ENTRY_BEFORE_BARRIER", &Conformance::entry_before_barrier},
      {"TWIN_FIRST", &Conformance::twin_first},
      {"NO_COMPLETION", &Conformance::no_completion},
      {"NO_READ_BACK", &Conformance::no_read_back},
      {"PUT_OVER", &Conformance::put_over},
      {"FRESH_BYTES", &Conformance::fresh_bytes},
      {"ANCHOR_LAST", &Conformance::anchor_last},
      {"ANCHOR_AGAIN", &Conformance::anchor_again},
      {"CLEAN_GREATER", &Conformance::clean_greater},
      {"CLEAN_BEFORE_BARRIER", &Conformance::clean_before_barrier},
      {"REMOVE_UNNAMED", &Conformance::remove_unnamed},
      {"NO_SECOND_LOOK", &Conformance::no_second_look},
  };
  if (step.outcome == Outcome::landed) {
    note_in_store(step);
    return {};
  }
  ActState& act = acts_[{step.machine, step.act}];
  for (const NamedRule& rule : rules) {
    const std::string wrong = (this->*rule.holds)(step, act);
    if (!wrong.empty()) return concat(std::string_view(rule.name), ": ", step.path, ": ", wrong);
  }
  note(step, act);
  note_in_store(step);
  return {};
}

std::string Conformance::take(const TraceStep& step, const EntryFacts& entry) {
  for (const std::string& name : entry.removable) {
    removable_.insert(name);
    removable_since_.try_emplace(name, entry.sequence);
  }
  if (entry.ends_epoch) {
    epoch_number_ = entry.epoch_number;
    epoch_ = entry.epoch;
  }
  if (!entry.is_snapshot) return {};
  // A run has one entry: late.pml, 2.
  ActState& act = acts_[{step.machine, step.act}];
  return ++act.snapshots == 1 ? "" : "OWN_IS_ANOTHERS: a backup has two entries";
}

// A commit is reported when all that it has put is durable.
std::string Conformance::take_end(unsigned machine, unsigned act) {
  const ActState& state = acts_[{machine, act}];
  const auto wet = std::ranges::find_if(
      state.not_durable, [](const std::string& path) { return path.starts_with("journal/"); });
  if (wet == state.not_durable.end()) return {};
  return concat("REPORT_BEFORE_BARRIER: ", *wet, " has no barrier behind it");
}

}  // namespace kist::test
