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
  BlockTag tag;            // zero where the block has no number
  std::uint32_t size = 0;  // plaintext; its offset is the sum of the sizes before it
  bool operator==(const IndexedBlock&) const = default;
};

struct IndexedFrame {
  FramePlace place;
  FrameEncoding encoding = FrameEncoding::raw;
  std::vector<IndexedBlock> blocks;
  BlockNumbers numbers;  // of each block, in a rewritten segment
  bool operator==(const IndexedFrame&) const = default;
};

struct IndexedPack {
  ObjectHash hash;
  PackKind kind = PackKind::data;
  std::uint64_t size = 0;
  std::uint64_t born = 0;            // in a rewritten segment: the entry that introduced the pack
  std::vector<IndexedFrame> frames;  // none, in a rewritten segment: the pack is no more
  bool operator==(const IndexedPack&) const = default;
};

// As an entry introduces it, a segment numbers its blocks one after another within one stream. A
// rewritten one lists the numbers of each block: none, if nothing needs it any more, or those of
// all copies that it stands for.
struct IndexSegment {
  bool has_numbers = false;         // it is a rewritten one
  std::uint32_t first_ordinal = 0;  // of its blocks in the stream of its entry, if it has none
  std::vector<IndexedPack> packs;
  bool operator==(const IndexSegment&) const = default;

  [[nodiscard]] std::uint64_t block_count() const;
};

Bytes encode_index_segment(const IndexSegment& segment);
IndexSegment decode_index_segment(View bytes, std::string_view object);

struct NamedKey {
  ObjectHash hash;  // of the object that the key opens
  KeyBytes key;
  bool operator==(const NamedKey&) const = default;
};

// The keys of what one journal entry has introduced. A reader takes an entry's keys from its own
// group only, so what another one claims opens nothing. Every slot opens the keys of index
// segments; of all else it sees the names.
struct KeyGroup {
  std::uint64_t entry = 0;  // its sequence; 0: the entry that names the segment
  std::vector<NamedKey> index_segments;
  std::vector<ObjectHash> reference_sets;
  std::vector<ObjectHash> packs;
  std::vector<ObjectHash> bodies;
  Bytes author_box;  // of a pending snapshot: the key of its set, sealed to the entry's author
  bool operator==(const KeyGroup&) const = default;
};

struct KeySegmentOuter {
  std::vector<KeyGroup> groups;  // by ascending entry
  Bytes audit_box;               // a KeySegmentSets sealed to the epoch's audit key
  Bytes inner_box;               // a KeySegmentInner sealed to the epoch's public key
  bool operator==(const KeySegmentOuter&) const = default;

  // The place of that entry's group in `groups`.
  [[nodiscard]] std::optional<std::size_t> find(std::uint64_t entry) const;
};

Bytes encode_key_segment(const KeySegmentOuter& outer);
KeySegmentOuter decode_key_segment(View bytes, std::string_view object);

// For slots with `read` or `audit`: a key for each reference set of the group of the outer part
// that has the same place, in the order of the names there.
struct KeySegmentSets {
  std::vector<std::vector<KeyBytes>> groups;
  bool operator==(const KeySegmentSets&) const = default;
};

Bytes encode_key_segment_sets(const KeySegmentSets& sets);
KeySegmentSets decode_key_segment_sets(View bytes, std::string_view object);

// For slots with `read`: a key for each pack and body of the group of the outer part that has the
// same place, in the order of the names there.
struct InnerKeyGroup {
  std::vector<KeyBytes> packs;
  std::vector<KeyBytes> bodies;
  bool operator==(const InnerKeyGroup&) const = default;
};

struct KeySegmentInner {
  std::vector<InnerKeyGroup> groups;
  bool operator==(const KeySegmentInner&) const = default;
};

Bytes encode_key_segment_inner(const KeySegmentInner& inner);
KeySegmentInner decode_key_segment_inner(View bytes, std::string_view object);

}  // namespace kist
