// Two machines, one of them slow: a command is stopped before each of its changes to the store,
// while another machine cleans up, ends the epoch, or lets somebody in. Then it goes on, or is cut
// off there. Nobody is locked out, what was said to be done is done, and whatever is left in the
// folders that hold secrets is reported until it is gone.
#include <functional>
#include <map>
#include <set>

#include "engine/base/attempt.h"
#include "engine/format/envelope.h"
#include "engine/format/names.h"
#include "engine/journal/anchor.h"
#include "tests/support/held_store.h"
#include "tests/support/roles.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

// Key files: of the owner who cleans up, of the owner who is slow, and of others.
constexpr std::uint8_t quick = 7;
constexpr std::uint8_t slow = 9;
constexpr std::uint8_t fresh = 10;
constexpr std::uint8_t newcomer = 12;

using Objects = std::map<std::string, Bytes>;

bool is_secret(const std::string& path) {
  return path.starts_with("slots/") || path.starts_with("grants/") || path.starts_with("epochs/") ||
         path.starts_with("keys/") || path.starts_with("anchors/");
}

// A repository with a snapshot and two owners, at home in `roles`.
Objects prepare(Roles& roles, bool is_damaged) {
  Objects out = roles.store->objects();
  if (!is_damaged) return out;
  // One copy is hurt of everything that is stored twice in these folders: of one object the first,
  // of the next one the second.
  bool is_second = false;
  for (const auto& [path, bytes] : roles.store->objects()) {
    if (!is_secret(path) || path.starts_with("anchors/") || path.ends_with(".2")) continue;
    Bytes& hurt = out.at(is_second ? second_copy_path(path) : path);
    hurt[hurt.size() / 2] ^= 1;
    is_second = !is_second;
  }
  return out;
}

std::shared_ptr<MemoryStore> store_of(const Objects& objects) {
  auto out = std::make_shared<MemoryStore>();
  for (const auto& [path, bytes] : objects) {
    out->put(path, bytes);
  }
  return out;
}

bool opens(const std::shared_ptr<MemoryStore>& store, std::uint8_t fill) {
  Machine machine(store, 1000 + fill);
  const auto failure = failure_of([&] { static_cast<void>(machine.open(fill)); });
  if (failure) UNSCOPED_INFO(failure->text());
  return !failure;
}

// The objects of the folders that hold secrets that the head does not name, but for those of a
// greater epoch number, and for key segments of the current epoch, which a backup may name yet.
std::set<std::string> find_unexplained(MemoryStore& store, const State& state) {
  std::set<std::string> named;
  const auto add = [&](const std::string& path) {
    named.insert(path);
    named.insert(second_copy_path(path));
  };
  for (const SlotState* slot : state.current_slots()) {
    const SlotId& id = slot->introduction.slot;
    add(slot_path(id, slot->generation));
    add(grant_path(id));
    add(epoch_box_path(state.epoch_number, state.epoch, id));
  }
  for (const auto& [hash, author] : state.key_segments.all()) {
    add(key_segment_path(hash));
  }
  for (const std::string& path : anchor_paths(state.epoch_number, state.epoch)) {
    named.insert(path);
  }
  std::set<std::string> out;
  for (const auto& [path, bytes] : store.objects()) {
    if (!is_secret(path) || named.contains(path)) continue;
    if (path.starts_with("epochs/") &&
        parse_epoch_box_path(path.substr(7))->epoch_number > state.epoch_number) {
      continue;
    }
    if (path.starts_with("anchors/") &&
        parse_anchor_path(path.substr(8))->epoch_number > state.epoch_number) {
      continue;
    }
    if (path.starts_with("keys/")) {
      const EnvelopeHeader header = decode_envelope_header(bytes, path);
      const bool may_be_named =
          header.epoch_number > state.epoch_number || header.epoch == state.epoch;
      if (may_be_named) continue;
    }
    out.insert(path);
  }
  return out;
}

