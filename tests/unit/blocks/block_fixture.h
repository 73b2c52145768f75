// Set-up that tests of engine/blocks share: a slot that seals objects, blocks by number, a block
// index with packs of one's choice, and a reader of packs that shares no code with the block
// reader.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/blocks/deduplicator.h"
#include "engine/blocks/frame.h"
#include "engine/blocks/objects.h"
#include "engine/crypto/hash.h"
#include "engine/crypto/sign.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "tests/support/memory_store.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"

namespace kist::test {

inline Key test_key(std::uint8_t fill) {
  return Key::from(Bytes(Key::size, fill));
}

inline RepositoryId test_repository() {
  return sample_id<RepositoryId>(1);
}

// The id of a block that is known by a number only.
inline BlockId block_id(std::uint64_t number) {
  ByteWriter out;
  out.u64(number);
  return hash_block(test_key(3), out.view());
}

// A slot that stores objects in a repository.
struct Sealing {
  ObjectOrigin origin{.repository = test_repository(),
                      .epoch_number = 2,
                      .epoch = sample_id<EpochId>(3),
                      .author = sample_id<SlotId>(4)};
  Key signing_seed = test_key(5);
  SigningPublicKey public_key = signing_public_key(signing_seed);
  SeededRandom random{seed()};

  ObjectAuthor author() { return {origin, signing_seed, random}; }

  [[nodiscard]] ExpectedAuthor expected() const {
    return {.slot = origin.author, .signing_key = public_key, .epoch = origin.epoch};
  }
};

// A block index to which packs of one frame each are added as if by journal entries.
struct IndexFixture {
  // The blocks get successive numbers from `first_number`.
  ObjectHash load_pack(std::uint64_t first_number, const std::vector<std::uint64_t>& blocks) {
    ++sequence;
    IndexedFrame frame;
    frame.place = {.offset = pack_header_size, .contents_size = 1000, .list_size = 1000};
    for (const std::uint64_t block : blocks) {
      frame.blocks.push_back({.tag = tag_of(block_id(block)), .size = 1});
    }
    IndexedPack pack;
    pack.hash = sample_id<ObjectHash>(static_cast<std::uint8_t>(sequence));
    pack.size = pack_header_size;
    pack.frames = {std::move(frame)};
    SegmentToLoad segment;
    segment.segment.packs = {pack};
    segment.first_number = first_number;
    segment.key_segment_of = [](const IndexedPack&) { return ObjectHash(); };
    index.load({.sequence = sequence, .segments = {segment}});
    return pack.hash;
  }

  StoredBlocks stored(TrustedNumbers trusted = {}, std::set<ObjectHash> damaged = {}) {
    return {.index = index,
            .trusted = std::move(trusted),
            .first_number = 0,
            .may_rely_on = [damaged = std::move(damaged)](const PackRecord& pack) {
              return !damaged.contains(pack.hash);
            }};
  }

  TemporaryDirectory directory;
  BlockIndex index{directory.path(), {}};
  std::uint64_t sequence = 0;
};

// Trusts all numbers but those of one entry, which is of another slot.
inline TrustedNumbers trust_all_but(std::uint64_t first_number, std::uint32_t count) {
  State state;
  state.segments.put(sample_id<ObjectHash>(9),
                     {.author = sample_id<SlotId>(1),
                      .sequence = 1,
                      .numbers = {.first_number = first_number, .data = count, .meta = 0}});
  return {state, Trust::own, sample_id<SlotId>(2)};
}

// The plaintext of every frame of a pack in the store.
inline std::vector<Bytes> frames_of(const MemoryStore& store,
                                    const RepositoryId& repository,
                                    const ObjectHash& hash,
                                    const Key& key) {
  const std::string path = pack_path(hash);
  const Bytes pack = store.objects().at(path);
  const View all(pack);
  const PackHeader header = decode_pack_header(all.first(pack_header_size), path);
  REQUIRE(header.repository == repository);
  const std::uint32_t size = decode_pack_footer(all.last(pack_footer_size), path);
  const View sealed = all.subspan(all.size() - pack_footer_size - size, size);
  const Key directory_key = derive_directory_key(key);
  const auto places = open_directory(directory_key, {repository, header.kind, 0}, sealed, path);
  std::vector<Bytes> out;
  Decompressor decompressor;
  for (std::uint32_t i = 0; i < places.size(); ++i) {
    const FramePosition position{repository, header.kind, i};
    const Key secret = derive_frame_secret(key, i);
    const FramePlace& place = places[i];
    const FrameList list = open_frame_list(
        secret, position, all.subspan(place.offset + place.contents_size, place.list_size), path);
    std::uint32_t plain_size = 0;
    for (const ListedBlock& block : list.blocks) {
      plain_size += block.size;
    }
    out.push_back(open_frame(secret, position,
                             {.contents = all.subspan(place.offset, place.contents_size),
                              .encoding = list.encoding,
                              .plain_size = plain_size},
                             decompressor, path));
  }
  return out;
}

}  // namespace kist::test
