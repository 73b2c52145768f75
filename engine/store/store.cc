#include "engine/store/store.h"

namespace kist {

Bytes get_object(StoreReader& store, const std::string& name, std::uint64_t size_max) {
  const std::optional<std::uint64_t> size = store.size(name);
  if (!size) throw Error(Code::missing, concat(name, " is missing"));
  if (*size > size_max) {
    throw Error(Code::corrupt, concat(name, " is ", *size, " bytes, more than such an object has"));
  }
  Bytes bytes(*size);
  if (store.get_range(name, 0, bytes) != bytes.size()) {
    throw Error(Code::corrupt, concat(name, " ends before its size"));
  }
  return bytes;
}

}  // namespace kist
