// The few operations that a local store is made of, behind a seam: tests put a disk there that
// loses what was not synced, or fails at the n-th operation. Paths are relative to the disk's root;
// "" is the root itself. All methods of a Disk may be called from many threads at once; a NewFile
// belongs to one thread at a time. Error{failed} for whatever the system refuses; read() throws two
// further codes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/bytes.h"
#include "engine/base/pinned.h"

namespace kist {

// A file being written that has no path yet. Destroyed unpublished, it leaves nothing behind.
class NewFile : private Pinned {
 public:
  virtual ~NewFile() = default;
  virtual void append(View bytes) = 0;
  // Makes what was appended durable; to be called before publish(), or a crash leaves a path that
  // leads to part of the file.
  virtual void sync() = 0;
  // Links the file to the path, in a directory that exists, unless something has that path already:
  // false then, and nothing has changed. Durable after sync_directory().
  virtual bool publish(const std::string& path) = 0;
};

class Disk : private Pinned {
 public:
  virtual ~Disk() = default;
  // The parent exists; an existing directory is fine. "" makes the root with its parents.
  virtual void make_directory(const std::string& path) = 0;
  // Nullopt when nothing has that path. Of what is no file, any number: read() refuses that.
  [[nodiscard]] virtual std::optional<std::uint64_t> size(const std::string& path) = 0;
  // Up to `out.size()` bytes from `offset`; fewer only at the file's end. Error{missing} when
  // nothing has that path, Error{corrupt} when it leads to no regular file.
  virtual std::size_t read(const std::string& path, std::uint64_t offset, MutableView out) = 0;
  // Calls `each(name, is_directory)` for what a directory holds, in no order; an absent one holds
  // nothing. A link is none, wherever it leads.
  virtual void list(const std::string& path,
                    const std::function<void(const std::string&, bool)>& each) = 0;
  virtual std::unique_ptr<NewFile> create() = 0;
  // Makes durable which names the directory holds, and leads to what.
  virtual void sync_directory(const std::string& path) = 0;
  // A file is removed in two steps, so that no reader, and no power cut, ever shows its path with
  // bytes that are overwritten in part. hide() moves it to a path below tmp/, and returns that;
  // nothing where the file is absent, or was removed at once because it could not be moved. When
  // the directory that it was in is synced, wipe() overwrites its bytes and removes it.
  virtual std::optional<std::string> hide(const std::string& path) = 0;
  // Absent is fine. A directory goes with all that is in it, through no link and into no other file
  // system. A file with another hard link is somebody's copy, and what is no regular file may be
  // anything: these are removed, and not overwritten.
  virtual void wipe(const std::string& path) = 0;
  // Removes a file whose bytes need not be overwritten; false where it is absent. Durable after
  // sync_directory().
  virtual bool discard(const std::string& path) = 0;
  // Removes the directory if it is empty; otherwise, or where it is absent, nothing happens.
  virtual void remove_directory(const std::string& path) = 0;
  // Puts a file with these bytes, synced, at the path: a reader gets the old file or the new one.
  // Until then the bytes stand in tmp/, never beside the path. The old file is wiped.
  virtual void replace(const std::string& path, View bytes) = 0;
};

// The directory `root` of this machine. Created, with its parents, by the first make_directory("").
std::unique_ptr<Disk> open_disk(const std::string& root);

}  // namespace kist
