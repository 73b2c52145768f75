#include "engine/format/manifest.h"

#include <numeric>

#include "engine/format/encodable.h"
#include "engine/format/limits.h"

namespace kist {

namespace {

std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63);
}

std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1U) ^ -static_cast<std::int64_t>(value & 1U);
}

void encode_time(ByteWriter& out, const Timestamp& time) {
  out.varint(zigzag(time.seconds));
  out.varint(time.nanoseconds);
}

Timestamp decode_time(ByteReader& in) {
  Timestamp out;
  out.seconds = unzigzag(in.varint());
  out.nanoseconds = narrow<std::uint32_t>(in.varint_up_to(999'999'999, "a time's nanoseconds"));
  return out;
}

void encode_path(ByteWriter& out, std::string_view path, std::string_view previous) {
  std::size_t shared = 0;
  while (shared < std::min(path.size(), previous.size()) && path[shared] == previous[shared]) {
    ++shared;
  }
  out.varint(shared);
  out.text(path.substr(shared));
}

static_assert(name_bytes_max == file_name_bytes_max);

// A path is empty, for the root, or its components are names.
bool is_path(std::string_view path) {
  if (path.empty()) return true;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    if (!is_file_name(path.substr(start, end - start))) return false;
    start = end + 1;
  }
  return true;
}

void check_path(const ByteReader& in, std::string_view path) {
  in.require(is_path(path), "a path has a component that no file can have");
}

std::string decode_path(ByteReader& in, std::string_view previous) {
  const std::uint64_t shared = in.varint_up_to(previous.size(), "a shared prefix");
  const View rest = in.sized(path_bytes_max - shared, "a path");
  const bool extends = shared < previous.size() && !rest.empty() &&
                       static_cast<std::uint8_t>(previous[shared]) == rest[0];
  in.require(!extends, "a shared prefix is not the longest");
  std::string path = concat(previous.substr(0, shared), as_text(rest));
  check_path(in, path);
  return path;
}

void encode_items(ByteWriter& out, const std::vector<ContentItem>& items) {
  out.varint(items.size());
  for (const ContentItem& item : items) {
    out.u8(static_cast<std::uint8_t>(item.type));
    out.varint(item.size);
    if (item.type != ItemType::hole) out.id(item.id);
  }
}

std::vector<ContentItem> decode_items(ByteReader& in, std::uint64_t count_max) {
  std::vector<ContentItem> out(in.varint_up_to(count_max, "a count of content items"));
  std::uint64_t total = 0;
  for (ContentItem& item : out) {
    const std::uint8_t type = in.u8();
    in.require(type <= 2, "an unknown type of content");
    item.type = static_cast<ItemType>(type);
    item.size = in.varint_up_to(INT64_MAX, "a content item's size");
    in.require(item.size > 0, "a content item covers nothing");
    if (item.type == ItemType::block) {
      in.require(item.size <= block_bytes_max, "a block is larger than allowed");
    }
    if (item.type != ItemType::hole) item.id = in.id<BlockId>();
    total += item.size;
    in.require(total <= INT64_MAX, "a file is larger than files can be");
  }
  return out;
}

void encode_xattrs(ByteWriter& out, const std::vector<Xattr>& xattrs) {
  out.varint(xattrs.size());
  for (const Xattr& xattr : xattrs) {
    out.text(xattr.name);
    out.sized(xattr.value);
  }
}

std::vector<Xattr> decode_xattrs(ByteReader& in) {
  std::vector<Xattr> out(in.varint_up_to(std::min<std::uint64_t>(xattr_count_max, in.left()),
                                         "a count of extended attributes"));
  const Xattr* previous = nullptr;
  for (Xattr& xattr : out) {
    xattr.name = in.text(name_bytes_max, "an attribute's name");
    in.require(!xattr.name.empty() && xattr.name.find('\0') == std::string::npos,
               "an attribute's name is not one");
    in.require(previous == nullptr || previous->name < xattr.name,
               "extended attributes are out of order");
    const View value = in.sized(xattr_bytes_max, "an attribute's value");
    xattr.value.assign(value.begin(), value.end());
    previous = &xattr;
  }
  return out;
}

void encode_file_content(ByteWriter& out, const Entry& entry) {
  out.varint(entry.size);
  out.u8(entry.inline_content ? 0 : 1);
  if (entry.inline_content) {
    out.raw(*entry.inline_content);
  } else {
    encode_items(out, entry.content);
  }
}

