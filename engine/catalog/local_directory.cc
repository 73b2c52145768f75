#include "engine/catalog/local_directory.h"

#include <charconv>
#include <filesystem>

#include "engine/base/attempt.h"
#include "engine/base/disk/file.h"
#include "engine/base/disk/permissions.h"
#include "engine/format/limits.h"

namespace kist {

namespace {

constexpr std::size_t local_key_size = 64;
constexpr std::string_view lmdb_files[] = {"/data.mdb", "/lock.mdb", "/suspect"};

void remove_environment(const std::string& directory) {
  for (const std::string_view file : lmdb_files) {
    remove_file(concat(directory, file));
  }
}

std::string key_path(const std::string& directory) {
  return directory + "/local.key";
}

std::string parent_of(const std::string& path) {
  const std::string parent(std::filesystem::path(path).parent_path());
  return parent.empty() ? "." : parent;
}

// The directory that it lies in is looked at as well: whoever may write there gives another
// directory its name.
void make_private_directories(const std::string& path) {
  const std::string parent = parent_of(path);
  make_directories(parent);
  require_private_directory(parent, MayBeShared::yes);
  make_directories(path);
  require_private_directory(path, MayBeShared::no);
}

std::optional<Bytes> read_if_there(const std::string& path, std::uint64_t size_max) {
  if (!path_exists(path)) return std::nullopt;
  return read_file(path, size_max);
}

}  // namespace

LocalDirectory::LocalDirectory(std::string directory, Random& random, Observer& observer)
    : directory_(std::move(directory)) {
  make_private_directories(directory_);
  const FileLock lock(directory_ + "/lock");  // or two first uses would make two keys
  load_keys(random, observer);
  open_catalog(observer);
  open_index(observer);
  damage_ = std::make_unique<DamageRecord>(directory_, observer);
}

std::optional<LocalDirectory::Keys> LocalDirectory::read_keys() const {
  const auto bytes = read_if_there(key_path(directory_), 1U << 20U);
  if (!bytes || bytes->size() != local_key_size) return std::nullopt;
  ByteReader in(*bytes, "local.key");
  Keys out;
  std::ranges::copy(in.take(out.checksum.size()), out.checksum.begin());
  std::ranges::copy(in.take(out.secret.size()), out.secret.begin());
  out.epoch = in.id<EpochId>();
  out.client = in.id<ClientId>();
  if (out.client == ClientId()) return std::nullopt;  // wiped, and not written anew
  return out;
}

namespace {

template <typename Keys>
SecretBytes encode_keys(const Keys& keys) {
  ByteWriter out(local_key_size);
  out.raw(keys.checksum);
  out.raw(keys.secret);
  out.id(keys.epoch);
  out.id(keys.client);
  return SecretBytes(out.take());
}

}  // namespace

// Whatever has the name is overwritten first: it may be a damaged file that holds the keys still.
void LocalDirectory::create_keys(const Keys& keys) const {
  wipe_file(key_path(directory_));
  replace_file(key_path(directory_), encode_keys(keys).view());
}

// In place: a file that took the name of the former one would leave its bytes on the disk. They are
// fewer than a sector, which a disk writes whole.
void LocalDirectory::overwrite_keys(const Keys& keys) const {
  overwrite_file(key_path(directory_), encode_keys(keys).view());
}

// Whoever has the file can read nothing, but without it the local tables are noise.
void LocalDirectory::load_keys(Random& random, Observer& observer) {
  std::optional<Keys> keys = read_keys();
  if (!keys) {
    if (path_exists(key_path(directory_))) {
      observer.notice("the local key was damaged: the catalog is rebuilt");
    }
    remove_environment(directory_ + "/catalog");
    remove_environment(directory_ + "/index");
    keys.emplace();
    random.fill(keys->checksum);
    random.fill(keys->secret);
    keys->client = random.draw_id<ClientId>();
    create_keys(*keys);
  }
  keys_ = *keys;
}

// The secret goes first, and the epoch is noted last: a run that is killed in between leaves
// files that nobody can read, and the next one begins again.
void LocalDirectory::forget_before(const EpochId& epoch, Random& random) {
  if (keys_.epoch == epoch) return;
  const FileLock lock(directory_ + "/lock");
  std::optional<Keys> keys = read_keys();
  if (!keys) throw Error(Code::failed, concat(key_path(directory_), " is gone; run again"));
  if (keys->epoch != epoch) {
    random.fill(keys->secret);
    overwrite_keys(*keys);
    destroy(scratch_directory());
    remove_environment(directory_ + "/index");
    forget_file_caches();
    keys->epoch = epoch;
    overwrite_keys(*keys);
  }
  // The former one stays in use till this one is there, or an error would leave none.
  auto index = std::make_unique<BlockIndex>(directory_ + "/index", keys->secret);
  keys_ = *keys;
  index_ = std::move(index);
}

void LocalDirectory::destroy(const std::string& directory) {
  wipe_file(key_path(directory));
  remove_tree(directory);
}

void LocalDirectory::open_catalog(Observer& observer) {
  const std::string directory = directory_ + "/catalog";
  const auto open = [&] { catalog_ = std::make_unique<Catalog>(directory, keys_.checksum); };
  const auto failure = failure_of(open);
  if (!failure) return;
  if (failure->code() != Code::corrupt) throw Error(*failure);
  observer.notice(concat(failure->text(), "; it is rebuilt from the journal"));
  remove_environment(directory);
  open();
}

void LocalDirectory::open_index(Observer& observer) {
  const std::string directory = directory_ + "/index";
  const auto failure = failure_of([&] {
    index_ = std::make_unique<BlockIndex>(directory, keys_.secret);
    static_cast<void>(index_->loaded_sequence());
  });
  if (!failure) return;
  if (failure->code() != Code::corrupt) throw Error(*failure);
  observer.notice(concat(failure->text(), "; it is rebuilt from the index segments"));
  index_.reset();
  remove_environment(directory);
  index_ = std::make_unique<BlockIndex>(directory, keys_.secret);
}

void LocalDirectory::reset_catalog() {
  const FileLock lock(directory_ + "/lock");
  catalog_.reset();
  remove_environment(directory_ + "/catalog");
  catalog_ = std::make_unique<Catalog>(directory_ + "/catalog", keys_.checksum);
}

void LocalDirectory::reset_index() {
  const FileLock lock(directory_ + "/lock");
  const std::optional<Keys> keys = read_keys();
  if (!keys || keys->epoch != keys_.epoch || keys->secret != keys_.secret) {
    throw Error(Code::conflict,
                "another process has begun to work in a later epoch with this state directory; run "
                "again");
  }
  index_.reset();
  remove_environment(directory_ + "/index");
  index_ = std::make_unique<BlockIndex>(directory_ + "/index", keys_.secret);
}

std::optional<Head> LocalDirectory::last_head() const {
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

void LocalDirectory::remember_head(const Head& head) {
  // Another process of this machine may have seen more; what was seen is never forgotten. Under the
  // lock, or that process could write between the look and the replacement.
  const std::optional<Head> known = last_head();
  if (known && known->sequence >= head.sequence) return;
  const FileLock lock(directory_ + "/lock");
  const std::optional<Head> seen = last_head();
  if (seen && seen->sequence >= head.sequence) return;
  replace_file(directory_ + "/head", as_view(concat(head.sequence, " ", hex(head.hash), "\n")));
}

bool LocalDirectory::is_head_doubted() const {
  return path_exists(directory_ + "/doubt");
}

void LocalDirectory::doubt_head(bool is_doubted) const {
  if (is_doubted == is_head_doubted()) return;
  if (is_doubted) {
    replace_file(directory_ + "/doubt", {});
  } else {
    remove_file(directory_ + "/doubt");
  }
}

bool LocalDirectory::has_seen_exclusive_put() const {
  return path_exists(directory_ + "/exclusive-put");
}

void LocalDirectory::remember_exclusive_put() const {
  replace_file(directory_ + "/exclusive-put", {});
}

std::optional<SlotId> LocalDirectory::last_slot() const {
  const auto bytes = read_if_there(directory_ + "/slot", 256);
  return bytes ? parse_id<SlotId>(as_text(*bytes)) : std::nullopt;
}

void LocalDirectory::forget_file_caches() const {
  remove_tree(cache_directory());
}

void LocalDirectory::remember_slot(const SlotId& slot) {
  if (last_slot() != slot) replace_file(directory_ + "/slot", as_view(hex(slot)));
}

std::optional<Bytes> LocalDirectory::kept_box(const SlotId& slot) const {
  return read_if_there(concat(directory_, "/box-", hex(slot)), small_object_bytes_max);
}

void LocalDirectory::keep_box(const SlotId& slot, const Bytes& box) const {
  // One that cannot be read gives way too.
  const auto kept = value_of([&] { return kept_box(slot); });
  if (!kept || *kept != box) replace_file(concat(directory_, "/box-", hex(slot)), box);
}

}  // namespace kist
