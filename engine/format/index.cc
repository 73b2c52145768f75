#include "engine/format/index.h"

#include <algorithm>

#include "engine/format/limits.h"

namespace kist {

namespace {

constexpr std::size_t pack_size_least = 32 + 2 + 8 + 4;
constexpr std::size_t frame_size_least = 12 + 1 + 4;
constexpr std::size_t block_size = BlockTag::size + 4;
constexpr std::size_t numbered_block_size_least = 4 + 1;

void encode_frame(ByteWriter& out, const IndexedFrame& frame, bool has_numbers) {
  out.u32(frame.place.offset);
  out.u32(frame.place.contents_size);
  out.u32(frame.place.list_size);
  out.u8(static_cast<std::uint8_t>(frame.encoding));
  out.u32(narrow<std::uint32_t>(frame.blocks.size()));
  BlockNumberCodec numbers;
  for (std::size_t i = 0; i < frame.blocks.size(); ++i) {
    const IndexedBlock& block = frame.blocks[i];
    out.u32(block.size);
    if (has_numbers) numbers.encode(out, frame.numbers.at(i));
    if (!has_numbers || !frame.numbers.at(i).empty()) out.id(block.tag);
  }
}

// `numbers_left`: how many numbers the segment may still list; null where it lists none.
IndexedFrame decode_frame(ByteReader& in, std::uint64_t* numbers_left) {
  const bool has_numbers = numbers_left != nullptr;
  IndexedFrame frame;
  frame.place = {.offset = in.u32(), .contents_size = in.u32(), .list_size = in.u32()};
  const std::uint8_t encoding = in.u8();
  in.require(encoding <= 1, "an unknown encoding");
  frame.encoding = static_cast<FrameEncoding>(encoding);
  const std::uint32_t count =
      in.count(has_numbers ? numbered_block_size_least : block_size, "blocks");
  in.require(count > 0, "a frame without blocks");
  in.require(count <= frame_blocks_max, "a frame lists too many blocks");
  frame.blocks.resize(count);
  std::uint64_t total = 0;
  BlockNumberCodec numbers;
  for (IndexedBlock& block : frame.blocks) {
    block.size = in.u32();
    const bool has_tag =
        !has_numbers || !frame.numbers.emplace_back(numbers.decode(in, *numbers_left)).empty();
    if (has_tag) block.tag = in.id<BlockTag>();
    in.require(block.size > 0, "an empty block");
    total += block.size;
    in.require(total <= frame_plain_bytes_max, "a frame is larger than allowed");
  }
  return frame;
}

IndexedPack decode_pack(ByteReader& in, std::uint64_t* numbers_left) {
  const bool has_numbers = numbers_left != nullptr;
  IndexedPack pack;
  pack.hash = in.id<ObjectHash>();
  const std::uint16_t kind = in.u16();
  in.require(kind == 1 || kind == 2, "an unknown kind of pack");
  pack.kind = static_cast<PackKind>(kind);
  pack.size = in.u64();
  in.require(pack.size <= pack_bytes_max, "a pack is larger than allowed");
  if (has_numbers) pack.born = in.u64();
  pack.frames.resize(in.count(frame_size_least, "frames"));
  in.require(has_numbers || !pack.frames.empty(), "a pack without frames");
  for (IndexedFrame& frame : pack.frames) {
    frame = decode_frame(in, numbers_left);
    const std::uint64_t end =
        std::uint64_t{frame.place.offset} + frame.place.contents_size + frame.place.list_size;
    in.require(end <= pack.size, "a frame lies beyond its pack");
  }
  return pack;
}

void encode_named_keys(ByteWriter& out, const std::vector<NamedKey>& keys) {
  out.u32(narrow<std::uint32_t>(keys.size()));
  for (const NamedKey& key : keys) {
    out.id(key.hash);
    out.raw(key.key);
  }
}

KeyBytes take_key(ByteReader& in) {
  KeyBytes out;
  std::ranges::copy(in.take(32), out.begin());
  return out;
}

std::vector<NamedKey> decode_named_keys(ByteReader& in) {
  std::vector<NamedKey> out(in.count(64, "keys"));
  for (NamedKey& key : out) {
    key.hash = in.id<ObjectHash>();
    key.key = take_key(in);
  }
  return out;
}

void encode_names(ByteWriter& out, const std::vector<ObjectHash>& names) {
  out.u32(narrow<std::uint32_t>(names.size()));
  for (const ObjectHash& name : names) {
    out.id(name);
  }
}

std::vector<ObjectHash> decode_names(ByteReader& in) {
  std::vector<ObjectHash> out(in.count(32, "names"));
  for (ObjectHash& name : out) {
    name = in.id<ObjectHash>();
  }
  return out;
}

std::vector<KeyBytes> decode_keys(ByteReader& in) {
  std::vector<KeyBytes> out(in.count(32, "keys"));
  for (KeyBytes& key : out) {
    key = take_key(in);
  }
  return out;
}

void encode_keys(ByteWriter& out, const std::vector<KeyBytes>& keys) {
  out.u32(narrow<std::uint32_t>(keys.size()));
  for (const KeyBytes& key : keys) {
    out.raw(key);
  }
}

constexpr std::size_t group_size_least = 8 + 4 * 4 + 1;
constexpr std::size_t author_box_size = 32 + 48;

std::size_t size_of(const KeyGroup& group) {
  return group_size_least + author_box_size + 64 * group.index_segments.size() +
         32 * (group.reference_sets.size() + group.packs.size() + group.bodies.size());
}

KeyGroup decode_group(ByteReader& in) {
  KeyGroup group;
  group.entry = in.u64();
  group.index_segments = decode_named_keys(in);
  group.reference_sets = decode_names(in);
  group.packs = decode_names(in);
  group.bodies = decode_names(in);
  const View box = in.sized(author_box_size, "a box for the author");
  in.require(box.empty() || box.size() == author_box_size, "a box for the author of another size");
  group.author_box.assign(box.begin(), box.end());
  return group;
}

}  // namespace

std::uint64_t IndexSegment::block_count() const {
  std::uint64_t count = 0;
  for (const IndexedPack& pack : packs) {
    for (const IndexedFrame& frame : pack.frames) {
      count += frame.blocks.size();
    }
  }
  return count;
}

Bytes encode_index_segment(const IndexSegment& segment) {
  ByteWriter out;
  out.u8(segment.has_numbers ? 1 : 0);
  if (!segment.has_numbers) out.u32(segment.first_ordinal);
  out.u32(narrow<std::uint32_t>(segment.packs.size()));
  for (const IndexedPack& pack : segment.packs) {
    out.id(pack.hash);
    out.u16(static_cast<std::uint16_t>(pack.kind));
    out.u64(pack.size);
    if (segment.has_numbers) out.u64(pack.born);
    out.u32(narrow<std::uint32_t>(pack.frames.size()));
    for (const IndexedFrame& frame : pack.frames) {
      encode_frame(out, frame, segment.has_numbers);
    }
  }
  return out.take();
}

IndexSegment decode_index_segment(View bytes, std::string_view object) {
  ByteReader in(bytes, object);
  IndexSegment out;
  const std::uint8_t numbering = in.u8();
  in.require(numbering <= 1, "an unknown numbering");
  out.has_numbers = numbering == 1;
  if (!out.has_numbers) out.first_ordinal = in.u32();
  out.packs.resize(in.count(pack_size_least, "packs"));
  in.require(!out.packs.empty(), "a segment without packs");
  std::uint64_t numbers_left = listed_numbers_max;
  for (IndexedPack& pack : out.packs) {
    pack = decode_pack(in, out.has_numbers ? &numbers_left : nullptr);
  }
  in.expect_end();
  return out;
}

std::optional<std::size_t> KeySegmentOuter::find(std::uint64_t entry) const {
  const auto found = std::ranges::lower_bound(groups, entry, {}, &KeyGroup::entry);
  if (found == groups.end() || found->entry != entry) return std::nullopt;
  return static_cast<std::size_t>(found - groups.begin());
}

Bytes encode_key_segment(const KeySegmentOuter& outer) {
  std::size_t size = 12 + outer.audit_box.size() + outer.inner_box.size();
  for (const KeyGroup& group : outer.groups) {
    size += size_of(group);
  }
  ByteWriter out(size);  // growing would leave keys behind
  out.u32(narrow<std::uint32_t>(outer.groups.size()));
  for (const KeyGroup& group : outer.groups) {
    out.u64(group.entry);
    encode_named_keys(out, group.index_segments);
    encode_names(out, group.reference_sets);
    encode_names(out, group.packs);
    encode_names(out, group.bodies);
    out.sized(group.author_box);
  }
  for (const Bytes* box : {&outer.audit_box, &outer.inner_box}) {
    out.u32(narrow<std::uint32_t>(box->size()));
    out.raw(*box);
  }
  return out.take();
}

KeySegmentOuter decode_key_segment(View bytes, std::string_view object) {
  ByteReader in(bytes, object);
  KeySegmentOuter out;
  const std::uint32_t count = in.count(group_size_least, "groups of keys");
  std::size_t packs = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const KeyGroup& group = out.groups.emplace_back(decode_group(in));
    in.require(i == 0 || group.entry > out.groups[i - 1].entry, "groups of keys out of order");
    packs += group.packs.size();
    in.require(packs <= key_segment_packs_max, "it names too many packs");
  }
  for (Bytes* box : {&out.audit_box, &out.inner_box}) {
    const View sealed = in.take(in.u32());
    box->assign(sealed.begin(), sealed.end());
  }
  in.expect_end();
  return out;
}

