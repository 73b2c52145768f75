#include "engine/blocks/block_writer.h"

#include "engine/crypto/hash.h"
#include "engine/rules/policy.h"

namespace kist {

namespace {

// Closed packs become an index segment once they hold so many blocks: it bounds the memory that
// their index entries take.
constexpr std::uint64_t segment_blocks_target = 64U << 10U;

}  // namespace

BlockWriter::BlockWriter(
    Blocks& blocks, const WriteKeys& keys, Pool& pool, Compression compression, bool is_dry)
    : blocks_(blocks),
      journal_(blocks.journal()),
      keys_(keys),
      is_dry_(is_dry),
      author_{.origin = journal_.keyring().origin(),
              .signing_seed = journal_.keyring().signing_seed(),
              .random = journal_.services().random},
      look_(journal_, !is_dry),
      deduplicator_(stored_blocks()),
      segments_(journal_.writer(), author_),
      objects_(journal_.writer(), author_),
      builder_(journal_.writer(),
               pool,
               journal_.services().random,
               {.repository = journal_.keyring().repository(),
                .frame_target = journal_.state().genesis.content.frame_target,
                .compression = compression},
               [this](PackKind kind) {
                 const std::uint64_t count = builder_.closed_block_count(kind);
                 if (count >= segment_blocks_target) write_segment(kind);
               }) {}

void BlockWriter::rely_from(std::uint64_t first_number) {
  rely_from_ = first_number;
  deduplicator_.rely_from(first_number);
}

StoredBlocks BlockWriter::stored_blocks() {
  const State& state = journal_.state();
  const Trust rule = default_policy(state).dedup;
  return {.index = blocks_.index(Cancelling::no),
          .trusted = {state, rule, journal_.keyring().slot()},
          .first_number = rely_from_,
          .may_rely_on = [this](const PackRecord& pack) { return look_.may_rely_on(pack); }};
}

ReferenceRun BlockWriter::add(PackKind kind, const BlockId& id, View plaintext) {
  if (const auto known = deduplicator_.find(id)) return *known;
  if (!is_dry_) builder_.add(kind, id, plaintext);
  new_bytes_ += plaintext.size();
  return deduplicator_.add(kind, id);
}

ReferenceRun BlockWriter::add_meta(View plaintext, BlockId& id) {
  id = hash_block(keys_.id_key(), plaintext);
  return add(PackKind::meta, id, plaintext);
}

void BlockWriter::write_segment(PackKind kind) {
  segments_.write(kind, builder_.take_closed(kind));
}

std::uint64_t BlockWriter::stored_bytes() const {
  return builder_.stored_bytes() + segments_.stored_bytes() + objects_.stored_bytes();
}

StoredSnapshot BlockWriter::finish_snapshot(const SnapshotParts& parts) {
  KIST_ENSURE(!is_dry_);
  StoreWriter& store = journal_.writer();
  builder_.close_all();
  write_segment(PackKind::data);
  write_segment(PackKind::meta);
  store.barrier();

  StoredSnapshot out;
  out.started_ms = parts.started_ms;
  out.is_pending = parts.pending.has_value();
  out.statistics = parts.statistics;
  out.statistics.blocks_new = earlier_blocks_ + new_block_count();
  out.statistics.bytes_new = new_bytes_;
  out.statistics.bytes_stored = stored_bytes();
  objects_.put_body(parts.body);
  const NewBlockCounts counts = deduplicator_.new_counts();
  out.numbers = numbers_for(counts);
  out.references =
      references_.build(counts, out.statistics, parts.pending ? &*parts.pending : nullptr);
  objects_.put_reference_set(out.references);
  store.barrier();

  seal_keys(out);
  deduplicator_.release_index();
  out.segments = segments_.introductions();
  for (const NamedKey& pack : segments_.pack_keys()) {
    out.packs.push_back(pack.hash);
  }
  look_.note_stored(out.packs);
  out.body = objects_.body();
  out.reference_set = objects_.reference_set();
  return out;
}

void BlockWriter::seal_keys(StoredSnapshot& stored) {
  const KeySegmentKeys keys{.index_key = journal_.index_key(),
                            .audit_key = journal_.state().beginning.audit_key,
                            .epoch_key = journal_.state().beginning.epoch_key};
  const BoxPublicKey& own = journal_.state().slots.at(author_.origin.author).introduction.box_key;
  stored.epoch = author_.origin.epoch;
  stored.key_segments =
      objects_.put_key_segments(keys, segments_, stored.is_pending ? &own : nullptr);
  journal_.writer().barrier();
}

void BlockWriter::begin_next_entry(const EntryNumbers& numbers) {
  references_.begin_next_entry(numbers);
  earlier_blocks_ += new_block_count();
  segments_.begin_next_entry();
  look_.renew();
  deduplicator_.begin_next_entry(stored_blocks());
}

void BlockWriter::follow() {
  deduplicator_.release_index();
  blocks_.journal().replay();
  look_.renew();
  deduplicator_.look_again(stored_blocks());
}

void BlockWriter::begin_again() {
  references_ = {};
  look_.renew();
  deduplicator_.look_again(stored_blocks());
}

}  // namespace kist
