#include "engine/store/store.h"

namespace kist {

void StoreReader::list_sizes(const std::string& folder,
                             const std::function<void(const std::string&, std::uint64_t)>& each) {
  list(folder, [&](const std::string& path) {
    const auto size_of_it = size(folder.empty() ? path : concat(folder, "/", path));
    if (size_of_it) each(path, *size_of_it);
  });
}

std::optional<Bytes> find_object(StoreReader& store,
                                 const std::string& path,
                                 std::uint64_t size_max) {
  const std::optional<std::uint64_t> size = store.size(path);
  if (!size) return std::nullopt;
  if (*size > size_max) {
    throw Error(Code::corrupt, concat(path, " is ", *size, " bytes, more than such an object has"));
  }
  Bytes bytes(*size);
  std::size_t got = 0;
  try {
    got = store.get_range(path, 0, bytes);
  } catch (const Error& error) {
    if (error.code() != Code::missing) throw;
    return std::nullopt;  // removed since its size was asked for
  }
  if (got != bytes.size()) {
    throw Error(Code::corrupt, concat(path, " ends before its size"));
  }
  return bytes;
}

Bytes get_object(StoreReader& store, const std::string& path, std::uint64_t size_max) {
  std::optional<Bytes> bytes = find_object(store, path, size_max);
  if (!bytes) throw Error(Code::missing, concat(path, " is missing"));
  return *std::move(bytes);
}

}  // namespace kist
