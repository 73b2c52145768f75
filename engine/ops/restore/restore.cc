#include "engine/ops/restore/restore.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "engine/base/attempt.h"
#include "engine/base/disk/file.h"
#include "engine/base/pool.h"
#include "engine/blocks/block_reader.h"
#include "engine/blocks/snapshot_opener.h"
#include "engine/format/manifest_tree.h"
#include "engine/ops/restore/extraneous.h"
#include "engine/ops/restore/file_comparison.h"
#include "engine/ops/restore/restore_window.h"
#include "engine/ops/restore/selected_entries.h"
#include "engine/repository/snapshot_tree.h"

namespace kist {

namespace {

// What a file takes beyond its content, for the estimate of the room that is needed.
constexpr std::uint64_t entry_room_bytes = 4096;

struct Totals {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;  // as files show them
  std::uint64_t room = 0;   // on disk, holes left out
};

// What a snapshot lacks that was forgotten and collected since the restore has begun is no damage.
Error judge(const Repository& repository, const SnapshotId& id, const Error& error) {
  const auto snapshot = repository.state().snapshots.find(id);
  const bool has_ended = !snapshot || snapshot->has_ended();
  if (!is_damage(error) || !has_ended) return error;
  return {Code::failed, "the snapshot was forgotten, and its space given back, meanwhile"};
}

class Restorer {
 public:
  Restorer(Repository& repository, const RestoreOptions& options, const SnapshotTree& tree)
      : repository_(repository),
        options_(options),
        body_(tree.body()),
        root_(tree.root()),
        keys_(repository.read_keys()),
        blocks_(tree.blocks()),
        manifest_(tree.manifest()),
        selected_(repository.observer(), tree, options.path, options.filter),
        prefix_(resolve_prefix()),
        real_target_(real_path(options.target) == "/" ? "" : real_path(options.target)),
        pool_(options.threads != 0 ? options.threads
                                   : std::max(1U, std::thread::hardware_concurrency())) {}

  RestoreResult run() {
    if (options_.is_dry_run) return preview();
    const Totals totals = count();
    TreeWriter tree(options_.target, options_.tree, repository_.services().random);
    require_room(tree, totals);
    write(tree, totals);
    if (options_.deletes) delete_extraneous(tree);
    tree.finish_root([this](const Entry& entry, const Error& error) { report(entry, error); });
    if (has_flags_) finish_flags(tree);
    if (options_.verifies) verify(tree);
    tree.finish();
    return finish(tree);
  }

 private:
  // A directory's contents go into the target; anything else goes in under its own name.
  std::string resolve_prefix() {
    const std::optional<Entry> top = manifest_.lookup(root_, options_.path);
    if (!top && !options_.path.empty()) {
      throw Error(Code::failed,
                  concat("the snapshot has no /", options_.path, "; kist ls shows what it has"));
    }
    const bool is_directory = !top || top->type == EntryType::directory;
    return is_directory ? options_.path : std::string(parent_path(options_.path));
  }

  [[nodiscard]] std::string in_target(const std::string& path) const {
    if (prefix_.empty()) return path;
    return path.size() <= prefix_.size() ? std::string() : path.substr(prefix_.size() + 1);
  }

  void report(const Entry& entry, const Error& error) {
    const std::lock_guard lock(mutex_);
    ++result_.problems;
    if (error.code() == Code::corrupt || error.code() == Code::missing) ++result_.damaged;
    failed_.insert(entry.path);
    repository_.observer().problem(entry.path, error);
  }

  // The same of what was read from the repository.
  void report_unread(const Entry& entry, const Error& error) {
    report(entry, judge(repository_, options_.snapshot, error));
  }

  [[nodiscard]] bool has_failed(const std::string& path) {
    const std::lock_guard lock(mutex_);
    return failed_.contains(path);
  }

  template <typename Work>
  void attempt(const Entry& entry, const Work& work) {
    if (const auto failure = failure_of(work)) report_unread(entry, *failure);
  }

  // The room that a file takes at most; holes within content nodes are not looked for.
  static std::uint64_t room_of(const Entry& entry) {
    std::uint64_t room = entry_room_bytes;
    for (const ContentItem& item : entry.content) {
      if (item.type != ItemType::hole) room += item.size;
    }
    return room;
  }

  Totals count() {
    Totals out;
    selected_.for_each(ManifestReader::Order::forward, [&](const Entry& entry) {
      if (entry.type != EntryType::file) return;
      ++out.files;
      out.bytes += entry.size;
      // A hostile manifest may claim more than can be counted.
      out.room = std::min(out.room + room_of(entry), std::uint64_t{INT64_MAX});
    });
    return out;
  }

