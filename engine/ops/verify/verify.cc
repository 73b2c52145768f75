#include "engine/ops/verify/verify.h"

#include <algorithm>
#include <mutex>
#include <set>

#include "engine/base/attempt.h"
#include "engine/blocks/index_loader.h"
#include "engine/crypto/hash.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/journal/anchor.h"
#include "engine/journal/journal.h"
#include "engine/ops/verify/copy_checker.h"
#include "engine/ops/verify/index_changes.h"
#include "engine/ops/verify/journal_checker.h"
#include "engine/ops/verify/manifest_checker.h"
#include "engine/ops/verify/pack_checker.h"
#include "engine/ops/verify/pack_healer.h"
#include "engine/ops/verify/segment_rebuilder.h"
#include "engine/ops/verify/slot_checker.h"
#include "engine/ops/verify/snapshot_checker.h"
#include "engine/repository/condemned_packs.h"
#include "engine/repository/ended_objects.h"
#include "engine/repository/reindex.h"
#include "engine/repository/repository_file.h"
#include "engine/repository/set_prover.h"
#include "engine/store/twins.h"

namespace kist {

namespace {

constexpr std::size_t hurt_max = 10'000;

class Verifier {
 public:
  Verifier(Repository& repository,
           const VerifyOptions& options,
           PacksRead& read,
           VerifyReport& into)
      : repository_(repository),
        options_(options),
        report_(into),
        copies_(repository,
                repairs(),
                [this](const auto& object, const auto& problem, CopyChecker::Healing healing) {
                  const bool has_remedy = healing != CopyChecker::Healing::impossible;
                  add({.object = object,
                       .problem = problem,
                       .offset = {},
                       .is_healed = healing == CopyChecker::Healing::done,
                       .remedy = has_remedy ? Remedy::heal : Remedy::none});
                }),
        packs_(repository,
               options.level,
               read,
               [this](const auto& object, const auto& problem, const auto& offset) {
                 report(object, problem, offset);
               }),
        changes_(repository) {
    if ((repository.capabilities() & can_read) == 0) return;
    keys_ = repository.read_keys();
  }

  // Error{conflict} where an epoch has begun meanwhile.
  void run() {
    report_.entries = JournalChecker(
                          repository_, copies_, options_.repairs,
                          [this](Finding finding) { add(std::move(finding)); },
                          [this](const auto& object, const auto& text) {
                            report_.notes.push_back({object, text});
                          })
                          .check_all();
    epoch_ = repository_.state().epoch;
    changes_.begin();
    for (const std::string& copy : copies_of(repository_file)) {
      copies_.check_made(copy, make_repository_file(repository_.keyring().repository()),
                         small_object_bytes_max);
    }
    SnapshotChecker snapshots(
        repository_, keys_ ? &*keys_ : nullptr, copies_,
        [this](Finding finding) { add(std::move(finding)); },
        [this](const auto& object, const auto& text) {
          report_.notes.push_back({object, text});
        });
    check_anchors();
    SlotChecker(repository_, copies_, keys_.has_value(),
                [this](const auto& object, const auto& problem) { report(object, problem); })
        .check_all();
    check_key_segments(snapshots);
    check_leftovers();
    attempt("block index", [&] { index_ = &repository_.blocks().complete_index(); });
    const bool has_index = index_ != nullptr;
    std::vector<SnapshotPtr> opening;   // live, and not such that nobody opens it
    std::vector<SnapshotPtr> given_up;  // of which a repair may make the set anew
    for (const SnapshotPtr& snapshot : repository_.state().all_snapshots()) {
      // What a pending snapshot introduced stays when another has replaced it.
      snapshots.check_introduced(*snapshot);
      if (!snapshot->is_live) continue;
      ++report_.snapshots;
      SnapshotChecker::Rest rest{};
      keep_up([&] { rest = snapshots.check(*snapshot); });
      if (rest == SnapshotChecker::Rest::manifest) opening.push_back(snapshot);
      if (rest == SnapshotChecker::Rest::set) given_up.push_back(snapshot);
    }
    snapshots.check_rewritten();
    if (has_index && options_.repairs) rebuild_lost(snapshots.lost());
    snapshots.report_uncounted(index_);
    // Of now: what others find while this one reads may be newer than what it has read.
    const DamagedPacks recorded = repository_.local().damage().packs();
    if (has_index) packs_.check_all(*index_, options_.threads, [this] { follow(); });
    const bool has_content = has_index && options_.level == VerifyLevel::content;
    if (has_content && options_.repairs) heal_packs();
    if (has_content) check_manifests(opening, given_up);
    if (!report_.findings.empty()) {
      follow();
      changes_.require_none();
    }
    if (has_index && !options_.is_dry_run) record_damage(recorded);
    report_.packs = packs_.pack_count();
  }

