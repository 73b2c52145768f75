#include "engine/blocks/block_writer.h"

#include "engine/blocks/block_reader.h"
#include "engine/blocks/frame.h"
#include "engine/crypto/hash.h"
#include "engine/crypto/kdf.h"
#include "engine/crypto/seal.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/keys/sealed_object.h"

namespace kist {

namespace {

constexpr std::uint64_t waiting_bytes_max = 8U << 20U;
constexpr std::uint64_t segment_blocks_target = 64U << 10U;

const Policy& policy_in_force(const State& state) {
  return state.policies.at("default");
}

TrustedNumbers trusted_by(const Repository& repository) {
  const State& state = repository.state();
  return {state, policy_in_force(state).dedup, repository.keyring.slot()};
}

}  // namespace

SnapshotTaken snapshot_entry(const Introduced& introduced, const State& state) {
  const Policy& policy = policy_in_force(state);
  SnapshotTaken taken;
  taken.policy = policy.name;
  taken.minimum = policy.minimum;
  taken.maximum = policy.maximum;
  taken.lock = policy.lock;
  taken.body = introduced.body;
  taken.reference_set = introduced.reference_set;
  taken.key_segments = introduced.key_segments;
  taken.segments = introduced.segments;
  for (SegmentIntroduction& segment : taken.segments) {
    segment.first_number += state.next_number;
  }
  return taken;
}

struct Ingest::FrameInProgress {
  Bytes plain;
  FrameList list;
};

struct Ingest::PackInProgress {
  Key key;
  Key fill_seed;
  std::uint64_t end = pack_header_size;
  std::vector<FramePlace> places;
  std::vector<IndexedFrame> frames;
};

// A frame on its way: its plaintext stays until the sealed form was checked.
struct Ingest::CompressJob {
  PackKind kind = PackKind::data;
  std::shared_ptr<FrameInProgress> frame;
  std::future<std::shared_ptr<Bytes>> stored;  // what will be sealed: compressed, or null for raw
};

// What the writer thread gets next: a sealed frame, or the end of a pack.
struct Ingest::SealJob {
  PackKind kind = PackKind::data;
  std::future<Bytes> sealed;
  std::unique_ptr<PackEnd> end;
};

// Data or meta: what is open, and what waits for its segment.
struct Ingest::Stream {
  PackKind kind = PackKind::data;
  FrameInProgress frame;
  std::unique_ptr<PackInProgress> pack;

  struct ClosedPack {
    IndexedPack indexed;
    Key key;
    std::future<ObjectHash> name;
  };

