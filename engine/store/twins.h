// What is stored twice: what cannot be rebuilt (slots, grants, epoch boxes, key segments, bodies,
// journal entries) has two copies of the same bytes, `<path>` and `<path>.2`. The rule which
// objects those are, and every walk over the two copies, stands here. docs/format.md, "Store
// layout".
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>

#include "engine/base/bytes.h"
#include "engine/base/observer.h"
#include "engine/store/store.h"

namespace kist {

// One copy as the store gave it.
struct Copy {
  std::string path;              // of this copy
  std::optional<Bytes> bytes{};  // nothing: there is a problem
  std::optional<Error> problem{};

  // The store says that there is none; a copy that cannot be read is not absent.
  [[nodiscard]] bool is_absent() const { return problem && problem->code() == Code::missing; }
};

// The paths of both copies, the first one first.
std::array<std::string, 2> copies_of(const std::string& path);
// Whether at least one copy exists.
[[nodiscard]] bool has_copy(StoreReader& store, const std::string& path);
// One copy of at most `size_max` bytes; failures are in it, not thrown.
Copy read_copy(StoreReader& store, const std::string& copy_path, std::uint64_t size_max);

// Shows `take` the first copy, then the second, until it returns true; whether it did. The second
// is read only where the first was not taken.
bool find_copy(StoreReader& store,
               const std::string& path,
               std::uint64_t size_max,
               const std::function<bool(Copy&)>& take);
// The same for copies that can be read. A damaged copy is passed over: absent, too large, or one
// for which `take` throws damage. A store that fails to read throws.
bool find_whole_copy(StoreReader& store,
                     const std::string& path,
                     std::uint64_t size_max,
                     const std::function<bool(const Copy&)>& take);

// The bytes of the first copy for which `check` throws nothing. Where that is the second, the
// observer is told of the first. Throws the first copy's Error when neither will do.
Bytes get_twinned(StoreReader& store,
                  const std::string& path,
                  std::uint64_t size_max,
                  Observer& observer,
                  const std::function<void(View)>& check);
void put_twinned(StoreWriter& store, const std::string& path, View bytes);
// Throws Error{corrupt} or {missing} unless the store gives back both copies, each with those
// bytes.
void require_twinned(StoreReader& store, const std::string& path, View bytes);
// Puts the second copy, after the first has won its path, or where a client that was cut off has
// left it out.
void put_second_copy(StoreWriter& store, const std::string& path, View bytes);

}  // namespace kist
