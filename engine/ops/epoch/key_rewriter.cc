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

constexpr std::size_t merged_bytes_max = 1U << 20U;
constexpr std::size_t entries_at_a_time = 256;

// About what a group takes, encoded, with its keys.
std::size_t size_of(const KeyGroup& names) {
  return 36 + 64 * (names.index_segments.size() + names.reference_sets.size() + names.packs.size() +
                    names.bodies.size());
}

KeySegmentInner keys_of_zeros(const KeySegmentOuter& outer) {
  KeySegmentInner out;
  for (const KeyGroup& group : outer.groups) {
    InnerKeyGroup& zeros = out.groups.emplace_back();
    zeros.packs.resize(group.packs.size());
    zeros.bodies.resize(group.bodies.size());
  }
  return out;
}

// Whether keys of so many packs, of about that size, fit into one key segment.
bool fits(std::size_t pack_count, std::size_t size) {
  return pack_count <= key_segment_packs_max && size <= merged_bytes_max;
}

}  // namespace

std::set<std::uint64_t> KeyRewriter::with_changed(const State& state,
                                                  std::set<std::uint64_t> unloaded) {
  if (unloaded.empty()) return unloaded;
  bool is_rewritten = false;
  state.segments.for_each([&](const ObjectHash& /*name*/, const SegmentState& segment) {
    is_rewritten |= segment.numbers.count() == 0 && unloaded.contains(segment.sequence);
  });
  if (is_rewritten) unloaded.insert(state.changed.begin(), state.changed.end());
  return unloaded;
}

bool KeyRewriter::is_current_set(const SnapshotId& snapshot, const ObjectHash& set) const {
  return repository_.state().snapshots.at(snapshot).set.hash == set;
}

std::optional<KeyRewriter::Introduction> KeyRewriter::introduction_of(
    const ReplayedEntry& replayed) const {
  if (!replayed.void_reason.empty()) return std::nullopt;
  const JournalEntry& entry = replayed.entry;
  Introduction out{.sequence = entry.sequence, .author = entry.author};
  if (const auto* taken = std::get_if<SnapshotTaken>(&entry.act)) {
    out.key_segments = taken->key_segments;
    const bool is_kept = !is_forgotten(taken->snapshot);
    if (is_kept) out.due = {taken->body};
    if (is_kept && is_current_set(taken->snapshot, taken->reference_set)) {
      out.due.insert(taken->reference_set);
    }
    for (const SegmentIntroduction& segment : taken->segments) {
      out.due.insert(segment.index_segment);
    }
    out.snapshot = taken->snapshot;
    return out;
  }
  if (const auto* reindexed = std::get_if<Reindexed>(&entry.act)) {
    out.key_segments = reindexed->key_segments;
    out.due = {reindexed->segments.begin(), reindexed->segments.end()};
    return out;
  }
  const auto* proved = std::get_if<SetsProved>(&entry.act);
  if (proved == nullptr || proved->replaced.empty()) return std::nullopt;
  out.key_segments = proved->key_segments;
  for (const ReplacedSet& each : proved->replaced) {
    const SnapshotId& snapshot = each.judged.snapshot;
    const bool is_kept = !is_forgotten(snapshot) && is_current_set(snapshot, each.replacement);
    if (is_kept) out.due.insert(each.replacement);
  }
  if (out.due.empty()) return std::nullopt;
  return out;
}

void KeyRewriter::leave_behind(const EndedContent& ended) {
  for (const ReplacedSegment& segment : ended.segments) {
    ended_.insert(segment.hash);
  }
  forgotten_.insert(ended.forgotten.begin(), ended.forgotten.end());
}

bool KeyRewriter::is_forgotten(const SnapshotId& snapshot) const {
  return forgotten_.contains(snapshot) || repository_.state().snapshots.at(snapshot).is_forgotten;
}

void KeyRewriter::carry_to(std::uint64_t end, BlockIndex& index) {
  if (end <= carried_to_) return;
  // No view of the index is left open, however this ends.
  const auto closed = [this](const int* /*nothing*/) { index_.reset(); };
  const int here = 0;
  const std::unique_ptr<const int, decltype(closed)> closing(&here, closed);
  index_.emplace(index);
  std::vector<Introduction> entries;
  bool is_done = false;
  std::uint64_t next = carried_to_;
  while (!is_done) {
    // Reading the journal and reading objects take turns: the former holds the catalog meanwhile.
    entries.clear();
    is_done = true;
    repository_.journal().for_each_entry(next, [&](const ReplayedEntry& replayed) {
      if (replayed.entry.sequence >= end) return false;
      next = replayed.entry.sequence + 1;
      auto introduction = introduction_of(replayed);
      if (introduction) entries.push_back(std::move(*introduction));
      is_done = entries.size() < entries_at_a_time;
      return is_done;
    });
    for (const Introduction& entry : entries) {
      check_cancelled(repository_.observer());
      carry(entry);
    }
  }
  flush(end - 1);
  carried_to_ = end;
  std::ranges::sort(dropped);
  dropped.erase(std::unique(dropped.begin(), dropped.end()), dropped.end());
}

