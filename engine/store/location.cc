#include "engine/store/location.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "engine/base/disk/disk.h"
#include "engine/base/disk/file.h"
#include "engine/store/local.h"

namespace kist {

namespace {

struct Scheme {
  std::string_view name;  // what precedes "://"; empty for a path
  std::unique_ptr<Store> (*open)(const std::string& location);
};

std::unique_ptr<Store> open_path(const std::string& location) {
  return open_local_store(open_disk(absolute_path(location)));
}

constexpr std::array schemes = {
    Scheme{"", &open_path},
};

std::string_view scheme_of(std::string_view location) {
  const std::size_t end = location.find("://");
  return end == std::string_view::npos ? std::string_view() : location.substr(0, end);
}

}  // namespace

std::unique_ptr<Store> open_location(const std::string& location) {
  const bool is_path = location.find("://") == std::string::npos;
  const std::string_view name = scheme_of(location);
  const auto* const found = std::ranges::find(schemes, name, &Scheme::name);
  // "://x" has an empty scheme and is no path.
  if (found == schemes.end() || name.empty() != is_path) {
    throw Error(Code::unsupported,
                concat("this version stores in directories only, not in ", location));
  }
  return found->open(location);
}

}  // namespace kist