 private:
  [[nodiscard]] bool repairs() const { return options_.repairs && !options_.is_dry_run; }

  void add(Finding finding) {
    const std::lock_guard lock(mutex_);
    if (finding.is_healed) ++report_.healed;
    report_.findings.push_back(std::move(finding));
  }

  // A finding that no repair mends.
  void report(const std::string& object,
              const std::string& problem,
              std::optional<std::uint64_t> offset = std::nullopt) {
    add({.object = object, .problem = problem, .offset = offset});
  }

  // What `work` meets, damage or an object that cannot be read, becomes a finding.
  template <typename Work>
  bool attempt(const std::string& object, const Work& work) {
    const auto failure = failure_except(Code::refused, [&] { keep_up(work); });
    if (!failure) return true;
    if (failure->code() == Code::conflict) throw Error(*failure);
    report(object, failure->text());
    return false;
  }

  // Where the journal has gone on and the epoch is the same, what is missing is.
  template <typename Work>
  void keep_up(const Work& work) {
    kist::keep_up([this] { follow(); }, work);
  }

  // What an epoch's end has removed meanwhile is no damage: the verify begins again.
  void follow() {
    repository_.journal().replay();
    if (repository_.state().epoch == epoch_) return;
    throw Error(Code::conflict, "a new epoch has begun meanwhile; run the command again");
  }

  // Of findings about those objects.
  template <typename Change>
  void change_findings(const std::set<std::string>& objects, const Change& change) {
    for (Finding& finding : report_.findings) {
      if (finding.is_healed || !objects.contains(finding.object)) continue;
      change(finding);
      if (finding.is_healed) ++report_.healed;
    }
  }

  // Index segments that are in no copy are made anew from their packs, or given up. Those of an
  // entry together, for their packs tell which numbers they had; or one by one, where this machine
  // knows. Nothing is given up that it knows, but for packs that cannot be read.
  void rebuild_lost(const std::vector<LostSegments>& all_lost) {
    for (const LostSegments& lost : all_lost) {
      check_cancelled(repository_.observer());
      const auto failure = failure_of([&] { replace(rebuild(repository_, lost)); });
      if (!failure) {
        conclude(lost, failure);
        continue;
      }
      LostSegments rest{lost.sequence, {}};
      for (const ObjectHash& segment : lost.segments) {
        const auto unknown =
            failure_of([&] { replace(rebuild_known(repository_, segment, gives_up(*failure))); });
        if (unknown) {
          rest.segments.insert(segment);
        } else {
          conclude({lost.sequence, {segment}}, std::nullopt);
        }
      }
      if (!rest.segments.empty()) conclude(rest, failure);
    }
    if (!all_lost.empty()) index_ = &repository_.blocks().complete_index();
  }

  [[nodiscard]] bool gives_up(const Error& failure) const {
    return failure.code() == Code::corrupt && options_.drops_unreadable;
  }

  void replace(const Reindexing& reindexing) {
    if (repairs()) changes_.run_own([&] { commit_reindexing(repository_, reindexing); });
  }