void KeyRewriter::require_complete(BlockIndex& index) const {
  const BlockIndex::Reader reader(index);
  std::uint64_t due = 0;
  for (const std::uint32_t number : reader.packs()) {
    const PackRecord pack = reader.pack(number);
    if (!lost_from_.contains(pack.sequence) && !ended_.contains(pack.segment)) ++due;
  }
  if (carried_packs_ >= due) return;
  throw Error(Code::corrupt, concat("the keys of ", due - carried_packs_,
                                    " packs are in no key segment; nothing has changed"));
}

std::vector<ObjectHash> KeyRewriter::find_damaged() const {
  std::vector<ObjectHash> out;
  for (const auto& [name, author] : repository_.state().key_segments.all()) {
    check_cancelled(repository_.observer());
    if (!get_if_whole(name)) out.push_back(name);
  }
  return out;
}

std::optional<Bytes> KeyRewriter::get_if_whole(const ObjectHash& name) const {
  std::optional<Bytes> out;
  const auto damage = damage_of([&] { out = get_whole_key_segment(repository_.journal(), name); });
  return damage ? std::nullopt : out;
}

// False where its author wrote nonsense: it opens nothing for anybody. Where only the keys of its
// sets are nonsense, those of packs count all the same: others may rely on what these hold. Where
// the keys of packs are, zeros take their place, which open nothing either: the packs go on to
// belong to their entry, for every client alike, and no epoch is kept from ending. What an ender
// wrote of others' keys has to open.
bool KeyRewriter::open(View bytes, OpenSegment& out) const {
  return passes_over_invalid(repository_.observer(), [&] {
    OpenKeySegment parts;
    parts.outer = open_key_segment(repository_.journal(), bytes, out.name);
    const bool has_keys = passes_over_invalid(
        repository_.observer(), [&] { parts.inner = open_inner(keys_, parts.outer, out.name); });
    if (!has_keys) parts.inner = keys_of_zeros(parts.outer);
    if (!has_keys && is_of_range(out.name)) {
      throw Error(Code::corrupt, concat(key_segment_path(out.name), " has keys that do not open"));
    }
    const bool has_sets = passes_over_invalid(repository_.observer(), [&] {
      const Key& secret = *repository_.keyring().audit_secret();
      parts.sets = open_key_segment_sets(parts.outer, out.name, secret);
    });
    if (!has_sets) {
      parts.sets.groups.assign(parts.outer.groups.size(), {});
      for (KeyGroup& group : parts.outer.groups) {
        group.reference_sets.clear();
      }
    }
    out.parts = std::move(parts);
  });
}

// Whether an epoch's end has made the key segment, not the entry whose keys it holds.
bool KeyRewriter::is_of_range(const ObjectHash& name) const {
  return std::ranges::any_of(repository_.state().key_ranges, [&](const KeyRange& range) {
    return std::ranges::count(range.segments, name) > 0;
  });
}

KeyRewriter::Forecast KeyRewriter::foresee() const {
  Forecast out;
  for (const auto& [name, author] : repository_.state().key_segments.all()) {
    check_cancelled(repository_.observer());
    const std::optional<Bytes> bytes = get_if_whole(name);
    OpenSegment segment{.name = name};
    const bool is_carried = bytes && open(*bytes, segment);
    (is_carried ? out.carried : out.dropped).push_back(name);
  }
  return out;
}

const KeyRewriter::OpenSegment& KeyRewriter::open_segment(const ObjectHash& name) {
  if (recent_.name == name) return recent_;
  recent_ = {.name = name};
  if (const std::optional<Bytes> bytes = get_if_whole(name)) {
    recent_.is_whole = true;
    static_cast<void>(open(*bytes, recent_));
  }
  return recent_;
}

// Of an entry that has lost a key segment no pack is due.
void KeyRewriter::carry(const Introduction& entry) {
  Keys keys;
  const std::uint64_t carried_before = carried_packs_;
  for (const ObjectHash& name :
       repository_.state().key_segments_of(entry.sequence, entry.key_segments)) {
    const OpenSegment& segment = open_segment(name);
    if (segment.is_whole) {
      take(entry, segment, keys);
    } else {
      dropped.push_back(name);
      lost_from_.insert(entry.sequence);
    }
  }
  if (lost_from_.contains(entry.sequence)) carried_packs_ = carried_before;
  seal_to_author(entry, keys);
  add(entry, keys);
}

