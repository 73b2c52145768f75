#include "engine/blocks/pack_builder.h"

#include <utility>

#include "engine/crypto/seal.h"
#include "engine/format/limits.h"

namespace kist {

namespace {

// Of sealed frames that wait for the store.
constexpr std::uint64_t waiting_bytes_max = 8U << 20U;

}  // namespace

PackBuilder::PackBuilder(
    StoreWriter& store, Pool& pool, Random& random, const Options& options, PackClosed on_closed)
    : pool_(pool),
      random_(random),
      options_(options),
      on_closed_(std::move(on_closed)),
      in_flight_max_(pool.thread_count() + 2),
      writer_(store, options.repository, waiting_bytes_max) {}

PackBuilder::~PackBuilder() {
  // Workers refer to frames that the jobs keep alive; they end before those go.
  for (CompressJob& job : compressing_) {
    if (job.compressed.valid()) job.compressed.wait();
  }
  for (WriteJob& job : writing_) {
    if (job.sealed.valid()) job.sealed.wait();
  }
}

void PackBuilder::add(PackKind kind,
                      const BlockId& id,
                      View plaintext,
                      const std::vector<std::uint64_t>* numbers) {
  KIST_ENSURE(!plaintext.empty() && plaintext.size() <= block_bytes_max);
  Stream& to = stream(kind);
  if (!to.frame.plain.empty() && to.frame.plain.size() + plaintext.size() > options_.frame_target) {
    close_frame(to);
  }
  to.frame.plain.insert(to.frame.plain.end(), plaintext.begin(), plaintext.end());
  to.frame.list.blocks.push_back({id, narrow<std::uint32_t>(plaintext.size())});
  to.frame.list.has_numbers = numbers != nullptr;
  if (numbers != nullptr) to.frame.list.numbers.push_back(*numbers);
  if (to.frame.list.blocks.size() == frame_blocks_max) close_frame(to);
}

void PackBuilder::close_frame(Stream& from) {
  if (from.frame.list.blocks.empty()) return;
  auto frame = std::make_shared<Frame>(std::exchange(from.frame, {}));
  from.frame.plain.reserve(frame->plain.size());
  const auto compress = [frame, compression = options_.compression] {
    Bytes out;
    const bool pays = thread_compressor().compress(frame->plain, compression, out);
    frame->list.encoding = pays ? FrameEncoding::zstd : FrameEncoding::raw;
    // A copy of just the size: `out` has room for the worst case, and the frame may wait.
    return pays ? std::make_shared<const Bytes>(out.begin(), out.end()) : nullptr;
  };
  compressing_.push_back({.kind = from.kind, .frame = frame, .compressed = pool_.submit(compress)});
  while (compressing_.size() > in_flight_max_) {
    place_next_frame();
  }
}

// The oldest frame, once it is compressed, gets its place in a pack.
void PackBuilder::place_next_frame() {
  CompressJob job = std::move(compressing_.front());
  compressing_.pop_front();
  Stream& to = stream(job.kind);
  start_sealing(to, std::move(job));
  while (writing_.size() > in_flight_max_) {
    write_next();
  }
}

void PackBuilder::start_sealing(Stream& to, CompressJob job) {
  const std::shared_ptr<const Bytes> compressed = job.compressed.get();
  const std::shared_ptr<const Frame> frame = job.frame;
  const std::size_t size = compressed ? compressed->size() : frame->plain.size();
  const std::size_t list_size = encode_frame_list(frame->list).size();
  const FrameSizes sizes{.contents = narrow<std::uint32_t>(size + seal_overhead),
                         .list = narrow<std::uint32_t>(list_size + seal_overhead)};
  if (to.pack && !to.pack->has_room_for(sizes)) close_pack(to, true);
  if (!to.pack) to.pack.emplace(options_.repository, to.kind, random_);
  const auto seal = [frame, compressed, place = to.pack->place(sizes, frame->list)] {
    const View contents = compressed ? View(*compressed) : View(frame->plain);
    Bytes sealed = seal_frame(*place.secret, place.position, contents, frame->list);
    check_frame(*place.secret, place.position, sealed, {frame->plain, frame->list},
                thread_decompressor());
    return sealed;
  };
  writing_.push_back({.kind = to.kind, .sealed = pool_.submit(seal)});
}

void PackBuilder::close_pack(Stream& from, bool is_full) {
  if (!from.pack) return;
  PackLayout::Closed closed = from.pack->close(is_full);
  from.pack.reset();
  stored_bytes_ += closed.indexed.size;
  for (const IndexedFrame& frame : closed.indexed.frames) {
    from.closed_blocks += frame.blocks.size();
  }
  from.closed.push_back(
      {.indexed = std::move(closed.indexed), .key = std::move(closed.key), .hash = {}});
  writing_.push_back(
      {.kind = from.kind, .end = std::move(closed.end), .closed = &from.closed.back()});
  on_closed_(from.kind);
}

void PackBuilder::write_next() {
  WriteJob job = std::move(writing_.front());
  writing_.pop_front();
  if (job.end) {
    job.closed->hash = writer_.end(job.kind, std::move(*job.end));
  } else {
    writer_.append(job.kind, job.sealed.get());
  }
}

void PackBuilder::write_all() {
  while (!writing_.empty()) {
    write_next();
  }
}

void PackBuilder::close_all() {
  close_frame(data_);
  close_frame(meta_);
  while (!compressing_.empty()) {
    place_next_frame();
  }
  close_pack(data_, false);
  close_pack(meta_, false);
}

std::uint64_t PackBuilder::closed_block_count(PackKind kind) const {
  return kind == PackKind::data ? data_.closed_blocks : meta_.closed_blocks;
}

std::vector<StoredPack> PackBuilder::take_closed(PackKind kind) {
  write_all();
  Stream& from = stream(kind);
  std::vector<StoredPack> out;
  for (ClosedPack& pack : from.closed) {
    pack.indexed.hash = writer_.wait(pack.hash);
    out.push_back({.indexed = std::move(pack.indexed), .key = std::move(pack.key)});
  }
  from.closed.clear();
  from.closed_blocks = 0;
  return out;
}

}  // namespace kist
