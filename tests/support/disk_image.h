// What a disk still holds of a directory's files, also of those that were removed: each is kept by
// a hard link, so that it can be read afterwards as whoever images the disk would find it. A file
// that was overwritten before it was removed shows what was written over it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <system_error>
#include <vector>

#include "engine/base/pinned.h"
#include "tests/support/tree_fixture.h"

namespace kist::test {

class DiskImage : private Pinned {
 public:
  // Files by their path below the directory, as they are named at one moment.
  using Moment = std::map<std::string, std::string>;  // path → the link that keeps the file

  // The directory lies in the same file system as the temporary ones.
  explicit DiskImage(std::string directory) : directory_(std::move(directory)) {}

  ~DiskImage() = default;

  // Keeps all files that are there now. Any thread may call it, while others make and remove files.
  Moment look() {
    namespace fs = std::filesystem;
    const std::lock_guard lock(mutex_);
    Moment out;
    std::error_code error;
    for (auto entry = fs::recursive_directory_iterator(directory_, error);
         entry != fs::recursive_directory_iterator(); entry.increment(error)) {
      if (error) break;  // a directory was removed meanwhile
      const fs::path path = entry->path();
      std::error_code gone;
      if (!entry->is_regular_file(gone)) continue;
      std::string link = find(path);
      if (link.empty()) {
        link = links_ / std::to_string(kept_.size());
        fs::create_hard_link(path, link, gone);
        if (gone) continue;
        kept_.push_back(link);
      }
      out.emplace(fs::relative(path, directory_).string(), link);
    }
    return out;
  }

  // What every file that was ever kept holds now.
  [[nodiscard]] std::vector<Bytes> contents() const {
    std::vector<Bytes> out;
    for (const std::string& link : kept_) {
      out.push_back(slurp(link));
    }
    return out;
  }

  // Lays the files of that moment out below `target`, as they hold it now.
  static void lay_out(const Moment& moment, const std::string& target) {
    namespace fs = std::filesystem;
    for (const auto& [path, link] : moment) {
      const fs::path to = fs::path(target) / path;
      fs::create_directories(to.parent_path());
      fs::copy_file(link, to);
    }
  }

 private:
  // The link that keeps the file already; empty if none does.
  [[nodiscard]] std::string find(const std::filesystem::path& path) const {
    for (const std::string& link : kept_) {
      std::error_code gone;
      if (std::filesystem::equivalent(path, link, gone)) return link;
    }
    return {};
  }

  std::string directory_;
  TemporaryDirectory links_;
  std::mutex mutex_;
  std::vector<std::string> kept_;
};

}  // namespace kist::test
