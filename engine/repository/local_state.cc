#include "engine/repository/local_state.h"

#include <charconv>

#include "engine/base/disk/file.h"

namespace kist {

namespace {

constexpr std::string_view lmdb_files[] = {"/data.mdb", "/lock.mdb", "/suspect"};

void remove_environment(const std::string& directory) {
  for (const std::string_view file : lmdb_files) {
    remove_file(concat(directory, file));
  }
}

std::optional<Bytes> read_if_there(const std::string& path, std::uint64_t size_max) {
  if (!path_exists(path)) return std::nullopt;
  return read_file(path, size_max);
}

}  // namespace

LocalState::LocalState(std::string directory, Random& random, Observer& observer)
    : directory_(std::move(directory)) {
  make_directories(directory_);
  const FileLock lock(directory_ + "/lock");  // or two first uses would make two keys
  load_keys(random, observer);
  open_catalog(observer);
  open_index(observer);
}

// One file of 32 bytes: whoever has it can read nothing, but without it the local tables are noise.
void LocalState::load_keys(Random& random, Observer& observer) {
  const std::string path = directory_ + "/local.key";
  std::optional<Bytes> bytes = read_if_there(path, 1U << 20U);
  if (!bytes || bytes->size() != 32) {
    if (bytes) observer.notice("the local key was damaged: the catalog is rebuilt");
    remove_environment(directory_ + "/catalog");
    remove_environment(directory_ + "/index");
    bytes = Bytes(32);
    random.fill(*bytes);
    replace_file(path, *bytes);
  }
  std::copy_n(bytes->begin(), 16, keys_.checksum.begin());
  std::copy_n(bytes->begin() + 16, 16, keys_.tag.begin());
}

void LocalState::open_catalog(Observer& observer) {
  const std::string directory = directory_ + "/catalog";
  try {
    catalog_ = std::make_unique<Catalog>(directory, keys_.checksum);
  } catch (const Error& error) {
    if (error.code() != Code::corrupt) throw;
    observer.notice(concat(error.text(), "; it is rebuilt from the journal"));
    remove_environment(directory);
    catalog_ = std::make_unique<Catalog>(directory, keys_.checksum);
  }
}

void LocalState::open_index(Observer& observer) {
  const std::string directory = directory_ + "/index";
  try {
    index_ = std::make_unique<BlockIndex>(directory, keys_);
    static_cast<void>(index_->loaded_sequence());
  } catch (const Error& error) {
    if (error.code() != Code::corrupt) throw;
    observer.notice(concat(error.text(), "; it is rebuilt from the index segments"));
    index_.reset();
    remove_environment(directory);
    index_ = std::make_unique<BlockIndex>(directory, keys_);
  }
}

void LocalState::reset_catalog() {
  catalog_.reset();
  remove_environment(directory_ + "/catalog");
  catalog_ = std::make_unique<Catalog>(directory_ + "/catalog", keys_.checksum);
}

void LocalState::reset_index() {
  index_.reset();
  remove_environment(directory_ + "/index");
  index_ = std::make_unique<BlockIndex>(directory_ + "/index", keys_);
}

std::optional<Head> LocalState::last_head() const {
  const auto bytes = read_if_there(directory_ + "/head", 256);
  if (!bytes) return std::nullopt;
  std::string_view line = as_text(*bytes);
  if (line.ends_with('\n')) line.remove_suffix(1);
  Head head;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), head.sequence);
  const auto digits = static_cast<std::size_t>(end - line.data());
  const auto hash =
      digits + 1 <= line.size() ? parse_id<ObjectHash>(line.substr(digits + 1)) : std::nullopt;
  if (error != std::errc() || !hash) {
    throw Error(Code::corrupt,
                concat("the record of the last head seen, ", directory_,
                       "/head, is damaged; if you trust the store as it is now, remove that file"));
  }
  head.hash = *hash;
  return head;
}

void LocalState::remember_head(const Head& head) {
  // Another process of this machine may have seen more; what was seen is never forgotten.
  const std::optional<Head> seen = last_head();
  if (seen && seen->sequence >= head.sequence) return;
  replace_file(directory_ + "/head", as_view(concat(head.sequence, " ", hex(head.hash), "\n")));
}

std::optional<SlotId> LocalState::last_slot() const {
  const auto bytes = read_if_there(directory_ + "/slot", 256);
  return bytes ? parse_id<SlotId>(as_text(*bytes)) : std::nullopt;
}

std::set<ObjectHash> LocalState::distrusted_packs() const {
  std::set<ObjectHash> out;
  const auto bytes = read_if_there(directory_ + "/distrusted", 64U << 20U);
  if (!bytes) return out;
  ByteReader in(*bytes, "the list of damaged packs");
  while (in.left() >= ObjectHash::size) {
    out.insert(in.id<ObjectHash>());
  }
  return out;
}

void LocalState::distrust_packs(const std::set<ObjectHash>& packs) {
  ByteWriter out;
  for (const ObjectHash& pack : packs) {
    out.id(pack);
  }
  replace_file(directory_ + "/distrusted", out.view());
}

void LocalState::forget_file_caches() const {
  remove_tree(cache_directory());
}

void LocalState::remember_slot(const SlotId& slot) {
  if (last_slot() != slot) replace_file(directory_ + "/slot", as_view(hex(slot)));
}

}  // namespace kist
