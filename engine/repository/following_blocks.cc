#include "engine/repository/following_blocks.h"

#include "engine/base/attempt.h"

namespace kist {

FollowingBlocks::FollowingBlocks(const Repository& repository) : repository_(repository) {
  open();
}

Bytes FollowingBlocks::get(const BlockId& id) {
  Bytes out;
  keep_up([&] { follow(); }, [&] { out = reader().get(id); });
  return out;
}

BlockReader& FollowingBlocks::reader() {
  if (!reader_) open();
  return *reader_;
}

BlockIndex& FollowingBlocks::index() {
  if (!reader_) open();
  return *index_;
}

void FollowingBlocks::follow() {
  reader_.reset();  // the end of an epoch may bring another index
  repository_.journal().replay();
  ++times_followed_;
  open();
}

void FollowingBlocks::open() {
  index_ = &repository_.blocks().index();
  keys_.emplace(repository_.read_keys());
  reader_.emplace(repository_.journal(), *index_, *keys_);
}

}  // namespace kist