  void conclude(const LostSegments& lost, const std::optional<Error>& failure) {
    const bool is_given_up = failure && gives_up(*failure);
    if (is_given_up && repairs()) give_up(lost);
    std::set<std::string> objects;
    for (const ObjectHash& hash : lost.segments) {
      for (const std::string& copy : copies_of(index_segment_path(hash))) {
        objects.insert(copy);
      }
    }
    change_findings(objects, [&](Finding& finding) {
      finding.is_healed = repairs() && !failure;
      finding.remedy = is_given_up ? Remedy::give_up : failure ? Remedy::none : Remedy::heal;
      finding.problem += !failure      ? "; its packs tell what it listed"
                         : is_given_up ? concat("; ", failure->text())
                                       : concat("; ", failure->text(), give_up_advice(*failure));
    });
  }

  static std::string_view give_up_advice(const Error& failure) {
    if (failure.code() != Code::corrupt) return "";
    return "; if no copy of the repository has it, --drop-unreadable gives it up";
  }

  void give_up(const LostSegments& lost) {
    const Journal::Writable writable = repository_.journal().require_writable();
    changes_.run_own([&] {
      repository_.journal().commit(writable, [&](const State&) {
        return SegmentsGivenUp{{lost.segments.begin(), lost.segments.end()}};
      });
    });
    report_.given_up += lost.segments.size();
  }

  // What damaged packs held is found where it is stored again, by the snapshots that need it.
  void heal_packs() {
    const bool has_gap = !index_->unloaded_entries().empty();
    if (packs_.damaged_packs().empty() || has_gap) return;
    PackHealer healer(repository_, packs_);
    std::set<ObjectHash> healed;
    if (options_.is_dry_run) {
      healed = healer.find_healable();
    } else {
      static_cast<void>(record_proofs());
      const auto failure =
          failure_except(Code::refused, [&] { changes_.run_own([&] { healer.run(); }); });
      if (failure) repository_.observer().problem("a damaged pack", *failure);
      index_ = &repository_.blocks().index();
      const BlockIndex::Reader index(*index_);
      packs_.renew(index);
      for (const auto& [pack, problem] : packs_.damaged_packs()) {
        if (index.is_gone(pack)) healed.insert(pack);
      }
    }
    std::set<std::string> objects;
    for (const ObjectHash& pack : healed) {
      objects.insert(pack_path(pack));
    }
    change_findings(objects, [&](Finding& finding) {
      finding.remedy = Remedy::heal;
      finding.is_healed = repairs();
      finding.problem += "; all that it held is stored elsewhere too";
    });
  }

  // What each manifest needs is there, and its snapshot's set names that and nothing else. A repair
  // replaces the sets of which it finds otherwise, where there is what they should name.
  void check_manifests(const std::vector<SnapshotPtr>& opening,
                       const std::vector<SnapshotPtr>& given_up) {
    ManifestChecker manifests(
        repository_, *index_, packs_,
        [this](const auto& object, const auto& problem) { report(object, problem); },
        [this](const HurtPath& hurt) { record_hurt(hurt); });
    const bool is_complete = index_->unloaded_entries().empty();
    const bool replaces = options_.repairs && is_complete;
    SetProver sets(repository_);
    std::vector<SnapshotPtr> wrong;
    const auto replace = [&](const SnapshotPtr& snapshot, const SetJudgement& judged) {
      if (repairs()) sets.replace(*snapshot, *judged.proper);
      add({.object = name_of(*snapshot),
           .problem = judged.problem(),
           .offset = {},
           .remedy = Remedy::heal});
      wrong.push_back(snapshot);
    };
    for (const SnapshotPtr& snapshot : opening) {
      attempt(name_of(*snapshot), [&] {
        const bool may_replace = replaces && !snapshot->taken.is_pending;
        const SetJudgement judged =
            may_replace ? manifests.judge(*snapshot) : manifests.check(*snapshot);
        if (judged.is_equal()) return sets.note_equal(*snapshot);
        if (may_replace && judged.proper) return replace(snapshot, judged);
        if (may_replace) manifests.check(*snapshot);
        if (judged.unneeded > 0 && is_complete && !snapshot->taken.is_pending) {
          report_.notes.push_back({name_of(*snapshot), judged.problem()});
        }
      });
    }
    for (const SnapshotPtr& snapshot : given_up) {
      if (!replaces || snapshot->taken.is_pending) continue;
      // Of what is given up nothing is said that cannot be mended.
      const auto judged = value_of([&] { return manifests.judge(*snapshot); });
      if (judged && judged->proper)
        attempt(name_of(*snapshot), [&] { replace(snapshot, *judged); });
    }
    if (!options_.is_dry_run && record_proofs()) prove(sets);
    conclude_sets(wrong, manifests);
  }