void KeyRewriter::take(const Introduction& entry, const OpenSegment& segment, Keys& keys) {
  const auto place = segment.parts.outer.find(repository_.state().key_group_of(entry.sequence));
  if (place) take_group(entry, segment.parts, *place, keys);
}

// What the entry has introduced, and nothing else, each once.
void KeyRewriter::take_group(const Introduction& entry,
                             const OpenKeySegment& parts,
                             std::size_t place,
                             Keys& keys) {
  const KeyGroup& names = parts.outer.groups[place];
  const std::vector<KeyBytes>& sets = parts.sets.groups[place];
  const InnerKeyGroup& secrets = parts.inner.groups[place];
  std::set<ObjectHash> due = entry.due;
  std::erase_if(due, [&](const ObjectHash& hash) {
    const std::optional<SegmentState> segment = repository_.state().segments.find(hash);
    const bool was_retired = (segment && !segment->is_current) || ended_.contains(hash);
    return was_retired || abandoned_.contains({entry.author, hash});
  });
  KeyGroup kept{.entry = entry.sequence};
  std::vector<KeyBytes> kept_sets;
  InnerKeyGroup kept_secrets;
  for (const NamedKey& key : names.index_segments) {
    if (due.erase(key.hash) > 0) kept.index_segments.push_back(key);
  }
  for (std::size_t i = 0; i < names.reference_sets.size(); ++i) {
    if (due.erase(names.reference_sets[i]) == 0) continue;
    kept.reference_sets.push_back(names.reference_sets[i]);
    kept_sets.push_back(sets[i]);
  }
  for (std::size_t i = 0; i < names.bodies.size(); ++i) {
    if (due.erase(names.bodies[i]) == 0) continue;
    kept.bodies.push_back(names.bodies[i]);
    kept_secrets.bodies.push_back(secrets.bodies[i]);
  }
  for (std::size_t i = 0; i < names.packs.size(); ++i) {
    if (ends(names.packs[i])) continue;
    const bool is_own = is_introduced_by(entry, names.packs[i]);
    if (!is_own && !unloaded_.contains(entry.sequence)) continue;
    if (!keys.packs.insert(names.packs[i]).second) continue;
    kept.packs.push_back(names.packs[i]);
    kept_secrets.packs.push_back(secrets.packs[i]);
    if (is_own) ++carried_packs_;
  }
  keys.pack_count += kept.packs.size();
  keys.size += size_of(kept);
  keys.names.push_back(std::move(kept));
  keys.sets.push_back(std::move(kept_sets));
  keys.secrets.push_back(std::move(kept_secrets));
}

// Of a pending snapshot that still counts its author opens the set.
void KeyRewriter::seal_to_author(const Introduction& entry, Keys& keys) const {
  const State& state = repository_.state();
  const SlotState& author = state.slots.at(entry.author);
  if (!state.pending.contains(entry.snapshot) || author.is_revoked) return;
  for (std::size_t i = 0; i < keys.names.size(); ++i) {
    if (keys.sets[i].empty()) continue;
    keys.names[i].author_box = seal_author_box(repository_.services().random,
                                               author.introduction.box_key, keys.sets[i].front());
  }
}

// Whether the pack is the entry's, as far as the index tells. Where not all of its index segments
// could be read, an entry keeps the keys of all packs: any of them may be its own.
bool KeyRewriter::is_introduced_by(const Introduction& entry, const ObjectHash& pack) const {
  const std::optional<std::uint32_t> number = index_->find_pack(pack);
  return number && index_->pack(*number).sequence == entry.sequence;
}

// Whether the pack ends with the epoch.
bool KeyRewriter::ends(const ObjectHash& pack) const {
  if (ended_.empty()) return false;
  const std::optional<std::uint32_t> number = index_->find_pack(pack);
  return number && ended_.contains(index_->pack(*number).segment);
}