// What a machine that was never here finds, with the objects that no journal entry explains.
void require_reported(const std::shared_ptr<MemoryStore>& store, bool is_finished) {
  Machine machine(store, 2000);
  Repository repository = machine.open(quick);
  const VerifyReport report = verify(repository, {});
  INFO(findings_of(report));
  std::set<std::string> reported;
  for (const Finding& finding : report.findings) {
    reported.insert(finding.object);
  }
  for (const std::string& path : find_unexplained(*store, repository.state())) {
    INFO(path);
    REQUIRE(reported.contains(path));
    REQUIRE_FALSE(is_finished);
  }
  if (is_finished) REQUIRE(report.findings.empty());
}

// The next clean-up and the next epoch's end leave nothing behind, but for a secret that a slot may
// yet be given: that one stays reported until its slot is given another.
void require_cleared(const std::shared_ptr<MemoryStore>& store) {
  Machine machine(store, 3000);
  Repository repository = machine.open(quick);
  verify(repository, {.repairs = true});
  end_epoch(repository, {});
  for (const std::string& path : find_unexplained(*store, repository.state())) {
    INFO(path);
    REQUIRE(path.starts_with("slots/"));
    const auto object = parse_slot_path(first_copy_path(path.substr(6)));
    REQUIRE(object);
    REQUIRE(object->generation > repository.state().slots.at(object->slot).generation);
  }
  for (const Finding& finding : verify(repository, {}).findings) {
    INFO(finding.object << ": " << finding.problem);
    REQUIRE(finding.object.starts_with("slots/"));
  }
}

// What a machine does while the slow one is stopped.
struct Meanwhile {
  std::string name;
  std::function<void(Repository&)> work;
};

const std::vector<Meanwhile>& meanwhiles() {
  static const std::vector<Meanwhile> all = {
      {"a repair", [](Repository& repository) { verify(repository, {.repairs = true}); }},
      {"an epoch's end", [](Repository& repository) { end_epoch(repository, {}); }},
      {"two ends and a repair",
       [](Repository& repository) {
         end_epoch(repository, {});
         end_epoch(repository, {});
         verify(repository, {.repairs = true});
       }},
      {"a newcomer", [](Repository& repository) {
         add_slot(repository, Machine::credential(newcomer), argon2_floor, "newcomer");
         verify(repository, {.repairs = true});
       }}};
  return all;
}

enum class Outcome { done, failed, cut_off };

// Stops `work` before each of its changes, for each of the above, with both outcomes. Once done,
// work that is tidy has left nothing behind. Where each takes long, every `step`-th change will do:
// the others begin one later each, and together meet them all.
void stop_everywhere(const Objects& objects,
                     const std::function<void(Repository&)>& work,
                     const std::function<void(const std::shared_ptr<MemoryStore>&, Outcome)>& check,
                     bool is_tidy = true,
                     std::uint64_t step = 1) {
  std::uint64_t first = 0;
  for (const Meanwhile& meanwhile : meanwhiles()) {
    for (const bool cuts_off : {false, true}) {
      for (std::uint64_t at = first++ % step;; at += step * stride()) {
        INFO("stopped before change " << at << " for " << meanwhile.name
                                      << (cuts_off ? ", and cut off" : ""));
        const auto store = store_of(objects);
        const auto held = std::make_shared<HeldStore>(*store);
        Machine slow_machine(held, 5);
        Machine quick_machine(store, 6);
        Repository repository = slow_machine.open(slow);
        held->hold(at, cuts_off, [&] {
          Repository other = quick_machine.open(quick);
          meanwhile.work(other);
        });
        Outcome outcome = Outcome::done;
        std::string error;
        try {
          work(repository);
        } catch (const Error& failure) {
          outcome = Outcome::failed;
          error = failure.text();
        } catch (const CutOff&) {
          outcome = Outcome::cut_off;
        }
        INFO("outcome: " << (outcome == Outcome::done ? "done" : error));
        REQUIRE(opens(store, quick));
        if (meanwhile.name == "a newcomer" && held->has_held()) REQUIRE(opens(store, newcomer));
        check(store, outcome);
        require_reported(store, is_tidy && outcome == Outcome::done);
        require_cleared(store);
        REQUIRE(opens(store, quick));
        if (!held->has_held()) break;
      }
    }
  }
}

}  // namespace