  std::vector<ClosedPack> closed;
  std::uint64_t closed_blocks = 0;
  std::vector<SegmentIntroduction> segments;
};

void append_run(std::vector<ReferenceRun>& runs, const ReferenceRun& run) {
  if (!runs.empty() && runs.back().base == run.base &&
      runs.back().first + runs.back().count == run.first) {
    runs.back().count += run.count;
  } else {
    runs.push_back(run);
  }
}

Ingest::Ingest(
    Repository& repository, const WriteKeys& keys, Pool& pool, Compression compression, bool is_dry)
    : repository_(repository),
      keys_(keys),
      pool_(pool),
      compression_(compression),
      in_flight_max_(pool.thread_count() + 2),
      writer_(std::make_unique<PackWriter>(
          repository.writer(), repository.keyring.repository(), waiting_bytes_max)),
      data_(std::make_unique<Stream>()),
      meta_(std::make_unique<Stream>()),
      index_(repository.local->index()),
      trust_(trusted_by(repository)),
      is_dry_(is_dry) {
  data_->kind = PackKind::data;
  meta_->kind = PackKind::meta;
  note_distrusted();
}

// Packs that were found damaged: what they hold is stored again.
void Ingest::note_distrusted() {
  distrusted_.clear();
  const std::set<ObjectHash> names = repository_.local->distrusted_packs();
  if (names.empty()) return;
  for (std::uint32_t pack = 0; pack < index_->pack_count(); ++pack) {
    if (names.contains(index_->pack(pack).name)) distrusted_.insert(pack);
  }
}

Ingest::~Ingest() {
  // Workers refer to frames that the jobs keep alive; they end before those go.
  for (CompressJob& job : compressing_) {
    if (job.stored.valid()) job.stored.wait();
  }
  for (SealJob& job : sealing_) {
    if (job.sealed.valid()) job.sealed.wait();
  }
}

Ingest::Stream& Ingest::stream(PackKind kind) {
  return kind == PackKind::data ? *data_ : *meta_;
}

void Ingest::refer(const ReferenceRun& run) {
  switch (run.base) {
    case NumberBase::absolute:
      return absolute_.add_range(run.first, run.count);
    case NumberBase::new_data:
      return relative_data_.add_range(run.first, run.count);
    case NumberBase::new_meta:
      return relative_meta_.add_range(run.first, run.count);
  }
}

// A stored copy that this slot may rely on: a malicious writer may claim the ids of content that
// others are about to back up.
std::optional<std::uint64_t> Ingest::find_stored(const BlockTag& tag) const {
  const auto copy = find_trusted(*index_, *trust_, tag, [&](const BlockLocation& candidate) {
    return !distrusted_.contains(candidate.pack);
  });
  return copy ? std::optional(copy->number) : std::nullopt;
}

ReferenceRun Ingest::add(PackKind kind, const BlockId& id, View plaintext) {
  KIST_ENSURE(!plaintext.empty() && plaintext.size() <= block_bytes_max);
  const NumberBase base = kind == PackKind::data ? NumberBase::new_data : NumberBase::new_meta;
  if (const auto known = run_.find(id)) {
    return {known->is_meta ? NumberBase::new_meta : NumberBase::new_data, known->ordinal};
  }
  if (const auto stored = find_stored(tag_of(id))) return {NumberBase::absolute, *stored};
  if (!is_dry_) put_in_frame(stream(kind), id, plaintext);
  std::uint64_t& count = kind == PackKind::data ? new_data_ : new_meta_;
  const std::uint64_t ordinal = count++;
  new_bytes_ += plaintext.size();
  run_.insert(id, {kind == PackKind::meta, ordinal});
  return {base, ordinal};
}

void Ingest::put_in_frame(Stream& to, const BlockId& id, View plaintext) {
  const std::uint64_t frame_target = repository_.state().genesis.content.frame_target;
  if (!to.frame.plain.empty() && to.frame.plain.size() + plaintext.size() > frame_target) {
    close_frame(to);
  }
  to.frame.plain.insert(to.frame.plain.end(), plaintext.begin(), plaintext.end());
  to.frame.list.blocks.push_back({id, narrow<std::uint32_t>(plaintext.size())});
  if (to.frame.list.blocks.size() == frame_blocks_max) close_frame(to);
}

ReferenceRun Ingest::add_meta(View plaintext, BlockId& id) {
  id = hash_block(keys_.id_key(), plaintext);
  return add(PackKind::meta, id, plaintext);
}

void Ingest::close_frame(Stream& from) {
  if (from.frame.list.blocks.empty()) return;
  auto frame = std::make_shared<FrameInProgress>(std::move(from.frame));
  from.frame = {};
  from.frame.plain.reserve(frame->plain.size());
  const Compression compression = compression_;
  CompressJob job{.kind = from.kind, .frame = frame, .stored = {}};
  job.stored = pool_.submit([frame, compression]() -> std::shared_ptr<Bytes> {
    auto out = std::make_shared<Bytes>();
    const bool pays = thread_compressor().compress(frame->plain, compression, *out);
    frame->list.encoding = pays ? FrameEncoding::zstd : FrameEncoding::raw;
    return pays ? std::make_shared<Bytes>(*out) : nullptr;
  });
  compressing_.push_back(std::move(job));
  while (compressing_.size() > in_flight_max_) {
    place_next_frame();
  }
}

// The oldest compressed frame gets its place in a pack.
void Ingest::place_next_frame() {
  CompressJob job = std::move(compressing_.front());
  compressing_.pop_front();
  Stream& to = stream(job.kind);
  start_sealing(to, std::move(job));
  while (sealing_.size() > in_flight_max_) {
    write_next_frame();
  }
}

void Ingest::start_sealing(Stream& to, CompressJob job) {
  const std::shared_ptr<Bytes> stored = job.stored.get();
  const std::shared_ptr<FrameInProgress> frame = job.frame;
  FramePlace place;
  place.contents_size =
      narrow<std::uint32_t>((stored ? stored->size() : frame->plain.size()) + seal_overhead);
  place.list_size = narrow<std::uint32_t>(encode_frame_list(frame->list).size() + seal_overhead);
  const std::uint64_t size = std::uint64_t{place.contents_size} + place.list_size;
  if (to.pack &&
      padded_pack_size(to.pack->end + size, to.pack->places.size() + 1) > pack_bytes_max) {
    close_pack(to);
  }
  if (!to.pack) {
    to.pack = std::make_unique<PackInProgress>();
    repository_.around.random.fill(to.pack->key.mutable_view());
    repository_.around.random.fill(to.pack->fill_seed.mutable_view());
  }
  place.offset = narrow<std::uint32_t>(to.pack->end);
  const FramePosition position{repository_.keyring.repository(), to.kind,
                               narrow<std::uint32_t>(to.pack->places.size())};
  IndexedFrame indexed{.place = place, .encoding = frame->list.encoding, .blocks = {}};
  for (const ListedBlock& block : frame->list.blocks) {
    indexed.blocks.push_back({.tag = tag_of(block.id), .size = block.size});
  }
  to.pack->end += size;
  to.pack->places.push_back(place);
  to.pack->frames.push_back(std::move(indexed));
  auto secret = std::make_shared<Key>(derive_frame_secret(to.pack->key, position.frame));
  SealJob sealing{.kind = to.kind, .sealed = {}, .end = nullptr};
  sealing.sealed = pool_.submit([frame, stored, secret, position] {
    Bytes sealed =
        seal_frame(*secret, position, stored ? View(*stored) : View(frame->plain), frame->list);
    check_frame(*secret, position, sealed, {frame->plain, frame->list}, thread_decompressor());
    return sealed;
  });
  sealing_.push_back(std::move(sealing));
}

void Ingest::write_next_frame() {
  SealJob job = std::move(sealing_.front());
  sealing_.pop_front();
  if (!job.end) {
    Bytes sealed = job.sealed.get();
    writer_->append(job.kind, std::move(sealed));
    return;
  }
  // Packs end in the order in which they were closed: the name is of the first that waits for one.
  const auto pack = std::ranges::find_if(
      stream(job.kind).closed, [](const Stream::ClosedPack& p) { return !p.name.valid(); });
  pack->name = writer_->end(job.kind, std::move(*job.end));
}

void Ingest::close_pack(Stream& from) {
  if (!from.pack) return;
  PackInProgress& pack = *from.pack;
  const std::uint64_t size = padded_pack_size(pack.end, pack.places.size());
  const FramePosition position{repository_.keyring.repository(), from.kind, 0};
  auto end = std::make_unique<PackEnd>();
  end->fill_seed = std::move(pack.fill_seed);
  end->directory_and_footer = seal_directory(derive_directory_key(pack.key), position, pack.places);
  const auto directory_size = narrow<std::uint32_t>(end->directory_and_footer.size());
  const Bytes footer = encode_pack_footer(directory_size);
  end->directory_and_footer.insert(end->directory_and_footer.end(), footer.begin(), footer.end());
  end->fill_size = size - pack.end - end->directory_and_footer.size();
  stored_bytes_ += size;
  Stream::ClosedPack closed;
  closed.indexed = {.name = {}, .kind = from.kind, .size = size, .frames = std::move(pack.frames)};
  closed.key = std::move(pack.key);
  for (const IndexedFrame& frame : closed.indexed.frames) {
    from.closed_blocks += frame.blocks.size();
  }
  from.closed.push_back(std::move(closed));
  from.pack.reset();
  sealing_.push_back({.kind = from.kind, .sealed = {}, .end = std::move(end)});
  if (from.closed_blocks >= segment_blocks_target) write_segment(from);
}

// All packs closed so far become one index segment, once they are durable.
void Ingest::write_segment(Stream& from) {
  if (from.closed.empty()) return;
  while (!sealing_.empty()) {
    write_next_frame();
  }
  IndexSegment segment;
  for (Stream::ClosedPack& pack : from.closed) {
    pack.indexed.name = writer_->wait(pack.name);
    NamedKey key{.name = pack.indexed.name, .key = KeyBytes()};
    std::ranges::copy(pack.key.view(), key.key.begin());
    pack_keys_.push_back(key);
    segment.packs.push_back(std::move(pack.indexed));
  }
  repository_.writer().barrier();
  Bytes object;
  const NamedKey key = seal_named(ObjectType::index_segment, encode_index_segment(segment), object);
  repository_.writer().put(index_segment_name(key.name), object);
  stored_bytes_ += object.size();
  segment_keys_.push_back(key);
  from.segments.push_back({.index_segment = key.name,
                           .first_number = 0,
                           .block_count = narrow<std::uint32_t>(segment.block_count())});
  from.closed.clear();
  from.closed_blocks = 0;
}

// An object under a random key of its own; the key travels in a key segment.
NamedKey Ingest::seal_named(ObjectType type, View payload, Bytes& object) {
  Key key;
  repository_.around.random.fill(key.mutable_view());
  object = seal_object({.type = type, .origin = repository_.keyring.origin()}, key,
                       repository_.keyring.signing_seed(), repository_.around.random, payload);
  NamedKey out{.name = hash_object(object), .key = KeyBytes()};
  std::ranges::copy(key.view(), out.key.begin());
  return out;
}

void Ingest::drain() {
  close_frame(*data_);
  close_frame(*meta_);
  while (!compressing_.empty()) {
    place_next_frame();
  }
  close_pack(*data_);
  close_pack(*meta_);
  write_segment(*data_);
  write_segment(*meta_);
  while (!sealing_.empty()) {
    write_next_frame();
  }
}

Bytes Ingest::write_reference_set(const Snapshot& snapshot) const {
  ReferenceSet set;
  set.absolute = absolute_;
  set.relative = relative_data_;
  relative_meta_.for_each([&](std::uint64_t ordinal) { set.relative.add(new_data_ + ordinal); });
  set.statistics = snapshot.statistics;
  if (snapshot.is_pending) {
    set.relative.add_range(0, new_block_count());
    if (snapshot.adopted != nullptr) set.absolute.unite(*snapshot.adopted);
    for (const ReferenceRun& run : snapshot.unfinished) {
      if (run.base == NumberBase::absolute) set.absolute.add_range(run.first, run.count);
    }
  }
  return encode_reference_set(set);
}

std::vector<ObjectHash> Ingest::write_key_segments() {
  std::vector<ObjectHash> out;
  std::size_t next_pack = 0;
  do {
    KeySegmentOuter outer;
    KeySegmentInner inner;
    if (out.empty()) {
      outer.index_segments = segment_keys_;
      outer.reference_sets = {set_key_};
      outer.bodies = {body_key_.name};
      inner.bodies = {body_key_.key};
    }
    for (; next_pack < pack_keys_.size() && outer.packs.size() < key_segment_packs_max;
         ++next_pack) {
      outer.packs.push_back(pack_keys_[next_pack].name);
      inner.packs.push_back(
          {.is_punctured = false, .key = pack_keys_[next_pack].key, .frames = {}});
    }
    Key ephemeral;
    repository_.around.random.fill(ephemeral.mutable_view());
    const SecretBytes plain(encode_key_segment_inner(inner));
    outer.inner_box = seal_box(repository_.state().epoch_key, ephemeral, plain.view());
    const SecretBytes payload(encode_key_segment(outer));
    const Bytes object =
        seal_object({.type = ObjectType::key_segment, .origin = repository_.keyring.origin()},
                    repository_.keyring.index_key(), repository_.keyring.signing_seed(),
                    repository_.around.random, payload.view());
    const ObjectHash name = hash_object(object);
    put_twinned(repository_.writer(), key_segment_name(name), object);
    stored_bytes_ += 2 * object.size();
    out.push_back(name);
  } while (next_pack < pack_keys_.size());
  return out;
}

Introduced Ingest::settle(Snapshot snapshot) {
  KIST_ENSURE(!is_dry_);
  drain();
  repository_.writer().barrier();
  snapshot.statistics.blocks_new = earlier_blocks_ + new_block_count();
  snapshot.statistics.bytes_new = new_bytes_;
  snapshot.statistics.bytes_stored = stored_bytes_;
  Bytes object;
  body_key_ = seal_named(ObjectType::body, encode_body(snapshot.body), object);
  put_twinned(repository_.writer(), body_name(body_key_.name), object);
  stored_bytes_ += 2 * object.size();
  set_key_ = seal_named(ObjectType::reference_set, write_reference_set(snapshot), object);
  repository_.writer().put(reference_set_name(set_key_.name), object);
  stored_bytes_ += object.size();
  repository_.writer().barrier();

  Introduced out;
  reseal(out);
  for (const NamedKey& pack : pack_keys_) {
    out.packs.push_back(pack.name);
  }
  out.body = body_key_.name;
  out.reference_set = set_key_.name;
  out.statistics = snapshot.statistics;
  index_.reset();  // it shows what was there before the entry
  std::uint64_t next = 0;
  for (const Stream* from : {data_.get(), meta_.get()}) {
    for (SegmentIntroduction segment : from->segments) {
      segment.first_number = next;
      next += segment.block_count;
      out.segments.push_back(segment);
    }
  }
  return out;
}

void Ingest::reseal(Introduced& introduced) {
  introduced.epoch = repository_.keyring.origin().epoch;
  introduced.key_segments = write_key_segments();
  repository_.writer().barrier();
}

ReferenceRun Ingest::resolve(ReferenceRun run,
                             std::uint64_t first_number,
                             std::uint64_t new_data_count) {
  if (run.base != NumberBase::absolute) run.first += first_number;
  if (run.base == NumberBase::new_meta) run.first += new_data_count;
  run.base = NumberBase::absolute;
  return run;
}

void Ingest::begin_next(std::uint64_t first_number) {
  relative_data_.for_each([&](std::uint64_t ordinal) { absolute_.add(first_number + ordinal); });
  relative_meta_.for_each(
      [&](std::uint64_t ordinal) { absolute_.add(first_number + new_data_ + ordinal); });
  relative_data_ = {};
  relative_meta_ = {};
  earlier_blocks_ += new_block_count();
  new_data_ = 0;
  new_meta_ = 0;
  run_ = {};
  segment_keys_.clear();
  pack_keys_.clear();
  data_->segments.clear();
  meta_->segments.clear();
  index_.emplace(repository_.local->index());
  trust_.emplace(trusted_by(repository_));
  note_distrusted();
}

}  // namespace kist