void decode_file_content(ByteReader& in, Entry& entry) {
  entry.size = in.varint_up_to(INT64_MAX, "a file's size");
  const std::uint8_t kind = in.u8();
  in.require(kind <= 1, "an unknown kind of content");
  if (kind == 0) {
    in.require(entry.size <= inline_content_bytes_max, "inline content is too large");
    const View bytes = in.take(entry.size);
    entry.inline_content.emplace(bytes.begin(), bytes.end());
    return;
  }
  entry.content = decode_items(in, content_items_max);
  const std::uint64_t total =
      std::accumulate(entry.content.begin(), entry.content.end(), std::uint64_t{0},
                      [](std::uint64_t sum, const ContentItem& item) { return sum + item.size; });
  in.require(total == entry.size && total > 0, "a file's content does not add up to its size");
}

// The flags that an entry of that type may have.
std::uint8_t flags_of(EntryType type) {
  if (type == EntryType::file) return entry_flags;
  return type == EntryType::directory ? inode_flags : 0;
}

bool is_device(EntryType type) {
  return type == EntryType::character_device || type == EntryType::block_device;
}

void decode_details(ByteReader& in, Entry& entry) {
  entry.mode = narrow<std::uint16_t>(in.varint_up_to(07777, "a mode"));
  entry.uid = narrow<std::uint32_t>(in.varint_up_to(UINT32_MAX, "an owner"));
  entry.gid = narrow<std::uint32_t>(in.varint_up_to(UINT32_MAX, "a group"));
  entry.user = in.text(name_bytes_max, "an owner's name");
  entry.group = in.text(name_bytes_max, "a group's name");
  entry.mtime = decode_time(in);
  entry.ctime = decode_time(in);
  entry.inode = in.varint();
  entry.flags = in.u8();
  in.require((entry.flags & flags_of(entry.type)) == entry.flags, "flags that cannot be");
  const std::uint8_t xattr_kind = in.u8();
  in.require(xattr_kind <= 1, "an unknown kind of extended attributes");
  if (xattr_kind == 0) {
    entry.xattrs = decode_xattrs(in);
    in.require(xattrs_fit_entry(entry.xattrs), "extended attributes are too large for an entry");
  } else {
    entry.xattrs_block = in.id<BlockId>();
  }
  if (entry.type == EntryType::file) decode_file_content(in, entry);
  if (entry.type == EntryType::symlink) entry.link_target = in.text(path_bytes_max, "a link");
  if (is_device(entry.type)) {
    entry.device_major = narrow<std::uint32_t>(in.varint_up_to(UINT32_MAX, "a device number"));
    entry.device_minor = narrow<std::uint32_t>(in.varint_up_to(UINT32_MAX, "a device number"));
  }
}

}  // namespace

bool xattrs_fit_entry(const std::vector<Xattr>& xattrs) {
  std::uint64_t total = 0;
  for (const Xattr& xattr : xattrs) {
    total += xattr.name.size() + xattr.value.size();
  }
  return total <= inline_xattr_bytes_max;
}

void check_encodable(const Entry& entry) {
  const auto require = [](bool holds, std::string_view what) {
    if (!holds) throw Error(Code::failed, concat("it cannot be stored: ", what));
  };
  require(entry.path.size() <= path_bytes_max, "its path is longer than 65536 bytes");
  require(is_path(entry.path), "a name in its path is longer than 255 bytes, or none");
  require(entry.link_target.size() <= path_bytes_max, "its target is longer than 65536 bytes");
  require(entry.user.size() <= name_bytes_max && entry.group.size() <= name_bytes_max,
          "its owner's name is longer than 255 bytes");
  require(entry.xattrs.size() <= xattr_count_max, "it has more than 4096 extended attributes");
  std::uint64_t xattr_bytes = 0;
  for (const Xattr& xattr : entry.xattrs) {
    require(xattr.name.size() <= name_bytes_max && xattr.value.size() <= xattr_bytes_max,
            "an extended attribute is larger than 65536 bytes");
    xattr_bytes += xattr.name.size() + xattr.value.size();
  }
  require(xattr_bytes <= block_bytes_max / 2, "its extended attributes exceed 8 MiB");
}

void encode_entry(ByteWriter& out, const Entry& entry, std::string_view previous_path) {
  out.u8(static_cast<std::uint8_t>(entry.type));
  encode_path(out, entry.path, previous_path);
  if (entry.type == EntryType::hard_link) {
    out.text(entry.link_target);
    return;
  }
  out.varint(entry.mode);
  out.varint(entry.uid);
  out.varint(entry.gid);
  out.text(entry.user);
  out.text(entry.group);
  encode_time(out, entry.mtime);
  encode_time(out, entry.ctime);
  out.varint(entry.inode);
  out.u8(entry.flags);
  out.u8(entry.xattrs_block ? 1 : 0);
  if (entry.xattrs_block) {
    out.id(*entry.xattrs_block);
  } else {
    encode_xattrs(out, entry.xattrs);
  }
  if (entry.type == EntryType::file) encode_file_content(out, entry);
  if (entry.type == EntryType::symlink) out.text(entry.link_target);
  if (is_device(entry.type)) {
    out.varint(entry.device_major);
    out.varint(entry.device_minor);
  }
}

