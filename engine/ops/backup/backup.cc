#include "engine/ops/backup/backup.h"

#include <algorithm>
#include <optional>
#include <thread>

#include "engine/base/disk/tree.h"
#include "engine/base/pool.h"
#include "engine/blocks/block_writer.h"
#include "engine/journal/journal.h"
#include "engine/ops/backup/backup_run.h"

namespace kist {

namespace {

constexpr int walks_max = 3;

unsigned thread_count(unsigned requested) {
  return requested != 0 ? requested : std::max(1U, std::thread::hardware_concurrency());
}

std::vector<std::string> resolve_paths(const BackupOptions& options) {
  std::vector<std::string> out;
  for (const std::string& path : options.paths) {
    out.push_back(resolve_source_path(path));
  }
  if (out.empty() && !options.stream) {
    throw Error(Code::invalid, "name at least one path to back up");
  }
  return out;
}

int level_of(const Repository& repository, const BackupOptions& options) {
  const int by_genesis = repository.state().genesis.content.compression;
  return options.compression < 0 ? by_genesis : options.compression;
}

[[noreturn]] void give_up(const Overtaken& overtaken, bool is_stream) {
  if (is_stream) {
    throw Error(Code::conflict, concat(overtaken.text(), ": nothing was committed; run it again"));
  }
  throw Error(Code::refused,
              concat(walks_max, " times in a row: ", overtaken.text(),
                     ". Nothing was committed: let an owner see in kist journal list who did it"));
}

}  // namespace

BackupResult backup(Repository& repository, const BackupOptions& options) {
  repository.require(can_write);
  const std::vector<std::string> paths = resolve_paths(options);
  if (!options.is_dry_run) repository.journal().require_writable();
  const WriteKeys keys = repository.write_keys();
  Pool pool(thread_count(options.threads));  // its tasks end before what they use goes
  std::optional<BlockWriter> writer;
  std::uint64_t since = 0;
  for (int walks = 1;; ++walks) {
    if (!writer) {
      repository.blocks().index();  // first: it may replay, and the backup goes by the state
      writer.emplace(repository.blocks(), keys, pool, Compression{level_of(repository, options)},
                     options.is_dry_run);
      since = repository.state().next_sequence;
    }
    try {
      return walk({repository, options, paths, pool, *writer, since});
    } catch (const Overtaken& overtaken) {
      if (options.stream || walks == walks_max) give_up(overtaken, options.stream.has_value());
      repository.observer().notice(concat(overtaken.text(), ": the source is read again"));
      if (overtaken.has_lost_packs) {
        writer.reset();
      } else {
        writer->begin_again();
      }
    }
  }
}

}  // namespace kist
