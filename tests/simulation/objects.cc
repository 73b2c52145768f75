#include "tests/simulation/objects.h"

#include <algorithm>

#include "engine/format/names.h"

namespace kist::test {

std::vector<std::string> names_below(const ObjectMap& objects, const std::string& folder) {
  std::vector<std::string> out;
  const std::string prefix = folder.empty() ? "" : folder + "/";
  for (auto at = objects.lower_bound(prefix); at != objects.end(); ++at) {
    if (!at->first.starts_with(prefix)) break;
    out.push_back(at->first.substr(prefix.size()));
  }
  return out;
}

std::optional<std::uint64_t> TrueStore::size(const std::string& path) {
  const auto found = objects_.find(path);
  if (found == objects_.end()) return std::nullopt;
  return found->second->size();
}

std::size_t TrueStore::get_range(const std::string& path, std::uint64_t offset, MutableView out) {
  const auto found = objects_.find(path);
  if (found == objects_.end()) throw Error(Code::missing, concat(path, " is missing"));
  const View bytes = *found->second;
  if (offset >= bytes.size()) return 0;
  const View part = bytes.subspan(offset, std::min<std::size_t>(out.size(), bytes.size() - offset));
  std::ranges::copy(part, out.begin());
  return part.size();
}

void TrueStore::list(const std::string& folder,
                     const std::function<void(const std::string&)>& each) {
  for (const std::string& name : names_below(objects_, folder)) {
    each(name);
  }
}

// What stands there stays, so this one question changes nothing.
bool TrueStore::put_if_absent(const std::string& path, View /*bytes*/) {
  if (objects_.contains(path)) return false;
  refuse();
}

}  // namespace kist::test
