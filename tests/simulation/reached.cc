#include "tests/simulation/reached.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/format/names.h"
#include "tests/simulation/simulation.h"
#include "tests/support/test.h"

namespace kist::test {

const char* text_of(Reach state) {
  static constexpr std::array<const char*, reach_count> texts = {
      "an act lost its number to another one, and won a later one",
      "an act lost two numbers",
      "an entry had landed whose author got no answer",
      "an entry had won whose author was told no",
      "a put landed late",
      "a put landed after its author was gone",
      "a put landed after an entry had removed its name",
      "an entry landed late",
      "a collection lost a number to a backup",
      "of two collections at once one lost a number to the other",
      "an end of an epoch was overtaken, and went on with the same attempt",
      "an end of an epoch began a second attempt",
      "live blocks were moved",
      "objects that nobody named were ended",
      "snapshots were ended",
      "a backup walked again, for what it relied on had ended",
      "a backup walked again twice",
      "a backup walked again, for its own objects had been removed",
      "an epoch ended under a running backup",
      "a backup sealed its keys anew",
      "a restore or verify went on over an epoch's end",
      "a repair healed a copy",
      "an epoch ended under a repair",
      "an act was cut off between an entry and its second copy",
      "a second copy was completed by another act",
      "an act was cut off in its clean-up",
      "a clean-up that was cut off was finished by another act",
      "a listing lied",
      "a clock jumped",
      "a set that one machine had proved let another one end something",
      "a backup went on from a pending snapshot",
      "and an epoch had ended meanwhile",
      "a slot was revoked while its machine was at work",
  };
  return texts.at(static_cast<std::size_t>(state));
}

namespace {

using ActKey = std::pair<unsigned, unsigned>;  // machine, act

// What one act did, by the trace.
struct ActTrace {
  std::uint64_t first = 0;  // steps
  std::uint64_t last = 0;
  std::uint64_t lost_numbers = 0;
  bool has_won = false;
  bool has_won_after_loss = false;
  bool is_cut_off = false;
  std::uint64_t removals = 0;
  std::set<std::string> attempts;  // anchors
  std::uint64_t key_puts_after_loss = 0;
  std::string last_change;
};

class Observation {
 public:
  explicit Observation(const Simulation& simulation) : simulation_(simulation) {}

  ReachCounts run() {
    for (const TraceStep& step : simulation_.trace()) {
      look_at(step);
    }
    for (const LandedEntry& entry : simulation_.oracle().entries()) {
      look_at(entry);
    }
    for (const auto& [key, act] : acts_) {
      look_at(key, act);
    }
    for (const ActEnd& end : simulation_.ends()) {
      look_at(end);
    }
    return counts_;
  }

 private:
  void reach(Reach state) { counts_.at(static_cast<std::size_t>(state)) = 1; }

  [[nodiscard]] Act kind_of(unsigned act) const { return simulation_.act(act).act; }

  void look_at_late(const TraceStep& step) {
    reach(Reach::late_put_landed);
    const auto act = acts_.find({step.machine, step.act});
    if (act != acts_.end() && act->second.is_cut_off) reach(Reach::late_put_without_author);
    if (step.path.starts_with("journal/")) reach(Reach::late_entry_landed);
    if (removed_.contains(step.path)) reach(Reach::late_put_of_removed);
  }

  void look_at_entry_put(const TraceStep& step, ActTrace& act) {
    if (step.outcome == Outcome::taken) ++act.lost_numbers;
    if (step.outcome == Outcome::lost) reach(Reach::lost_answer_had_landed);
    if (step.outcome == Outcome::denied) reach(Reach::answer_was_no);
    if (!step.has_happened()) return;
    act.has_won = true;
    act.has_won_after_loss = act.has_won_after_loss || act.lost_numbers > 0;
  }

  void look_at_change(const TraceStep& step, ActTrace& act) {
    const bool is_entry = step.path.starts_with("journal/");
    const bool is_second = step.path.ends_with(".2");
    if (is_entry && !is_second && step.wish == Wish::put_if_absent) look_at_entry_put(step, act);
    if (is_entry && is_second && step.has_happened()) {
      const auto author = authors_.find(first_copy_path(step.path));
      const bool is_others = author != authors_.end() && author->second != key_of(step);
      if (is_others) reach(Reach::second_copy_by_another);
    }
    if (step.path.starts_with("keys/") && act.lost_numbers > 0) ++act.key_puts_after_loss;
    if (step.path.starts_with("anchors/") && step.wish == Wish::put) {
      act.attempts.insert(step.path.substr(0, step.path.rfind('.')));
    }
    if (step.wish == Wish::remove) look_at_removal(step, act);
    if (step.wish == Wish::replace && step.has_happened()) reach(Reach::healed);
    if (step.has_happened()) act.last_change = step.path;
    if (is_entry && !is_second && step.has_happened()) authors_[step.path] = key_of(step);
  }

  void look_at_removal(const TraceStep& step, ActTrace& act) {
    ++act.removals;
    if (!step.has_happened()) return;
    removed_.insert(step.path);
    const bool is_left = std::ranges::any_of(acts_, [&](const auto& row) {
      return row.second.is_cut_off && row.second.removals > 0 && row.first != key_of(step);
    });
    if (is_left) reach(Reach::clean_up_finished_by_another);
  }

  static ActKey key_of(const TraceStep& step) { return {step.machine, step.act}; }