TEST_CASE("a key add that is stopped anywhere locks nobody out and leaves nothing unreported") {
  Roles roles(owner_capabilities);
  stop_everywhere(
      prepare(roles, false),
      [](Repository& repository) {
        add_slot(repository, Machine::credential(fresh), argon2_floor, "fresh");
      },
      [](const std::shared_ptr<MemoryStore>& store, Outcome outcome) {
        REQUIRE(outcome != Outcome::failed);
        REQUIRE(opens(store, slow));
        if (outcome == Outcome::done) REQUIRE(opens(store, fresh));
        Machine machine(store, 4000);
        Repository repository = machine.open(quick);
        // The journal knows no slot that does not open, and the same key can be let in again.
        bool is_known = false;
        for (const auto& [id, slot] : repository.state().slots) {
          is_known |= slot.introduction.name == "fresh";
        }
        REQUIRE(is_known == opens(store, fresh));
        if (is_known) return;
        add_slot(repository, Machine::credential(fresh), argon2_floor, "fresh");
        REQUIRE(opens(store, fresh));
      });
}

TEST_CASE("a recipient's key add that is stopped anywhere lets its holder accept, or be added") {
  Roles roles(owner_capabilities);
  const SlotPublicKeys keys = recipient_of(Machine::credential(fresh));
  stop_everywhere(
      prepare(roles, false),
      [&](Repository& repository) {
        add_recipient(repository, keys, "fresh", reader_capabilities);
      },
      [&](const std::shared_ptr<MemoryStore>& store, Outcome outcome) {
        REQUIRE(outcome != Outcome::failed);
        Machine machine(store, 4000);
        Repository repository = machine.open(quick);
        const std::size_t known = repository.state().slots.size();
        const auto failure =
            failure_of([&] { add_recipient(repository, keys, "fresh", reader_capabilities); });
        if (outcome == Outcome::done) REQUIRE(failure);
        REQUIRE(repository.state().slots.size() == (failure ? known : known + 1));
        Machine holder(store, 4001);
        static_cast<void>(accept_slot(store, Machine::credential(fresh),
                                      {.state_parent = holder.state.path(),
                                       .slot = {},
                                       .fingerprint = repository.state().fingerprint},
                                      holder.services()));
        REQUIRE(opens(store, fresh));
      });
}

TEST_CASE("a passwd that is stopped anywhere leaves the slot one secret that opens it") {
  Roles roles(owner_capabilities);
  stop_everywhere(
      prepare(roles, false),
      [](Repository& repository) {
        rewrap_slot(repository, Machine::credential(fresh), argon2_floor);
      },
      [](const std::shared_ptr<MemoryStore>& store, Outcome outcome) {
        REQUIRE(outcome != Outcome::failed);
        const bool with_former = opens(store, slow);
        const bool with_new = opens(store, fresh);
        REQUIRE((with_former || with_new));
        if (outcome == Outcome::done) REQUIRE((with_new && !with_former));
      });
}

TEST_CASE("an epoch's end that is stopped anywhere loses no key and leaves nothing unreported") {
  Roles roles(owner_capabilities);
  stop_everywhere(
      prepare(roles, false), [](Repository& repository) { end_epoch(repository, {}); },
      [&](const std::shared_ptr<MemoryStore>& store, Outcome outcome) {
        REQUIRE(outcome != Outcome::failed);
        REQUIRE(opens(store, slow));
        Machine machine(store, 4000);
        Repository repository = machine.open(slow);
        require_restored(machine, repository, roles, roles.first);
      });
}

TEST_CASE("a revocation that is stopped anywhere shuts out nobody but whom it names") {
  Roles roles(owner_capabilities);
  add_slot(roles.owner_repository, Machine::credential(20), argon2_floor, "leaked",
           writer_capabilities);
  stop_everywhere(
      prepare(roles, false),
      [](Repository& repository) {
        end_epoch(repository, {.revoked = {slot_called(repository.state(), "leaked")}});
      },
      [](const std::shared_ptr<MemoryStore>& store, Outcome outcome) {
        REQUIRE(outcome != Outcome::failed);
        REQUIRE(opens(store, slow));
        if (outcome == Outcome::done) REQUIRE_FALSE(opens(store, 20));
      });
}

