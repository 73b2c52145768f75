#include "engine/ops/epoch/key_rewriter.h"

#include <algorithm>

#include "engine/blocks/block_reader.h"
#include "engine/blocks/index_loader.h"
#include "engine/crypto/seal.h"
#include "engine/crypto/sign.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/store/twins.h"

namespace kist {

namespace {

constexpr std::size_t merged_bytes_max = 4U << 20U;

// About what the parts take, encoded.
std::size_t size_of(const KeySegmentOuter& outer, const KeySegmentInner& inner) {
  std::size_t out = 64 * (outer.index_segments.size() + outer.reference_sets.size() +
                          outer.packs.size() + outer.bodies.size()) +
                    40 * inner.packs.size();
  for (const PackKeys& pack : inner.packs) {
    out += 36 * pack.frames.size();
  }
  return out;
}

std::optional<Bytes> get_if_whole(const Repository& repository, const ObjectHash& name) {
  std::optional<Bytes> out;
  const auto damage = damage_of([&] { out = get_whole_key_segment(repository.journal(), name); });
  return damage ? std::nullopt : out;
}

}  // namespace

NewEpoch draw_epoch(const Repository& repository) {
  Random& random = repository.services().random;
  NewEpoch out;
  out.origin = repository.keyring().origin();
  ++out.origin.epoch_number;
  out.origin.epoch = random.draw_id<EpochId>();
  out.begun = repository.state().next_sequence;
  for (Key* key : {&out.journal_key, &out.index_key, &out.secret}) {
    random.fill(key->mutable_view());
  }
  return out;
}

void require_stored(const Repository& repository, const std::string& name, View bytes) {
  for (const std::string& copy : copies_of(name)) {
    if (equal(get_object(repository.reader(), copy, bytes.size()), bytes)) continue;
    throw Error(Code::corrupt, concat(copy, " is not what was just written; nothing has changed"));
  }
}

void KeyRewriter::carry_all() {
  for (const Referred& segment : in_order()) {
    check_cancelled(repository_.observer());
    carry(segment);
  }
  for (auto& [author, pending] : pending_) {
    flush(pending);
  }
  std::ranges::sort(dropped);
  std::ranges::sort(unread);
}

void KeyRewriter::require_complete() const {
  for (std::uint32_t number = 0; number < index_.pack_count(); ++number) {
    const PackRecord pack = index_.pack(number);
    if (packs_.contains(pack.hash)) continue;
    if (std::ranges::binary_search(dropped, pack.key_segment)) continue;
    throw Error(Code::corrupt, concat("the key of ", pack_path(pack.hash),
                                      " is in no key segment; nothing has changed"));
  }
}

std::vector<KeyRewriter::Referred> KeyRewriter::in_order() const {
  std::vector<Referred> out;
  std::map<ObjectHash, std::size_t> places;
  for (const SnapshotPtr& snapshot : repository_.state().all_snapshots()) {
    for (const ObjectHash& name : snapshot->key_segments) {
      const auto [place, is_new] = places.emplace(name, out.size());
      if (is_new) out.push_back({name, {}});
      out[place->second].snapshots.push_back(snapshot);
    }
  }
  return out;
}

std::vector<ObjectHash> KeyRewriter::find_damaged() const {
  std::vector<ObjectHash> out;
  for (const auto& [name, author] : repository_.state().key_segments.all()) {
    check_cancelled(repository_.observer());
    if (!get_if_whole(repository_, name)) out.push_back(name);
  }
  return out;
}

// Nothing: its author wrote nonsense, and it opens nothing for anybody.
std::optional<KeyRewriter::OpenSegment> KeyRewriter::open_if_valid(View bytes,
                                                                   const ObjectHash& name) const {
  OpenSegment out;
  const bool counts = passes_over_invalid(repository_.observer(), [&] {
    out.outer = open_key_segment(repository_.journal(), bytes, name);
    out.inner = open_inner(keys_, out.outer, name);
  });
  if (!counts) return std::nullopt;
  return out;
}

KeyRewriter::Forecast KeyRewriter::foresee() const {
  Forecast out;
  for (const auto& [name, author] : repository_.state().key_segments.all()) {
    check_cancelled(repository_.observer());
    const std::optional<Bytes> bytes = get_if_whole(repository_, name);
    const bool is_carried = bytes && open_if_valid(*bytes, name);
    (is_carried ? out.carried : out.dropped).push_back(name);
  }
  return out;
}

void KeyRewriter::carry(const Referred& segment) {
  const std::optional<Bytes> bytes = get_if_whole(repository_, segment.name);
  if (!bytes) {
    dropped.push_back(segment.name);
    unread.push_back(segment.name);
    return;
  }
  if (const std::optional<OpenSegment> all = open_if_valid(*bytes, segment.name)) {
    add(segment, *all);
  } else {
    dropped.push_back(segment.name);
  }
}

void KeyRewriter::find_false_claims(const std::set<std::uint64_t>& entries) {
  if (entries.empty()) return;
  for (const SnapshotPtr& snapshot : repository_.state().all_snapshots()) {
    if (entries.contains(snapshot->sequence)) unmerged_authors_.insert(snapshot->author);
  }
}

bool KeyRewriter::merges(const SlotId& author) const {
  return may_merge_ && !unmerged_authors_.contains(author);
}

void KeyRewriter::add(const Referred& segment, const OpenSegment& all) {
  OpenSegment kept = may_merge_ ? entitled(all, segment) : all;
  kept.outer.inner_box.clear();
  const SlotId& author = segment.snapshots.front()->author;
  leave_behind_abandoned(author, kept);
  Pending& pending = pending_[author];
  const std::size_t size = size_of(kept.outer, kept.inner);
  KeySegmentOuter& outer = pending.open.outer;
  if (!merges(author) || pending.size + size > merged_bytes_max ||
      outer.packs.size() + kept.outer.packs.size() > key_segment_packs_max) {
    flush(pending);
  }
  const auto append = [](auto& to, auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  append(outer.index_segments, kept.outer.index_segments);
  append(outer.reference_sets, kept.outer.reference_sets);
  append(outer.packs, kept.outer.packs);
  append(outer.bodies, kept.outer.bodies);
  append(pending.open.inner.packs, kept.inner.packs);
  append(pending.open.inner.bodies, kept.inner.bodies);
  pending.replaces.push_back(segment.name);
  pending.size += size;
  for (const ObjectHash& pack : kept.outer.packs) {
    if (index_.find_pack(pack)) packs_.insert(pack);
  }
}

void KeyRewriter::leave_behind_abandoned(const SlotId& author, OpenSegment& kept) const {
  const auto is_abandoned = [&](const ObjectHash& hash) {
    return abandoned_.contains({author, hash});
  };
  const auto is_named_abandoned = [&](const NamedKey& key) { return is_abandoned(key.hash); };
  std::erase_if(kept.outer.index_segments, is_named_abandoned);
  std::erase_if(kept.outer.reference_sets, is_named_abandoned);
  // Names of bodies and their keys are two lists in the same order.
  std::vector<ObjectHash> bodies = std::exchange(kept.outer.bodies, {});
  std::vector<KeyBytes> keys = std::exchange(kept.inner.bodies, {});
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    if (is_abandoned(bodies[i])) continue;
    kept.outer.bodies.push_back(bodies[i]);
    kept.inner.bodies.push_back(keys[i]);
  }
}

// What the entries that the segment belongs to have introduced, and nothing else.
KeyRewriter::OpenSegment KeyRewriter::entitled(const OpenSegment& all,
                                               const Referred& segment) const {
  std::set<ObjectHash> names;
  for (const SnapshotPtr& snapshot : segment.snapshots) {
    names.insert(snapshot->taken.body);
    names.insert(snapshot->taken.reference_set);
    for (const SegmentIntroduction& introduced : snapshot->taken.segments) {
      names.insert(introduced.index_segment);
    }
  }
  OpenSegment out;
  for (const NamedKey& key : all.outer.index_segments) {
    if (names.contains(key.hash)) out.outer.index_segments.push_back(key);
  }
  for (const NamedKey& key : all.outer.reference_sets) {
    if (names.contains(key.hash)) out.outer.reference_sets.push_back(key);
  }
  for (std::size_t i = 0; i < all.outer.bodies.size(); ++i) {
    if (!names.contains(all.outer.bodies[i])) continue;
    out.outer.bodies.push_back(all.outer.bodies[i]);
    out.inner.bodies.push_back(all.inner.bodies[i]);
  }
  for (std::size_t i = 0; i < all.outer.packs.size(); ++i) {
    // One that no index segment lists is nobody's yet, and stays.
    const std::optional<std::uint32_t> pack = index_.find_pack(all.outer.packs[i]);
    if (pack && index_.pack(*pack).key_segment != segment.name) continue;
    out.outer.packs.push_back(all.outer.packs[i]);
    out.inner.packs.push_back(all.inner.packs[i]);
  }
  return out;
}

void KeyRewriter::flush(Pending& pending) {
  if (pending.replaces.empty()) return;
  carried.push_back({write(pending.open), std::move(pending.replaces)});
  pending = {};
}

ObjectHash KeyRewriter::write(const OpenSegment& open) {
  const ObjectAuthor author{.origin = epoch_.origin,
                            .signing_seed = repository_.keyring().signing_seed(),
                            .random = repository_.services().random};
  const BoxPublicKey epoch_key = box_public_key(epoch_.secret);
  const SealedObject object = in_context("nothing has changed", [&] {
    return seal_key_segment(author, {.index_key = epoch_.index_key, .epoch_key = epoch_key},
                            open.outer, open.inner);
  });
  put_sealed(repository_.writer(), ObjectType::key_segment, object);
  require_opens(object, open);
  require_stored(repository_, key_segment_path(object.hash), object.bytes);
  return object.hash;
}

// By the new epoch's secrets alone, the segment yields the keys that were meant.
void KeyRewriter::require_opens(const SealedObject& object, const OpenSegment& meant) const {
  const SigningPublicKey signing_key = signing_public_key(repository_.keyring().signing_seed());
  KeySegmentOuter outer = open_key_segment(
      {object.bytes, object.hash}, epoch_.origin.repository, epoch_.index_key,
      {.slot = epoch_.origin.author, .signing_key = signing_key, .epoch = epoch_.origin.epoch});
  const KeySegmentInner inner = open_key_segment_inner(outer, object.hash, epoch_.secret);
  outer.inner_box.clear();
  if (outer == meant.outer && inner == meant.inner) return;
  throw Error(Code::corrupt,
              concat(key_segment_path(object.hash),
                     " does not hold what was meant; nothing has changed. This machine's "
                     "memory or processor may be failing"));
}

}  // namespace kist
