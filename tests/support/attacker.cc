#include "tests/support/attacker.h"

#include "engine/blocks/objects.h"
#include "engine/blocks/stored_snapshot.h"
#include "engine/format/limits.h"
#include "engine/journal/sealed_entry.h"
#include "engine/store/twins.h"
#include "tests/support/repository_fixture.h"
#include "tests/support/world.h"

namespace kist::test {

KeySegmentKeys current_keys(const Repository& repository) {
  const EpochBeginning& beginning = repository.state().beginning;
  return {.index_key = repository.journal().index_key(),
          .audit_key = beginning.audit_key,
          .epoch_key = beginning.epoch_key};
}

void introduce_claims(Repository& evil,
                      Random& random,
                      const IndexSegment& segment,
                      KeyGroup names,
                      const InnerKeyGroup& secrets) {
  const ObjectAuthor author{.origin = evil.keyring().origin(),
                            .signing_seed = evil.keyring().signing_seed(),
                            .random = random};
  const NamedKey index = put_index_segment(evil.writer(), author, segment).key;
  names.index_segments = {index};
  const SealedObject keys = seal_key_segment(author, current_keys(evil),
                                             {.outer = {.groups = {std::move(names)}},
                                              .sets = {.groups = {{}}},
                                              .inner = {.groups = {secrets}}});
  put_sealed(evil.writer(), ObjectType::key_segment, keys);
  commit(evil, [&](const State& state) {
    StoredSnapshot claimed;
    claimed.key_segments = {keys.hash};
    claimed.numbers = numbers_for({.data = segment.block_count(), .meta = 0});
    claimed.segments = {{index.hash, PackKind::data}};
    SnapshotTaken taken = snapshot_entry(claimed, state, "evil", {});
    taken.snapshot = random.draw_id<SnapshotId>();
    return Act(std::move(taken));
  });
}

void claim_packs(Repository& evil,
                 Random& random,
                 const std::vector<std::string>& names,
                 bool has_keys) {
  IndexSegment segment;
  KeyGroup claimed;
  InnerKeyGroup secrets;
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
    claimed.packs.push_back(pack.hash);
    secrets.packs.emplace_back();
  }
  introduce_claims(evil, random, segment, claimed, secrets);
}

EntryNumbers numbers_of_each(const std::vector<SegmentIntroduction>& segments) {
  NewBlockCounts counts;
  for (const SegmentIntroduction& segment : segments) {
    ++(segment.stream == PackKind::data ? counts.data : counts.meta);
  }
  return numbers_for(counts);
}

SnapshotId commit_hollow(Repository& evil,
                         Random& random,
                         const std::string& source,
                         const HollowSnapshot& hollow) {
  const ObjectAuthor author{.origin = evil.keyring().origin(),
                            .signing_seed = evil.keyring().signing_seed(),
                            .random = random};
  SnapshotBody empty;
  empty.root = random.draw_id<BlockId>();
  empty.paths = {"/"};
  NamedKey body{random.draw_id<ObjectHash>(), {}};
  NamedKey set{random.draw_id<ObjectHash>(), {}};
  if (hollow.puts_body) body = put_body(evil.writer(), author, empty).key;
  if (hollow.puts_set) set = put_reference_set(evil.writer(), author, {}).key;
  if (hollow.of_other) {
    body = {hollow.of_other->body, {}};
    set = {hollow.of_other->reference_set, {}};
  }
  if (!hollow.is_body_key_right) body.key.front() ^= 1;
  KeyGroup names;
  InnerKeyGroup secrets;
  names.reference_sets = {set.hash};
  if (hollow.has_body_key) {
    names.bodies = {body.hash};
    secrets.bodies = {body.key};
  }
  const SealedObject keys = seal_key_segment(author, current_keys(evil),
                                             {.outer = {.groups = {names}},
                                              .sets = {.groups = {{set.key}}},
                                              .inner = {.groups = {secrets}}});
  if (hollow.puts_keys) put_sealed(evil.writer(), ObjectType::key_segment, keys);
  const auto id = random.draw_id<SnapshotId>();
  commit(evil, [&](const State& state) {
    StoredSnapshot stored;
    stored.key_segments = {keys.hash};
    stored.body = body.hash;
    stored.reference_set = set.hash;
    stored.segments = hollow.segments;
    stored.numbers = numbers_of_each(hollow.segments);
    SnapshotTaken taken = snapshot_entry(stored, state, source, {});
    taken.snapshot = id;
    return Act(std::move(taken));
  });
  return id;
}

void forge(MemoryStore& store, Repository& evil, Random& random, const JournalEntry& entry) {
  put_twinned(store, journal_path(entry.sequence), seal_entry(evil.keyring(), random, entry));
}

std::vector<std::string> pack_names(const MemoryStore& store) {
  return names_of(store, "packs/");
}

}  // namespace kist::test
