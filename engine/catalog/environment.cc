#include "engine/catalog/environment.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include <lmdb.h>
#include <sys/stat.h>

#include "engine/base/disk/file.h"
#include "engine/base/disk/tree.h"
#include "engine/base/pinned.h"
#include "engine/crypto/hash.h"
#include "engine/crypto/seal.h"

namespace kist {

namespace {

constexpr std::size_t checksum_size = 8;
using Checksum = std::array<std::uint8_t, checksum_size>;

constexpr const char* suspect_mark = "suspect";

// What is damaged is rebuilt by whoever opens the environment next.
[[noreturn]] void throw_damaged(const std::string& directory, std::string_view what) {
  create_mark(open_directory(directory).fd(), suspect_mark);
  throw Error(Code::corrupt, concat("the catalog in ", directory, " is damaged: ", what,
                                    " (the next run rebuilds it)"));
}

// MDB_CORRUPTED and its kin mean a damaged file; so does a transaction that LMDB has broken off by
// itself. The rest is the system's.
void check(int result, const std::string& directory) {
  if (result == MDB_SUCCESS) return;
  const bool is_damage = result == MDB_CORRUPTED || result == MDB_INVALID ||
                         result == MDB_PAGE_NOTFOUND || result == MDB_VERSION_MISMATCH ||
                         result == MDB_BAD_DBI || result == MDB_INCOMPATIBLE ||
                         result == MDB_CURSOR_FULL || result == MDB_PANIC || result == MDB_BAD_TXN;
  if (is_damage) throw_damaged(directory, mdb_strerror(result));
  // LMDB calls a short write, as a full file system makes it, an input/output error.
  const bool is_full = result == EIO && Directory::open(directory).free_bytes() < (1U << 20U);
  if (is_full) throw_errno("cannot use the catalog in", directory, ENOSPC);
  if (result > 0) throw_errno("cannot use the catalog in", directory, result);
  throw Error(Code::failed, concat("the catalog in ", directory, ": ", mdb_strerror(result)));
}

MDB_val to_val(View bytes) {
  return {bytes.size(), const_cast<std::uint8_t*>(bytes.data())};  // LMDB does not write to it
}

View to_view(const MDB_val& value) {
  return {static_cast<const std::uint8_t*>(value.mv_data), value.mv_size};
}

std::array<std::atomic<int>, 16> open_directories{};  // descriptor + 1; 0: none

extern "C" void on_failed_assertion(MDB_env* /*env*/, const char* /*text*/) {
  mark_open_environments();  // and LMDB ends the process
}

}  // namespace

// Keeps a directory's descriptor where a signal handler finds it.
class RegisteredDirectory : private Pinned {
 public:
  explicit RegisteredDirectory(const std::string& path) : directory_(open_directory(path)) {
    for (std::atomic<int>& fd : open_directories) {
      int none = 0;
      if (fd.compare_exchange_strong(none, directory_.fd() + 1)) return;
    }
  }

  ~RegisteredDirectory() {
    for (std::atomic<int>& fd : open_directories) {
      int own = directory_.fd() + 1;
      if (fd.compare_exchange_strong(own, 0)) return;
    }
  }

 private:
  Descriptor directory_;
};

void mark_open_environments() noexcept {
  for (const std::atomic<int>& directory : open_directories) {
    const int fd = directory.load() - 1;
    if (fd >= 0) create_mark(fd, suspect_mark);
  }
}

namespace {

using FileIdentity = std::pair<std::uint64_t, std::uint64_t>;

FileIdentity identity_of(const std::string& directory) {
  struct stat status {};

  if (::stat((directory + "/data.mdb").c_str(), &status) != 0) {
    throw_errno("cannot look at the catalog in", directory, errno);
  }
  return {status.st_dev, status.st_ino};
}

}  // namespace

struct Environment::Impl : private Pinned {
  explicit Impl(const std::string& path) : directory(path), registered(path) {}

  ~Impl() { mdb_env_close(env); }

  MDB_env* env = nullptr;
  FileIdentity file;
  std::string directory;
  RegisteredDirectory registered;
  LocalKey checksum_key{};
  std::optional<Key> value_key;
  std::vector<MDB_dbi> tables;

  [[nodiscard]] Checksum checksum(View key, View value) const {
    Bytes both(key.begin(), key.end());
    both.insert(both.end(), value.begin(), value.end());
    const std::uint64_t hash = short_hash(checksum_key, both);
    Checksum out{};
    std::memcpy(out.data(), &hash, out.size());
    return out;
  }

  // Hides a value, or shows it again. The nonce is the checksum of key and value, and the begin of
  // the key. So it is another one for each record, and for each value that a record ever has: LMDB
  // may keep both, in the pages of a transaction that was cut off and of the one that repeats it.
  void mask(View key, View checksum, MutableView value) const {
    Nonce nonce;
    const View begin = key.first(std::min(key.size(), Nonce::size - checksum_size));
    std::ranges::copy(begin, std::ranges::copy(checksum, nonce.bytes.begin()).out);
    xor_stream(*value_key, nonce, value);
  }

