#include "engine/ops/catalog/maintenance.h"

#include <algorithm>

#include "engine/base/attempt.h"
#include "engine/base/disk/file.h"
#include "engine/base/disk/tree.h"

namespace kist {

CatalogInfo catalog_info(Repository& repository) {
  BlockIndex& blocks = repository.blocks().index();
  const BlockIndex::Reader index(blocks);
  return {.directory = repository.local().directory(),
          .entries = repository.state().next_sequence,
          .index_entries = blocks.loaded_sequence(),
          .blocks = index.block_count(),
          .packs = index.pack_count(),
          .catalog_bytes = repository.local().catalog().file_bytes(),
          .index_bytes = blocks.file_bytes()};
}

namespace {

// Error where a catalog made from the store would end before this machine's own: entries are
// missing or damaged by now, and the catalog may be the last that knows what was in them.
void require_nothing_lost(Repository& repository) {
  const std::string scratch = repository.local().scratch_directory();
  LocalDirectory::destroy(scratch);
  const std::uint64_t known = repository.state().next_sequence;
  std::uint64_t shown = 0;
  const auto failure = failure_of([&] {
    LocalDirectory fresh(scratch, repository.services().random, repository.services().observer);
    Journal journal = repository.journal().over(fresh);
    journal.replay();
    shown = journal.state().next_sequence;
  });
  LocalDirectory::destroy(scratch);
  if (failure) throw Error(*failure);
  if (shown >= known) return;
  throw Error(Code::missing,
              concat("the store shows ", shown, " journal entries, and this machine knows ", known,
                     ": its catalog is kept as it is; restore journal entry ", shown,
                     " from a copy of the repository, and run again"));
}

}  // namespace

void rebuild_catalog(Repository& repository) {
  require_nothing_lost(repository);
  repository.local().reset_catalog();
  repository.local().reset_index();
  repository.journal().replay();
  repository.blocks().index();
}

namespace {

// What a catalog has come to, with its block index.
struct Made {
  const State& state;
  BlockIndex& blocks;
};

void compare(const Made& has, const Made& should, std::vector<std::string>& differences) {
  const auto compare_counts = [&](const std::string& what, std::uint64_t a, std::uint64_t b) {
    if (a == b) return;
    differences.push_back(concat(what, ": the catalog has ", a, ", the store says ", b));
  };
  compare_counts("journal entries", has.state.next_sequence, should.state.next_sequence);
  if (has.state.head != should.state.head) differences.emplace_back("the heads differ");
  const BlockIndex::Reader left(has.blocks);
  const BlockIndex::Reader right(should.blocks);
  compare_counts("packs", left.pack_count(), right.pack_count());
  compare_counts("blocks", left.block_count(), right.block_count());
  const std::vector<std::uint32_t> has_packs = left.packs();
  const std::vector<std::uint32_t> should_packs = right.packs();
  for (std::size_t i = 0; i < std::min(has_packs.size(), should_packs.size()); ++i) {
    if (left.pack(has_packs[i]).hash == right.pack(should_packs[i]).hash) continue;
    differences.push_back(concat("pack ", i, " is another"));
  }
}

// Makes a catalog in `directory` from the store, and compares the repository's own with it. A
// failure of the store or the journal is one of the differences.
void compare_with_fresh(Repository& repository,
                        const std::string& directory,
                        std::vector<std::string>& differences) {
  BlockIndex& own = repository.blocks().index();
  const Services& services = repository.services();
  LocalDirectory fresh(directory, services.random, services.observer);
  Journal journal = repository.journal().over(fresh);
  Blocks blocks(journal);
  const auto failure = failure_of([&] {
    journal.replay();
    compare({repository.state(), own}, {journal.state(), blocks.index()}, differences);
  });
  if (failure) differences.push_back(failure->text());
}

}  // namespace

std::vector<std::string> check_catalog(Repository& repository) {
  const std::string scratch = repository.local().scratch_directory();
  LocalDirectory::destroy(scratch);
  std::vector<std::string> differences;
  compare_with_fresh(repository, scratch, differences);
  LocalDirectory::destroy(scratch);
  return differences;
}

void mark_catalog_suspect() noexcept {
  mark_open_environments();
}

}  // namespace kist
