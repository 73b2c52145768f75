#include "engine/store/twins.h"

#include "engine/base/attempt.h"
#include "engine/format/names.h"

namespace kist {

std::array<std::string, 2> copies_of(const std::string& path) {
  return {path, second_copy_path(path)};
}

bool has_copy(StoreReader& store, const std::string& path) {
  return store.size(path).has_value() || store.size(second_copy_path(path)).has_value();
}

Copy read_copy(StoreReader& store, const std::string& copy_path, std::uint64_t size_max) {
  Copy copy{.path = copy_path};
  copy.problem = failure_of([&] { copy.bytes = get_object(store, copy_path, size_max); });
  return copy;
}

bool find_copy(StoreReader& store,
               const std::string& path,
               std::uint64_t size_max,
               const std::function<bool(Copy&)>& take) {
  for (const std::string& copy_path : copies_of(path)) {
    Copy copy = read_copy(store, copy_path, size_max);
    if (take(copy)) return true;
  }
  return false;
}

bool find_whole_copy(StoreReader& store,
                     const std::string& path,
                     std::uint64_t size_max,
                     const std::function<bool(const Copy&)>& take) {
  return find_copy(store, path, size_max, [&](const Copy& copy) {
    if (copy.problem && !is_damage(*copy.problem)) throw Error(*copy.problem);
    if (copy.problem) return false;
    bool is_taken = false;
    const auto damage = damage_of([&] { is_taken = take(copy); });
    return is_taken && !damage;
  });
}

Bytes get_twinned(StoreReader& store,
                  const std::string& path,
                  std::uint64_t size_max,
                  Observer& observer,
                  const std::function<void(View)>& check) {
  Bytes out;
  std::optional<Error> first;
  const bool is_found = find_copy(store, path, size_max, [&](Copy& copy) {
    if (!copy.problem) copy.problem = failure_of([&] { check(*copy.bytes); });
    if (!copy.problem) {
      out = std::move(*copy.bytes);
    } else if (!first || first->code() == Code::missing) {
      first = copy.problem;  // damage tells more than an absence: the object was there
    }
    return !copy.problem;
  });
  if (!is_found) throw Error(*first);
  if (first) observer.notice(concat(first->text(), "; its second copy is good and was used"));
  return out;
}

void put_twinned(StoreWriter& store, const std::string& path, View bytes) {
  for (const std::string& copy : copies_of(path)) {
    store.put(copy, bytes);
  }
}

void require_twinned(StoreReader& store, const std::string& path, View bytes) {
  for (const std::string& copy : copies_of(path)) {
    if (equal(get_object(store, copy, bytes.size()), bytes)) continue;
    throw Error(Code::corrupt, concat(copy, " is not what was put"));
  }
}

void put_second_copy(StoreWriter& store, const std::string& path, View bytes) {
  store.put(second_copy_path(path), bytes);
}

}  // namespace kist
