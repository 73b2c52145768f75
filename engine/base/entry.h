// One entry of a tree: what a manifest records of a file, directory, link or device, independent of
// where it was read and where it will be written. Paths are bytes without a leading slash,
// components joined by '/'; the root directory's path is empty.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

inline constexpr std::size_t file_name_bytes_max = 255;

// Whether a file can have that name: 1 to 255 bytes, no '/', no NUL, neither "." nor "..".
bool is_file_name(std::string_view name);

enum class EntryType : std::uint8_t {
  file = 1,
  directory = 2,
  symlink = 3,
  hard_link = 4,  // another name of an earlier entry: link_target is that entry's path
  fifo = 5,
  socket = 6,
  character_device = 7,
  block_device = 8,
};

// A point in time as the file system keeps it: seconds since 1970, signed, and 0..999,999,999.
struct Timestamp {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  auto operator<=>(const Timestamp&) const = default;  // NOLINT(modernize-use-nullptr)
};

// Milliseconds since 1970. File systems keep any number of seconds: what does not fit is as far
// away as can be said.
std::int64_t to_ms(const Timestamp& time);

struct Xattr {
  std::string name;
  Bytes value;
  auto operator<=>(const Xattr&) const = default;  // NOLINT(modernize-use-nullptr)
};

// A run of a file's content: a block, a hole (reads as zeros, takes no space), or, in a content
// tree, a node that lists further items. `size` counts bytes of the file that it covers.
enum class ItemType : std::uint8_t { block = 0, hole = 1, node = 2 };

struct ContentItem {
  ItemType type = ItemType::block;
  std::uint64_t size = 0;
  BlockId id;  // zero for a hole
  bool operator==(const ContentItem&) const = default;
};

// Bits of Entry::flags. The first four are the inode flags of chattr(1) that a restore can set
// again.
inline constexpr std::uint8_t flag_append = 1;
inline constexpr std::uint8_t flag_immutable = 2;
inline constexpr std::uint8_t flag_no_dump = 4;
inline constexpr std::uint8_t flag_no_atime = 8;
inline constexpr std::uint8_t flag_torn = 16;  // changed while read: may mix two states
inline constexpr std::uint8_t inode_flags = 15;
inline constexpr std::uint8_t entry_flags = 31;

struct Entry {
  std::string path;
  EntryType type = EntryType::file;
  std::uint16_t mode = 0;  // permission bits with setuid, setgid, sticky: 0..07777
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string user;  // empty when the number has no name
  std::string group;
  Timestamp mtime;
  Timestamp ctime;
  std::uint64_t inode = 0;
  std::uint8_t flags = 0;  // of a file or directory
  std::uint64_t size = 0;  // of a file, in bytes
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::string link_target;
  std::vector<Xattr> xattrs;            // sorted by name
  std::optional<BlockId> xattrs_block;  // where they are too large to stand here
  std::optional<Bytes> inline_content;  // a small file's bytes
  std::vector<ContentItem> content;
  bool operator==(const Entry&) const = default;
};

// Orders paths component by component, bytewise: a directory comes right before what it holds.
int compare_paths(std::string_view a, std::string_view b);

// Whether `path` is `directory` itself or lies below it.
bool is_within(std::string_view path, std::string_view directory);

std::string join_path(std::string_view directory, std::string_view name);

std::string_view parent_path(std::string_view path);

std::string_view base_name(std::string_view path);

}  // namespace kist
