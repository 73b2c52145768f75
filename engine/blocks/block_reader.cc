#include "engine/blocks/block_reader.h"

#include <algorithm>

#include "engine/base/attempt.h"
#include "engine/base/pinned.h"
#include "engine/blocks/frame.h"
#include "engine/blocks/index_loader.h"
#include "engine/blocks/objects.h"
#include "engine/crypto/hash.h"
#include "engine/format/names.h"

namespace kist {

namespace {

constexpr std::size_t recent_segments_max = 16;
constexpr std::size_t recent_frames_max = 8;

}  // namespace

KeySegmentInner open_inner(const ReadKeys& keys,
                           const KeySegmentOuter& outer,
                           const ObjectHash& hash) {
  return open_key_segment_inner(outer, hash, keys.epoch_secret());
}

struct PackKeyring::Opened : private Pinned {
  Opened(const KeySegmentOuter& outer, KeySegmentInner keys) : inner(std::move(keys)) {
    for (std::size_t i = 0; i < outer.groups.size(); ++i) {
      const KeyGroup& group = outer.groups[i];
      for (std::size_t j = 0; j < group.packs.size(); ++j) {
        key_of.emplace(std::pair(group.entry, group.packs[j]), &inner.groups[i].packs[j]);
      }
    }
  }

  ~Opened() = default;

  [[nodiscard]] const KeyBytes* find(std::uint64_t entry, const ObjectHash& pack) const {
    const auto found = key_of.find({entry, pack});
    return found == key_of.end() ? nullptr : found->second;
  }

  KeySegmentInner inner;
  std::map<std::pair<std::uint64_t, ObjectHash>, const KeyBytes*> key_of;
};

std::shared_ptr<const PackKeyring::Opened> PackKeyring::open(const ObjectHash& key_segment) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(
      recent_, key_segment, [](const auto& entry) -> const ObjectHash& { return entry.first; });
  if (found != recent_.end()) {
    recent_.splice(recent_.begin(), recent_, found);
    return recent_.front().second;
  }
  const KeySegmentOuter outer = get_current_key_segment(journal_, key_segment);
  auto opened = std::make_shared<const Opened>(outer, open_inner(read_, outer, key_segment));
  recent_.emplace_front(key_segment, opened);
  if (recent_.size() > recent_segments_max) recent_.pop_back();
  return opened;
}

Key PackKeyring::pack_key(const PackRecord& pack) {
  const State& state = journal_.state();
  const std::vector<ObjectHash> own{pack.key_segment};
  for (const ObjectHash& name : state.key_segments_of(pack.sequence, own)) {
    const std::shared_ptr<const Opened> opened = open(name);
    const KeyBytes* key = opened->find(state.key_group_of(pack.sequence), pack.hash);
    if (key != nullptr) return Key::from(*key);
  }
  throw Error(Code::missing, concat("the key of ", pack_path(pack.hash), " is missing"));
}

FrameReader::Plan FrameReader::plan(const BlockIndex::Reader& index, const FrameId& frame) {
  return {.pack = index.pack(frame.pack),
          .record = index.frame(frame.pack, frame.frame),
          .frame = frame.frame};
}

Bytes FrameReader::get(const Plan& plan) const {
  const std::string object = pack_path(plan.pack.hash);
  Bytes sealed(plan.record.place.contents_size);
  if (journal_.reader().get_range(object, plan.record.place.offset, sealed) != sealed.size()) {
    throw Error(Code::corrupt, concat(object, " is cut short"));
  }
  return sealed;
}

Bytes FrameReader::read(const Plan& plan, Decompressor& decompressor) {
  const FramePosition position{journal_.keyring().repository(), plan.pack.kind, plan.frame};
  // First: a key that is missing says nothing of the pack.
  const Key secret = derive_frame_secret(keys_.pack_key(plan.pack), plan.frame);
  Bytes out;
  const auto failure = failure_of([&] {
    const Bytes sealed = get(plan);
    out = open_frame(secret, position,
                     {.contents = sealed,
                      .encoding = plan.record.encoding,
                      .plain_size = plan.record.plain_size},
                     decompressor, pack_path(plan.pack.hash));
  });
  if (!failure) return out;
  const auto judged = failure_of([&] { journal_.rethrow(*failure); });
  if (is_damage(*judged)) record_damage(plan.pack);
  throw Error(*judged);
}

// That it cannot be recorded, on a full disk say, is no reason not to go on.
void FrameReader::record_damage(const PackRecord& pack) const {
  try_to([&] {
    const std::optional<std::uint64_t> size = journal_.reader().size(pack_path(pack.hash));
    const PackProblem problem = !size                ? PackProblem::missing
                                : *size != pack.size ? PackProblem::wrong_size
                                                     : PackProblem::damaged;
    journal_.local().damage().add(pack.hash, problem, journal_.services().clock.now_ms());
  });
}

void check_block(const Key& id_key, const BlockId& id, View plaintext) {
  if (hash_block(id_key, plaintext) == id) return;
  throw Error(Code::corrupt, concat("block ", hex(id), " is not what its id says"));
}

BlockReader::BlockReader(const Journal& journal, BlockIndex& index, const ReadKeys& keys)
    : keys_(keys), index_(index), frames_(journal, keys) {}

View BlockReader::frame(const FrameId& id) {
  const auto found = std::ranges::find(
      recent_, id, [](const auto& entry) -> const FrameId& { return entry.first; });
  if (found != recent_.end()) {
    recent_.splice(recent_.begin(), recent_, found);
    return recent_.front().second;
  }
  recent_.emplace_front(id, frames_.read(FrameReader::plan(index_, id), decompressor_));
  if (recent_.size() > recent_frames_max) recent_.pop_back();
  return recent_.front().second;
}

Bytes BlockReader::get(const BlockId& id) {
  std::optional<Bytes> found;
  std::optional<Error> failure;
  index_.for_each_copy(tag_of(id), [&](const BlockLocation& at) {
    const auto problem = failure_of([&] {
      const View plain = frame({at.pack, at.frame});
      if (std::uint64_t{at.offset} + at.size > plain.size()) {
        throw Error(Code::corrupt, concat("block ", hex(id), " lies beyond its frame"));
      }
      const View block = plain.subspan(at.offset, at.size);
      check_block(keys_.id_key(), id, block);
      found.emplace(block.begin(), block.end());
    });
    // Another copy may be good; if none is, what may only have moved says more than damage.
    if (!failure || (problem && problem->code() == Code::conflict)) failure = problem;
    return !found.has_value();
  });
  if (found) return std::move(*found);
  if (failure) throw Error(*failure);
  throw Error(Code::missing, concat("block ", hex(id), " is in no pack"));
}

}  // namespace kist