  // The record that stands for a value: the value, hidden or not, and its checksum.
  [[nodiscard]] Bytes record_of(View key, View value) const {
    Bytes out(value.begin(), value.end());
    const Checksum sum = checksum(key, value);
    if (value_key) mask(key, sum, out);
    out.insert(out.end(), sum.begin(), sum.end());
    return out;
  }

  // The record's value without its checksum. A hidden value is shown in `shown`.
  [[nodiscard]] View value_of(View key, View record, Bytes& shown) const {
    if (record.size() >= checksum_size) {
      const View sum = record.last(checksum_size);
      View value = record.first(record.size() - checksum_size);
      if (value_key) {
        shown.assign(value.begin(), value.end());
        mask(key, sum, shown);
        value = shown;
      }
      if (equal(checksum(key, value), sum)) return value;
    }
    throw_damaged(directory, "a record does not match its checksum");
  }
};

struct Transaction::Impl {
  Environment::Impl& environment;
  MDB_txn* txn = nullptr;
  Bytes shown{};  // the value that get() returned last
};

namespace {

constexpr unsigned readers_max = 1024;
// What LMDB's lock file takes for that many readers, 64 bytes each, and its head.
constexpr std::uint64_t lock_file_bytes = std::uint64_t{readers_max} * 64 + 4096;

// LMDB trusts its file's size and meta pages: a file cut short would end the process on access. The
// two meta pages state the last page in use; at least the newer one must lie within the file.
void check_file_size(const std::string& directory) {
  const std::string path = directory + "/data.mdb";
  if (!path_exists(path)) return;
  const File file = File::open(path);
  const std::uint64_t size = file.size();
  if (size == 0) return;
  constexpr std::uint64_t page = 4096;
  constexpr std::size_t last_page_at = 16 + 24 + 48 + 48;  // page header, meta head, two databases
  std::uint64_t last_page = 0;
  std::uint64_t newest = 0;
  for (const std::uint64_t start : {std::uint64_t{0}, page}) {
    std::array<std::uint8_t, 160> bytes{};
    if (file.read_at(start, bytes) != bytes.size()) break;
    ByteReader in(View(bytes).subspan(last_page_at), path);
    const std::uint64_t pages = in.u64();
    const std::uint64_t transaction = in.u64();
    if (transaction >= newest) {
      newest = transaction;
      last_page = pages;
    }
  }
  if (size % page != 0 || last_page < 1 || last_page >= size / page) {
    throw Error(Code::corrupt, concat("the catalog in ", directory, " is cut short"));
  }
}

}  // namespace

namespace {

std::mutex opening;
std::vector<std::weak_ptr<Environment::Impl>> open_environments;

// That very file, opened already by this process, with the same key; null where there is none. One
// that was removed since and made anew is another.
std::shared_ptr<Environment::Impl> find_open(const std::string& directory,
                                             const LocalKey& checksum_key) {
  if (!path_exists(directory + "/data.mdb")) return nullptr;
  const FileIdentity file = identity_of(directory);
  for (const std::weak_ptr<Environment::Impl>& each : open_environments) {
    auto found = each.lock();
    if (found && found->file == file && found->checksum_key == checksum_key) return found;
  }
  return nullptr;
}

}  // namespace

Environment::Environment(const std::string& directory, const Options& options) {
  make_directories(directory);
  if (is_on_network(directory)) {
    throw Error(Code::refused, concat("the catalog cannot lie on a network file system: ",
                                      directory, "; choose another place with --state-dir"));
  }
  if (path_exists(concat(directory, "/", std::string_view(suspect_mark)))) {
    throw Error(Code::corrupt,
                concat("the catalog in ", directory, " was in use when the program failed"));
  }
  // Closing a file gives up the locks that this process holds on it: once an environment is open,
  // nothing else opens its files.
  const std::lock_guard lock(opening);
  if ((impl_ = find_open(directory, options.checksum_key))) return;
  check_file_size(directory);
  // LMDB writes to its lock file through a map: where the disk is full, that would end the process.
  reserve_file(directory + "/lock.mdb", lock_file_bytes);
  impl_ = std::make_shared<Impl>(directory);
  impl_->checksum_key = options.checksum_key;
  if (options.value_key) impl_->value_key = options.value_key->clone();
  check(mdb_env_create(&impl_->env), directory);
  mdb_env_set_assert(impl_->env, &on_failed_assertion);
  check(mdb_env_set_mapsize(impl_->env, options.map_bytes), directory);
  check(mdb_env_set_maxdbs(impl_->env, options.table_count), directory);
  check(mdb_env_set_maxreaders(impl_->env, readers_max), directory);
  check(mdb_env_open(impl_->env, directory.c_str(), MDB_NOTLS | MDB_NORDAHEAD, 0600), directory);
  int dead = 0;  // readers that were killed would keep pages from being used again
  check(mdb_reader_check(impl_->env, &dead), directory);
  MDB_txn* txn = nullptr;
  check(mdb_txn_begin(impl_->env, nullptr, 0, &txn), directory);
  for (unsigned i = 0; i < options.table_count; ++i) {
    MDB_dbi table = 0;
    const int result = mdb_dbi_open(txn, std::to_string(i).c_str(), MDB_CREATE, &table);
    if (result != MDB_SUCCESS) mdb_txn_abort(txn);
    check(result, directory);
    impl_->tables.push_back(table);
  }
  check(mdb_txn_commit(txn), directory);
  impl_->file = identity_of(directory);
  std::erase_if(open_environments, [](const auto& each) { return each.expired(); });
  open_environments.push_back(impl_);
}

Environment::~Environment() = default;

void Environment::fail_damaged(std::string_view what) const {
  throw_damaged(impl_->directory, what);
}

std::uint64_t Environment::file_bytes() const {
  return File::open(impl_->directory + "/data.mdb").size();
}

Transaction::Transaction(Environment& environment, Mode mode)
    : impl_(std::make_unique<Impl>(Impl{*environment.impl_})) {
  check(mdb_txn_begin(environment.impl_->env, nullptr, mode == Mode::read ? MDB_RDONLY : 0,
                      &impl_->txn),
        environment.impl_->directory);
}

Transaction::~Transaction() {
  if (impl_->txn != nullptr) mdb_txn_abort(impl_->txn);
}

std::optional<View> Transaction::get(Table table, View key) const {
  MDB_val k = to_val(key);
  MDB_val v{};
  const int result = mdb_get(impl_->txn, impl_->environment.tables[table], &k, &v);
  if (result == MDB_NOTFOUND) return std::nullopt;
  check(result, impl_->environment.directory);
  return impl_->environment.value_of(key, to_view(v), impl_->shown);
}

void Transaction::put_with(Table table, View key, View value, unsigned flags) {
  KIST_ENSURE(value.size() <= record_bytes_max);
  const Bytes record = impl_->environment.record_of(key, value);
  MDB_val k = to_val(key);
  MDB_val v = to_val(record);
  check(mdb_put(impl_->txn, impl_->environment.tables[table], &k, &v, flags),
        impl_->environment.directory);
}

void Transaction::put(Table table, View key, View value) {
  put_with(table, key, value, 0);
}

void Transaction::append(Table table, View key, View value) {
  put_with(table, key, value, MDB_APPEND);
}

void Transaction::remove(Table table, View key) {
  MDB_val k = to_val(key);
  const int result = mdb_del(impl_->txn, impl_->environment.tables[table], &k, nullptr);
  if (result != MDB_NOTFOUND) check(result, impl_->environment.directory);
}

void Transaction::clear(Table table) {
  check(mdb_drop(impl_->txn, impl_->environment.tables[table], 0), impl_->environment.directory);
}

void Transaction::scan(Table table, View from, const std::function<bool(View, View)>& each) const {
  MDB_cursor* raw = nullptr;
  check(mdb_cursor_open(impl_->txn, impl_->environment.tables[table], &raw),
        impl_->environment.directory);
  const std::unique_ptr<MDB_cursor, void (*)(MDB_cursor*)> cursor(raw, &mdb_cursor_close);
  MDB_val k = to_val(from);
  MDB_val v{};
  int result = mdb_cursor_get(raw, &k, &v, from.empty() ? MDB_FIRST : MDB_SET_RANGE);
  Bytes shown;
  while (result == MDB_SUCCESS) {
    if (!each(to_view(k), impl_->environment.value_of(to_view(k), to_view(v), shown))) return;
    result = mdb_cursor_get(raw, &k, &v, MDB_NEXT);
  }
  if (result != MDB_NOTFOUND) check(result, impl_->environment.directory);
}

std::uint64_t Transaction::count(Table table) const {
  MDB_stat stat{};
  check(mdb_stat(impl_->txn, impl_->environment.tables[table], &stat),
        impl_->environment.directory);
  return stat.ms_entries;
}

std::optional<Bytes> Transaction::last_key(Table table) const {
  MDB_cursor* raw = nullptr;
  check(mdb_cursor_open(impl_->txn, impl_->environment.tables[table], &raw),
        impl_->environment.directory);
  const std::unique_ptr<MDB_cursor, void (*)(MDB_cursor*)> cursor(raw, &mdb_cursor_close);
  MDB_val k{};
  MDB_val v{};
  const int result = mdb_cursor_get(raw, &k, &v, MDB_LAST);
  if (result == MDB_NOTFOUND) return std::nullopt;
  check(result, impl_->environment.directory);
  const View key = to_view(k);
  return Bytes(key.begin(), key.end());
}

void Transaction::commit() {
  MDB_txn* txn = std::exchange(impl_->txn, nullptr);
  check(mdb_txn_commit(txn), impl_->environment.directory);
}

void Transaction::renew() {
  mdb_txn_reset(impl_->txn);
  check(mdb_txn_renew(impl_->txn), impl_->environment.directory);
}

}  // namespace kist
