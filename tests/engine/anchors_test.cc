// An epoch's anchor is what is destroyed to destroy what only that epoch's keys open. What an
// adversary has kept beside it, every object that was ever put and every password, opens nothing of
// an epoch without its anchor; with it, it does.
#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "engine/blocks/block_reader.h"
#include "engine/blocks/objects.h"
#include "engine/blocks/snapshot_opener.h"
#include "engine/crypto/hash.h"
#include "engine/crypto/seal.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/format/slot.h"
#include "engine/journal/anchor.h"
#include "engine/journal/sealed_entry.h"
#include "engine/keys/epoch_secrets.h"
#include "tests/support/attacker.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

// Keeps the bytes of everything that anybody has tried to put: lost attempts, late copies, and
// entries that did not win their number, as a store with named temporary files may.
class KeepingStore final : public ForwardingStore {
 public:
  explicit KeepingStore(Store& store) : ForwardingStore(store) {}

  void put(const std::string& path, View bytes) override {
    keep(path, bytes);
    ForwardingStore::put(path, bytes);
    if (after_put) after_put(path);
  }

  bool put_if_absent(const std::string& path, View bytes) override {
    keep(path, bytes);
    return ForwardingStore::put_if_absent(path, bytes);
  }

  void replace(const std::string& path, View bytes) override {
    keep(path, bytes);
    ForwardingStore::replace(path, bytes);
  }

  std::multimap<std::string, Bytes> kept;
  std::function<void(const std::string& path)> after_put;

 private:
  void keep(const std::string& path, View bytes) {
    const std::lock_guard lock(mutex_);
    kept.emplace(path, Bytes(bytes.begin(), bytes.end()));
  }

  std::mutex mutex_;
};

// Whoever has an owner's password, and everything that was ever put but, perhaps, some anchors.
class Adversary {
 public:
  Adversary(const std::multimap<std::string, Bytes>& kept,
            const Keyring& owner,
            const std::function<bool(const std::string& path)>& has_anchor)
      : kept_(kept), owner_(owner), keys_(owner.slot_seed()) {
    for (const auto& [path, bytes] : kept) {
      if (path.starts_with("anchors/") && has_anchor(path)) {
        anchor_shares_.insert(decode_anchor(bytes, path).share);
      }
      if (path.starts_with("epochs/")) open_parts(path, bytes);
    }
    for (const auto& [path, bytes] : kept) {
      if (path.starts_with("journal/")) take_share(path, bytes);
    }
  }

  // The key segments that open, by any box, entry and anchor together.
  [[nodiscard]] std::set<std::string> opened() const {
    std::set<std::string> out;
    for (const EpochParts& parts : parts_) {
      for (const KeyBytes& share : entry_shares_) {
        for (const KeyBytes& anchor : anchor_shares_) {
          try_all(derive_epoch_secrets(parts, share, Key::from(anchor)), out);
        }
      }
    }
    return out;
  }

  // The shares that stand in entries: of all epochs that ever began, and of attempts that came as
  // far as an entry.
  [[nodiscard]] std::size_t share_count() const { return entry_shares_.size(); }

 private:
  void open_parts(const std::string& path, const Bytes& bytes) {
    const EpochBox box = decode_epoch_box(bytes, path);
    const auto opened = open_box(keys_.box_seed, box.box);
    if (!opened) return;
    const auto part = [&](std::size_t i) {
      return Key::from(opened->view().subspan(i * Key::size, Key::size));
    };
    parts_.push_back({part(0), part(1), part(2), part(3)});
  }

  void take_share(const std::string& path, const Bytes& bytes) {
    for (const EpochParts& parts : parts_) {
      static_cast<void>(failure_of([&] {
        const Envelope envelope = decode_entry_envelope(bytes, path, owner_.repository());
        const JournalEntry entry = open_entry(envelope, path, parts.journal_key);
        if (const auto* genesis = std::get_if<Genesis>(&entry.act)) {
          entry_shares_.insert(genesis->beginning.share);
        }
        if (const auto* ended = std::get_if<EpochEnded>(&entry.act)) {
          entry_shares_.insert(ended->beginning.share);
        }
      }));
    }
  }

  void try_all(const EpochSecrets& secrets, std::set<std::string>& out) const {
    for (const auto& kept : kept_) {
      if (!kept.first.starts_with("keys/")) continue;
      static_cast<void>(failure_of([&] {
        static_cast<void>(open_object(kept.second, kept.first, ObjectType::key_segment,
                                      owner_.repository(), secrets.index_key));
        out.insert(first_copy_path(kept.first));
      }));
    }
  }

