#include "tests/support/attacker.h"

#include "engine/blocks/objects.h"
#include "engine/blocks/stored_snapshot.h"
#include "engine/format/limits.h"
#include "engine/journal/sealed_entry.h"
#include "engine/store/twins.h"
#include "tests/support/repository_fixture.h"
#include "tests/support/world.h"

namespace kist::test {

void introduce_claims(Repository& evil,
                      Random& random,
                      const IndexSegment& segment,
                      KeySegmentOuter outer,
                      const KeySegmentInner& inner) {
  const ObjectAuthor author{.origin = evil.keyring().origin(),
                            .signing_seed = evil.keyring().signing_seed(),
                            .random = random};
  const NamedKey index = put_index_segment(evil.writer(), author, segment).key;
  outer.index_segments = {index};
  const SealedObject keys = seal_key_segment(
      author, {.index_key = evil.keyring().index_key(), .epoch_key = evil.state().epoch_key},
      std::move(outer), inner);
  put_sealed(evil.writer(), ObjectType::key_segment, keys);
  commit(evil, [&](const State& state) {
    StoredSnapshot claimed;
    claimed.key_segments = {keys.hash};
    claimed.segments = {{index.hash, 0, static_cast<std::uint32_t>(segment.block_count())}};
    SnapshotTaken taken = snapshot_entry(claimed, state);
    taken.snapshot = random.draw_id<SnapshotId>();
    taken.source = "evil";
    return Act(std::move(taken));
  });
}

void claim_packs(Repository& evil,
                 Random& random,
                 const std::vector<std::string>& names,
                 bool has_keys) {
  IndexSegment segment;
  KeySegmentOuter outer;
  KeySegmentInner inner;
  for (const std::string& name : names) {
    IndexedPack pack;
    pack.hash = *parse_id<ObjectHash>(name.substr(name.rfind('/') + 1));
    pack.size = pack_bytes_min;
    IndexedFrame frame;
    frame.place = {pack_header_size, 100, 100};
    frame.blocks = {{random.draw_id<BlockTag>(), 84}};
    pack.frames = {frame};
    segment.packs.push_back(pack);
    if (!has_keys) continue;
    outer.packs.push_back(pack.hash);
    inner.packs.emplace_back();
  }
  introduce_claims(evil, random, segment, outer, inner);
}

void forge(MemoryStore& store, Repository& evil, Random& random, const JournalEntry& entry) {
  put_twinned(store, journal_path(entry.sequence), seal_entry(evil.keyring(), random, entry));
}

std::vector<std::string> pack_names(const MemoryStore& store) {
  return names_of(store, "packs/");
}

}  // namespace kist::test
