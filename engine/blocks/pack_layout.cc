#include "engine/blocks/pack_layout.h"

#include <utility>

#include "engine/crypto/hash.h"
#include "engine/format/limits.h"

namespace kist {

PackLayout::PackLayout(const RepositoryId& repository, PackKind kind, Random& random)
    : repository_(repository), kind_(kind) {
  random.fill(key_.mutable_view());
  random.fill(padding_seed_.mutable_view());
}

// The size of the pack if it ended here, or, if `next` is given, after one more frame.
std::uint64_t PackLayout::padded_size(const FrameSizes* next) const {
  const std::uint64_t frames_end = frames_end_ + (next == nullptr ? 0 : next->both());
  return padded_pack_size(frames_end, places_.size() + (next == nullptr ? 0 : 1));
}

bool PackLayout::has_room_for(const FrameSizes& sizes) const {
  return padded_size(&sizes) <= pack_bytes_max;
}

PackLayout::FrameToSeal PackLayout::place(const FrameSizes& sizes, const FrameList& list) {
  const FramePlace place{.offset = narrow<std::uint32_t>(frames_end_),
                         .contents_size = sizes.contents,
                         .list_size = sizes.list};
  IndexedFrame indexed{
      .place = place, .encoding = list.encoding, .blocks = {}, .numbers = list.numbers};
  for (const ListedBlock& block : list.blocks) {
    indexed.blocks.push_back({.tag = tag_of(block.id), .size = block.size});
  }
  const FramePosition position{repository_, kind_, narrow<std::uint32_t>(places_.size())};
  frames_end_ += sizes.both();
  places_.push_back(place);
  frames_.push_back(std::move(indexed));
  return {position, std::make_shared<const Key>(derive_frame_secret(key_, position.frame))};
}

// The padding stands between the last frame and the directory, so that readers find the directory
// and the footer at the end of the pack.
PackEnd PackLayout::end_of(std::uint64_t size) {
  PackEnd end;
  end.padding_seed = std::move(padding_seed_);
  end.directory_and_footer =
      seal_directory(derive_directory_key(key_), {repository_, kind_, 0}, places_);
  const auto directory_size = narrow<std::uint32_t>(end.directory_and_footer.size());
  const Bytes footer = encode_pack_footer(directory_size);
  end.directory_and_footer.insert(end.directory_and_footer.end(), footer.begin(), footer.end());
  end.padding_size = size - frames_end_ - end.directory_and_footer.size();
  return end;
}

PackLayout::Closed PackLayout::close(bool is_full) {
  const std::uint64_t size = is_full ? pack_bytes_max : padded_size(nullptr);
  PackEnd end = end_of(size);
  return {.indexed = {.hash = {}, .kind = kind_, .size = size, .frames = std::move(frames_)},
          .key = std::move(key_),
          .end = std::move(end)};
}

}  // namespace kist
