// zstd contexts are expensive to make: each thread keeps its own.
#pragma once

#include "engine/content/compress.h"

namespace kist {

inline Compressor& thread_compressor() {
  thread_local Compressor compressor;
  return compressor;
}

inline Decompressor& thread_decompressor() {
  thread_local Decompressor decompressor;
  return decompressor;
}

}  // namespace kist
