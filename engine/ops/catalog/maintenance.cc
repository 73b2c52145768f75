#include "engine/ops/catalog/maintenance.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "engine/base/disk/file.h"
#include "engine/base/disk/tree.h"
#include "engine/blocks/index_loader.h"
#include "engine/journal/replay.h"

namespace kist {

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

// Fills a catalog in `directory` from the store. It stands in for the repository's own meanwhile,
// because replay and index loading write to the repository's own. An error of the store or the
// journal ends the filling; its text is added to `differences`.
std::unique_ptr<LocalState> make_beside(Repository& repository,
                                        const std::string& directory,
                                        std::vector<std::string>& differences) {
  auto other =
      std::make_unique<LocalState>(directory, repository.around.random, repository.observer());
  std::swap(repository.local, other);
  try {
    sync_journal(repository);
    sync_index(repository);
  } catch (const Error& error) {
    differences.push_back(error.text());
  }
  std::swap(repository.local, other);
  return other;
}

void compare(LocalState& has, LocalState& should, std::vector<std::string>& differences) {
  const auto compare_counts = [&](const std::string& what, std::uint64_t a, std::uint64_t b) {
    if (a == b) return;
    differences.push_back(concat(what, ": the catalog has ", a, ", the store says ", b));
  };
  const State& state = has.catalog().state();
  const State& replayed = should.catalog().state();
  compare_counts("journal entries", state.next_sequence, replayed.next_sequence);
  if (state.head != replayed.head) differences.emplace_back("the heads differ");
  const BlockIndex::Reader left(has.index());
  const BlockIndex::Reader right(should.index());
  compare_counts("packs", left.pack_count(), right.pack_count());
  compare_counts("blocks", left.block_count(), right.block_count());
  for (std::uint32_t pack = 0; pack < std::min(left.pack_count(), right.pack_count()); ++pack) {
    if (left.pack(pack).name == right.pack(pack).name) continue;
    differences.push_back(concat("pack ", pack, " is another"));
  }
}

}  // namespace

std::vector<std::string> check_catalog(Repository& repository) {
  sync_index(repository);
  const std::string scratch = repository.local->directory() + "/check";
  remove_tree(scratch);
  std::vector<std::string> differences;
  std::unique_ptr<LocalState> made = make_beside(repository, scratch, differences);
  compare(*repository.local, *made, differences);
  made.reset();
  remove_tree(scratch);
  return differences;
}

void mark_catalog_suspect() noexcept {
  mark_open_environments();
}

}  // namespace kist
