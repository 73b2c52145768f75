#include "engine/catalog/index_sweep.h"

#include <functional>
#include <set>
#include <vector>

#include "engine/catalog/index_rows.h"

namespace kist {

namespace rows = index_rows;

namespace {

constexpr std::size_t swept_packs_min = 256;
constexpr std::size_t rows_at_a_time = 64U << 10U;  // some megabytes of LMDB's pages

// Gone packs of which nothing has to say that they are: their names lead elsewhere. The last pack
// stays, so that no number is given twice.
std::set<std::uint32_t> find_swept(const Transaction& read, const LocalKey& tag_key) {
  std::vector<std::uint32_t> gone;
  read.scan(rows::meta_table, as_view(rows::gone_key), [&](View key, View value) {
    if (!as_text(key).starts_with(rows::gone_key)) return false;
    gone.push_back(from_big_endian<std::uint32_t>(value));
    return true;
  });
  const std::uint32_t end = rows::packs_end(read);
  std::set<std::uint32_t> out;
  for (const std::uint32_t pack : gone) {
    const auto record = read.get(rows::packs_table, rows::pack_key(pack));
    if (!record || pack + 1 == end) continue;
    const ObjectHash name = rows::decode_pack(*record).hash;
    const auto place = read.get(rows::pack_hashes_table, rows::pack_hash_key(tag_key, name));
    if (place && from_big_endian<std::uint32_t>(*place) != pack) out.insert(pack);
  }
  return out;
}

using Goes = std::function<bool(View key, View value)>;

void remove_rows(Environment& environment, Table table, const Goes& goes) {
  Bytes from;
  for (bool is_over = false; !is_over;) {
    Transaction write(environment, Transaction::Mode::write);
    std::vector<Bytes> keys;
    is_over = true;
    write.scan(table, from, [&](View key, View value) {
      if (keys.size() == rows_at_a_time) {
        from.assign(key.begin(), key.end());
        is_over = false;
        return false;
      }
      if (goes(key, value)) keys.emplace_back(key.begin(), key.end());
      return true;
    });
    for (const Bytes& key : keys) {
      write.remove(table, key);
    }
    write.commit();
  }
}

}  // namespace

void sweep_index(Environment& environment, const LocalKey& tag_key) {
  std::set<std::uint32_t> swept;
  {
    const Transaction read(environment, Transaction::Mode::read);
    swept = find_swept(read, tag_key);
    const std::uint64_t packs = read.count(rows::packs_table);
    if (swept.size() < swept_packs_min || swept.size() * 4 < packs) return;
  }
  remove_rows(environment, rows::blocks_table,
              [&](View /*key*/, View value) { return swept.contains(rows::pack_of_place(value)); });
  const Goes is_of_swept = [&](View key, View /*value*/) {
    return swept.contains(from_big_endian<std::uint32_t>(key.first(4)));
  };
  remove_rows(environment, rows::frames_table, is_of_swept);
  remove_rows(environment, rows::block_runs_table, is_of_swept);
  Transaction write(environment, Transaction::Mode::write);
  for (const std::uint32_t pack : swept) {
    write.remove(rows::packs_table, rows::pack_key(pack));
    write.remove(rows::meta_table, as_view(rows::gone_key_of(pack)));
  }
  write.commit();
}

}  // namespace kist
