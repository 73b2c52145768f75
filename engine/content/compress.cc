#include "engine/content/compress.h"

#include <new>

#include <zstd.h>

namespace kist {

namespace {

// Plaintexts from this size on are sampled before they are compressed whole.
constexpr std::size_t sample_from = 128U << 10U;
constexpr std::size_t sample_piece = 4U << 10U;
constexpr std::size_t sample_count = 8;

bool pays(std::size_t compressed, std::size_t plain) {
  return compressed + plain / 32 < plain;
}

ZSTD_CCtx* as_compressor(void* context) {
  return static_cast<ZSTD_CCtx*>(context);
}

ZSTD_DCtx* as_decompressor(void* context) {
  return static_cast<ZSTD_DCtx*>(context);
}

}  // namespace

void Compressor::Free::operator()(void* context) const noexcept {
  ZSTD_freeCCtx(as_compressor(context));
}

void Decompressor::Free::operator()(void* context) const noexcept {
  ZSTD_freeDCtx(as_decompressor(context));
}

Compressor::Compressor() : context_(ZSTD_createCCtx()) {
  if (!context_) throw std::bad_alloc();
}

Decompressor::Decompressor() : context_(ZSTD_createDCtx()) {
  if (!context_) throw std::bad_alloc();
}

std::size_t Compressor::compress_into(View plaintext, int level, Bytes& out) {
  out.resize(ZSTD_compressBound(plaintext.size()));
  const std::size_t size = ZSTD_compressCCtx(as_compressor(context_.get()), out.data(), out.size(),
                                             plaintext.data(), plaintext.size(), level);
  if (ZSTD_isError(size) != 0) throw std::bad_alloc();
  out.resize(size);
  return size;
}

// Compresses pieces spread over the plaintext at the fastest level: 32 KiB of a MiB.
bool Compressor::sample_pays(View plaintext, Bytes& scratch) {
  Bytes sample;
  sample.reserve(sample_piece * sample_count);
  const std::size_t step = plaintext.size() / sample_count;
  for (std::size_t i = 0; i < sample_count; ++i) {
    const View piece = plaintext.subspan(i * step, sample_piece);
    sample.insert(sample.end(), piece.begin(), piece.end());
  }
  return pays(compress_into(sample, 1, scratch), sample.size());
}

bool Compressor::compress(View plaintext, Compression compression, Bytes& out) {
  if (compression.level == 0 || plaintext.empty()) return false;
  if (plaintext.size() >= sample_from && !sample_pays(plaintext, out)) return false;
  return pays(compress_into(plaintext, compression.level, out), plaintext.size());
}

bool Decompressor::decompress(View compressed, MutableView out) {
  if (ZSTD_getFrameContentSize(compressed.data(), compressed.size()) != out.size()) return false;
  if (ZSTD_findFrameCompressedSize(compressed.data(), compressed.size()) != compressed.size()) {
    return false;
  }
  const std::size_t size = ZSTD_decompressDCtx(as_decompressor(context_.get()), out.data(),
                                               out.size(), compressed.data(), compressed.size());
  return ZSTD_isError(size) == 0 && size == out.size();
}

Compressor& thread_compressor() {
  thread_local Compressor compressor;
  return compressor;
}

Decompressor& thread_decompressor() {
  thread_local Decompressor decompressor;
  return decompressor;
}

}  // namespace kist
