// The few operations that a local store is made of, behind a seam: tests put a disk there that
// loses what was not synced, or fails at the n-th operation. Paths are relative to the disk's root.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/bytes.h"

namespace kist {

// A file being written that has no final name yet. Destroyed unpublished, it leaves nothing behind.
class NewFile {
 public:
  NewFile() = default;
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  NewFile(NewFile&&) = delete;
  NewFile& operator=(NewFile&&) = delete;
  virtual ~NewFile() = default;
  virtual void append(View bytes) = 0;
  virtual void sync() = 0;
  // Gives the file its name unless that exists already: false then, and nothing has changed.
  virtual bool publish(const std::string& path) = 0;
};

class Disk {
 public:
  Disk() = default;
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  Disk(Disk&&) = delete;
  Disk& operator=(Disk&&) = delete;
  virtual ~Disk() = default;
  virtual void make_directory(const std::string& path) = 0;  // parents exist; existing is fine
  [[nodiscard]] virtual std::optional<std::uint64_t> size(const std::string& path) = 0;
  // Up to `out.size()` bytes from `offset`; fewer only at the file's end.
  virtual std::size_t read(const std::string& path, std::uint64_t offset, MutableView out) = 0;
  // Calls `each(name, is_directory)` for what a directory holds, in no order. Absent: nothing.
  virtual void list(const std::string& path,
                    const std::function<void(const std::string&, bool)>& each) = 0;
  virtual std::unique_ptr<NewFile> create() = 0;
  virtual void sync_directory(const std::string& path) = 0;
  virtual void remove(const std::string& path) = 0;
  // Puts these bytes, synced, in the place of what has that name: it holds the old or the new ones.
  virtual void replace(const std::string& path, View bytes) = 0;
};

// The directory `root` of this machine. Created, with its parents, by the first make_directory("").
std::unique_ptr<Disk> open_disk(const std::string& root);

}  // namespace kist
