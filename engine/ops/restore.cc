#include "engine/ops/restore.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

#include "engine/base/pool.h"
#include "engine/crypto/hash.h"
#include "engine/format/manifest_tree.h"
#include "engine/repository/fetch.h"
#include "engine/repository/sync.h"
#include "engine/target/tree_writer.h"

namespace kist {

namespace {

// A window ends at whichever comes first.
constexpr std::size_t window_wanted_max = 128U << 10U;
constexpr std::size_t window_files_max = 8U << 10U;
constexpr std::size_t open_files_max = 256;
constexpr std::size_t small_files_a_task = 128;

// A file of the window. Guarded by its mutex from the first write to the last.
struct OpenFile {
  Entry entry;  // with the path in the target
  std::mutex mutex;
  File file;
  bool is_begun = false;
  bool has_failed = false;
  std::uint64_t wanted_left = 0;
};

// One block that a file of the window needs.
struct Wanted {
  FrameId frame;
  std::uint32_t offset = 0;  // in the frame
  std::uint32_t size = 0;
  std::uint32_t file = 0;  // in the window
  std::uint64_t file_offset = 0;
  BlockId id;
};

Decompressor& thread_decompressor() {
  thread_local Decompressor decompressor;
  return decompressor;
}

class Restorer {
 public:
  Restorer(Repository& repository, const RestoreOptions& options)
      : repository_(repository),
        options_(options),
        tree_(options.target, options.numeric_ids),
        parents_(tree_.root()),
        blocks_(repository),
        manifest_([this](const BlockId& id) { return blocks_.get(id); }),
        index_(repository.local->index()),
        frames_(repository),
        pool_(options.threads != 0 ? options.threads
                                   : std::max(1U, std::thread::hardware_concurrency())) {}

  RestoreResult run(const BlockId& root) {
    const std::optional<Entry> top = manifest_.lookup(root, options_.path);
    if (!top && !options_.path.empty()) {
      throw Error(Code::failed, concat("the snapshot has no /", options_.path));
    }
    // A directory's contents go into the target; anything else goes in under its own name.
    const bool is_directory = !top || top->type == EntryType::directory;
    prefix_ = is_directory ? options_.path : std::string(parent_path(options_.path));
    manifest_.for_each(root, options_.path, ManifestReader::Order::forward,
                       [&](const Entry& entry) { return plan(entry); });
    run_window();
    manifest_.for_each(root, options_.path, ManifestReader::Order::backward,
                       [&](const Entry& entry) { return finish_directory(entry); });
    return finish();
  }

 private:
  [[nodiscard]] std::string in_target(const std::string& path) const {
    if (prefix_.empty()) return path;
    return path.size() <= prefix_.size() ? std::string() : path.substr(prefix_.size() + 1);
  }

  void report(const Entry& entry, const Error& error) {
    ++problems_;
    if (error.code() == Code::corrupt || error.code() == Code::missing) ++damaged_;
    repository_.observer().problem(entry.path, error);
  }

  template <typename Work>
  void guarded(const Entry& entry, const Work& work) {
    try {
      work();
    } catch (const Error& error) {
      if (error.code() == Code::interrupted) throw;
      report(entry, error);
    }
  }

  bool plan(const Entry& original) {
    Entry entry = original;
    entry.path = in_target(original.path);
    guarded(entry, [&] {
      if (entry.xattrs_block) entry.xattrs = manifest_.xattrs(entry);
      plan_entry(std::move(entry));
    });
    if (wanted_.size() >= window_wanted_max || files_.size() >= window_files_max) run_window();
    return true;
  }

  void plan_entry(Entry entry) {
    switch (entry.type) {
      case EntryType::directory:
        tree_.make_directory(parents_, entry);
        ++result_.directories;
        return;
      case EntryType::file:
        plan_file(std::move(entry));
        return;
      case EntryType::hard_link:
        links_.push_back(std::move(entry));
        return;
      default:
        tree_.make_other(parents_, entry);
        ++result_.others;
        return;
    }
  }

