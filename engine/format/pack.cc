#include "engine/format/pack.h"

#include <algorithm>

#include "engine/format/envelope.h"
#include "engine/format/limits.h"

namespace kist {

namespace {

constexpr std::string_view header_magic = "KISTPACK";
constexpr std::string_view footer_magic = "KISTPEND";
constexpr std::string_view associated_magic = "KISTFRAM";
constexpr std::size_t place_size = 12;
constexpr std::size_t listed_block_size = 36;

}  // namespace

Bytes encode_pack_header(PackKind kind, const RepositoryId& repository) {
  ByteWriter out;
  out.raw(as_view(header_magic));
  out.u16(format_version);
  out.u16(static_cast<std::uint16_t>(kind));
  out.u32(0);
  out.id(repository);
  return out.take();
}

PackHeader decode_pack_header(View bytes, std::string_view object) {
  ByteReader in(bytes, object);
  in.require(equal(in.take(header_magic.size()), as_view(header_magic)),
             "this is not a pack of Kist");
  const std::uint16_t version = in.u16();
  if (version != format_version) {
    throw Error(Code::unsupported,
                concat(object, " has format version ", version, "; this needs a newer kist"));
  }
  PackHeader out;
  const std::uint16_t kind = in.u16();
  in.require(kind == 1 || kind == 2, "an unknown kind of pack");
  out.kind = static_cast<PackKind>(kind);
  in.require(in.u32() == 0, "reserved bytes are not zero");
  out.repository = in.id<RepositoryId>();
  in.expect_end();
  return out;
}

Bytes encode_pack_footer(std::uint32_t directory_sealed_size) {
  ByteWriter out;
  out.raw(as_view(footer_magic));
  out.u32(0);
  out.u32(directory_sealed_size);
  return out.take();
}

std::uint32_t decode_pack_footer(View bytes, std::string_view object) {
  ByteReader in(bytes, object);
  in.require(equal(in.take(footer_magic.size()), as_view(footer_magic)), "the pack's end is cut");
  in.require(in.u32() == 0, "reserved bytes are not zero");
  const std::uint32_t size = in.u32();
  in.expect_end();
  return size;
}

Bytes encode_pack_directory(const std::vector<FramePlace>& frames) {
  ByteWriter out;
  out.u32(narrow<std::uint32_t>(frames.size()));
  for (const FramePlace& frame : frames) {
    out.u32(frame.offset);
    out.u32(frame.contents_size);
    out.u32(frame.list_size);
  }
  return out.take();
}

std::vector<FramePlace> decode_pack_directory(View bytes, std::string_view object) {
  ByteReader in(bytes, object);
  std::vector<FramePlace> out(in.count(place_size, "frames"));
  std::uint64_t end = pack_header_size;
  for (FramePlace& frame : out) {
    frame = {.offset = in.u32(), .contents_size = in.u32(), .list_size = in.u32()};
    in.require(frame.offset == end, "frames do not follow each other");
    in.require(frame.contents_size >= authenticator_bytes && frame.list_size >= authenticator_bytes,
               "a frame is too short");
    end += std::uint64_t{frame.contents_size} + frame.list_size;
    in.require(end <= pack_bytes_max, "frames lie beyond the pack");
  }
  in.expect_end();
  return out;
}

namespace {

// Differences may be negative: 0, -1, 1, -2 … become 0, 1, 2, 3 …
std::uint64_t zigzag(std::uint64_t difference) {
  return (difference << 1U) ^ (0 - (difference >> 63U));
}

std::uint64_t unzigzag(std::uint64_t value) {
  return (value >> 1U) ^ (0 - (value & 1U));
}

}  // namespace

void BlockNumberCodec::encode(ByteWriter& out, const std::vector<std::uint64_t>& numbers) {
  out.varint(numbers.size());
  for (const std::uint64_t number : numbers) {
    out.varint(zigzag(number - next_));
    next_ = number + 1;
  }
}

std::vector<std::uint64_t> BlockNumberCodec::decode(ByteReader& in, std::uint64_t& left) {
  const std::uint64_t count =
      in.varint_up_to(std::min<std::uint64_t>(in.left(), left), "a count of numbers");
  left -= count;
  std::vector<std::uint64_t> out(count);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = next_ + unzigzag(in.varint());
    in.require(i == 0 || out[i] > out[i - 1], "a block's numbers do not ascend");
    next_ = out[i] + 1;
  }
  return out;
}

Bytes encode_frame_list(const FrameList& list) {
  ByteWriter out;
  out.u8(static_cast<std::uint8_t>(list.encoding));
  out.u8(list.has_numbers ? 1 : 0);
  out.u32(narrow<std::uint32_t>(list.blocks.size()));
  BlockNumberCodec numbers;
  for (std::size_t i = 0; i < list.blocks.size(); ++i) {
    out.id(list.blocks[i].id);
    out.u32(list.blocks[i].size);
    if (list.has_numbers) numbers.encode(out, list.numbers.at(i));
  }
  return out.take();
}

FrameList decode_frame_list(View bytes, std::string_view object) {
  ByteReader in(bytes, object);
  FrameList out;
  const std::uint8_t encoding = in.u8();
  in.require(encoding <= 1, "an unknown encoding");
  out.encoding = static_cast<FrameEncoding>(encoding);
  const std::uint8_t numbering = in.u8();
  in.require(numbering <= 1, "an unknown numbering");
  out.has_numbers = numbering == 1;
  const std::uint32_t count = in.count(listed_block_size, "blocks");
  in.require(count <= frame_blocks_max, "a frame lists too many blocks");
  out.blocks.resize(count);
  std::uint64_t total = 0;
  std::uint64_t numbers_left = listed_numbers_max;
  BlockNumberCodec numbers;
  for (ListedBlock& block : out.blocks) {
    block.id = in.id<BlockId>();
    block.size = in.u32();
    in.require(block.size > 0, "an empty block");
    total += block.size;
    in.require(total <= frame_plain_bytes_max, "a frame is larger than allowed");
    if (out.has_numbers) out.numbers.push_back(numbers.decode(in, numbers_left));
  }
  in.expect_end();
  return out;
}

Bytes frame_associated(const RepositoryId& repository,
                       PackKind kind,
                       std::uint32_t frame,
                       FramePart part) {
  ByteWriter out;
  out.raw(as_view(associated_magic));
  out.id(repository);
  out.u16(static_cast<std::uint16_t>(kind));
  out.u32(frame);
  out.u8(static_cast<std::uint8_t>(part));
  return out.take();
}

std::uint64_t directory_sealed_size(std::size_t frame_count) {
  return padme(8 + 4 + place_size * frame_count) + authenticator_bytes;
}

std::uint64_t padded_pack_size(std::uint64_t frames_end, std::size_t frame_count) {
  const std::uint64_t needed = frames_end + directory_sealed_size(frame_count) + pack_footer_size;
  const std::uint64_t size = padme(needed);
  return (size + pack_bytes_min - 1) / pack_bytes_min * pack_bytes_min;
}

}  // namespace kist
