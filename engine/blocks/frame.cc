#include "engine/blocks/frame.h"

#include "engine/crypto/kdf.h"
#include "engine/crypto/seal.h"
#include "engine/format/envelope.h"

namespace kist {

namespace {

Key part_key(const Key& frame_secret, FramePart part) {
  return derive_key(frame_secret,
                    part == FramePart::contents ? KeyUse::frame_contents : KeyUse::frame_list);
}

// Every key seals one thing, so the nonce is zero.
void seal_part(
    const Key& key, const FramePosition& position, FramePart part, View plain, MutableView out) {
  seal(key, Nonce{}, frame_associated(position.repository, position.kind, position.frame, part),
       plain, out);
}

Bytes open_part(const Key& key,
                const FramePosition& position,
                FramePart part,
                View sealed,
                std::string_view object) {
  Bytes plain(sealed.size() < seal_overhead ? 0 : sealed.size() - seal_overhead);
  if (!open(key, Nonce{},
            frame_associated(position.repository, position.kind, position.frame, part), sealed,
            plain)) {
    throw Error(Code::corrupt, concat(object, ": frame ", position.frame, " is not authentic"));
  }
  return plain;
}

}  // namespace

Key derive_frame_secret(const Key& pack_key, std::uint32_t frame) {
  return derive_numbered_key(pack_key, KeyUse::frame_secret, frame);
}

Key derive_directory_key(const Key& pack_key) {
  return derive_key(pack_key, KeyUse::pack_directory);
}

Bytes seal_frame(const Key& frame_secret,
                 const FramePosition& position,
                 View stored,
                 const FrameList& list) {
  const Bytes encoded_list = encode_frame_list(list);
  const std::size_t contents_size = stored.size() + seal_overhead;
  Bytes out(contents_size + encoded_list.size() + seal_overhead);
  const MutableView all(out);
  seal_part(part_key(frame_secret, FramePart::contents), position, FramePart::contents, stored,
            all.first(contents_size));
  seal_part(part_key(frame_secret, FramePart::list), position, FramePart::list, encoded_list,
            all.subspan(contents_size));
  return out;
}

Bytes seal_directory(const Key& directory_key,
                     const FramePosition& position,
                     const std::vector<FramePlace>& frames) {
  const Bytes padded = pad_payload(encode_pack_directory(frames));
  Bytes out(padded.size() + seal_overhead);
  seal_part(directory_key, position, FramePart::directory, padded, out);
  return out;
}

std::vector<FramePlace> open_directory(const Key& directory_key,
                                       const FramePosition& position,
                                       View sealed,
                                       std::string_view object) {
  const Bytes padded = open_part(directory_key, position, FramePart::directory, sealed, object);
  return decode_pack_directory(unpad_payload(padded, object), object);
}

Bytes open_frame(const Key& frame_secret,
                 const FramePosition& position,
                 const SealedFrame& frame,
                 Decompressor& decompressor,
                 std::string_view object) {
  Bytes stored = open_part(part_key(frame_secret, FramePart::contents), position,
                           FramePart::contents, frame.contents, object);
  if (frame.encoding == FrameEncoding::raw) {
    if (stored.size() == frame.plain_size) return stored;
    throw Error(Code::corrupt, concat(object, ": frame ", position.frame, " has a wrong size"));
  }
  Bytes plain(frame.plain_size);
  if (!decompressor.decompress(stored, plain)) {
    throw Error(Code::corrupt,
                concat(object, ": frame ", position.frame, " does not decompress to its size"));
  }
  return plain;
}

FrameList open_frame_list(const Key& frame_secret,
                          const FramePosition& position,
                          View sealed_list,
                          std::string_view object) {
  return decode_frame_list(open_part(part_key(frame_secret, FramePart::list), position,
                                     FramePart::list, sealed_list, object),
                           object);
}

void check_frame(const Key& frame_secret,
                 const FramePosition& position,
                 View sealed,
                 const PlainFrame& plain,
                 Decompressor& decompressor) {
  const std::size_t list_size = encode_frame_list(plain.list).size() + seal_overhead;
  const View contents = sealed.first(sealed.size() - list_size);
  const std::string_view object = "a pack being written";
  const Bytes opened = open_frame(frame_secret, position,
                                  {.contents = contents,
                                   .encoding = plain.list.encoding,
                                   .plain_size = narrow<std::uint32_t>(plain.plaintext.size())},
                                  decompressor, object);
  const FrameList list = open_frame_list(frame_secret, position, sealed.last(list_size), object);
  if (!equal(opened, plain.plaintext) || list != plain.list) {
    throw Error(Code::corrupt,
                "a frame did not open to what was sealed in it: this machine's memory or processor "
                "may be faulty; nothing was committed");
  }
}

}  // namespace kist
