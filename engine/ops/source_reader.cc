#include "engine/ops/source_reader.h"

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
constexpr std::size_t segment_bytes = 2U << 20U;
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

Error changed_error() {
  return {Code::failed, "it changed while it was read; what was stored may mix two states"};
}

void report(const ReadContext& context, const ReadEntry& entry, const Error& error) {
  ++context.problem_count;
  context.observer.problem("/" + entry.entry.path, error);
}

void hash_pieces(const ReadContext& context, View buffer, ReadEntry& entry) {
  for (ReadPiece& piece : entry.pieces) {
    if (piece.type != ItemType::block) continue;
    piece.id = hash_block(context.id_key, buffer.subspan(piece.offset, piece.size));
  }
}

// Reads one small file into the batch's buffer at `offset`, where `room` bytes are kept for it.
void read_small(const ReadContext& context,
                ReadEntry& entry,
                MutableView room,
                std::size_t offset) {
  const File file = entry.parent->open_file(entry.name);
  const FileStatus before = file_status(file);
  if (before.type != EntryType::file) {
    throw Error(Code::failed, "it was replaced by something else while it was read");
  }
  fill_from_status(entry.entry, before);
  entry.entry.xattrs = file_xattrs(file);
  const std::size_t size =
      file.read_at(0, room.first(std::min<std::size_t>(room.size(), before.size)));
  if (size != before.size || !is_same_content(before, file_status(file))) {
    report(context, entry, changed_error());
  }
  entry.entry.size = size;
  context.bytes_read += size;
  const View bytes = room.first(size);
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
    try {
      read_small(context, entry, MutableView(batch.buffer).subspan(offset, room), offset);
      hash_pieces(context, batch.buffer, entry);
    } catch (const Error& error) {
      entry.has_failed = true;
      report(context, entry, error);
    }
    entry.parent.reset();
    offset += room;
  }
}

std::int64_t to_ms(const Timestamp& time) {
  return time.seconds * 1000 + static_cast<std::int64_t>(time.nanoseconds / 1'000'000);
}

}  // namespace

SourceReader::SourceReader(const std::vector<std::string>& paths,
                           const ReadContext& context,
                           Pool& pool,
                           std::unique_ptr<FileCacheReader> cache)
    : context_(context),
      pool_(pool),
      cache_(std::move(cache)),
      walker_(paths, context.observer),
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
    while (std::optional<WalkItem> item = walker_.next()) {
      check_cancelled(context_.observer);
      handle(std::move(*item));
    }
    flush();
    context_.problem_count += walker_.problem_count();
    queue_.close();
  } catch (...) {
    queue_.close(std::current_exception());
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
  if (entry.type == EntryType::file) return entry;  // the rest is read with its content
  if (entry.type == EntryType::symlink) entry.link_target = item.parent->read_link(item.name);
  if (item.self) {
    entry.xattrs = item.self->own_xattrs();
  } else if (item.parent) {
    entry.xattrs = item.parent->xattrs(item.name);
  }
  return entry;
}

// A file whose content was touched within two seconds of the last backup's start may have changed
// again without moving its times.
bool SourceReader::is_unmodified(const WalkItem& item, const CachedEntry& cached) const {
  const Entry& entry = cached.entry;
  const FileStatus& status = item.status;
  const std::int64_t settled_ms = cache_->facts().started_ms - racy_ms;
  const std::uint64_t size = status.type == EntryType::file ? status.size : 0;
  return entry.type == status.type && entry.inode == status.inode && entry.size == size &&
         entry.mtime == status.mtime && entry.ctime == status.ctime && entry.uid == status.uid &&
         entry.gid == status.gid && entry.mode == status.mode && to_ms(status.mtime) < settled_ms &&
         to_ms(status.ctime) < settled_ms;
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
  const CachedEntry* cached = cache_ ? cache_->find(item.path) : nullptr;
  if (cached != nullptr && is_unmodified(item, *cached)) {
    out.entry = cached->entry;
    out.runs = cached->runs;
    out.change = Change::unmodified;
    add(std::move(out), 0);
    return;
  }
  out.change = cached != nullptr ? Change::changed : Change::fresh;
  try {
    out.entry = describe(item);
  } catch (const Error& error) {
    out.entry.path = item.path;
    report(context_, out, error);
    return;
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
  if (!queue_.push({std::move(batch), std::move(ready)}, weight))
    throw Error(Code::interrupted, "interrupted");
}

// One stretch of data of a large file, cut here in order and hashed by the pool.
void SourceReader::read_extent(const File& file,
                               std::uint64_t start,
                               std::uint64_t end,
                               const ReadEntry& whole) {
  const std::size_t block_max = context_.chunker.parameters().size_max;
  Bytes carried;
  for (std::uint64_t at = start; at < end || !carried.empty();) {
    check_cancelled(context_.observer);
    auto batch = std::make_shared<ReadBatch>();
    const std::size_t wanted = std::min<std::uint64_t>(segment_bytes, end - at);
    batch->buffer = std::move(carried);
    carried = {};
    const std::size_t held = batch->buffer.size();
    batch->buffer.resize(held + wanted);
    const std::size_t got = file.read_at(at, MutableView(batch->buffer).subspan(held));
    batch->buffer.resize(held + got);
    context_.bytes_read += got;
    at = got < wanted ? end : at + got;  // the file has become shorter
    ReadEntry part;
    part.entry.path = whole.entry.path;
    part.is_last = false;
    std::size_t cut = 0;
    while (cut < batch->buffer.size()) {
      const View rest = View(batch->buffer).subspan(cut);
      if (rest.size() < block_max && at < end) break;
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
}

void SourceReader::read_large(WalkItem& item, ReadEntry entry) {
  flush();
  try {
    const File file = item.parent->open_file(item.name);
    const FileStatus before = file_status(file);
    if (before.type != EntryType::file) {
      throw Error(Code::failed, "it was replaced by something else while it was read");
    }
    file.advise_sequential();
    fill_from_status(entry.entry, before);
    entry.entry.xattrs = file_xattrs(file);
    for (std::uint64_t at = 0; at < before.size;) {
      const std::uint64_t data = file.next_data(at, before.size);
      if (data > at) {
        auto batch = std::make_shared<ReadBatch>();
        ReadEntry hole;
        hole.entry.path = entry.entry.path;
        hole.is_last = false;
        hole.pieces.push_back({.type = ItemType::hole, .size = data - at, .offset = 0, .id = {}});
        batch->entries.push_back(std::move(hole));
        push(std::move(batch), entry_weight, {});
      }
      std::uint64_t end = data < before.size ? file.next_hole(data, before.size) : data;
      if (data < before.size && end <= data) end = before.size;  // a file system that cannot tell
      read_extent(file, data, end, entry);
      at = end;
    }
    if (!is_same_content(before, file_status(file))) report(context_, entry, changed_error());
  } catch (const Error& error) {
    if (error.code() == Code::interrupted) throw;
    entry.has_failed = true;
    report(context_, entry, error);
  }
  add(std::move(entry), 0);
  flush();
}

}  // namespace kist
