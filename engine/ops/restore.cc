#include "engine/ops/restore.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <future>
#include <map>
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
  bool is_planned = false;  // all its blocks are in wanted_left
  bool is_begun = false;
  bool is_done = false;
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
        trust_(repository.state()),
        pool_(options.threads != 0 ? options.threads
                                   : std::max(1U, std::thread::hardware_concurrency())) {}

  RestoreResult run(const BlockId& root) {
    root_ = root;
    const std::optional<Entry> top = manifest_.lookup(root, options_.path);
    if (!top && !options_.path.empty()) {
      throw Error(Code::failed,
                  concat("the snapshot has no /", options_.path, "; kist ls shows what it has"));
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

  // The entry as it will stand in the target. A further name of something that is not restored
  // under its first name becomes that thing itself.
  Entry prepare(const Entry& original) {
    Entry entry = original;
    if (original.type == EntryType::hard_link && !is_within(original.link_target, options_.path)) {
      const auto [adopted, is_first] = adopted_.try_emplace(original.link_target, original.path);
      if (is_first) {
        const std::optional<Entry> first = manifest_.lookup(root_, original.link_target);
        if (!first) throw Error(Code::missing, "what it is another name of is not there");
        entry = *first;
      } else {
        entry.link_target = in_target(adopted->second);
      }
    } else if (original.type == EntryType::hard_link) {
      entry.link_target = in_target(original.link_target);
    }
    entry.path = in_target(original.path);
    if (entry.xattrs_block) entry.xattrs = manifest_.xattrs(entry);
    return entry;
  }

  bool plan(const Entry& original) {
    Entry label;
    label.path = in_target(original.path);
    guarded(label, [&] { plan_entry(prepare(original)); });
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

  // A file may need more blocks than a window takes: it then spans several.
  void plan_file(Entry entry) {
    auto file = std::make_unique<OpenFile>();
    const std::vector<ContentItem> items = std::exchange(entry.content, {});
    file->entry = std::move(entry);
    files_.push_back(std::move(file));
    try {
      std::uint64_t at = 0;
      manifest_.for_each_item(items, [&](const ContentItem& item) {
        if (item.type == ItemType::block) want(item, at);
        at += item.size;
        if (wanted_.size() >= window_wanted_max) run_window();
      });
    } catch (const Error& error) {
      if (error.code() == Code::interrupted) throw;
      give_up_planned(error);
      return;
    }
    OpenFile& planned = *files_.back();
    planned.is_planned = true;
    if (planned.wanted_left == 0 && !planned.has_failed) {
      unwanted_.push_back(static_cast<std::uint32_t>(files_.size() - 1));
    }
  }

  // The file being planned needs this block. Any stored copy of the right size serves; one that a
  // reader has vouched for comes first.
  void want(const ContentItem& item, std::uint64_t file_offset) {
    std::optional<BlockLocation> chosen;
    index_.for_each_copy(tag_of(item.id), [&](const BlockLocation& copy) {
      if (copy.size != item.size) return true;
      const bool is_trusted = trust_.is_proved(copy.number);
      if (!chosen || is_trusted) chosen = copy;
      return !is_trusted;
    });
    if (!chosen) throw Error(Code::missing, concat("block ", hex(item.id), " is in no pack"));
    wanted_.push_back({.frame = {chosen->pack, chosen->frame},
                       .offset = chosen->offset,
                       .size = chosen->size,
                       .file = static_cast<std::uint32_t>(files_.size() - 1),
                       .file_offset = file_offset,
                       .id = item.id});
    ++files_.back()->wanted_left;
  }

  // The file being planned lacks a block: what was planned of it is not written.
  void give_up_planned(const Error& error) {
    const auto position = static_cast<std::uint32_t>(files_.size() - 1);
    std::erase_if(wanted_, [&](const Wanted& w) { return w.file == position; });
    fail(*files_.back(), error, parents_);
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
      for (std::size_t start = 0; start < unwanted_.size(); start += small_files_a_task) {
        submit([this, start] { write_unwanted(start); });
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
      discard_unfinished();
      throw;
    }
    for (const Entry& link : links_) {
      guarded(link, [&] {
        tree_.make_hard_link(parents_, link);
        ++result_.others;
      });
    }
    wanted_.clear();
    unwanted_.clear();
    links_.clear();
    // A file that is still being planned goes on in the next window.
    std::unique_ptr<OpenFile> unfinished;
    if (!files_.empty() && !files_.back()->is_planned && !files_.back()->has_failed) {
      unfinished = std::move(files_.back());
    }
    files_.clear();
    if (unfinished) files_.push_back(std::move(unfinished));
  }

  // What this restore has begun and will not finish is taken away again.
  void discard_unfinished() {
    for (const std::unique_ptr<OpenFile>& file : files_) {
      if (file->is_begun && !file->is_done && !file->has_failed) {
        try {
          tree_.discard_file(parents_, file->entry);
        } catch (const Error&) {
          // Nothing more can be done about it here.
        }
      }
    }
  }

  // Files that need no block any more: empty, inline, all hole, or written in earlier windows.
  void write_unwanted(std::size_t start) {
    ParentCache parents(tree_.root());
    for (std::size_t i = start; i < std::min(unwanted_.size(), start + small_files_a_task); ++i) {
      OpenFile& file = *files_[unwanted_[i]];
      guarded(file.entry, [&] {
        const File out = file.is_begun ? tree_.reopen_file(parents, file.entry)
                                       : tree_.create_file(parents, file.entry);
        file.is_begun = true;
        if (file.entry.inline_content) out.write_at(0, *file.entry.inline_content);
        complete(out, file);
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
      if (--file.wanted_left == 0 && file.is_planned && !file.has_failed) {
        try {
          complete(file.file, file);
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

  void complete(const File& out, OpenFile& file) {
    const Entry& entry = file.entry;
    if (out.size() != entry.size) out.set_size(entry.size);
    tree_.finish_file(out, entry);
    file.is_done = true;
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
    if (!tree_.was_made(entry.path)) return true;
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
    if (!tree_.found().empty()) {
      result_.refused.push_back(
          concat("owner, attributes, mode and times: left as they were on ", tree_.found().size(),
                 " directories that existed, the first ", *tree_.found().begin()));
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
  ProvedNumbers trust_;
  BlockId root_;
  std::string prefix_;
  std::map<std::string, std::string> adopted_;  // first name → the name it is restored under
  std::vector<std::unique_ptr<OpenFile>> files_;
  std::vector<Wanted> wanted_;
  std::vector<std::uint32_t> unwanted_;
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
