// Bytes per second of each stage of a backup and of a restore, one thread. Compare ratios within
// one run: machines are noisy.
#include <benchmark/benchmark.h>

#include "engine/blocks/frame.h"
#include "engine/content/chunker.h"
#include "engine/content/compress.h"
#include "engine/crypto/hash.h"
#include "engine/crypto/seal.h"
#include "engine/format/number_set.h"
#include "tests/support/seeded_random.h"

namespace kist {

namespace {

using test::SeededRandom;

constexpr std::size_t mebibyte = 1U << 20U;

// Half text-like, half noise: zstd finds about as much in it as in program files.
Bytes sample(std::size_t size) {
  SeededRandom random(1);
  Bytes out(size);
  random.fill(out);
  for (std::size_t i = 0; i < size; ++i) {
    if ((i / 4096) % 2 == 0) out[i] = static_cast<std::uint8_t>("static int kist_"[out[i] % 16]);
  }
  return out;
}

void set_bytes(benchmark::State& state, std::size_t size) {
  state.SetBytesProcessed(static_cast<std::int64_t>(size) * state.iterations());
}

void chunk(benchmark::State& state) {
  SeededRandom random(2);
  GearTable table{};
  for (std::uint64_t& word : table) {
    word = random.next();
  }
  const Chunker chunker(chunker_parameters(static_cast<std::uint32_t>(state.range(0)) << 10U),
                        table);
  const Bytes bytes = sample(16 * mebibyte);
  for ([[maybe_unused]] const auto turn : state) {
    for (std::size_t at = 0; at < bytes.size();) {
      at += chunker.first_block(View(bytes).subspan(at));
    }
  }
  set_bytes(state, bytes.size());
}

void hash(benchmark::State& state) {
  const Bytes bytes = sample(static_cast<std::size_t>(state.range(0)) << 10U);
  const Key key;
  for ([[maybe_unused]] const auto turn : state) {
    benchmark::DoNotOptimize(hash_block(key, bytes));
  }
  set_bytes(state, bytes.size());
}

void compress(benchmark::State& state) {
  const Bytes bytes = sample(mebibyte);
  Compressor compressor;
  Bytes out;
  for ([[maybe_unused]] const auto turn : state) {
    benchmark::DoNotOptimize(compressor.compress(bytes, {static_cast<int>(state.range(0))}, out));
  }
  set_bytes(state, bytes.size());
}

void decompress(benchmark::State& state) {
  const Bytes bytes = sample(mebibyte);
  Compressor compressor;
  Bytes compressed;
  if (!compressor.compress(bytes, {3}, compressed)) return;
  Decompressor decompressor;
  Bytes out(bytes.size());
  for ([[maybe_unused]] const auto turn : state) {
    benchmark::DoNotOptimize(decompressor.decompress(compressed, out));
  }
  set_bytes(state, bytes.size());
}

void seal_and_check_frame(benchmark::State& state) {
  const Bytes bytes = sample(mebibyte);
  Compressor compressor;
  Bytes compressed;
  if (!compressor.compress(bytes, {3}, compressed)) return;
  FrameList list{.encoding = FrameEncoding::zstd, .blocks = {}};
  list.blocks.push_back({.id = {}, .size = static_cast<std::uint32_t>(bytes.size())});
  Decompressor decompressor;
  const Key secret;
  for ([[maybe_unused]] const auto turn : state) {
    const Bytes sealed = seal_frame(secret, {}, compressed, list);
    if (state.range(0) != 0) check_frame(secret, {}, sealed, {bytes, list}, decompressor);
  }
  set_bytes(state, bytes.size());
}

void reference_set(benchmark::State& state) {
  for ([[maybe_unused]] const auto turn : state) {
    NumberSet set;
    set.add_range(1000, 1'000'000);
    benchmark::DoNotOptimize(set.encode());
  }
  state.SetItemsProcessed(1'000'000 * state.iterations());
}

BENCHMARK(chunk)->Arg(64)->Arg(128)->Arg(1024);
BENCHMARK(hash)->Arg(16)->Arg(128);
BENCHMARK(compress)->Arg(1)->Arg(2)->Arg(3);
BENCHMARK(decompress);
BENCHMARK(seal_and_check_frame)->Arg(0)->Arg(1);
BENCHMARK(reference_set);

}  // namespace

}  // namespace kist

BENCHMARK_MAIN();