  void plan_file(Entry entry) {
    auto file = std::make_unique<OpenFile>();
    const auto position = static_cast<std::uint32_t>(files_.size());
    std::uint64_t at = 0;
    std::vector<Wanted> wanted;
    manifest_.for_each_item(entry.content, [&](const ContentItem& item) {
      if (item.type == ItemType::block) {
        const std::optional<BlockLocation> found = index_.find(tag_of(item.id));
        if (!found) throw Error(Code::missing, concat("block ", hex(item.id), " is in no pack"));
        if (found->size != item.size) {
          throw Error(Code::corrupt, concat("block ", hex(item.id), " has a wrong size"));
        }
        wanted.push_back({.frame = {found->pack, found->frame},
                          .offset = found->offset,
                          .size = found->size,
                          .file = position,
                          .file_offset = at,
                          .id = item.id});
      }
      at += item.size;
    });
    entry.content.clear();
    file->entry = std::move(entry);
    file->wanted_left = wanted.size();
    if (wanted.empty()) small_.push_back(position);
    wanted_.insert(wanted_.end(), wanted.begin(), wanted.end());
    files_.push_back(std::move(file));
  }

  // Writes everything that the window holds, then its hard links.
  void run_window() {
    std::ranges::sort(wanted_, {},
                      [](const Wanted& w) { return std::tuple(w.frame, w.file, w.file_offset); });
    std::deque<std::future<void>> running;
    const auto submit = [&](auto work) {
      check_cancelled(repository_.observer());
      while (running.size() >= pool_.thread_count() + 2) {
        running.front().get();
        running.pop_front();
      }
      running.push_back(pool_.submit(std::move(work)));
    };
    try {
      for (std::size_t start = 0; start < small_.size(); start += small_files_a_task) {
        submit([this, start] { write_small(start); });
      }
      for (std::size_t start = 0; start < wanted_.size();) {
        std::size_t end = start;
        while (end < wanted_.size() && wanted_[end].frame == wanted_[start].frame) {
          ++end;
        }
        submit([this, start, end, plan = FrameReader::plan(index_, wanted_[start].frame)] {
          write_frame(start, end, plan);
        });
        start = end;
      }
      for (std::future<void>& task : running) {
        task.get();
      }
    } catch (...) {
      for (std::future<void>& task : running) {
        if (task.valid()) task.wait();
      }
      throw;
    }
    for (const Entry& link : links_) {
      guarded(link, [&] { make_link(link); });
    }
    wanted_.clear();
    small_.clear();
    files_.clear();
    links_.clear();
  }

  void make_link(const Entry& link) {
    Entry entry = link;
    if (!is_within(link.link_target, prefix_) || link.link_target == prefix_) {
      throw Error(Code::failed, concat("its first name, /", link.link_target,
                                       ", lies outside what is restored; restore that too"));
    }
    entry.link_target = in_target(link.link_target);
    tree_.make_hard_link(parents_, entry);
    ++result_.others;
  }

  // Files without blocks: empty, inline, or all hole.
  void write_small(std::size_t start) {
    ParentCache parents(tree_.root());
    for (std::size_t i = start; i < std::min(small_.size(), start + small_files_a_task); ++i) {
      OpenFile& file = *files_[small_[i]];
      guarded(file.entry, [&] {
        const File out = tree_.create_file(parents, file.entry);
        if (file.entry.inline_content) {
          out.write_at(0, *file.entry.inline_content);
        } else {
          out.set_size(file.entry.size);
        }
        complete(out, file.entry);
      });
    }
    tell_progress("");
  }

  void write_frame(std::size_t start, std::size_t end, const FrameReader::Plan& plan) {
    ParentCache parents(tree_.root());
    std::optional<Error> damage;
    Bytes plain;
    try {
      plain = frames_.read(plan, thread_decompressor());
    } catch (const Error& error) {
      damage = error;
    }
    ++frames_read_;
    for (std::size_t i = start; i < end; ++i) {
      OpenFile& file = *files_[wanted_[i].file];
      const std::lock_guard lock(file.mutex);
      if (!file.has_failed) {
        try {
          if (damage) throw Error(*damage);
          write_block(file, wanted_[i], plain, parents);
        } catch (const Error& error) {
          fail(file, error, parents);
        }
      }
      if (--file.wanted_left == 0 && !file.has_failed) {
        try {
          complete(file.file, file.entry);
        } catch (const Error& error) {
          fail(file, error, parents);
        }
      }
      if (file.wanted_left == 0) close(file);
    }
    tell_progress(files_[wanted_[end - 1].file]->entry.path);
  }

