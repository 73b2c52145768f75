#include "engine/repository/reindex.h"

#include <algorithm>
#include <set>

#include "engine/blocks/index_loader.h"
#include "engine/blocks/objects.h"
#include "engine/format/names.h"
#include "engine/journal/journal.h"

namespace kist {

namespace {

void require_current(const State& state, const Reindexing& reindexing) {
  for (const ReplacedSegment& replaced : reindexing.replaced) {
    const std::optional<SegmentState> segment = state.segments.find(replaced.hash);
    if (segment && segment->is_current) continue;
    throw Error(Code::conflict,
                "another slot has changed the index meanwhile; run the command again");
  }
}

// Puts the segments and their keys, and reads them back.
Reindexed store(Repository& repository, const Reindexing& reindexing) {
  const Keyring& keyring = repository.keyring();
  const ObjectAuthor author{.origin = keyring.origin(),
                            .signing_seed = keyring.signing_seed(),
                            .random = repository.services().random};
  Reindexed out{.replaced = reindexing.replaced};
  std::ranges::sort(out.replaced, {}, &ReplacedSegment::hash);
  KeyGroup group;
  for (const IndexSegment& segment : reindexing.segments) {
    const StoredObject stored = put_index_segment(repository.writer(), author, segment);
    group.index_segments.push_back(stored.key);
    out.segments.push_back(stored.key.hash);
  }
  InnerKeyGroup secrets;
  for (const NamedKey& pack : reindexing.packs) {
    group.packs.push_back(pack.hash);
    secrets.packs.push_back(pack.key);
  }
  const EpochBeginning& beginning = repository.state().beginning;
  const SealedObject keys = seal_key_segment(
      author,
      {.index_key = repository.journal().index_key(),
       .audit_key = beginning.audit_key,
       .epoch_key = beginning.epoch_key},
      {.outer = {.groups = {group}}, .sets = {.groups = {{}}}, .inner = {.groups = {secrets}}});
  put_sealed(repository.writer(), ObjectType::key_segment, keys);
  out.key_segments = {keys.hash};
  repository.writer().barrier();
  static_cast<void>(get_whole_key_segment(repository.journal(), keys.hash));
  for (std::size_t i = 0; i < out.segments.size(); ++i) {
    const ObjectHash& hash = out.segments[i];
    const Bytes bytes = get_whole_index_segment(repository.journal(), hash);
    const IndexSegment read = open_index_segment(
        {bytes, hash}, keyring.repository(), Key::from(group.index_segments[i].key),
        {.slot = keyring.slot(),
         .signing_key = repository.state().slots.at(keyring.slot()).introduction.signing_key});
    if (read == reindexing.segments[i]) continue;
    throw Error(Code::corrupt, concat(index_segment_path(hash),
                                      " does not hold what was meant; nothing has changed. This "
                                      "machine's memory or processor may be failing"));
  }
  return out;
}

}  // namespace

BlockNumbers numbers_of_frame(const BlockIndex::Reader& index,
                              std::uint32_t pack,
                              std::uint32_t frame,
                              std::size_t count) {
  BlockNumbers out(count);
  const FrameRecord record = index.frame(pack, frame);
  for (std::size_t i = 0; i < count && !record.is_rewritten; ++i) {
    out[i] = {record.first_number + i};
  }
  if (!record.is_rewritten) return out;
  for (const BlockRun& run : index.block_runs(pack, frame)) {
    if (std::uint64_t{run.block} + run.count > count) {
      throw Error(Code::corrupt, "a frame has fewer blocks than the index lists");
    }
    for (std::uint32_t i = 0; i < run.count; ++i) {
      out[std::size_t{run.block} + i].push_back(run.first + i);
    }
  }
  for (std::vector<std::uint64_t>& numbers : out) {
    std::ranges::sort(numbers);
  }
  return out;
}

void commit_reindexing(Repository& repository, const Reindexing& reindexing) {
  const Journal::Writable writable = repository.journal().require_writable();
  require_current(repository.state(), reindexing);
  const EpochId epoch = repository.state().epoch;
  const Reindexed act = store(repository, reindexing);
  repository.journal().commit(writable, [&](const State& state) {
    if (state.epoch != epoch) {
      throw Error(Code::conflict, "a new epoch has begun meanwhile; run the command again");
    }
    require_current(state, reindexing);
    return Act(act);
  });
}

NumberedSegment get_numbered_segment(const Repository& repository,
                                     const BlockIndex::Reader& index,
                                     const ObjectHash& hash) {
  NumberedSegment out{.former = {.hash = hash},
                      .segment = get_index_segment(repository.journal(), hash)};
  IndexSegment& segment = out.segment;
  if (!segment.has_numbers) {
    out.former.first_ordinal = segment.first_ordinal;
    out.former.count = narrow<std::uint32_t>(segment.block_count());
  }
  segment.has_numbers = true;
  segment.first_ordinal = 0;
  std::set<ObjectHash> seen;  // a malicious segment may list a pack twice: the first counts
  std::erase_if(segment.packs, [&](const IndexedPack& pack) {
    if (!seen.insert(pack.hash).second) return true;
    const auto number = index.find_pack(pack.hash);
    return !pack.frames.empty() && (!number || index.pack(*number).segment != hash);
  });
  for (IndexedPack& pack : segment.packs) {
    if (pack.frames.empty()) continue;
    const std::uint32_t number = index.find_pack(pack.hash).value();
    pack.born = index.pack(number).sequence;
    for (std::uint32_t i = 0; i < pack.frames.size(); ++i) {
      IndexedFrame& frame = pack.frames[i];
      frame.numbers = numbers_of_frame(index, number, i, frame.blocks.size());
    }
  }
  return out;
}

}  // namespace kist