  const std::multimap<std::string, Bytes>& kept_;
  const Keyring& owner_;
  const SlotKeys keys_;
  std::vector<EpochParts> parts_;
  std::set<KeyBytes> entry_shares_;
  std::set<KeyBytes> anchor_shares_;
};

// A repository on a store that keeps everything.
struct Kept : Site {
  std::shared_ptr<KeepingStore> keeping = std::make_shared<KeepingStore>(*store);
  Machine owner_machine{keeping, 3};
  Repository owner = owner_machine.init();

  SnapshotId back_up(const std::string& file) {
    SeededRandom content(seed() + file.size());
    write_file(tree(file), random_bytes(content, 60'000));
    return owner_machine.backup(owner, tree()).snapshot;
  }

  [[nodiscard]] std::set<std::string> key_segments() const {
    std::set<std::string> out;
    for (const auto& [path, bytes] : keeping->kept) {
      if (path.starts_with("keys/")) out.insert(first_copy_path(path));
    }
    return out;
  }

  [[nodiscard]] std::set<std::string> current_segments() const {
    std::set<std::string> out;
    for (const auto& [name, author] : owner.state().key_segments.all()) {
      out.insert(key_segment_path(name));
    }
    return out;
  }

  [[nodiscard]] bool is_current(const std::string& anchor) const {
    const auto current = anchor_paths(owner.state().epoch_number, owner.state().epoch);
    return std::ranges::count(current, anchor) > 0;
  }
};

std::vector<std::string> anchors_of(const MemoryStore& store) {
  return names_of(store, "anchors/");
}

}  // namespace

TEST_CASE(
    "without the anchors of epochs that have ended, all that was ever put opens nothing of them") {
  Kept run;
  run.back_up("first");
  // A second owner's machine ends the epoch while the first one is about to: that attempt is lost,
  // after it has put its anchor, its key segments and its boxes, and has tried its entry.
  Machine other_machine(run.store, 6);
  Repository other = other_machine.open();
  bool is_first = true;
  run.keeping->after_put = [&](const std::string& path) {
    if (!path.starts_with("epochs/") || !std::exchange(is_first, false)) return;
    end_epoch(other, {});
  };
  REQUIRE(end_epoch(run.owner, {}).epoch_number == 2);
  run.keeping->after_put = {};
  run.back_up("second");
  end_epoch(run.owner, {});
  // Late copies and stray ones change nothing: they are among what is tried.
  REQUIRE(anchors_of(*run.store).size() == 4);
  const auto ended = [&](const std::string& path) { return !run.is_current(path); };
  const Adversary without(run.keeping->kept, run.owner.keyring(),
                          [&](const std::string& path) { return run.is_current(path); });
  REQUIRE(without.share_count() >= 3);
  REQUIRE(without.opened() == run.current_segments());
  // With the anchors back it opens all, so the trial is one.
  const Adversary with(run.keeping->kept, run.owner.keyring(),
                       [](const std::string& /*path*/) { return true; });
  const std::set<std::string> all = run.key_segments();
  REQUIRE(with.opened().size() > without.opened().size());
  for (const std::string& path : run.current_segments()) {
    REQUIRE(all.contains(path));
  }
  // Those of the first epoch alone yield what was stored then.
  const std::string genesis_epoch = concat("anchors/0-");
  const Adversary first(run.keeping->kept, run.owner.keyring(), [&](const std::string& path) {
    return path.starts_with(genesis_epoch) && ended(path);
  });
  REQUIRE_FALSE(first.opened().empty());
}

TEST_CASE("an old copy of the repository opens with an anchor, and without it only its journal") {
  World world;
  write_file(world.tree("file"), to_bytes("content"));
  world.backup();
  const auto old = world.store->objects();
  end_epoch(world.repository, {});
  const bool has_anchor = GENERATE(false, true);
  const auto copy = std::make_shared<MemoryStore>();
  for (const auto& [path, bytes] : old) {
    const bool is_anchor = path.starts_with("anchors/");
    if (!is_anchor || (has_anchor && path.ends_with(".3"))) copy->put(path, bytes);
  }
  Machine thief(copy, 9);
  Repository repository = thief.open();
  REQUIRE(repository.state().snapshots.contains(world.snapshot));
  const auto failure = failure_of([&] {
    static_cast<void>(get_body(repository.journal(), repository.read_keys(),
                               repository.state().snapshots.at(world.snapshot)));
  });
  REQUIRE(failure.has_value() != has_anchor);
  if (failure) REQUIRE(failure->code() == Code::missing);
}

TEST_CASE("one whole anchor of four is enough, verify names the others, and none puts one back") {
  World world;
  write_file(world.tree("file"), to_bytes("content"));
  world.backup();
  const std::vector<std::string> paths = anchors_of(*world.store);
  REQUIRE(paths.size() == 4);
  world.store->remove(paths[0]);
  flip_bit(*world.store, paths[1]);
  world.store->overwrite(paths[3], Bytes(80, 1));
  Machine late(world.store, 7);
  Repository repository = late.open();
  const VerifyReport report = verify(repository, {.level = VerifyLevel::content, .repairs = true});
  REQUIRE(report.lost_anchors == 3);
  REQUIRE(report.findings.size() == 3);
  REQUIRE(report.healed == 0);
  REQUIRE(anchors_of(*world.store).size() == 3);
  // What mends it is another epoch.
  end_epoch(repository, {});
  REQUIRE(verify(repository, {.level = VerifyLevel::content}).findings.empty());
  REQUIRE(anchors_of(*world.store).size() == 4);
}

TEST_CASE("with no anchor left what needs the journal works, and the rest says what is missing") {
  World world;
  write_file(world.tree("file"), to_bytes("content"));
  world.backup();
  for (const std::string& path : anchors_of(*world.store)) {
    world.store->remove(path);
  }
  Machine late(world.store, 7);
  Repository repository = late.open();
  REQUIRE(repository.state().snapshots.contains(world.snapshot));
  REQUIRE(list_slots(repository).size() == 1);
  const auto failure = failure_of([&] { late.backup(repository, world.tree()); });
  REQUIRE(failure);
  REQUIRE(failure->code() == Code::missing);
  REQUIRE(failure->text().starts_with("no copy of the epoch's anchor can be used"));
  // A process that has the keys can still begin another epoch.
  end_epoch(world.repository, {});
  world.require_restored();
}

TEST_CASE("an anchor that was put without an answer ends the attempt, and is never put again") {
  // Puts the third anchor, and says that it failed.
  class Unsure final : public ForwardingStore {
   public:
    using ForwardingStore::ForwardingStore;

    void put(const std::string& path, View bytes) override {
      if (path.starts_with("anchors/")) ++counts[path];
      ForwardingStore::put(path, bytes);
      if (path.starts_with("anchors/") && path.ends_with(".3") && std::exchange(fails_, false)) {
        throw Error(Code::failed, "the connection was cut");
      }
    }

    std::map<std::string, int> counts;

   private:
    bool fails_ = true;
  };

  World world;
  write_file(world.tree("file"), to_bytes("content"));
  world.backup();
  const auto unsure = std::make_shared<Unsure>(*world.store);
  Machine machine(unsure, 8);
  Repository repository = machine.open();
  REQUIRE(error_code([&] { end_epoch(repository, {}); }) == Code::failed);
  REQUIRE(repository.state().epoch_number == 0);
  end_epoch(repository, {});
  REQUIRE(unsure->counts.size() == 7);
  REQUIRE(std::ranges::all_of(unsure->counts, [](const auto& put) { return put.second == 1; }));
  // The lost attempt's are gone with those of the epoch that has ended.
  REQUIRE(anchors_of(*world.store).size() == 4);
  REQUIRE(verify(repository, {}).findings.empty());
}

TEST_CASE("an end that others overtake keeps its attempt, unless the slots change") {
  Roles roles(writer_capabilities);
  Repository writer = roles.open();
  const bool adds_slot = GENERATE(false, true);
  Machine second(roles.store, 6);
  Repository beside = second.open();
  const auto between = [&] {
    if (adds_slot) {
      add_slot(beside, Machine::credential(12), argon2_floor, "newer", writer_capabilities);
    } else {
      roles.write_news(30'000);
      roles.backup(writer, "laptop");
    }
  };

  class Counting final : public ForwardingStore {
   public:
    Counting(Store& store, std::function<void()> seen)
        : ForwardingStore(store), seen_(std::move(seen)) {}

    void put(const std::string& path, View bytes) override {
      if (path.starts_with("anchors/")) ++anchors;
      ForwardingStore::put(path, bytes);
      if (path.starts_with("epochs/") && seen_) std::exchange(seen_, {})();
    }

    int anchors = 0;

   private:
    std::function<void()> seen_;
  };

  const auto counting = std::make_shared<Counting>(*roles.store, between);
  Machine owner(counting, 7);
  Repository repository = owner.open();
  end_epoch(repository, {});
  REQUIRE(counting->anchors == (adds_slot ? 8 : 4));
  REQUIRE(repository.state().key_ranges.size() == (adds_slot ? 1 : 2));
  REQUIRE(verify(repository, {.level = VerifyLevel::content}).findings.empty());
  // Its boxes state the number of its first try: whoever comes late finds the entry all the same.
  REQUIRE(repository.state().beginning.least + (adds_slot ? 0 : 1) ==
          repository.state().epoch_begun);
  Machine late(roles.store, 8);
  REQUIRE(late.open(9).state() == repository.state());
}

TEST_CASE("copies of an anchor that come back after its epoch's end are reported, and go") {
  World world;
  write_file(world.tree("file"), to_bytes("content"));
  world.backup();
  const std::vector<std::string> former = anchors_of(*world.store);
  const Bytes anchor = world.store->objects().at(former.front());
  end_epoch(world.repository, {});
  const std::string current = anchors_of(*world.store).front();
  const std::map<std::string, Bytes> strays = {
      {former.front(), anchor},
      {former.back() + ".sync-conflict-20261127-120000", anchor},
      {former.back() + ".2", anchor},
      {"tmp/" + std::string(32, 'a'), anchor},
      {"tmp/" + first_copy_path(former.front().substr(8)) + ".new", anchor},
      {current + ".orig", world.store->objects().at(current)}};
  for (const auto& [path, bytes] : strays) {
    world.store->put(path, bytes);
  }
  std::set<std::string> found;
  for (const Finding& finding : verify(world.repository, {}).findings) {
    REQUIRE(finding.remedy == Remedy::remove);
    found.insert(finding.object);
  }
  for (const auto& [path, bytes] : strays) {
    INFO(path);
    REQUIRE(found.contains(path));
  }
  REQUIRE(found.size() == strays.size());
  if (GENERATE(false, true)) {
    REQUIRE(verify(world.repository, {.repairs = true}).healed == strays.size());
  } else {
    end_epoch(world.repository, {});
  }
  REQUIRE(anchors_of(*world.store).size() == 4);
  REQUIRE(names_of(*world.store, "tmp/").empty());
  REQUIRE(verify(world.repository, {}).findings.empty());
}

TEST_CASE("an epoch's anchor is put, and the head read again, before anything else of the epoch") {
  // The order of what is put, of barriers, and of looks at the number behind the head.
  class Ordered final : public ForwardingStore {
   public:
    using ForwardingStore::ForwardingStore;

    std::optional<std::uint64_t> size(const std::string& path) override {
      note_look(path);
      return ForwardingStore::size(path);
    }

    std::size_t get_range(const std::string& path, std::uint64_t offset, MutableView out) override {
      note_look(path);
      return ForwardingStore::get_range(path, offset, out);
    }

    void put(const std::string& path, View bytes) override {
      note_put(path);
      ForwardingStore::put(path, bytes);
    }

    bool put_if_absent(const std::string& path, View bytes) override {
      note_put(path);
      return ForwardingStore::put_if_absent(path, bytes);
    }

    void barrier() override {
      steps += 'b';
      ForwardingStore::barrier();
    }

    std::string steps;  // a: anchor, b: barrier, h: head, p: any other object
    std::string next;   // journal/<n>

   private:
    void note_look(const std::string& path) {
      if (!next.empty() && path == next && !steps.ends_with('h')) steps += 'h';
    }

    void note_put(const std::string& path) {
      if (path.starts_with("probe/") || path == repository_file) return;
      steps += path.starts_with("anchors/") ? 'a' : 'p';
    }
  };

  Site site;
  const auto ordered = std::make_shared<Ordered>(*site.store);
  Machine owner(ordered, 3);
  Repository repository = owner.init();
  INFO(ordered->steps);
  REQUIRE(ordered->steps.starts_with("aaaabp"));
  write_file(site.tree("file"), to_bytes("content"));
  Repository beside = site.machine.open();
  site.machine.backup(beside, site.tree());
  Machine late(ordered, 4);
  Repository second = late.open();
  second.blocks().index();
  ordered->next = journal_path(second.state().next_sequence);
  ordered->steps.clear();
  end_epoch(second, {});
  const std::string steps = ordered->steps.substr(ordered->steps.find('a'));
  INFO(ordered->steps);
  REQUIRE(ordered->steps.find('p') > ordered->steps.find('a'));
  REQUIRE(steps.starts_with("aaaabh"));
}