  // Refuses a restore that does not fit before anything is written. Entries that are right already
  // need no room, and content nodes may hold holes: both are looked at only when the simple sum
  // does not fit.
  void require_room(TreeWriter& tree, const Totals& totals) {
    const std::uint64_t free = tree.root().free_bytes();
    if (totals.room <= free) return;
    std::uint64_t needed = 0;
    ParentCache parents(tree.root());
    const auto need = [&](std::uint64_t bytes) {
      needed += bytes;
      if (needed <= free) return;
      throw Error(Code::failed,
                  concat("the target has room for ", free, " bytes and the restore needs up to ",
                         totals.room,
                         "; nothing was written: free some, restore less, or choose another "
                         "target"));
    };
    selected_.for_each(ManifestReader::Order::forward, [&](const Entry& entry) {
      if (entry.type != EntryType::file || is_there(tree, parents, entry)) return;
      need(entry_room_bytes);
      manifest_.for_each_item(entry.content, [&](const ContentItem& item) {
        check_cancelled(repository_.observer());
        if (item.type == ItemType::block) need(item.size);
      });
    });
  }

  bool is_there(TreeWriter& tree, ParentCache& parents, const Entry& original) {
    Entry entry = original;
    entry.path = in_target(original.path);
    return standing_of(tree, parents, entry) == Standing::right;
  }

  // By a look alone: nothing has been written yet.
  static Standing standing_of(TreeWriter& tree, ParentCache& parents, const Entry& entry) {
    const std::optional<Standing> standing =
        value_of([&] { return tree.look(parents, entry, tree.spot_of(parents, entry)).standing; });
    return standing.value_or(Standing::absent);  // nothing: no directory leads there yet
  }

  // An entry as it will stand in the target; of a hard link, also what it is another name of.
  struct Prepared {
    Entry entry;
    std::optional<Entry> first;
  };

  // A hard link whose first name is not selected becomes the file itself; later links to that file
  // then name this path.
  Prepared prepare(const Entry& original) {
    Prepared out{original, std::nullopt};
    Entry& entry = out.entry;
    if (original.type == EntryType::hard_link) {
      std::optional<Entry> first = manifest_.lookup(root_, original.link_target);
      if (!first || first->type == EntryType::hard_link) {
        throw Error(Code::missing, "what it is another name of is not there");
      }
      std::string first_path = original.link_target;
      bool is_first = false;
      if (!selected_.has(original.link_target)) {
        const auto [adopted, is_new] = adopted_.try_emplace(original.link_target, original.path);
        first_path = adopted->second;
        is_first = is_new;
      }
      if (is_first) {
        entry = std::move(*first);
      } else {
        entry.link_target = in_target(first_path);
        first->content.clear();
        out.first = std::move(first);
      }
    }
    entry.path = in_target(original.path);
    if (entry.xattrs_block) entry.xattrs = manifest_.xattrs(entry);
    return out;
  }

  void write(TreeWriter& tree, const Totals& totals) {
    ParentCache parents(tree.root());
    RestoreWindow window(
        blocks_, manifest_, tree, pool_,
        [this](const Entry& entry, const Error& error) { report_unread(entry, error); },
        [this](const std::string& path) { return has_failed(path); });
    window.expect(totals.files, totals.bytes);
    selected_.for_each(ManifestReader::Order::forward, [&](const Entry& original) {
      Entry label;
      label.path = in_target(original.path);
      label.flags = original.flags;
      attempt(label, [&] { place(tree, parents, window, prepare(original)); });
    });
    tree.leave_all();
    window.run();
    result_.files = window.files_done();
    result_.bytes = window.bytes_done();
    result_.others += window.links_done();
    result_.frames_read = window.frames_read();
  }

  void place(TreeWriter& tree, ParentCache& parents, RestoreWindow& window, Prepared prepared) {
    Entry& entry = prepared.entry;
    if ((entry.flags & flag_torn) != 0) ++result_.torn;
    has_flags_ |= (entry.flags & inode_flags) != 0;
    const Spot spot = tree.spot_of(parents, entry);
    if (prepared.first) {
      window.add_link(std::move(entry), std::move(*prepared.first), spot);
      return;
    }
    Found found{.standing = Standing::right, .inode = std::nullopt, .spot = spot};
    if (!entry.path.empty()) found = tree.look(parents, entry, spot);
    if (entry.type == EntryType::directory) {
      const bool is_taken = tree.make_directory(parents, entry, found);
      if (!is_taken && (entry.flags & inode_flags) != 0) kept_.insert(entry.path);
      ++result_.directories;
      count_change(found.standing, entry);
      window.add_directory();
      return;
    }
    if (found.standing == Standing::right) {
      tree.adopt(found, entry);
      count_right(window, entry);
      return;
    }
    if (found.standing == Standing::other) tree.prepare_replacing(found);
    count_change(found.standing, entry);
    if (entry.type == EntryType::file) {
      window.add_file(std::move(entry), found);
    } else {
      tree.make_other(parents, entry, found);
      ++result_.others;
    }
  }

