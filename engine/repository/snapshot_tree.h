// A snapshot's tree of entries, opened for reading: the one view that ls, cat, find, diff, restore
// and verify share. Entries come from the manifest, contents from packs; each block is checked
// against its id before it is handed on. Keeps up with the journal: while it reads, no other Reader
// of the index is open, and no other thread uses the repository. Belongs to one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/base/entry.h"
#include "engine/format/manifest_tree.h"
#include "engine/format/snapshot.h"
#include "engine/repository/following_blocks.h"

namespace kist {

class SnapshotTree {
 public:
  // Error{refused} without the capability `read`; damage where the snapshot's body cannot be read.
  SnapshotTree(const Repository& repository, const SnapshotState& snapshot);

  // Another snapshot of the repository, read through the same open frames: for neighbours, which
  // share most of their manifests.
  [[nodiscard]] SnapshotTree beside(const SnapshotState& snapshot) const;

  [[nodiscard]] const SnapshotBody& body() const { return body_; }

  [[nodiscard]] const BlockId& root() const { return body_.root; }

  [[nodiscard]] const ManifestReader& manifest() const { return readers_->manifest; }

  // What it reads with.
  [[nodiscard]] FollowingBlocks& blocks() const { return readers_->blocks; }

  // The entry at a path, as in Entry; of a further name of a file, the file's own. Error{failed}
  // when the snapshot has none.
  [[nodiscard]] Entry at(const std::string& path) const;

  // The entry at the path and, if it is a directory, the entries in it: directly, or at any depth.
  // Error{failed} when the snapshot has no such path.
  enum class Depth { one, all };
  void list(const std::string& path,
            Depth depth,
            const std::function<void(const Entry&)>& each) const;

  // A file's bytes, piece by piece in order; a hole is zeros.
  void read(const Entry& file, const std::function<void(View)>& each) const;

 private:
  struct Readers {
    explicit Readers(const Repository& repository)
        : blocks(repository), manifest([this](const BlockId& id) { return blocks.get(id); }) {}

    FollowingBlocks blocks;
    ManifestReader manifest;
  };

  SnapshotTree(std::shared_ptr<Readers> readers, const SnapshotState& snapshot);

  std::shared_ptr<Readers> readers_;
  SnapshotBody body_;
};

}  // namespace kist
