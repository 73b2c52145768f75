#include "engine/ops/backup/snapshot_builder.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/base/attempt.h"
#include "engine/crypto/hash.h"
#include "engine/crypto/kdf.h"
#include "engine/format/encodable.h"

namespace kist {

namespace {

PathHash path_hash(const Key& chunk_seed) {
  const Key key = derive_key(chunk_seed, KeyUse::path_hash);
  std::array<std::uint8_t, 16> short_key{};
  std::copy_n(key.view().begin(), short_key.size(), short_key.begin());
  return [short_key](std::string_view path) { return short_hash(short_key, as_view(path)); };
}

}  // namespace

SnapshotBuilder::SnapshotBuilder(const WriteKeys& keys,
                                 BlockWriter& writer,
                                 FileCacheWriter& cache,
                                 ProblemLog& problems)
    : problems_(problems),
      writer_(writer),
      cache_(cache),
      manifest_([this](View block) { return put_manifest_block(block); },
                path_hash(keys.chunk_seed())),
      put_content_([this](View block) { return put_entry_block(block); }),
      content_(put_content_) {}

void SnapshotBuilder::add(ReadEntry& read, View buffer) {
  for (const ReadPiece& piece : read.pieces) {
    add_piece(piece, buffer);
  }
  if (!read.is_last) return;
  std::vector<ContentItem> items = content_.finish();
  if (read.has_failed || !can_stand(read)) {
    runs_.clear();
    failed_.insert(read.entry.path);
    return;
  }
  if (read.change == Change::unmodified) {
    runs_ = std::move(read.runs);
  } else {
    if (read.entry.inline_content) statistics_.bytes_read += read.entry.size;
    complete(read.entry, std::move(items));
  }
  count(read);
  last_path_ = read.entry.path;
  manifest_.add(read.entry);
  has_entries_ = true;
  for (const ReferenceRun& run : runs_) {
    writer_.refer(run);
  }
  cache_.add(read.entry, runs_);
  runs_.clear();
}

BlockId SnapshotBuilder::finish() {
  return manifest_.finish();
}

BlockId SnapshotBuilder::put_root_so_far(std::vector<ReferenceRun>& unfinished) {
  unfinished = runs_;
  return manifest_.root_so_far([&](View block) {
    BlockId id;
    append_run(unfinished, writer_.add_meta(block, id));
    return id;
  });
}

void SnapshotBuilder::begin_next_entry(const EntryNumbers& numbers) {
  for (ReferenceRun& run : runs_) {
    run = to_absolute(run, numbers);
  }
}

// Whether the entry can be part of the manifest; if not, the problem is reported.
bool SnapshotBuilder::can_stand(const ReadEntry& read) {
  const auto failure = failure_of([&] {
    check_encodable(read.entry);
    if (read.entry.type == EntryType::hard_link && failed_.contains(read.entry.link_target)) {
      throw Error(Code::failed, concat("it is another name of /", read.entry.link_target,
                                       ", which could not be read"));
    }
  });
  if (failure) problems_.report(read.entry.path, *failure);
  return !failure;
}

void SnapshotBuilder::add_piece(const ReadPiece& piece, View buffer) {
  if (piece.type == ItemType::block) {
    statistics_.bytes_read += piece.size;
    append_run(runs_,
               writer_.add(PackKind::data, piece.id, buffer.subspan(piece.offset, piece.size)));
  }
  content_.add({piece.type, piece.size, piece.id});
}

// Fills in the content and the attributes of a new or changed entry.
void SnapshotBuilder::complete(Entry& entry, std::vector<ContentItem> items) {
  if (entry.type == EntryType::file && !entry.inline_content) {
    entry.size = 0;
    for (const ContentItem& item : items) {
      entry.size += item.size;
    }
    entry.content = std::move(items);
    if (entry.size == 0) entry.inline_content.emplace();
  }
  if (!xattrs_fit_entry(entry.xattrs)) {
    entry.xattrs_block = put_entry_block(encode_xattr_block(entry.xattrs));
    entry.xattrs.clear();
  }
}

BlockId SnapshotBuilder::put_manifest_block(View block) {
  BlockId id;
  writer_.refer(writer_.add_meta(block, id));
  return id;
}

// A block that belongs to the current entry: the cache must know of it.
BlockId SnapshotBuilder::put_entry_block(View block) {
  BlockId id;
  append_run(runs_, writer_.add_meta(block, id));
  return id;
}

void SnapshotBuilder::count(const ReadEntry& read) {
  const Entry& entry = read.entry;
  if (entry.type == EntryType::directory) {
    ++statistics_.directories;
  } else if (entry.type != EntryType::file) {
    ++statistics_.others;
  } else {
    statistics_.bytes_total += entry.size;
    const bool is_unmodified = read.change == Change::unmodified || read.change == Change::reread;
    if (is_unmodified) ++statistics_.files_unmodified;
    if (read.change == Change::changed) ++statistics_.files_changed;
    if (read.change == Change::fresh) ++statistics_.files_new;
  }
}

}  // namespace kist