  void count_change(Standing standing, const Entry& entry) {
    if (standing == Standing::other) ++result_.replaced;
    if (standing == Standing::absent) record(RestoreAction::create, entry.path);
    if (standing == Standing::other) record(RestoreAction::replace, entry.path);
  }

  void count_right(RestoreWindow& window, const Entry& entry) {
    // Left as it is: flags that it has not are not set either.
    const bool is_flagged = (entry.flags & inode_flags) != 0;
    if (is_flagged && options_.tree.overwrite == Overwrite::never) kept_.insert(entry.path);
    if (entry.type != EntryType::file) {
      ++result_.others;
      return;
    }
    ++result_.files_unchanged;
    window.count_right(entry);
  }

  // What would be done, without doing it.
  RestoreResult preview() {
    std::optional<TreeWriter> tree;
    if (path_exists(options_.target)) {
      TargetOptions look_only = options_.tree;
      look_only.is_dry_run = true;
      tree.emplace(options_.target, look_only, repository_.services().random);
    }
    std::optional<ParentCache> parents;
    if (tree) parents.emplace(tree->root());
    selected_.for_each(ManifestReader::Order::forward, [&](const Entry& original) {
      const Entry entry = prepare(original).entry;
      if (entry.path.empty()) return;
      const Standing standing = tree ? standing_of(*tree, *parents, entry) : Standing::absent;
      if (entry.type == EntryType::file) ++result_.files;
      if (entry.type == EntryType::file && standing == Standing::right) ++result_.files_unchanged;
      if (standing == Standing::other && options_.tree.overwrite == Overwrite::never) {
        ++result_.problems;  // it would be left alone, and named
        return;
      }
      count_change(standing, entry);
    });
    if (options_.deletes && tree) {
      for_each_extraneous(*tree, [&](const std::string& path, const InodeId& /*directory*/) {
        ++result_.deleted;
        record(RestoreAction::remove, path);
      });
    }
    return result_;
  }

  void record(RestoreAction action, const std::string& path) const {
    if (options_.on_change) options_.on_change(action, path);
  }

  // Whether the snapshot cannot tell if the path existed: its backup could not read it, the filter
  // leaves it out, or it lies beside the paths that were backed up.
  [[nodiscard]] bool is_unknown(const std::string& path_in_target) const {
    const std::string path = join_path(prefix_, path_in_target);
    const bool is_problem = std::ranges::any_of(body_.problems, [&](const SnapshotProblem& p) {
      return is_within(path, p.path) || is_within(p.path, path);
    });
    const std::string here = concat(real_target_, "/", path_in_target);
    const bool is_protected = std::ranges::any_of(options_.protects, [&](const std::string& p) {
      return is_within(here, p) || is_within(p, here);
    });
    if (is_problem || is_protected || is_partial_name(base_name(path))) return true;
    return !options_.filter.empty() && (options_.filter.match_path(path, false).is_excluded ||
                                        options_.filter.match_path(path, true).is_excluded);
  }

  [[nodiscard]] bool is_whole(const std::string& path) const {
    return std::ranges::any_of(
        body_.paths, [&](const std::string& root) { return is_within(path, root.substr(1)); });
  }

  void for_each_extraneous(TreeWriter& tree, const Extraneous::Each& each) {
    Extraneous extraneous(tree.root(), options_.tree.names_bytes_max,
                          [&](const std::string& path, const InodeId& directory) {
                            if (!is_unknown(path)) each(path, directory);
                          });
    manifest_.for_each(root_, options_.path, ManifestReader::Order::forward,
                       [&](const Entry& original) {
                         check_cancelled(repository_.observer());
                         Entry entry;
                         entry.type = original.type;
                         entry.path = in_target(original.path);
                         extraneous.add(entry, is_whole(original.path));
                         return true;
                       });
    extraneous.finish();
  }

  // Only after everything else went well: what is missing in the target may be all that is left of
  // what a damaged snapshot cannot give back.
  void delete_extraneous(TreeWriter& tree) {
    if (result_.problems > 0) {
      repository_.observer().notice("nothing was deleted, because not all could be restored");
      return;
    }
    for_each_extraneous(tree, [&](const std::string& path, const InodeId& directory) {
      Entry label;
      label.path = path;
      attempt(label, [&] {
        std::vector<std::string> removed;
        tree.remove_all(
            path, directory, [&](const std::string& p) { return is_unknown(p); }, removed);
        for (const std::string& gone : removed) {
          ++result_.deleted;
          record(RestoreAction::remove, gone);
        }
      });
    });
  }

