#include "engine/catalog/looked_packs.h"

#include <cstring>

#include "engine/base/attempt.h"
#include "engine/base/bytes.h"
#include "engine/base/disk/file.h"
#include "engine/crypto/hash.h"

namespace kist {

namespace {

constexpr std::string_view looked_magic = "KISTLOK1";
constexpr std::uint64_t file_bytes_max = 256U << 20U;

std::uint64_t prefix_of(const ObjectHash& hash) {
  std::uint64_t out = 0;
  std::memcpy(&out, hash.bytes.data(), sizeof out);
  return out;
}

std::uint64_t prefix_of(std::string_view source_key) {
  return prefix_of(hash_object(as_view(source_key)));
}

void put_numbers(ByteWriter& out, const std::set<std::uint64_t>& numbers) {
  out.u32(narrow<std::uint32_t>(numbers.size()));
  for (const std::uint64_t number : numbers) {
    out.u64(number);
  }
}

std::set<std::uint64_t> take_numbers(ByteReader& in) {
  std::set<std::uint64_t> out;
  const std::uint32_t count = in.count(8, "a count");
  for (std::uint32_t i = 0; i < count; ++i) {
    out.insert(out.end(), in.u64());
  }
  return out;
}

std::string path_in(const std::string& directory) {
  return directory + "/cache/looked";
}

}  // namespace

// Empty, of the year 1970, where there is none that can be read.
LookedPacks::Round LookedPacks::read(const std::string& path) {
  if (!path_exists(path)) return {};
  const auto round = value_of([&] {
    const Bytes bytes = read_file(path, file_bytes_max);
    ByteReader in(bytes, "looked");
    in.require(equal(in.take(looked_magic.size()), as_view(looked_magic)), "this is no such file");
    Round out;
    out.began_ms = in.i64();
    out.sources = take_numbers(in);
    out.packs = take_numbers(in);
    const ObjectHash expected = hash_object(View(bytes).first(in.offset()));
    in.require(in.id<ObjectHash>() == expected, "the checksum does not match");
    in.expect_end();
    return out;
  });
  return round.value_or(Round());
}

void LookedPacks::write(const std::string& path, const Round& round) {
  ByteWriter out;
  out.raw(as_view(looked_magic));
  out.i64(round.began_ms);
  put_numbers(out, round.sources);
  put_numbers(out, round.packs);
  out.id(hash_object(out.view()));
  replace_file(path, out.view());
}

LookedPacks::LookedPacks(const std::string& directory, std::int64_t now_ms)
    : directory_(directory), round_(read(path_in(directory))) {
  // A round of the future was begun under another clock.
  const bool is_under_way = round_.began_ms <= now_ms && now_ms - round_.began_ms < look_lasts_ms;
  if (!is_under_way) round_ = {.began_ms = now_ms, .packs = {}, .sources = {}};
}

bool LookedPacks::contains(const ObjectHash& pack) const {
  return round_.packs.contains(prefix_of(pack));
}

void LookedPacks::add(const ObjectHash& pack) {
  round_.packs.insert(prefix_of(pack));
}

bool LookedPacks::contains_source(std::string_view source_key) const {
  return round_.sources.contains(prefix_of(source_key));
}

void LookedPacks::add_source(std::string_view source_key) {
  round_.sources.insert(prefix_of(source_key));
}

void LookedPacks::save(std::int64_t now_ms) const {
  make_directories(directory_ + "/cache");
  const FileLock lock(directory_ + "/lock");
  Round stored = read(path_in(directory_));
  const bool is_later = stored.began_ms > round_.began_ms && stored.began_ms <= now_ms;
  if (is_later) return;
  if (stored.began_ms != round_.began_ms) {
    write(path_in(directory_), round_);
    return;
  }
  stored.packs.insert(round_.packs.begin(), round_.packs.end());
  stored.sources.insert(round_.sources.begin(), round_.sources.end());
  write(path_in(directory_), stored);
}

}  // namespace kist
