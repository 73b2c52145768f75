#include "engine/ops/backup/source_reader.h"

#include "engine/base/attempt.h"
#include "engine/crypto/hash.h"
#include "engine/format/limits.h"

namespace kist {

namespace {

constexpr std::uint64_t batch_bytes_target = 1U << 20U;
constexpr std::size_t batch_entries_max = 512;
constexpr std::size_t batch_directories_max = 32;
constexpr std::uint64_t waiting_bytes_max = 12U << 20U;
constexpr std::uint64_t entry_weight = 400;
constexpr std::uint64_t directory_weight = 64U << 10U;  // each holds a descriptor open
constexpr std::uint64_t large_from = 1U << 20U;
constexpr std::size_t read_bytes = 2U << 20U;
constexpr std::uint64_t grown_max = 4U << 20U;  // of a small file that has grown meanwhile
constexpr std::int64_t racy_ms = 2000;

void fill_from_status(Entry& entry, const FileStatus& status) {
  entry.type = status.type;
  entry.mode = status.mode;
  entry.uid = status.uid;
  entry.gid = status.gid;
  entry.mtime = status.mtime;
  entry.ctime = status.ctime;
  entry.inode = status.inode;
  entry.size = status.type == EntryType::file ? status.size : 0;
  entry.device_major = 0;
  entry.device_minor = 0;
  if (status.type == EntryType::character_device || status.type == EntryType::block_device) {
    entry.device_major = status.device_major;
    entry.device_minor = status.device_minor;
  }
}

bool is_same_content(const FileStatus& a, const FileStatus& b) {
  return a.inode == b.inode && a.size == b.size && a.mtime == b.mtime && a.ctime == b.ctime;
}

void report(const ReadContext& context, const ReadEntry& entry, const Error& error) {
  context.problems.report(entry.entry.path, error);
}

// The content is stored as it was read, marked as what it is.
void report_torn(const ReadContext& context, ReadEntry& entry) {
  entry.entry.flags |= flag_torn;
  report(context, entry,
         {Code::failed, "it changed while it was read; what was stored may mix two states"});
}

void hash_pieces(const ReadContext& context, View buffer, ReadEntry& entry) {
  for (ReadPiece& piece : entry.pieces) {
    if (piece.type != ItemType::block) continue;
    piece.id = hash_block(context.id_key, buffer.subspan(piece.offset, piece.size));
  }
}

// One attempt at a small file: its status, attributes and bytes. False if it changed meanwhile;
// what there was of it is in the buffer all the same.
bool try_small(const File& file, Entry& entry, ReadBatch& batch, std::size_t& offset) {
  const FileStatus before = file_status(file);
  if (before.type != EntryType::file) {
    throw Error(Code::failed, "it was replaced by something else while it was read");
  }
  const std::uint64_t room = entry.size;
  fill_from_status(entry, before);
  entry.xattrs = file_xattrs(file);
  entry.flags = file_flags(file);
  if (before.size > room) {  // it has grown since it was met: there is room for it at the end
    offset = batch.buffer.size();
    entry.size = std::min(before.size, grown_max);
    batch.buffer.resize(offset + entry.size);
  }
  entry.size = file.read_at(0, MutableView(batch.buffer).subspan(offset, entry.size));
  return entry.size == before.size && is_same_content(before, file_status(file));
}

// Reads one small file into the batch's buffer, where `offset` is kept for as many bytes as it had.
// One that changed is read once more.
void read_small(const ReadContext& context,
                ReadEntry& entry,
                ReadBatch& batch,
                std::size_t offset) {
  const File file = entry.parent->open_file(entry.name);
  bool is_whole = false;
  for (int attempt = 0; attempt < 2 && !is_whole; ++attempt) {
    is_whole = try_small(file, entry.entry, batch, offset);
  }
  if (!is_whole) report_torn(context, entry);
  const std::size_t size = entry.entry.size;
  const View bytes = View(batch.buffer).subspan(offset, size);
  if (size <= inline_content_bytes_max) {
    entry.entry.inline_content.emplace(bytes.begin(), bytes.end());
    return;
  }
  for (std::size_t at = 0; at < size;) {
    const std::size_t cut = context.chunker.first_block(bytes.subspan(at));
    entry.pieces.push_back({.type = ItemType::block, .size = cut, .offset = offset + at, .id = {}});
    at += cut;
  }
}

void read_batch(const ReadContext& context, ReadBatch& batch) {
  std::size_t total = 0;
  for (const ReadEntry& entry : batch.entries) {
    if (entry.parent) total += entry.entry.size;
  }
  batch.buffer.resize(total);
  std::size_t offset = 0;
  for (ReadEntry& entry : batch.entries) {
    if (!entry.parent) continue;
    const std::size_t room = entry.entry.size;
    const auto failure = failure_of([&] {
      read_small(context, entry, batch, offset);
      hash_pieces(context, batch.buffer, entry);
    });
    if (failure) {
      entry.has_failed = true;
      report(context, entry, *failure);
    }
    entry.parent.reset();
    offset += room;
  }
}

}  // namespace

SourceReader::SourceReader(const ReadSource& source,
                           const ReadContext& context,
                           Pool& pool,
                           std::vector<std::unique_ptr<FileCacheReader>> caches)
    : context_(context),
      pool_(pool),
      caches_(std::move(caches)),
      source_(source),
      walker_(source.paths,
              source.walk,
              [this](const std::string& path, const Error& error) {
                context_.problems.report(path, error);
              }),
      queue_(waiting_bytes_max),
      open_(std::make_shared<ReadBatch>()) {
  thread_ = std::thread([this] { run(); });
}

SourceReader::~SourceReader() {
  queue_.abandon();
  thread_.join();
}

std::shared_ptr<ReadBatch> SourceReader::next() {
  std::optional<Waiting> waiting = queue_.pop();
  if (!waiting) return nullptr;
  if (waiting->ready.valid()) waiting->ready.get();
  return std::move(waiting->batch);
}

void SourceReader::run() {
  try {
    if (source_.stream != nullptr) {
      read_stream();
    } else {
      read_all();
    }
    flush();
    queue_.close();
  } catch (const Interrupted&) {
    was_interrupted_ = true;
    queue_.close(nullptr);
  } catch (...) {
    queue_.close(std::current_exception());
  }
}

void SourceReader::read_all() {
  while (std::optional<WalkItem> item = walker_.next()) {
    check_cancelled(context_.observer);
    handle(std::move(*item));
  }
}

const std::string& SourceReader::owner(std::uint32_t number, bool is_group) {
  std::map<std::uint32_t, std::string>& known = is_group ? groups_ : users_;
  const auto found = known.find(number);
  if (found != known.end()) return found->second;
  return known.emplace(number, is_group ? group_name(number) : user_name(number)).first->second;
}

Entry SourceReader::describe(const WalkItem& item) {
  Entry entry;
  entry.path = item.path;
  fill_from_status(entry, item.status);
  entry.user = owner(entry.uid, false);
  entry.group = owner(entry.gid, true);
  return entry;
}

namespace {

// What of an entry that is no file is not in its status; a file's is read with its content.
void add_details(const WalkItem& item, Entry& entry) {
  if (entry.type == EntryType::file) return;
  if (entry.type == EntryType::symlink) entry.link_target = item.parent->read_link(item.name);
  if (item.self) {
    entry.xattrs = item.self->own_xattrs();
    entry.flags = item.self->own_flags();
  } else if (item.parent) {
    entry.xattrs = item.parent->xattrs(item.name);
  }
}

}  // namespace

namespace {

// Whether the cached entry still holds. A file that was touched within two seconds of the last
// backup's start may have changed again without moving its times, so it must have been quiet since
// before that; a file that was torn then is read again.
bool is_unmodified(const FileStatus& status, const Entry& entry, std::int64_t started_ms) {
  const std::int64_t quiet_since_ms = started_ms - racy_ms;
  const std::uint64_t size = status.type == EntryType::file ? status.size : 0;
  return entry.type == status.type && (entry.flags & flag_torn) == 0 &&
         entry.inode == status.inode && entry.size == size && entry.mtime == status.mtime &&
         entry.ctime == status.ctime && entry.uid == status.uid && entry.gid == status.gid &&
         entry.mode == status.mode && to_ms(status.mtime) < quiet_since_ms &&
         to_ms(status.ctime) < quiet_since_ms;
}

}  // namespace

// The cached entry of the item, if it still holds and the backup may rely on what it names;
// `otherwise`: what to say of the item where there is none.
const CachedEntry* SourceReader::find_unmodified(const WalkItem& item, Change& otherwise) {
  const CachedEntry* found = nullptr;
  otherwise = Change::fresh;
  for (const auto& cache : caches_) {
    const CachedEntry* cached = cache->find(item.path);
    if (cached == nullptr) continue;
    if (otherwise == Change::fresh) otherwise = Change::changed;
    if (!is_unmodified(item.status, cached->entry, cache->facts().started_ms)) continue;
    otherwise = Change::reread;
    const bool is_relied_on =
        context_.unrelied == nullptr || !context_.unrelied->touch(cached->runs);
    if (found == nullptr && is_relied_on) found = cached;
  }
  return found;
}

// Whether the item is a further name of one that came before; its entry then names the first.
bool SourceReader::is_later_name(const WalkItem& item, Entry& entry) {
  if (item.status.link_count < 2 || item.status.type == EntryType::directory) return false;
  const auto key = std::pair(item.status.device, item.status.inode);
  const auto [found, is_first] =
      first_names_.try_emplace(key, FirstName{item.path, item.status.link_count});
  const bool is_later = !is_first;
  if (is_later) {
    entry.path = item.path;
    entry.type = EntryType::hard_link;
    entry.link_target = found->second.path;
  }
  if (--found->second.names_left == 0) first_names_.erase(found);
  return is_later;
}

void SourceReader::handle(WalkItem item) {
  ReadEntry out;
  if (is_later_name(item, out.entry)) {
    out.change = Change::unmodified;
    add(std::move(out), 0);
    return;
  }
  if (const CachedEntry* cached = find_unmodified(item, out.change)) {
    out.entry = cached->entry;
    out.runs = cached->runs;
    out.change = Change::unmodified;
    add(std::move(out), 0);
    return;
  }
  out.entry = describe(item);
  if (const auto failure = failure_of([&] { add_details(item, out.entry); })) {
    report(context_, out, *failure);
    // What a directory holds is worth having without its attributes.
    out.has_failed = item.status.type != EntryType::directory;
  }
  if (item.status.type != EntryType::file) {
    add(std::move(out), 0);
    return;
  }
  ++opened_count_;
  if (item.status.size > large_from || item.status.allocated < item.status.size) {
    read_large(item, std::move(out));
    return;
  }
  out.parent = item.parent;
  out.name = item.name;
  if (item.parent.get() != last_directory_) {
    last_directory_ = item.parent.get();
    ++open_directories_;
  }
  add(std::move(out), item.status.size);
}

void SourceReader::add(ReadEntry entry, std::uint64_t buffer_bytes) {
  open_->entries.push_back(std::move(entry));
  open_bytes_ += buffer_bytes;
  if (open_bytes_ >= batch_bytes_target || open_->entries.size() >= batch_entries_max ||
      open_directories_ >= batch_directories_max) {
    flush();
  }
}

void SourceReader::flush() {
  if (open_->entries.empty()) return;
  auto batch = std::exchange(open_, std::make_shared<ReadBatch>());
  const std::uint64_t weight =
      open_bytes_ + batch->entries.size() * entry_weight + open_directories_ * directory_weight;
  std::future<void> ready;
  if (std::ranges::any_of(batch->entries, [](const ReadEntry& e) { return e.parent != nullptr; })) {
    ready = pool_.submit([context = context_, batch] { read_batch(context, *batch); });
  }
  open_bytes_ = 0;
  open_directories_ = 0;
  last_directory_ = nullptr;
  push(std::move(batch), weight, std::move(ready));
}

void SourceReader::push(std::shared_ptr<ReadBatch> batch,
                        std::uint64_t weight,
                        std::future<void> ready) {
  if (!queue_.push({std::move(batch), std::move(ready)}, weight)) throw Interrupted();
}

// Bytes as `read` yields them, up to `size_max`, cut here in order and hashed by the pool. How many
// there were.
std::uint64_t SourceReader::read_blocks(const std::string& path,
                                        std::uint64_t size_max,
                                        const std::function<std::size_t(MutableView)>& read) {
  const std::size_t block_max = context_.chunker.parameters().size_max;
  Bytes carried;
  std::uint64_t total = 0;
  for (bool is_end = size_max == 0; !is_end;) {
    check_cancelled(context_.observer);
    auto batch = std::make_shared<ReadBatch>();
    batch->buffer = std::exchange(carried, {});
    const std::size_t held = batch->buffer.size();
    const std::size_t requested = std::min<std::uint64_t>(read_bytes, size_max - total);
    batch->buffer.resize(held + requested);
    const std::size_t got = read(MutableView(batch->buffer).subspan(held));
    batch->buffer.resize(held + got);
    total += got;
    is_end = got < requested || total == size_max;
    ReadEntry part;
    part.entry.path = path;
    part.is_last = false;
    std::size_t cut = 0;
    while (cut < batch->buffer.size()) {
      const View rest = View(batch->buffer).subspan(cut);
      if (rest.size() < block_max && !is_end) break;
      const std::size_t size = context_.chunker.first_block(rest);
      part.pieces.push_back({.type = ItemType::block, .size = size, .offset = cut, .id = {}});
      cut += size;
    }
    carried.assign(batch->buffer.begin() + static_cast<std::ptrdiff_t>(cut), batch->buffer.end());
    batch->entries.push_back(std::move(part));
    std::future<void> ready = pool_.submit([context = context_, batch] {
      hash_pieces(context, batch->buffer, batch->entries.front());
    });
    const std::size_t weight = batch->buffer.size();
    push(std::move(batch), weight, std::move(ready));
  }
  return total;
}

void SourceReader::push_hole(const std::string& path, std::uint64_t size) {
  auto batch = std::make_shared<ReadBatch>();
  ReadEntry hole;
  hole.entry.path = path;
  hole.is_last = false;
  hole.pieces.push_back({.type = ItemType::hole, .size = size, .offset = 0, .id = {}});
  batch->entries.push_back(std::move(hole));
  push(std::move(batch), entry_weight, {});
}

// Data and holes of a large file, in order.
void SourceReader::read_content(const File& file, ReadEntry& entry) {
  const FileStatus before = file_status(file);
  if (before.type != EntryType::file) {
    throw Error(Code::failed, "it was replaced by something else while it was read");
  }
  fill_from_status(entry.entry, before);
  entry.entry.xattrs = file_xattrs(file);
  entry.entry.flags = file_flags(file);
  for (std::uint64_t at = 0; at < before.size;) {
    const std::uint64_t data = file.next_data(at, before.size);
    if (data > at) push_hole(entry.entry.path, data - at);
    std::uint64_t end = data < before.size ? file.next_hole(data, before.size) : data;
    if (data < before.size && end <= data) end = before.size;  // a file system that cannot tell
    at = data;
    read_blocks(entry.entry.path, end - data, [&](MutableView room) {
      const std::size_t got = file.read_at(at, room);
      at += got;
      return got;
    });
    at = end;  // if it has become shorter, there is nothing more to read
  }
  if (!is_same_content(before, file_status(file))) report_torn(context_, entry);
}

void SourceReader::read_large(WalkItem& item, ReadEntry entry) {
  flush();
  const auto failure = failure_of([&] {
    const File file = item.parent->open_file(item.name);
    file.advise_sequential();
    read_content(file, entry);
  });
  if (failure) {
    entry.has_failed = true;
    report(context_, entry, *failure);
  }
  add(std::move(entry), 0);
  flush();
}

// The stream's file, below directories that lead to it: they, and it, are made up for the occasion.
void SourceReader::read_stream() {
  const StreamInput& stream = *source_.stream;
  const FileStatus like = Directory::open("/").own_status();
  ReadEntry entry;
  fill_from_status(entry.entry, like);
  entry.entry.mtime = stream.time;
  entry.entry.ctime = stream.time;
  entry.entry.user = owner(like.uid, false);
  entry.entry.group = owner(like.gid, true);
  for (std::size_t end = 0; end != std::string::npos;
       end = stream.path.find('/', end == 0 ? 0 : end + 1)) {
    ReadEntry above = entry;
    above.entry.path = stream.path.substr(0, end);
    above.entry.type = EntryType::directory;
    above.entry.mode = 0755;
    above.entry.inode = 0;
    add(std::move(above), 0);
  }
  flush();
  entry.entry.path = stream.path;
  entry.entry.type = EntryType::file;
  entry.entry.mode = 0600;
  entry.entry.inode = 0;
  read_blocks(stream.path, UINT64_MAX, stream.read);
  check_cancelled(context_.observer);  // a command may have ended because a person asked to stop
  stream.finish();
  add(std::move(entry), 0);
}

}  // namespace kist