  void write_block(OpenFile& file, const Wanted& wanted, View plain, ParentCache& parents) {
    if (std::uint64_t{wanted.offset} + wanted.size > plain.size()) {
      throw Error(Code::corrupt, concat("block ", hex(wanted.id), " lies beyond its frame"));
    }
    const View block = plain.subspan(wanted.offset, wanted.size);
    check_block(repository_.keyring.secrets().id_key, wanted.id, block);
    if (!file.file.is_open()) {
      file.file = file.is_begun ? tree_.reopen_file(parents, file.entry)
                                : tree_.create_file(parents, file.entry);
      file.is_begun = true;
      ++open_files_;
    }
    file.file.write_at(wanted.file_offset, block);
    if (open_files_ > open_files_max && file.wanted_left > 1) close(file);
  }

  void close(OpenFile& file) {
    if (!file.file.is_open()) return;
    file.file.close();
    --open_files_;
  }

  // A file that cannot be whole is not left behind half.
  void fail(OpenFile& file, const Error& error, ParentCache& parents) {
    file.has_failed = true;
    close(file);
    report(file.entry, error);
    if (!file.is_begun) return;
    try {
      tree_.discard_file(parents, file.entry);
    } catch (const Error&) {
      // It was reported; that it could not be removed either adds nothing.
    }
  }

  void complete(const File& file, const Entry& entry) {
    if (file.size() != entry.size) file.set_size(entry.size);
    tree_.finish_file(file, entry);
    ++files_done_;
    bytes_done_ += entry.size;
  }

  void tell_progress(const std::string& current) {
    repository_.observer().progress({.files_done = files_done_,
                                     .files_total = 0,
                                     .bytes_done = bytes_done_,
                                     .bytes_total = 0,
                                     .current = current});
  }

  bool finish_directory(const Entry& original) {
    if (original.type != EntryType::directory) return true;
    Entry entry = original;
    entry.path = in_target(original.path);
    if (entry.path.empty() && !tree_.is_new()) return true;
    guarded(entry, [&] {
      if (entry.xattrs_block) entry.xattrs = manifest_.xattrs(entry);
      tree_.finish_directory(entry);
    });
    return true;
  }

  RestoreResult finish() {
    result_.files = files_done_;
    result_.bytes = bytes_done_;
    result_.problems = problems_;
    result_.damaged = damaged_;
    result_.frames_read = frames_read_;
    for (const auto& [kind, refused] : tree_.refused()) {
      result_.refused.push_back(concat(kind, ": not set on ", refused.count, " entries, the first ",
                                       refused.first_path, " (", refused.reason, ")"));
    }
    return result_;
  }

  Repository& repository_;
  const RestoreOptions& options_;
  TreeWriter tree_;
  ParentCache parents_;
  BlockReader blocks_;
  ManifestReader manifest_;
  BlockIndex::Reader index_;
  FrameReader frames_;
  std::string prefix_;
  std::vector<std::unique_ptr<OpenFile>> files_;
  std::vector<Wanted> wanted_;
  std::vector<std::uint32_t> small_;
  std::vector<Entry> links_;
  std::atomic<std::uint64_t> files_done_{0};
  std::atomic<std::uint64_t> bytes_done_{0};
  std::atomic<std::uint64_t> problems_{0};
  std::atomic<std::uint64_t> damaged_{0};
  std::atomic<std::uint64_t> frames_read_{0};
  std::atomic<std::size_t> open_files_{0};
  RestoreResult result_;
  Pool pool_;  // last: its tasks end before the rest goes
};

}  // namespace

RestoreResult restore(Repository& repository, const RestoreOptions& options) {
  require_capability(repository, can_read);
  const auto snapshot = repository.state().snapshots.find(options.snapshot);
  if (snapshot == repository.state().snapshots.end()) {
    throw Error(Code::failed, "there is no such snapshot");
  }
  sync_index(repository);
  const SnapshotBody body = get_body(repository, snapshot->second);
  return Restorer(repository, options).run(body.root);
}

}  // namespace kist