  void look_at(const TraceStep& step) {
    if (step.path.starts_with("clock.")) return reach(Reach::clock_jumped);
    if (step.path.starts_with("damage.")) return;
    if (step.outcome == Outcome::landed) return look_at_late(step);
    ActTrace& act = acts_[key_of(step)];
    if (act.first == 0) act.first = step.number;
    act.last = step.number;
    if (step.outcome == Outcome::partial) reach(Reach::listing_lied);
    if (step.outcome == Outcome::crashed || step.outcome == Outcome::crashed_after ||
        step.outcome == Outcome::crashed_late) {
      act.is_cut_off = true;
    }
    if (step.is_change()) look_at_change(step, act);
  }

  void look_at(const ActKey& key, const ActTrace& act) {
    const Act kind = kind_of(key.second);
    const bool is_collection = kind == Act::collect || kind == Act::rotate;
    if (act.has_won_after_loss) reach(Reach::overtaken);
    if (act.lost_numbers > 1) reach(Reach::overtaken_twice);
    if (act.attempts.size() > 1) reach(Reach::attempt_begun_again);
    const bool is_kept = act.attempts.size() == 1 && act.has_won_after_loss;
    if (is_collection && is_kept && ends_by_.contains(key)) reach(Reach::attempt_kept);
    if (act.is_cut_off && act.removals > 0) reach(Reach::crash_in_clean_up);
    const bool is_lone = act.last_change.starts_with("journal/") &&
                         !act.last_change.ends_with(".2") && act.is_cut_off;
    if (is_lone) reach(Reach::crash_before_second_copy);
    if (is_backup(kind) && act.key_puts_after_loss > 0) reach(Reach::resealed);
  }

  static bool is_backup(Act kind) {
    return kind == Act::backup || kind == Act::backup_in_parts || kind == Act::backup_cancelled;
  }

  void look_at_end(const LandedEntry& entry) {
    ends_by_.insert({entry.machine, entry.act});
    if (entry.ended_snapshots > 0) reach(Reach::snapshots_ended);
    if (entry.ended_names > entry.ended_packs) reach(Reach::unnamed_ended);
    if (entry.ended_snapshots > 0 &&
        std::ranges::any_of(provers_, [&](unsigned machine) { return machine != entry.machine; })) {
      reach(Reach::proved_by_another);
    }
    for (const auto& row : acts_) {
      if (row.first != ActKey{entry.machine, entry.act}) look_at_end_under(entry, row);
    }
  }

  // Whether the epoch ended while that act was under way.
  void look_at_end_under(const LandedEntry& entry, const std::pair<const ActKey, ActTrace>& row) {
    if (row.second.first >= entry.step || row.second.last <= entry.step) return;
    const Act kind = kind_of(row.first.second);
    if (is_backup(kind)) reach(Reach::epoch_ended_under_backup);
    if (kind == Act::repair) reach(Reach::healer_meets_end);
    const bool is_done = std::ranges::any_of(simulation_.ends(), [&](const ActEnd& end) {
      return end.act == row.first.second && end.is_done;
    });
    const bool reads = kind == Act::restore || kind == Act::verify;
    if (reads && is_done) reach(Reach::read_on_over_end);
    if (kind == Act::backup && entry.revokes && row.first.first == second_writer) {
      reach(Reach::slot_replaced_under_way);
    }
  }

  void look_at(const LandedEntry& entry) {
    if (entry.kind == LandedEntry::Kind::moved) reach(Reach::moved);
    if (entry.kind == LandedEntry::Kind::proved) provers_.insert(entry.machine);
    if (entry.kind == LandedEntry::Kind::end) look_at_end(entry);
    // Whom it overtook.
    for (const TraceStep& step : simulation_.trace()) {
      const bool is_loss = step.wish == Wish::put_if_absent && step.outcome == Outcome::taken &&
                           step.path == journal_path(entry.sequence);
      if (!is_loss || kind_of(step.act) != Act::collect) continue;
      if (entry.kind == LandedEntry::Kind::snapshot) reach(Reach::collection_overtaken_by_backup);
      if (kind_of(entry.act) == Act::collect && entry.act != step.act) {
        reach(Reach::collections_meet);
      }
    }
  }

  void look_at(const ActEnd& end) {
    const auto count = [&](std::string_view text) {
      std::uint64_t out = 0;
      for (std::size_t at = end.told.find(text); at != std::string::npos;
           at = end.told.find(text, at + 1)) {
        ++out;
      }
      return out;
    };
    if (count("blocks that this backup relies on") > 0) reach(Reach::walked_again);
    if (count("the source is read again") > 1) reach(Reach::walked_twice);
    if (count("has removed what this backup had put") > 0) reach(Reach::own_objects_removed);
    if (!end.has_resumed) return;
    reach(Reach::pending_resumed);
    if (!ends_by_.empty()) reach(Reach::pending_resumed_after_end);
  }

  const Simulation& simulation_;
  ReachCounts counts_{};
  std::map<ActKey, ActTrace> acts_;
  std::map<std::string, ActKey> authors_;
  std::set<std::string> removed_;
  std::set<ActKey> ends_by_;
  std::set<unsigned> provers_;
};

}  // namespace

ReachCounts states_of(const Simulation& simulation) {
  return Observation(simulation).run();
}

}  // namespace kist::test
