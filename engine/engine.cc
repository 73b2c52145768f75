#include "engine/engine.h"

#include <malloc.h>

#include "engine/base/disk/disk.h"
#include "engine/base/disk/file.h"
#include "engine/base/disk/permissions.h"
#include "engine/store/limited.h"
#include "engine/store/location.h"

namespace kist {

std::shared_ptr<Store> open_store(const std::string& location) {
  return open_location(location);
}

std::shared_ptr<Store> open_limited_store(const std::string& location,
                                          std::uint64_t bytes_per_second,
                                          const Observer& observer) {
  return limit_store(
      open_store(location),
      std::make_shared<RateLimit>(bytes_per_second, [&observer] { return observer.cancelled(); }));
}

void prepare_process(Observer& observer) {
  init_crypto();
  disable_core_dumps();
  raise_open_file_limit();
  // Left to itself, malloc learns to keep what is large on the heap, where it cannot be given back.
  ::mallopt(M_MMAP_THRESHOLD, 4 << 20);  // NOLINT(concurrency-mt-unsafe): nothing else runs yet
  ::mallopt(M_TRIM_THRESHOLD, 8 << 20);  // NOLINT(concurrency-mt-unsafe)
  if (!can_lock_memory()) {
    observer.notice("memory cannot be locked here: secrets could reach swap space");
  }
}

Credential make_key_file(const std::string& path, Random& random) {
  if (path_exists(path)) throw Error(Code::refused, concat(path, " exists already"));
  Key key;
  random.fill(key.mutable_view());
  const SecretBytes text = encode_key_file(key);
  replace_file(path, text.view());
  return parse_key_file(text.view(), path);
}

Credential read_key_file(const std::string& path) {
  const SecretBytes text(read_secret_file(path, 4096));
  return parse_key_file(text.view(), path);
}

}  // namespace kist
