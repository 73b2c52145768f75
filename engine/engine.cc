#include "engine/engine.h"

#include <malloc.h>

#include "engine/base/disk/file.h"
#include "engine/blocks/index_loader.h"
#include "engine/journal/replay.h"
#include "engine/store/location.h"

namespace kist {

std::shared_ptr<Store> open_store(const std::string& location) {
  return open_location(location);
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
  const SecretBytes text(read_file(path, 4096));
  return parse_key_file(text.view(), path);
}

void distrust_catalog() noexcept {
  mark_open_environments();
}

CatalogInfo catalog_info(Repository& repository) {
  sync_index(repository);
  const BlockIndex::Reader index(repository.local->index());
  return {.directory = repository.local->directory(),
          .entries = repository.state().next_sequence,
          .index_entries = repository.local->index().loaded_sequence(),
          .blocks = index.block_count(),
          .packs = index.pack_count(),
          .catalog_bytes = repository.local->catalog().file_bytes(),
          .index_bytes = repository.local->index().file_bytes()};
}

void rebuild_catalog(Repository& repository) {
  repository.local->reset_catalog();
  repository.local->reset_index();
  sync_journal(repository);
  sync_index(repository);
}

namespace {

void compare_views(LocalState& have, LocalState& made, std::vector<std::string>& differences) {
  const auto compare = [&](const std::string& what, std::uint64_t has, std::uint64_t should) {
    if (has != should) {
      differences.push_back(concat(what, ": the catalog has ", has, ", the store says ", should));
    }
  };
  compare("journal entries", have.catalog().state().next_sequence,
          made.catalog().state().next_sequence);
  if (have.catalog().state().head != made.catalog().state().head) {
    differences.emplace_back("the heads differ");
  }
  const BlockIndex::Reader left(have.index());
  const BlockIndex::Reader right(made.index());
  compare("packs", left.pack_count(), right.pack_count());
  compare("blocks", left.block_count(), right.block_count());
  for (std::uint32_t pack = 0; pack < std::min(left.pack_count(), right.pack_count()); ++pack) {
    if (left.pack(pack).name != right.pack(pack).name) {
      differences.push_back(concat("pack ", pack, " is another"));
    }
  }
}

}  // namespace

std::vector<std::string> check_catalog(Repository& repository) {
  sync_index(repository);
  const std::string scratch = repository.local->directory() + "/check";
  remove_tree(scratch);
  // The view made anew stands in for the other while it is filled.
  auto made =
      std::make_unique<LocalState>(scratch, repository.around.random, repository.observer());
  std::vector<std::string> differences;
  std::swap(repository.local, made);
  try {
    sync_journal(repository);
    sync_index(repository);
  } catch (const Error& error) {
    differences.push_back(error.text());
  }
  std::swap(repository.local, made);
  compare_views(*repository.local, *made, differences);
  made.reset();
  remove_tree(scratch);
  return differences;
}

}  // namespace kist