  void prove(SetProver& sets) {
    const auto failure = failure_of([&] { sets.commit(); });
    report_.sets_proved += sets.proved_count();
    if (!failure) return;
    repository_.observer().notice(
        concat("which reference sets are right is not recorded: ", failure->text()));
  }

  // A set that is not the one that was found wrong any more is mended, whoever has done it. Of the
  // others it is told what they mean for the paths of their snapshots.
  void conclude_sets(const std::vector<SnapshotPtr>& wrong, ManifestChecker& manifests) {
    std::set<std::string> healed;
    std::set<std::string> healable;
    for (const SnapshotPtr& snapshot : wrong) {
      const SetState now = repository_.state().snapshots.at(snapshot->taken.snapshot).set;
      const bool is_healed = now.hash != snapshot->set.hash;
      if (!is_healed && repairs()) {
        attempt(name_of(*snapshot), [&] { manifests.check(*snapshot); });
      }
      std::set<std::string>& objects = is_healed ? healed : healable;
      objects.insert(name_of(*snapshot));
      for (const std::string& copy : copies_of(reference_set_path(snapshot->set.hash))) {
        objects.insert(copy);
      }
    }
    change_findings(healable, [](Finding& finding) { finding.remedy = Remedy::heal; });
    change_findings(healed, [](Finding& finding) {
      finding.remedy = Remedy::heal;
      finding.is_healed = true;
    });
  }

  static std::string name_of(const SnapshotState& snapshot) {
    return concat("snapshot ", hex(snapshot.taken.snapshot));
  }

  // False, and a notice, where that fails (a read-only store, say), which does not fail the verify.
  // With an unloaded entry nothing is recorded: that entry may turn out to have introduced a pack
  // before the author that was proved.
  bool record_proofs() {
    if (are_proofs_recorded_) return *are_proofs_recorded_;
    are_proofs_recorded_ = false;
    if (!index_->unloaded_entries().empty()) {
      repository_.observer().notice(
          "what was verified is not vouched for while an index segment cannot be read");
      return false;
    }
    const auto failure =
        failure_of([&] { report_.proved += packs_.prover().commit_proofs(repository_); });
    are_proofs_recorded_ = !failure;
    if (!failure) return true;
    repository_.observer().notice(
        concat("that writers may rely on what was verified is not recorded: ", failure->text()));
    return false;
  }

  // Nobody puts one back: it could come back to life after it was destroyed.
  void check_anchors() {
    for (const AnchorProblem& found :
         kist::check_anchors(repository_.reader(), repository_.state())) {
      report(found.path, concat(found.problem, "; kist key rotate begins an epoch with new ones"));
      ++report_.lost_anchors;
    }
  }

  void check_key_segments(SnapshotChecker& snapshots) {
    for (const auto& [hash, author] : repository_.state().key_segments.all()) {
      if (snapshots.report_if_absent(key_segment_path(hash), author)) continue;
      copies_.check_twins(key_segment_path(hash), hash, key_segment_bytes_max);
    }
  }

