// Attackers and slow machines around a collection: what its tests of attacks and of races share.
#pragma once

#include <filesystem>

#include "engine/blocks/block_writer.h"
#include "engine/crypto/hash.h"
#include "engine/format/limits.h"
#include "engine/format/manifest.h"
#include "engine/format/names.h"
#include "engine/ops/catalog/maintenance.h"
#include "engine/ops/retention/retire.h"
#include "engine/repository/ended_objects.h"
#include "tests/engine/collected.h"
#include "tests/support/attacker.h"
#include "tests/support/forged_file.h"
#include "tests/support/held_store.h"
#include "tests/support/test.h"

namespace kist::test {

inline std::shared_ptr<Store> not_owned(Store& store) {
  return {std::shared_ptr<void>(), &store};
}

// The owner at another machine, whose store can be held.
struct HeldOwner {
  explicit HeldOwner(Collected& of, std::uint64_t number = 31)
      : run(of), stop(*of.store), machine(not_owned(stop), number) {
    machine.clock.advance_ms(run.owner.clock.now_ms() - machine.clock.now_ms());
  }

  CollectResult collect(CollectOptions options = {}) {
    if (!repository) repository.emplace(machine.open());
    run.pass(1);
    machine.clock.advance_ms(run.owner.clock.now_ms() - machine.clock.now_ms());
    options.threads = 1;
    return kist::collect(*repository, options);
  }

  // Whether it comes to an end within so many changes of the store.
  bool ends_within(std::uint64_t changes, const CollectOptions& options = {}) {
    stop.hold(changes, true, [] {});
    try {
      collect(options);
    } catch (const CutOff&) {
      return false;
    }
    stop.hold(std::numeric_limits<std::uint64_t>::max(), false, {});
    return true;
  }

  Collected& run;
  HeldStore stop;
  Machine machine;
  std::optional<Repository> repository;
};

// The objects of a snapshot of one file; its entry is committed later.
inline StoredSnapshot store_file(Repository& by,
                                 const Bytes& content,
                                 const ReferToBlock& refer,
                                 bool is_pending = false) {
  const WriteKeys keys = by.write_keys();
  const BlockId id = hash_block(keys.id_key(), content);
  Entry root;
  root.type = EntryType::directory;
  root.mode = 0755;
  root.inode = 1;
  Entry file = root;
  file.type = EntryType::file;
  file.path = "file";
  file.size = content.size();
  file.content = {{ItemType::block, content.size(), id}};
  Pool pool(1);
  BlockWriter writer(by.blocks(), keys, pool, {3});
  SnapshotBody body;
  body.paths = {"/"};
  refer(writer, id);
  writer.refer(writer.add_meta(encode_leaf({root, file}), body.root));
  SnapshotParts parts{.body = body};
  if (is_pending) parts.pending.emplace();
  return writer.finish_snapshot(parts);
}

inline SnapshotId commit_stored(Repository& by,
                                Machine& machine,
                                const StoredSnapshot& stored,
                                const SnapshotId& replaces = {}) {
  const auto id = machine.random.draw_id<SnapshotId>();
  machine.clock.advance_ms(60'000);
  commit(by, [&](const State& state) {
    SnapshotTaken taken = snapshot_entry(stored, state, "evil", by.keyring().slot());
    taken.snapshot = id;
    taken.replaces = replaces;
    return Act(std::move(taken));
  });
  return id;
}

// A snapshot of the tree with a file of that size that is gone since, and forgotten.
inline SnapshotId take_and_forget(Collected& run, std::size_t size, const std::string& file) {
  run.write_news(size, file);
  const SnapshotId out = run.take();
  run.remove_file(file);
  static_cast<void>(run.take());
  run.forget_all({out});
  return out;
}

// Packs of files, of that entry, by the owner's index.
inline std::vector<ObjectHash> data_packs(Repository& repository, const SnapshotId& snapshot) {
  const std::uint64_t sequence = repository.state().snapshots.at(snapshot).sequence;
  const BlockIndex::Reader index(repository.blocks().index());
  std::vector<ObjectHash> out;
  for (const std::uint32_t pack : index.packs()) {
    const PackRecord record = index.pack(pack);
    if (record.sequence == sequence && record.kind == PackKind::data) out.push_back(record.hash);
  }
  return out;
}

inline void require_same_index(Collected& run) {
  run.owner_repository.journal().replay();
  REQUIRE(check_catalog(run.owner_repository).empty());
}

}  // namespace kist::test
