// Files by descriptor. This folder is the only place where system calls on files and errno appear.
// What the system refuses leaves it as Error{failed} with the path and the system's text, an absent
// file included: whether absence means damage is for the caller to say. The functions below that
// throw another code name it. (The disk below a local store differs: disk.h.)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/bytes.h"

namespace kist {

// Throws Error{failed} for an errno value: "<verb> <path>: <what the system says>".
[[noreturn]] void throw_errno(std::string_view verb, std::string_view path, int error);

// An open descriptor, closed when destroyed. Move-only.
class Descriptor {
 public:
  Descriptor() = default;

  explicit Descriptor(int fd) : fd_(fd) {}

  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}

  Descriptor& operator=(Descriptor&& other) noexcept;

  ~Descriptor() { reset(); }

  [[nodiscard]] int fd() const { return fd_; }

  [[nodiscard]] bool is_open() const { return fd_ >= 0; }

  int release() noexcept {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

  void reset() noexcept;

 private:
  int fd_ = -1;
};

// A file's bytes. `path` is kept for error texts only.
class File {
 public:
  File() = default;

  File(Descriptor descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  // Opens an existing file for reading; a link as the last component is followed.
  static File open(const std::string& path);
  // Creates or empties a file of mode 0600 for writing.
  static File create(const std::string& path);
  // Creates a file of mode 0600 that must not exist yet.
  static File create_new(const std::string& path);

  // Reads until `out` is full or the file ends; the number of bytes read.
  std::size_t read_at(std::uint64_t offset, MutableView out) const;
  void write_at(std::uint64_t offset, View bytes) const;
  void append(View bytes) const;
  void set_size(std::uint64_t size) const;
  [[nodiscard]] std::uint64_t size() const;
  // Makes the content durable (fdatasync).
  void sync() const;
  // The first data at or after `offset`, and the first hole at or after `offset`; both are the
  // file's size when there is none, or when the file system cannot tell.
  [[nodiscard]] std::uint64_t next_data(std::uint64_t offset, std::uint64_t size) const;
  [[nodiscard]] std::uint64_t next_hole(std::uint64_t offset, std::uint64_t size) const;
  // Tells the kernel that the file will be read once, front to back.
  void advise_sequential() const noexcept;

  [[nodiscard]] bool is_open() const { return descriptor_.is_open(); }

  [[nodiscard]] int fd() const { return descriptor_.fd(); }

  [[nodiscard]] const std::string& path() const { return path_; }

  void close() { descriptor_.reset(); }

 private:
  Descriptor descriptor_;
  std::string path_;
};

// Held while this object lives: one process at a time, waiting for its turn.
class FileLock {
 public:
  explicit FileLock(const std::string& path);

 private:
  File file_;
};

// The whole file; Error{invalid} when it is larger than `size_max`.
Bytes read_file(const std::string& path, std::uint64_t size_max);
Bytes read_file(const File& file, std::uint64_t size_max);
// Makes durable that the file has that name, or has it no more.
void sync_name(const std::string& path);
// Replaces `path` durably: afterwards it holds the old bytes or the new ones, whatever happens.
void replace_file(const std::string& path, View bytes);
// Creates the file where there is none, of mode 0600, and gives it the room for its first `size`
// bytes; what it holds stays. Where the file system cannot promise room, nothing is reserved.
void reserve_file(const std::string& path, std::uint64_t size);
bool path_exists(const std::string& path);
// Creates the directory and its parents, each of mode 0700 where it did not exist.
void make_directories(const std::string& path);
// Writes the bytes over those of an existing file, where they lie on the disk, and makes that
// durable: what stood there is gone, under every name of the file. Error unless it has as many.
void overwrite_file(const std::string& path, View bytes);
// Overwrites the file with zeros in the same way, then removes it. Absent is fine; of what is no
// file, a link say, only the name goes. Error when it cannot be overwritten: it stays then.
void wipe_file(const std::string& path);
void remove_file(const std::string& path);  // absent is fine
// Removes a directory of local state with all that is in it; absent is fine.
void remove_tree(const std::string& path);
void rename_path(const std::string& from, const std::string& to);
// True when the path lies on a network file system, where LMDB must not be used.
bool is_on_network(const std::string& path);
// The same with every link resolved, as far as the path exists.
std::string real_path(const std::string& path);
// A descriptor of a directory, for create_mark(); Error where there is none.
Descriptor open_directory(const std::string& path);
// Creates an empty file. Safe in a signal handler; says nothing when it fails.
void create_mark(int directory, const char* name) noexcept;
// An absolute form of `path` without "." and ".."; links are left alone. Error{invalid} where the
// current directory is gone.
std::string absolute_path(const std::string& path);
// Lets this process open as many files as the system permits; at most 64 Ki.
void raise_open_file_limit() noexcept;
// Switches core dumps off, so that no secret reaches the disk.
void disable_core_dumps() noexcept;

}  // namespace kist