  // Now that nothing is written or linked any more: from the deepest directory up.
  void finish_flags(TreeWriter& tree) {
    ParentCache parents(tree.root());
    selected_.for_each(ManifestReader::Order::backward, [&](const Entry& original) {
      if ((original.flags & inode_flags) == 0) return;
      Entry entry = original;
      entry.path = in_target(original.path);
      if (has_failed(entry.path) || kept_.contains(entry.path)) return;
      attempt(entry, [&] { tree.finish_flags(parents, entry); });
    });
  }

  // Every file again, block by block against what the manifest says.
  void verify(TreeWriter& tree) {
    TaskGroup tasks(pool_);
    selected_.for_each(ManifestReader::Order::forward, [&](const Entry& original) {
      Entry entry = original;
      entry.path = in_target(original.path);
      if (original.type != EntryType::file || has_failed(entry.path)) return;
      std::vector<ContentItem> items;
      attempt(entry, [&] {
        manifest_.for_each_item(original.content,
                                [&](const ContentItem& item) { items.push_back(item); });
      });
      tasks.submit([this, &tree, entry, items = std::move(items)] {
        const auto difference =
            failure_of([&] { compare_file(keys_.id_key(), tree.root(), entry, items); });
        if (difference) return report(entry, *difference);
        ++verified_;
      });
    });
    tasks.finish();
    result_.verified = verified_;
  }

  RestoreResult finish(const TreeWriter& tree) {
    for (const auto& [kind, refused] : tree.refused()) {
      result_.refused.push_back(concat(kind, ": not set on ", refused.count, " entries, the first ",
                                       refused.first_path, " (", refused.reason, ")"));
    }
    if (tree.left_alone().count > 0) {
      result_.refused.push_back(concat(
          "owner, attributes, mode and times: left as they were on ", tree.left_alone().count,
          " directories that existed, the first ", tree.left_alone().first_path));
    }
    return result_;
  }

  Repository& repository_;
  const RestoreOptions& options_;
  const SnapshotBody& body_;
  const BlockId root_;
  const ReadKeys keys_;
  FollowingBlocks& blocks_;
  const ManifestReader& manifest_;
  const SelectedEntries selected_;
  const std::string prefix_;
  const std::string real_target_;
  std::map<std::string, std::string> adopted_;  // first name → the name it is restored under
  std::mutex mutex_;
  bool has_flags_ = false;        // some entry has inode flags
  std::set<std::string> kept_;    // what has flags and is left as it is
  std::set<std::string> failed_;  // paths in the target that are not there as they should be
  std::atomic<std::uint64_t> verified_{0};
  RestoreResult result_;
  Pool pool_;  // last: its tasks end before the rest goes
};

// Deleting what a snapshot does not have asks for a snapshot that says what it does not have.
void require_deletable(Repository& repository,
                       const RestoreOptions& options,
                       const SnapshotState& snapshot,
                       const SnapshotBody& body) {
  if (options.filter.has_includes()) {
    throw Error(Code::invalid,
                "--delete with --include would delete all that is not included; use --exclude");
  }
  if (body.is_selective && !options.deletes_excluded) {
    throw Error(Code::refused,
                "the backup left files out by its options, and --delete would take them; "
                "--delete-excluded says that this is meant");
  }
  if (snapshot.taken.is_pending) {
    throw Error(Code::refused, "the snapshot is not complete: --delete would take what it lacks");
  }
  if (get_reference_set(repository.journal(), snapshot).statistics.problems >
      body.problems.size()) {
    throw Error(Code::refused,
                "the snapshot lacks more paths than it can name: --delete would take them");
  }
}

}  // namespace

RestoreResult restore(Repository& repository, const RestoreOptions& options) {
  repository.require(can_read);
  const auto snapshot = repository.state().snapshots.find(options.snapshot);
  if (!snapshot) {
    throw Error(Code::failed, "there is no such snapshot");
  }
  repository.blocks().complete_index();
  RestoreResult out;
  const auto failure = failure_of([&] {
    const SnapshotTree tree(repository, *snapshot);
    if (options.deletes) require_deletable(repository, options, *snapshot, tree.body());
    out = Restorer(repository, options, tree).run();
  });
  if (failure) throw Error(judge(repository, options.snapshot, *failure));
  return out;
}

}  // namespace kist
