#include "engine/ops/restore/selected_entries.h"

#include <utility>
#include <vector>

namespace kist {

void SelectedEntries::for_each(ManifestReader::Order order,
                               const std::function<void(const Entry&)>& each) const {
  if (order == ManifestReader::Order::forward) {
    for_each_forward(each);
  } else {
    for_each_backward(each);
  }
}

void SelectedEntries::for_each_forward(const std::function<void(const Entry&)>& each) const {
  std::vector<Entry> withheld;  // directories that lead to where the next selected entry may be
  tree_.manifest().for_each(
      tree_.root(), path_, ManifestReader::Order::forward, [&](const Entry& entry) {
        check_cancelled(observer_);
        const bool is_directory = entry.type == EntryType::directory;
        const PathFilter::Match found = filter_.match_path(entry.path, is_directory);
        if (found.is_excluded) return true;
        std::erase_if(withheld, [&](const Entry& d) { return !is_within(entry.path, d.path); });
        if (!found.is_included) {
          if (is_directory) withheld.push_back(entry);
          return true;
        }
        for (const Entry& directory : std::exchange(withheld, {})) {
          each(directory);
        }
        each(entry);
        return true;
      });
}

void SelectedEntries::for_each_backward(const std::function<void(const Entry&)>& each) const {
  std::string last_selected;
  tree_.manifest().for_each(
      tree_.root(), path_, ManifestReader::Order::backward, [&](const Entry& entry) {
        check_cancelled(observer_);
        const bool is_directory = entry.type == EntryType::directory;
        const PathFilter::Match found = filter_.match_path(entry.path, is_directory);
        if (found.is_excluded) return true;
        const bool leads_on =
            is_directory && !last_selected.empty() && is_within(last_selected, entry.path);
        if (!found.is_included && !leads_on) return true;
        last_selected = entry.path;
        each(entry);
        return true;
      });
}

bool SelectedEntries::has(const std::string& path) const {
  if (!is_within(path, path_)) return false;
  if (filter_.empty()) return true;
  const PathFilter::Match found = filter_.match_path(path, false);
  return !found.is_excluded && found.is_included;
}

}  // namespace kist