Entry decode_entry(ByteReader& in, std::string_view previous_path) {
  Entry entry;
  const std::uint8_t type = in.u8();
  in.require(type >= 1 && type <= 8, "an unknown type of entry");
  entry.type = static_cast<EntryType>(type);
  entry.path = decode_path(in, previous_path);
  if (entry.type != EntryType::hard_link) {
    decode_details(in, entry);
    return entry;
  }
  entry.link_target = in.text(path_bytes_max, "a hard link's path");
  check_path(in, entry.link_target);
  in.require(compare_paths(entry.link_target, entry.path) < 0,
             "a hard link's first name does not come before it");
  return entry;
}

std::vector<Entry> decode_leaf(View bytes, std::string_view object) {
  ByteReader in(bytes, object);
  in.require(in.u8() == 0, "this is not a leaf of a manifest");
  const std::uint64_t count = in.varint_up_to(manifest_node_items_max, "a count of entries");
  in.require(count > 0, "a leaf is empty");
  std::vector<Entry> out;
  for (std::uint64_t i = 0; i < count; ++i) {
    Entry entry = decode_entry(in, out.empty() ? std::string_view() : out.back().path);
    in.require(out.empty() || compare_paths(out.back().path, entry.path) < 0,
               "entries are out of order");
    out.push_back(std::move(entry));
  }
  in.expect_end();
  return out;
}

Bytes encode_leaf(const std::vector<Entry>& entries) {
  ByteWriter out;
  out.u8(0);
  out.varint(entries.size());
  std::string_view previous;
  for (const Entry& entry : entries) {
    encode_entry(out, entry, previous);
    previous = entry.path;
  }
  return out.take();
}

Bytes encode_node(unsigned level, const std::vector<NodeChild>& children) {
  ByteWriter out;
  out.u8(narrow<std::uint8_t>(level));
  out.varint(children.size());
  std::string_view previous;
  for (const NodeChild& child : children) {
    encode_path(out, child.first_path, previous);
    out.id(child.id);
    previous = child.first_path;
  }
  return out.take();
}

Node decode_node(View bytes, std::string_view object) {
  ByteReader in(bytes, object);
  Node out;
  out.level = in.u8();
  in.require(out.level >= 1 && out.level <= tree_levels_max, "this is not a node of a manifest");
  const std::uint64_t count = in.varint_up_to(manifest_node_items_max, "a count of children");
  in.require(count > 0, "a node is empty");
  for (std::uint64_t i = 0; i < count; ++i) {
    NodeChild child;
    child.first_path =
        decode_path(in, out.children.empty() ? std::string_view() : out.children.back().first_path);
    in.require(
        out.children.empty() || compare_paths(out.children.back().first_path, child.first_path) < 0,
        "children are out of order");
    child.id = in.id<BlockId>();
    out.children.push_back(std::move(child));
  }
  in.expect_end();
  return out;
}

Bytes encode_content_node(const std::vector<ContentItem>& items) {
  ByteWriter out;
  out.u8(content_node_marker);
  encode_items(out, items);
  return out.take();
}

std::vector<ContentItem> decode_content_node(View bytes, std::string_view object) {
  ByteReader in(bytes, object);
  in.require(in.u8() == content_node_marker, "this is not a content node");
  std::vector<ContentItem> out = decode_items(in, content_node_items_max);
  in.require(!out.empty(), "a content node is empty");
  in.expect_end();
  return out;
}

Bytes encode_xattr_block(const std::vector<Xattr>& xattrs) {
  ByteWriter out;
  out.u8(xattr_block_marker);
  encode_xattrs(out, xattrs);
  return out.take();
}

std::vector<Xattr> decode_xattr_block(View bytes, std::string_view object) {
  ByteReader in(bytes, object);
  in.require(in.u8() == xattr_block_marker, "this is not a block of extended attributes");
  std::vector<Xattr> out = decode_xattrs(in);
  in.require(!xattrs_fit_entry(out), "extended attributes that fit an entry stand in a block");
  in.expect_end();
  return out;
}

}  // namespace kist
