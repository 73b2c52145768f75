// The writing side of a restore: files are planned until a window is full, then each frame that any
// of them needs is opened once, and the files are written in parallel. Memory is that of a window,
// whatever the size of the snapshot.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/base/pinned.h"
#include "engine/base/pool.h"
#include "engine/blocks/trusted_copy.h"
#include "engine/destination/tree_writer.h"
#include "engine/format/manifest_tree.h"
#include "engine/repository/following_blocks.h"

namespace kist {

class RestoreWindow : private Pinned {
 public:
  // `report` hears of each entry that cannot be made, from any thread; the rest goes on.
  using Report = std::function<void(const Entry&, const Error&)>;
  // Whether the entry at a path of the target was reported.
  using HasFailed = std::function<bool(const std::string&)>;

  RestoreWindow(FollowingBlocks& blocks,
                const ManifestReader& manifest,
                TreeWriter& tree,
                Pool& pool,
                Report report,
                HasFailed has_failed);
  ~RestoreWindow();

  // A file to be written; its path is that in the target. A full window is written at once.
  void add_file(Entry entry, const Found& found);
  // A further name of the file whose own entry is `first`, made when the files before it are
  // written.
  void add_link(Entry entry, Entry first, const Spot& spot);
  // A directory was made. Its metadata is set when all that belongs in it is written.
  void add_directory();
  // Writes what is planned.
  void run();

  // Totals of the restore, for the progress line.
  void expect(std::uint64_t files, std::uint64_t bytes);

  [[nodiscard]] std::uint64_t files_done() const { return files_done_; }

  [[nodiscard]] std::uint64_t bytes_done() const { return bytes_right_ + bytes_restored_; }

  [[nodiscard]] std::uint64_t links_done() const { return links_done_; }

  [[nodiscard]] std::uint64_t frames_read() const { return frames_read_; }

  // A file that was right already counts as done.
  void count_right(const Entry& entry);

 private:
  struct OpenFile;
  struct RequiredBlock;

  struct Link {
    Entry entry;
    Entry first;  // without its content
    Spot spot;
  };

  void require(const ContentItem& item, std::uint64_t file_offset);
  [[nodiscard]] std::optional<BlockLocation> find(const BlockId& id, std::uint64_t size);
  void give_up_planned(const Error& error);
  void write_all();
  void write_blocks();
  void find_again();
  void write_blockless(std::size_t start);
  void write_frame(std::size_t start, std::size_t end, const FrameReader::Plan& plan);
  void note_overtaken(const RequiredBlock& required);
  void finish_block(OpenFile& file, std::optional<Error> failure, ParentCache& parents);
  void write_block(OpenFile& file, const RequiredBlock& required, View block, ParentCache& parents);
  [[nodiscard]] std::optional<View> block_of(const RequiredBlock& required, View plain) const;
  void open(OpenFile& file, ParentCache& parents);
  void close(OpenFile& file);
  void fail(OpenFile& file, const Error& error, ParentCache& parents);
  void complete(const File& out, OpenFile& file, ParentCache& parents);
  void make_links();
  void make_link(const Link& link);
  void discard_unfinished() noexcept;
  void clear();
  void report_progress(const std::string& current);

  FollowingBlocks& blocks_;
  const ManifestReader& manifest_;
  TreeWriter& tree_;
  Pool& pool_;
  Report report_;
  HasFailed has_failed_;
  ParentCache parents_;
  TrustedNumbers trust_;
  std::uint64_t planned_at_ = 0;  // blocks_.times_followed()
  std::vector<std::unique_ptr<OpenFile>> files_;
  std::vector<RequiredBlock> required_;
  std::mutex mutex_;
  std::vector<RequiredBlock> overtaken_;  // that have to be found anew
  bool may_follow_ = true;                // it was not tried too often yet
  std::vector<std::uint32_t> blockless_;  // files, by their place, that require no block any more
  std::vector<Link> links_;
  std::uint64_t files_total_ = 0;
  std::uint64_t bytes_total_ = 0;
  std::atomic<std::uint64_t> files_done_{0};
  std::atomic<std::uint64_t> bytes_right_{0};     // of files that were right already
  std::atomic<std::uint64_t> bytes_restored_{0};  // of files that are whole now
  std::atomic<std::uint64_t> bytes_written_{0};
  std::uint64_t links_done_ = 0;
  std::atomic<std::uint64_t> frames_read_{0};
  std::atomic<std::size_t> open_files_{0};
};

}  // namespace kist
