#include "engine/ops/restore/restore_window.h"

#include <algorithm>

#include "engine/base/attempt.h"
#include "engine/blocks/trusted_copy.h"
#include "engine/content/compress.h"
#include "engine/crypto/hash.h"
#include "engine/repository/repository.h"

namespace kist {

namespace {

// A window ends at whichever comes first.
constexpr std::size_t window_blocks_max = 128U << 10U;
constexpr std::size_t window_files_max = 8U << 10U;
constexpr std::size_t window_directories_max = 4U << 10U;
constexpr std::size_t open_files_max = 256;
constexpr std::size_t small_files_a_task = 128;

}  // namespace

// A file of the window. Guarded by its mutex from the first write to the last.
struct RestoreWindow::OpenFile {
  Entry entry;  // with the path in the target
  TreeWriter::Begun begun;
  std::mutex mutex;
  File file;
  bool is_planned = false;  // all its blocks are in required_left
  bool is_begun = false;
  bool is_done = false;
  bool has_failed = false;
  std::uint64_t required_left = 0;
};

// One block that a file of the window needs.
struct RestoreWindow::RequiredBlock {
  FrameId frame;
  std::uint32_t offset = 0;  // in the frame
  std::uint32_t size = 0;
  std::uint32_t file = 0;  // in the window
  std::uint64_t file_offset = 0;
  BlockId id;
};

RestoreWindow::RestoreWindow(FollowingBlocks& blocks,
                             const ManifestReader& manifest,
                             TreeWriter& tree,
                             Pool& pool,
                             Report report,
                             HasFailed has_failed)
    : blocks_(blocks),
      manifest_(manifest),
      tree_(tree),
      pool_(pool),
      report_(std::move(report)),
      has_failed_(std::move(has_failed)),
      parents_(tree.root()),
      trust_(blocks.repository().state(), Trust::proved),
      planned_at_(blocks.times_followed()) {}

RestoreWindow::~RestoreWindow() {
  discard_unfinished();
}

void RestoreWindow::expect(std::uint64_t files, std::uint64_t bytes) {
  files_total_ = files;
  bytes_total_ = bytes;
}

void RestoreWindow::count_right(const Entry& entry) {
  ++files_done_;
  bytes_right_ += entry.size;
  report_progress(entry.path);
}

// A file may need more blocks than a window takes: it then spans several.
void RestoreWindow::add_file(Entry entry, const Found& found) {
  auto file = std::make_unique<OpenFile>();
  const std::vector<ContentItem> items = std::exchange(entry.content, {});
  file->entry = std::move(entry);
  file->begun.spot = found.spot;
  file->begun.standing = found.standing;
  files_.push_back(std::move(file));
  const auto failure = failure_of([&] {
    std::uint64_t at = 0;
    manifest_.for_each_item(items, [&](const ContentItem& item) {
      if (item.type == ItemType::block && !files_.back()->has_failed) require(item, at);
      at += item.size;
      if (required_.size() >= window_blocks_max) run();
    });
    if (at != files_.back()->entry.size && !items.empty()) {
      throw Error(Code::corrupt, "its content does not add up to its size");
    }
  });
  if (failure) return give_up_planned(*failure);
  OpenFile& planned = *files_.back();
  planned.is_planned = true;
  if (planned.required_left == 0 && !planned.has_failed) {
    blockless_.push_back(static_cast<std::uint32_t>(files_.size() - 1));
  }
  if (required_.size() >= window_blocks_max || files_.size() >= window_files_max) run();
}

void RestoreWindow::add_link(Entry entry, Entry first, const Spot& spot) {
  links_.push_back({std::move(entry), std::move(first), spot});
  if (links_.size() >= window_files_max) run();
}

void RestoreWindow::add_directory() {
  if (tree_.left_count() >= window_directories_max) run();
}

// Any stored copy of the right size serves; a copy that a reader has vouched for comes first.
std::optional<BlockLocation> RestoreWindow::find(const BlockId& id, std::uint64_t size) {
  const BlockIndex::Reader& index = blocks_.reader().index();
  const auto serves = [&](const BlockLocation& copy) { return copy.size == size; };
  const auto trusted = find_trusted(index, trust_, tag_of(id), serves);
  return trusted ? trusted : find_trusted(index, TrustedNumbers(), tag_of(id), serves);
}

namespace {

Error is_in_no_pack(const BlockId& id) {
  return {Code::missing, concat("block ", hex(id), " is in no pack")};
}

}  // namespace

// Adds a block that the file being planned requires.
void RestoreWindow::require(const ContentItem& item, std::uint64_t file_offset) {
  const auto chosen = find(item.id, item.size);
  if (!chosen) throw is_in_no_pack(item.id);
  required_.push_back({.frame = {chosen->pack, chosen->frame},
                       .offset = chosen->offset,
                       .size = chosen->size,
                       .file = static_cast<std::uint32_t>(files_.size() - 1),
                       .file_offset = file_offset,
                       .id = item.id});
  ++files_.back()->required_left;
}

// The file being planned lacks a block: what was planned of it is not written.
void RestoreWindow::give_up_planned(const Error& error) {
  const auto position = static_cast<std::uint32_t>(files_.size() - 1);
  std::erase_if(required_, [&](const RequiredBlock& r) { return r.file == position; });
  OpenFile& planned = *files_.back();
  planned.is_planned = true;
  if (!planned.has_failed) fail(planned, error, parents_);
}

// Writes everything that the window holds, then its hard links; then nothing is put any more into
// the directories before the last one, which get their metadata.
void RestoreWindow::run() {
  write_all();
  make_links();
  tree_.finish_left(report_);
  clear();
}

// What an epoch's end has overtaken is found anew and written then; the journal is followed when no
// task runs.
void RestoreWindow::write_all() {
  if (blocks_.times_followed() != planned_at_) find_again();
  for (int tries = 1;; ++tries) {
    may_follow_ = tries < keep_up_tries;
    write_blocks();
    blockless_.clear();
    required_ = std::exchange(overtaken_, {});
    if (required_.empty()) return;
    blocks_.follow();
    find_again();
  }
}

// Where the blocks that are required lie by now.
void RestoreWindow::find_again() {
  planned_at_ = blocks_.times_followed();
  trust_ = TrustedNumbers(blocks_.repository().state(), Trust::proved);
  std::erase_if(required_, [&](RequiredBlock& required) {
    const auto chosen = find(required.id, required.size);
    if (chosen) {
      required.frame = {chosen->pack, chosen->frame};
      required.offset = chosen->offset;
      return false;
    }
    OpenFile& file = *files_[required.file];
    --file.required_left;
    if (!file.has_failed) fail(file, is_in_no_pack(required.id), parents_);
    return true;
  });
}

void RestoreWindow::write_blocks() {
  std::ranges::sort(required_, {}, [](const RequiredBlock& r) {
    return std::tuple(r.frame, r.file, r.file_offset);
  });
  const BlockIndex::Reader& index = blocks_.reader().index();
  TaskGroup tasks(pool_);
  for (std::size_t start = 0; start < blockless_.size(); start += small_files_a_task) {
    check_cancelled(blocks_.repository().observer());
    tasks.submit([this, start] { write_blockless(start); });
  }
  for (std::size_t start = 0; start < required_.size();) {
    check_cancelled(blocks_.repository().observer());
    std::size_t end = start;
    while (end < required_.size() && required_[end].frame == required_[start].frame) {
      ++end;
    }
    tasks.submit([this, start, end, plan = FrameReader::plan(index, required_[start].frame)] {
      write_frame(start, end, plan);
    });
    start = end;
  }
  tasks.finish();
}

void RestoreWindow::make_links() {
  for (const Link& link : links_) {
    const auto failure = failure_of([&] { make_link(link); });
    if (failure) report_(link.entry, *failure);
  }
}

void RestoreWindow::make_link(const Link& link) {
  if (has_failed_(link.entry.link_target)) {
    throw Error(Code::failed, concat("it is another name of ", link.entry.link_target,
                                     ", which is not there as it should be"));
  }
  const Found found = tree_.look(parents_, link.entry, link.spot);
  if (found.standing == Standing::other) tree_.prepare_replacing(found);
  if (found.standing != Standing::right) {
    tree_.make_hard_link(parents_, link.entry, found, link.first);
  }
  ++links_done_;
}

void RestoreWindow::clear() {
  required_.clear();
  blockless_.clear();
  links_.clear();
  // A file that is still being planned goes on in the next window.
  std::unique_ptr<OpenFile> unfinished;
  if (!files_.empty() && !files_.back()->is_planned) {
    unfinished = std::move(files_.back());
  }
  files_.clear();
  if (unfinished) files_.push_back(std::move(unfinished));
}

// What this restore has begun and will not finish is taken away again.
void RestoreWindow::discard_unfinished() noexcept {
  for (const std::unique_ptr<OpenFile>& file : files_) {
    if (file->is_begun && !file->is_done && !file->has_failed) {
      try {
        tree_.discard_file(parents_, file->entry, file->begun);
      } catch (...) {
        // Nothing more can be done about it here: the next restore clears it.
      }
    }
  }
}

void RestoreWindow::open(OpenFile& file, ParentCache& parents) {
  file.file = file.is_begun ? tree_.reopen_file(parents, file.entry, file.begun)
                            : tree_.begin_file(parents, file.entry, file.begun);
  file.is_begun = true;
  ++open_files_;
}

void RestoreWindow::close(OpenFile& file) {
  if (!file.file.is_open()) return;
  file.file.close();
  --open_files_;
}

// Writes files that require no block any more: empty, inline, all hole, or written in earlier
// windows.
void RestoreWindow::write_blockless(std::size_t start) {
  ParentCache parents(tree_.root());
  for (std::size_t i = start; i < std::min(blockless_.size(), start + small_files_a_task); ++i) {
    OpenFile& file = *files_[blockless_[i]];
    const auto failure = failure_of([&] {
      open(file, parents);
      if (file.entry.inline_content) file.file.write_at(0, *file.entry.inline_content);
      complete(file.file, file, parents);
    });
    if (failure) fail(file, *failure, parents);
    close(file);
  }
  report_progress("");
}

void RestoreWindow::write_frame(std::size_t start, std::size_t end, const FrameReader::Plan& plan) {
  ParentCache parents(tree_.root());
  const std::optional<Bytes> plain =
      value_of([&] { return blocks_.reader().frames().read(plan, thread_decompressor()); });
  ++frames_read_;
  std::optional<BlockReader> elsewhere;  // finds other copies once something is damaged here
  const auto find_elsewhere = [&](const BlockId& id) {
    if (!elsewhere) {
      elsewhere.emplace(blocks_.repository().journal(), blocks_.index(), blocks_.keys());
    }
    return elsewhere->get(id);
  };
  for (std::size_t i = start; i < end; ++i) {
    const RequiredBlock& required = required_[i];
    OpenFile& file = *files_[required.file];
    const std::lock_guard lock(file.mutex);
    const auto failure = failure_of([&] {
      if (file.has_failed) return;
      const std::optional<View> block = plain ? block_of(required, *plain) : std::nullopt;
      if (block) return write_block(file, required, *block, parents);
      write_block(file, required, find_elsewhere(required.id), parents);
    });
    if (failure && failure->code() == Code::conflict && may_follow_) {
      note_overtaken(required);
    } else {
      finish_block(file, failure, parents);
    }
  }
  report_progress(files_[required_[end - 1].file]->entry.path);
}

// The block is to be found anew.
void RestoreWindow::note_overtaken(const RequiredBlock& required) {
  const std::lock_guard lock(mutex_);
  overtaken_.push_back(required);
}

// The block was written, or could not be.
void RestoreWindow::finish_block(OpenFile& file,
                                 std::optional<Error> failure,
                                 ParentCache& parents) {
  --file.required_left;
  if (file.has_failed) return;
  if (!failure && file.required_left == 0 && file.is_planned) {
    failure = failure_of([&] { complete(file.file, file, parents); });
  }
  if (failure) fail(file, *failure, parents);
  if (file.required_left == 0) close(file);
}

// Nothing when the frame does not hold what the index says.
std::optional<View> RestoreWindow::block_of(const RequiredBlock& required, View plain) const {
  if (std::uint64_t{required.offset} + required.size > plain.size()) return std::nullopt;
  const View block = plain.subspan(required.offset, required.size);
  const bool is_it = hash_block(blocks_.keys().id_key(), block) == required.id;
  return is_it ? std::optional(block) : std::nullopt;
}

// `block` was checked against its id.
void RestoreWindow::write_block(OpenFile& file,
                                const RequiredBlock& required,
                                View block,
                                ParentCache& parents) {
  if (block.size() != required.size) {
    throw Error(Code::corrupt, concat("block ", hex(required.id), " has another size"));
  }
  if (!file.file.is_open()) open(file, parents);
  file.file.write_at(required.file_offset, block);
  bytes_written_ += block.size();
  if (open_files_ > open_files_max && file.required_left > 0) close(file);
}

// A file that cannot be whole is not left behind half.
void RestoreWindow::fail(OpenFile& file, const Error& error, ParentCache& parents) {
  file.has_failed = true;
  close(file);
  report_(file.entry, error);
  if (!file.is_begun || file.is_done) return;
  // It was reported; that it could not be removed either adds nothing.
  try_to([&] { tree_.discard_file(parents, file.entry, file.begun); });
}

void RestoreWindow::complete(const File& out, OpenFile& file, ParentCache& parents) {
  const Entry& entry = file.entry;
  if (out.size() != entry.size) out.set_size(entry.size);
  file.is_done = true;  // whatever comes: its partial name is gone
  tree_.finish_file(parents, out, entry, file.begun);
  ++files_done_;
  bytes_restored_ += entry.size;
}

void RestoreWindow::report_progress(const std::string& current) {
  blocks_.repository().observer().progress(
      {.files_done = files_done_,
       .files_total = files_total_,
       .bytes_done = bytes_right_ + std::max<std::uint64_t>(bytes_restored_, bytes_written_),
       .bytes_total = bytes_total_,
       .is_estimate = false,
       .current = current});
}

}  // namespace kist