// Adds one of the groups of an entry to the only group of `to`.
void KeyRewriter::merge_group(const Keys& from, std::size_t place, Keys& to) {
  const KeyGroup& group = from.names[place];
  if (to.names.empty()) {
    to.names.push_back({.entry = group.entry});
    to.sets.emplace_back();
    to.secrets.emplace_back();
  }
  const auto append = [](auto& list, const auto& more) {
    list.insert(list.end(), more.begin(), more.end());
  };
  KeyGroup& names = to.names.front();
  append(names.index_segments, group.index_segments);
  append(names.reference_sets, group.reference_sets);
  append(names.packs, group.packs);
  append(names.bodies, group.bodies);
  if (names.author_box.empty()) names.author_box = group.author_box;
  append(to.sets.front(), from.sets[place]);
  append(to.secrets.front().packs, from.secrets[place].packs);
  append(to.secrets.front().bodies, from.secrets[place].bodies);
  to.pack_count += group.packs.size();
  to.size += size_of(group);
}

// The keys of an entry that fit into one key segment are one group there.
void KeyRewriter::add(const Introduction& entry, const Keys& keys) {
  if (!fits(keys.pack_count, keys.size)) return add_large(entry, keys);
  if (!fits(pending_.pack_count + keys.pack_count, pending_.size + keys.size)) {
    flush(entry.sequence - 1);
  }
  if (keys.names.empty()) return;
  Keys merged;
  for (std::size_t i = 0; i < keys.names.size(); ++i) {
    merge_group(keys, i, merged);
  }
  pending_.names.push_back(std::move(merged.names.front()));
  pending_.sets.push_back(std::move(merged.sets.front()));
  pending_.secrets.push_back(std::move(merged.secrets.front()));
  pending_.pack_count += merged.pack_count;
  pending_.size += merged.size;
}

// An entry that came with too many keys for one key segment has a range of its own, and as few
// segments as they fit into, however many it came with.
void KeyRewriter::add_large(const Introduction& entry, const Keys& keys) {
  flush(entry.sequence - 1);
  KeyRange range{.last = entry.sequence};
  Keys part;
  const auto write_part = [&] {
    Keys full = std::exchange(part, {});
    if (!full.names.empty()) range.segments.push_back(write(parts_of(std::move(full))));
  };
  for (std::size_t i = 0; i < keys.names.size(); ++i) {
    const KeyGroup& group = keys.names[i];
    if (!fits(part.pack_count + group.packs.size(), part.size + size_of(group))) write_part();
    merge_group(keys, i, part);
  }
  write_part();
  ranges.push_back(std::move(range));
}

// Ends the range that the pending keys are of with that entry.
void KeyRewriter::flush(std::uint64_t last) {
  Keys keys = std::exchange(pending_, {});
  if (!ranges.empty() && last <= ranges.back().last) return;
  KeyRange& range = ranges.emplace_back(KeyRange{.last = last});
  if (keys.names.empty()) return;
  range.segments.push_back(write(parts_of(std::move(keys))));
}

OpenKeySegment KeyRewriter::parts_of(Keys keys) {
  return {.outer = {.groups = std::move(keys.names)},
          .sets = {.groups = std::move(keys.sets)},
          .inner = {.groups = std::move(keys.secrets)}};
}

ObjectHash KeyRewriter::write(const OpenKeySegment& parts) {
  const ObjectAuthor author{.origin = epoch_.origin,
                            .signing_seed = repository_.keyring().signing_seed(),
                            .random = repository_.services().random};
  const KeySegmentKeys keys{.index_key = epoch_.secrets.index_key,
                            .audit_key = epoch_.beginning.audit_key,
                            .epoch_key = epoch_.beginning.epoch_key};
  const SealedObject object =
      in_context("nothing has changed", [&] { return seal_key_segment(author, keys, parts); });
  put_sealed(repository_.writer(), ObjectType::key_segment, object);
  require_opens(object, parts);
  require_stored(repository_, key_segment_path(object.hash), object.bytes);
  return object.hash;
}

// By the new epoch's secrets alone, the segment yields the keys that were meant.
void KeyRewriter::require_opens(const SealedObject& object, const OpenKeySegment& meant) const {
  const SigningPublicKey signing_key = signing_public_key(repository_.keyring().signing_seed());
  OpenKeySegment opened;
  opened.outer = open_key_segment(
      {object.bytes, object.hash}, epoch_.origin.repository, epoch_.secrets.index_key,
      {.slot = epoch_.origin.author, .signing_key = signing_key, .epoch = epoch_.origin.epoch});
  opened.sets = open_key_segment_sets(opened.outer, object.hash, epoch_.secrets.audit_secret);
  opened.inner = open_key_segment_inner(opened.outer, object.hash, epoch_.secrets.read_secret);
  opened.outer.audit_box.clear();
  opened.outer.inner_box.clear();
  if (opened == meant) return;
  throw Error(Code::corrupt,
              concat(key_segment_path(object.hash),
                     " does not hold what was meant; nothing has changed. This machine's "
                     "memory or processor may be failing"));
}

}  // namespace kist
