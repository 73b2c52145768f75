// zstd, one frame at a time. Decompression states the exact size it expects and never writes more.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "engine/base/bytes.h"

namespace kist {

// 0 stores as it is; 1..19 are zstd's levels.
struct Compression {
  int level = 0;
};

inline constexpr int compression_level_max = 19;

class Compressor {
 public:
  Compressor();
  // The compressed bytes in `out` (a buffer that is reused), or false where compression does not
  // pay: the bytes are incompressible (found out on a sample first) or would shrink by less than
  // 1/32.
  [[nodiscard]] bool compress(View plaintext, Compression compression, Bytes& out);

 private:
  [[nodiscard]] bool sample_pays(View plaintext, Bytes& scratch);
  std::size_t compress_into(View plaintext, int level, Bytes& out);

  struct Free {
    void operator()(void* context) const noexcept;
  };

  std::unique_ptr<void, Free> context_;
};

class Decompressor {
 public:
  Decompressor();
  // Exactly `out.size()` bytes; false when the bytes are not a zstd frame of just that content.
  [[nodiscard]] bool decompress(View compressed, MutableView out);

 private:
  struct Free {
    void operator()(void* context) const noexcept;
  };

  std::unique_ptr<void, Free> context_;
};

// This thread's own: zstd's contexts are expensive to make.
Compressor& thread_compressor();
Decompressor& thread_decompressor();

}  // namespace kist