  // What the head does not name in the folders that hold secrets should be gone.
  void check_leftovers() {
    Leftovers found = find_leftovers(repository_);
    if (!found.unnamed.empty()) {
      // An entry may have come to name it since the journal was read.
      follow();
      found = find_leftovers(repository_);
    }
    bool is_removed = false;
    if (repairs() && !found.ended.removals.empty()) {
      const auto failure = failure_except(
          Code::refused, [&] { static_cast<void>(remove_ended_objects(repository_)); });
      if (failure) repository_.observer().problem("an object that has ended", *failure);
      is_removed = !failure;
    }
    for (const Removal& removal : found.ended.removals) {
      add({.object = removal.path,
           .problem = concat("it was to be removed: ", removal.reason),
           .offset = {},
           .is_healed = is_removed,
           .remedy = Remedy::remove});
    }
    for (const Removal& unnamed : found.unnamed) {
      add({.object = unnamed.path,
           .problem = concat("no journal entry names it: ", unnamed.reason),
           .offset = {},
           .remedy = Remedy::wait});
    }
  }

  // What could not be read is recorded by a repair alone, because the store may answer tomorrow. A
  // failure, of a full disk say, does not fail the verify.
  void record_damage(const DamagedPacks& recorded) {
    FoundPacks found;
    const auto failure = failure_of([&] {
      DamageRecord& record = repository_.local().damage();
      const std::int64_t now_ms = repository_.services().clock.now_ms();
      const BlockIndex::Reader index(*index_);
      for (const auto& [pack, problem] : packs_.damaged_packs()) {
        if (index.is_gone(pack)) continue;
        const bool is_known = problem != PackProblem::unreadable;
        if (is_known) found.all.insert(pack);
        if (!is_known && !repairs()) continue;
        if (record.add(pack, problem, now_ms) && is_known) found.fresh.insert(pack);
      }
      record.remove(packs_.find_whole_again(index, recorded));
    });
    if (failure) {
      repository_.observer().notice(
          concat("which packs are damaged is not recorded on this machine: ", failure->text()));
    }
    const auto silence = failure_of([&] {
      report_.condemned = tell_damaged(repository_, found);
      report_.cleared =
          tell_whole(repository_, packs_.find_condemned_whole(BlockIndex::Reader(*index_)));
    });
    if (!silence) return;
    repository_.observer().notice(
        concat("other machines are not told which packs are damaged: ", silence->text()));
  }

  void record_hurt(const HurtPath& hurt) {
    ++report_.hurt_count;
    if (hurt.is_restorable) ++report_.restorable_count;
    if (report_.hurt.size() < hurt_max) report_.hurt.push_back(hurt);
  }

  Repository& repository_;
  const VerifyOptions& options_;
  VerifyReport& report_;
  CopyChecker copies_;
  PackChecker packs_;
  std::optional<bool> are_proofs_recorded_;  // nothing: that was not tried yet
  std::optional<ReadKeys> keys_;             // of a slot that reads
  EpochId epoch_;                            // that the run goes by
  IndexChanges changes_;                     // since then
  BlockIndex* index_ = nullptr;              // of that epoch; null: it cannot be made
  std::mutex mutex_;
};

// Of a run that was overtaken: what it has changed. What it has found is looked at again.
VerifyReport what_was_done(const VerifyReport& overtaken) {
  VerifyReport out;
  for (const Finding& finding : overtaken.findings) {
    if (finding.is_healed) out.findings.push_back(finding);
  }
  out.healed = overtaken.healed;
  out.proved = overtaken.proved;
  out.given_up = overtaken.given_up;
  out.sets_proved = overtaken.sets_proved;
  return out;
}

}  // namespace

VerifyReport verify(Repository& repository, const VerifyOptions& options) {
  repository.require_view();
  if (options.level == VerifyLevel::content) repository.require(can_read);
  if (options.repairs) repository.require(can_maintain);
  PacksRead read;
  VerifyReport out;
  keep_up([&] { out = what_was_done(out); },
          [&] { Verifier(repository, options, read, out).run(); });
  out.frames = read.frames;
  out.blocks = read.blocks;
  out.bytes_read = read.bytes;
  return out;
}

}  // namespace kist
