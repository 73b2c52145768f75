// Index segments: the table of contents of some packs, and the key segments that open them. Pure
// layout. docs/format.md, "Index segments", "Key segments".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"
#include "engine/format/pack.h"

namespace kist {

struct IndexedBlock {
  BlockTag tag;
  std::uint32_t size = 0;    // plaintext; its offset is the sum of the sizes before it
  std::uint64_t number = 0;  // only in a rewritten segment; else the block's ordinal counts
  bool operator==(const IndexedBlock&) const = default;
};

struct IndexedFrame {
  FramePlace place;
  FrameEncoding encoding = FrameEncoding::raw;
  std::vector<IndexedBlock> blocks;
  bool operator==(const IndexedFrame&) const = default;
};

struct IndexedPack {
  ObjectHash hash;
  PackKind kind = PackKind::data;
  std::uint64_t size = 0;
  std::vector<IndexedFrame> frames;
  bool operator==(const IndexedPack&) const = default;
};

struct IndexSegment {
  bool has_numbers = false;  // a rewritten segment lists each block's number
  std::vector<IndexedPack> packs;
  bool operator==(const IndexSegment&) const = default;

  [[nodiscard]] std::uint64_t block_count() const;
};

Bytes encode_index_segment(const IndexSegment& segment);
IndexSegment decode_index_segment(View bytes, std::string_view object);

// The part that a slot without `read` may open: the keys of index segments and reference sets, but
// only the names of packs and bodies.
struct NamedKey {
  ObjectHash hash;  // of the object that the key opens
  KeyBytes key;
  bool operator==(const NamedKey&) const = default;
};

struct KeySegmentOuter {
  std::vector<NamedKey> index_segments;
  std::vector<NamedKey> reference_sets;
  std::vector<ObjectHash> packs;
  std::vector<ObjectHash> bodies;
  Bytes inner_box;  // a KeySegmentInner sealed to the epoch's public key
  bool operator==(const KeySegmentOuter&) const = default;
};

Bytes encode_key_segment(const KeySegmentOuter& outer);
KeySegmentOuter decode_key_segment(View bytes, std::string_view object);

// A pack's keys: its pack key or, once some of its frames were disposed of, the directory key and
// the secrets of the frames that survive.
struct FrameSecret {
  std::uint32_t frame = 0;
  KeyBytes secret;
  bool operator==(const FrameSecret&) const = default;
};

struct PackKeys {
  bool is_punctured = false;
  KeyBytes key;                     // the pack key; punctured: the directory key
  std::vector<FrameSecret> frames;  // punctured only, by ascending frame
  bool operator==(const PackKeys&) const = default;
};

// One record for each pack and one key for each body, in the order of the outer part's names.
struct KeySegmentInner {
  std::vector<PackKeys> packs;
  std::vector<KeyBytes> bodies;
  bool operator==(const KeySegmentInner&) const = default;
};

Bytes encode_key_segment_inner(const KeySegmentInner& inner);
KeySegmentInner decode_key_segment_inner(View bytes, std::string_view object);

}  // namespace kist