TEST_CASE("a repair that is stopped anywhere revives nothing, and can be run again to its end") {
  Roles roles(owner_capabilities);
  stop_everywhere(
      prepare(roles, true), [](Repository& repository) { verify(repository, {.repairs = true}); },
      [&](const std::shared_ptr<MemoryStore>& store, Outcome outcome) {
        REQUIRE(opens(store, slow));
        Machine machine(store, 4000);
        Repository repository = machine.open(quick);
        if (outcome != Outcome::done) verify(repository, {.repairs = true});
        require_restored(machine, repository, roles, roles.first);
      });
}

TEST_CASE("a repair of the index that is stopped anywhere loses nothing, and can be run again") {
  const VerifyOptions repairs{.level = VerifyLevel::content, .threads = 2, .repairs = true};
  Roles roles(owner_capabilities);
  // What the packs of the first snapshot held is stored again.
  for (const std::string& pack : names_of(*roles.store, "packs/")) {
    roles.store->remove(pack);
  }
  verify(roles.owner_repository, {.level = VerifyLevel::content, .threads = 2});
  const SnapshotId again =
      roles.owner.backup(roles.owner_repository, roles.source / "tree").snapshot;
  const SnapshotState newest = roles.owner_repository.state().snapshots.at(again);
  take_away(*roles.store, index_segment_path(newest.taken.segments.front().index_segment));
  stop_everywhere(
      prepare(roles, false), [&](Repository& repository) { verify(repository, repairs); },
      [&](const std::shared_ptr<MemoryStore>& store, Outcome outcome) {
        Machine machine(store, 4000);
        Repository repository = machine.open(quick);
        if (outcome != Outcome::done) verify(repository, repairs);
        Machine fresh(store, 4001);
        Repository there = fresh.open(quick);
        require_sound(there);
        for (const SnapshotId& snapshot : {roles.first, again}) {
          require_restored(fresh, there, roles, snapshot);
        }
      },
      false, 8);
}

TEST_CASE("a backup that is stopped anywhere is whole or not there, and the next one is whole") {
  Roles roles(owner_capabilities);
  roles.write_news(200'000);
  roles.write_news(150'000, "more");
  BackupOptions options;
  options.paths = {roles.source / "tree"};
  options.source = "laptop";
  options.threads = 2;
  options.pending_bytes = 100'000;
  stop_everywhere(
      prepare(roles, false), [&](Repository& repository) { backup(repository, options); },
      [&](const std::shared_ptr<MemoryStore>& store, Outcome outcome) {
        REQUIRE(outcome != Outcome::failed);
        Machine machine(store, 4000);
        Repository repository = machine.open(slow);
        const BackupResult next = backup(repository, options);
        Machine reader(store, 4001);
        Repository there = reader.open(quick);
        const VerifyReport report = verify(there, {.level = VerifyLevel::content});
        INFO(findings_of(report));
        REQUIRE(report.hurt_count == 0);
        std::size_t complete = 0;
        for (const SnapshotPtr& snapshot : there.state().live_snapshots()) {
          const bool is_its = snapshot->taken.source == "laptop" && !snapshot->taken.is_pending;
          if (!is_its) continue;
          ++complete;
          for (const std::string file : {"kept", "news", "more"}) {
            require_restored(reader, there, roles, snapshot->taken.snapshot, file);
          }
        }
        // Cut off right behind its entry it is there, though it could not say so.
        REQUIRE((complete == 2 || (complete == 1 && outcome == Outcome::cut_off)));
        REQUIRE(there.state().pending.empty());
        REQUIRE(next.statistics.problems == 0);
      },
      false);  // overtaken by an epoch's end, it leaves the keys that it had sealed for the former
}
