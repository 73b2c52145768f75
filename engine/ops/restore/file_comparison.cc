#include "engine/ops/restore/file_comparison.h"

#include <algorithm>

#include "engine/crypto/hash.h"

namespace kist {

namespace {

constexpr std::uint64_t piece_bytes = 1U << 20U;

Error differs() {
  return {
      Code::failed,
      "what stands in the target is not what the snapshot has; --overwrite always writes it anew"};
}

Bytes read_exactly(const File& file, std::uint64_t offset, std::uint64_t size) {
  Bytes bytes(size);
  if (file.read_at(offset, bytes) != size) throw differs();
  return bytes;
}

// A hole reads as zeros; only what the file system says is data is read.
void require_zeros(const File& file, std::uint64_t start, std::uint64_t end) {
  for (std::uint64_t at = file.next_data(start, end); at < end;) {
    const Bytes piece = read_exactly(file, at, std::min(piece_bytes, end - at));
    if (std::ranges::any_of(piece, [](std::uint8_t byte) { return byte != 0; })) throw differs();
    at = file.next_data(at + piece.size(), end);
  }
}

}  // namespace

void compare_file(const Key& id_key,
                  const Directory& root,
                  const Entry& entry,
                  const std::vector<ContentItem>& items) {
  const Directory parent = root.open_beneath(std::string(parent_path(entry.path)));
  const File file = parent.open_file(std::string(base_name(entry.path)));
  if (file_status(file).type != EntryType::file || file.size() != entry.size) throw differs();
  if (entry.inline_content && read_exactly(file, 0, entry.size) != *entry.inline_content) {
    throw differs();
  }
  std::uint64_t at = 0;
  for (const ContentItem& item : items) {
    if (item.type == ItemType::hole) {
      require_zeros(file, at, at + item.size);
    } else if (hash_block(id_key, read_exactly(file, at, item.size)) != item.id) {
      throw differs();
    }
    at += item.size;
  }
}

}  // namespace kist
