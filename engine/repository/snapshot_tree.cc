#include "engine/repository/snapshot_tree.h"

#include <algorithm>

#include "engine/base/attempt.h"
#include "engine/blocks/snapshot_opener.h"

namespace kist {

namespace {

constexpr std::uint64_t zeros_bytes = 1U << 20U;

[[noreturn]] void refuse_absent(const std::string& path) {
  throw Error(Code::failed, concat("the snapshot has no /", path, "; kist ls shows what it has"));
}

}  // namespace

SnapshotTree::SnapshotTree(const Repository& repository, const SnapshotState& snapshot)
    : SnapshotTree(std::make_shared<Readers>(repository), snapshot) {}

SnapshotTree::SnapshotTree(std::shared_ptr<Readers> readers, const SnapshotState& snapshot)
    : readers_(std::move(readers)) {
  FollowingBlocks& blocks = readers_->blocks;
  keep_up([&] { blocks.follow(); },
          [&] { body_ = get_body(blocks.repository().journal(), blocks.keys(), snapshot); });
}

SnapshotTree SnapshotTree::beside(const SnapshotState& snapshot) const {
  return {readers_, snapshot};
}

Entry SnapshotTree::at(const std::string& path) const {
  std::optional<Entry> entry = manifest().lookup(root(), path);
  if (entry && entry->type == EntryType::hard_link) {
    entry = manifest().lookup(root(), entry->link_target);
  }
  if (!entry) refuse_absent(path);
  return std::move(*entry);
}

void SnapshotTree::list(const std::string& path,
                        Depth depth,
                        const std::function<void(const Entry&)>& each) const {
  bool found = false;
  manifest().for_each(root(), path, ManifestReader::Order::forward, [&](const Entry& entry) {
    check_cancelled(blocks().repository().observer());
    found = true;
    const bool is_near = entry.path == path || parent_path(entry.path) == path;
    if (depth == Depth::all || is_near) each(entry);
    return true;
  });
  if (!found) refuse_absent(path);
}

void SnapshotTree::read(const Entry& file, const std::function<void(View)>& each) const {
  if (file.inline_content) each(*file.inline_content);
  manifest().for_each_item(file.content, [&](const ContentItem& item) {
    check_cancelled(blocks().repository().observer());
    if (item.type == ItemType::block) {
      each(blocks().get(item.id));
      return;
    }
    const Bytes zeros(std::min<std::uint64_t>(item.size, zeros_bytes));
    for (std::uint64_t left = item.size; left > 0;) {
      const std::uint64_t size = std::min<std::uint64_t>(left, zeros.size());
      each(View(zeros).first(size));
      left -= size;
    }
  });
}

}  // namespace kist
