// A snapshot whose reference set says of its one file what its maker likes.
#pragma once

#include <functional>

#include "engine/blocks/block_writer.h"
#include "engine/crypto/hash.h"
#include "engine/format/manifest.h"
#include "tests/support/roles.h"
#include "tests/support/world.h"

namespace kist::test {

// Puts the reference by which a snapshot names its one file's one block.
using ReferToBlock = std::function<void(BlockWriter&, const BlockId&)>;

// A snapshot of a file of that content, whose set names what `refer` says for its block: made with
// the slot's real keys, by a client that does as it likes.
inline SnapshotId commit_file(Repository& evil,
                              Machine& machine,
                              const Bytes& content,
                              const ReferToBlock& refer) {
  const WriteKeys keys = evil.write_keys();
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
  BlockWriter writer(evil.blocks(), keys, pool, {3});
  SnapshotBody body;
  body.paths = {"/"};
  refer(writer, id);
  writer.refer(writer.add_meta(encode_leaf({root, file}), body.root));
  const StoredSnapshot stored = writer.finish_snapshot({.body = body});
  const auto snapshot = machine.random.draw_id<SnapshotId>();
  machine.clock.advance_ms(600'000);
  commit(evil, [&](const State& state) {
    SnapshotTaken taken = snapshot_entry(stored, state, "evil", {});
    taken.snapshot = snapshot;
    return Act(std::move(taken));
  });
  return snapshot;
}

}  // namespace kist::test
