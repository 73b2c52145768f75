// Frames sealed and opened: the secrets of a frame, and the check that a sealed frame opens to the
// plaintext that is still in memory.
//
// Invariant: a sealed part opens only under its own secret and at its own place (repository, pack
// kind, frame number, part); anything else is Error{corrupt}. Every secret seals one part once, so
// the nonce is zero. docs/format.md, "Frames", "Directory".
#pragma once

#include "engine/base/bytes.h"
#include "engine/content/compress.h"
#include "engine/crypto/secret.h"
#include "engine/format/pack.h"

namespace kist {

// Where a frame stands, as its seal is bound to it.
struct FramePosition {
  RepositoryId repository;
  PackKind kind = PackKind::data;
  std::uint32_t frame = 0;
};

Key derive_frame_secret(const Key& pack_key, std::uint32_t frame);
Key derive_directory_key(const Key& pack_key);

// Sealed contents followed by the sealed list. `stored` is the plaintext or its compressed form, as
// `list.encoding` says.
Bytes seal_frame(const Key& frame_secret,
                 const FramePosition& position,
                 View stored,
                 const FrameList& list);
Bytes seal_directory(const Key& directory_key,
                     const FramePosition& position,
                     const std::vector<FramePlace>& frames);
std::vector<FramePlace> open_directory(const Key& directory_key,
                                       const FramePosition& position,
                                       View sealed,
                                       std::string_view object);

// A frame's sealed contents, with the encoding and size that the index states.
struct SealedFrame {
  View contents;
  FrameEncoding encoding = FrameEncoding::raw;
  std::uint32_t plain_size = 0;
};

// The frame's plaintext, and its list. Error{corrupt}, naming `object`, when they are not authentic
// or not of the size that the index states.
Bytes open_frame(const Key& frame_secret,
                 const FramePosition& position,
                 const SealedFrame& frame,
                 Decompressor& decompressor,
                 std::string_view object);
FrameList open_frame_list(const Key& frame_secret,
                          const FramePosition& position,
                          View sealed_list,
                          std::string_view object);

// Opens what seal_frame() made and compares it with the plaintext still in memory. Error{corrupt}
// when this machine's memory or processor has failed.
struct PlainFrame {
  View plaintext;
  const FrameList& list;
};

void check_frame(const Key& frame_secret,
                 const FramePosition& position,
                 View sealed,
                 const PlainFrame& plain,
                 Decompressor& decompressor);

}  // namespace kist
