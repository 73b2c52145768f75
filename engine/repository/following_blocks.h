// The blocks of a repository in which epochs end meanwhile. What is gone because the journal has
// gone on is looked for where the journal has it by now: so a long restore survives any number of
// collections. docs/concurrency.md.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/base/pinned.h"
#include "engine/blocks/block_reader.h"
#include "engine/repository/repository.h"

namespace kist {

// Belongs to one thread. While it follows the journal no other Reader of the index is open, and no
// other thread uses the repository.
class FollowingBlocks : private Pinned {
 public:
  // For slots that read.
  explicit FollowingBlocks(const Repository& repository);
  ~FollowingBlocks() = default;

  // A block, which is kept up with. Error as of BlockReader::get().
  Bytes get(const BlockId& id);

  // Brings all that is below in step with the journal. What was taken from it before is void.
  void follow();

  // How often the journal was followed.
  [[nodiscard]] std::uint64_t times_followed() const { return times_followed_; }

  [[nodiscard]] const Repository& repository() const { return repository_; }

  // Opened anew where following the journal has failed. Error as of Blocks::index().
  [[nodiscard]] BlockReader& reader();
  [[nodiscard]] BlockIndex& index();

  [[nodiscard]] const ReadKeys& keys() const { return *keys_; }

 private:
  void open();

  const Repository& repository_;
  BlockIndex* index_ = nullptr;
  std::optional<ReadKeys> keys_;
  std::optional<BlockReader> reader_;
  std::uint64_t times_followed_ = 0;
};

}  // namespace kist
