#include "engine/journal/anchor.h"

#include "engine/base/attempt.h"
#include "engine/crypto/hash.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/format/slot.h"

namespace kist {

namespace {

Anchor read_copy_of_anchor(StoreReader& store, const State& state, const std::string& path) {
  const Bytes bytes = get_object(store, path, small_object_bytes_max);
  if (hash_object(bytes) != state.beginning.anchor) {
    throw Error(Code::corrupt, concat(path, " is not the anchor that the journal names"));
  }
  return decode_anchor(bytes, path);
}

}  // namespace

std::array<std::string, 4> anchor_paths(std::uint32_t epoch_number, const EpochId& epoch) {
  std::array<std::string, anchor_copies> out;
  for (unsigned copy = 1; copy <= anchor_copies; ++copy) {
    out[copy - 1] = anchor_path(epoch_number, epoch, copy);
  }
  return out;
}

void put_anchors(StoreWriter& store, const ObjectOrigin& origin, View anchor) {
  for (const std::string& path : anchor_paths(origin.epoch_number, origin.epoch)) {
    store.put(path, anchor);
  }
  store.barrier();
}

void require_anchors(StoreReader& store, const ObjectOrigin& origin, const ObjectHash& hash) {
  for (const std::string& path : anchor_paths(origin.epoch_number, origin.epoch)) {
    if (hash_object(get_object(store, path, small_object_bytes_max)) == hash) continue;
    throw Error(Code::corrupt,
                concat(path,
                       " is not what was just written; no entry names it yet. The store, or "
                       "this machine's memory or processor, may be failing"));
  }
}

Key read_anchor(StoreReader& store, const State& state) {
  if (state.beginning.place != AnchorPlace::store) {
    throw Error(Code::unsupported,
                concat("the anchor of the epoch lies in another place, \"",
                       state.beginning.place_label, "\": that needs a newer kist"));
  }
  std::optional<Error> problem;
  for (const std::string& path : anchor_paths(state.epoch_number, state.epoch)) {
    Key share;
    const auto failure =
        failure_of([&] { share = Key::from(read_copy_of_anchor(store, state, path).share); });
    if (!failure) return share;
    // A copy that is damaged, or cannot be read, says more than one that is missing.
    if (!problem || problem->code() == Code::missing) problem = failure;
  }
  throw Error(problem->code(),
              concat("no copy of the epoch's anchor can be used (", problem->text(),
                     "): nothing that is stored opens without it; restore one of the four files ",
                     "anchors/", state.epoch_number, "-", hex(state.epoch),
                     ".1 to .4 from a copy of the repository. kist key list, kist journal "
                     "list and kist incident list work without it"));
}

std::vector<AnchorProblem> check_anchors(StoreReader& store, const State& state) {
  std::vector<AnchorProblem> out;
  if (state.beginning.place != AnchorPlace::store) return out;
  for (const std::string& path : anchor_paths(state.epoch_number, state.epoch)) {
    const auto failure =
        failure_of([&] { static_cast<void>(read_copy_of_anchor(store, state, path)); });
    if (failure) out.push_back({path, failure->text()});
  }
  return out;
}

}  // namespace kist