Bytes encode_key_segment_sets(const KeySegmentSets& sets) {
  std::size_t size = 4;
  for (const std::vector<KeyBytes>& keys : sets.groups) {
    size += 4 + 32 * keys.size();
  }
  ByteWriter out(size);  // growing would leave keys behind
  out.u32(narrow<std::uint32_t>(sets.groups.size()));
  for (const std::vector<KeyBytes>& keys : sets.groups) {
    encode_keys(out, keys);
  }
  return out.take();
}

KeySegmentSets decode_key_segment_sets(View bytes, std::string_view object) {
  ByteReader in(bytes, object);
  KeySegmentSets out;
  out.groups.resize(in.count(4, "groups of keys"));
  for (std::vector<KeyBytes>& keys : out.groups) {
    keys = decode_keys(in);
  }
  in.expect_end();
  return out;
}

Bytes encode_key_segment_inner(const KeySegmentInner& inner) {
  std::size_t size = 4;
  for (const InnerKeyGroup& group : inner.groups) {
    size += 8 + 32 * (group.packs.size() + group.bodies.size());
  }
  ByteWriter out(size);  // growing would leave keys behind
  out.u32(narrow<std::uint32_t>(inner.groups.size()));
  for (const InnerKeyGroup& group : inner.groups) {
    encode_keys(out, group.packs);
    encode_keys(out, group.bodies);
  }
  return out.take();
}

KeySegmentInner decode_key_segment_inner(View bytes, std::string_view object) {
  ByteReader in(bytes, object);
  KeySegmentInner out;
  out.groups.resize(in.count(8, "groups of keys"));
  for (InnerKeyGroup& group : out.groups) {
    group.packs = decode_keys(in);
    group.bodies = decode_keys(in);
  }
  in.expect_end();
  return out;
}

}  // namespace kist
