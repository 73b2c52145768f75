#include "engine/ops/verify/copy_checker.h"

#include "engine/crypto/hash.h"
#include "engine/format/names.h"
#include "engine/journal/replay.h"

namespace kist {

namespace {

CopyChecker::Judge hashes_to(const ObjectHash& expected) {
  return [expected](View bytes) {
    if (hash_object(bytes) == expected) return;
    throw Error(Code::corrupt, "its bytes do not hash to what is expected");
  };
}

}  // namespace

CopyChecker::Judged CopyChecker::judge(const std::string& name,
                                       std::uint64_t size_max,
                                       const Judge& is_good) {
  Judged out;
  try {
    Bytes bytes = get_object(repository_.reader(), name, size_max);
    is_good(bytes);
    out.good = std::move(bytes);
  } catch (const Error& error) {
    if (error.code() == Code::interrupted) throw;
    out.problem = error.text();
    out.is_damaged = error.code() == Code::corrupt || error.code() == Code::missing;
  }
  return out;
}

void CopyChecker::check(const std::string& name,
                        const ObjectHash& expected,
                        std::uint64_t size_max) {
  const Judged copy = judge(name, size_max, hashes_to(expected));
  if (!copy.good) find_(name, copy.problem, false);
}

void CopyChecker::check_twins(const std::string& name,
                              std::uint64_t size_max,
                              const Judge& is_good) {
  const std::string twin = twin_name(name);
  const Judged first = judge(name, size_max, is_good);
  const Judged second = judge(twin, size_max, is_good);
  if (!first.good) find_(name, first.problem, heal(name, first, second));
  if (!second.good) find_(twin, second.problem, heal(twin, second, first));
}

void CopyChecker::check_twins(const std::string& name,
                              const ObjectHash& expected,
                              std::uint64_t size_max) {
  check_twins(name, size_max, hashes_to(expected));
}

namespace {

// Whether the journal says that nobody may need the object any more: it is of an epoch that has
// ended, or a slot's of another generation.
bool is_ended(const State& state, const std::string& name) {
  const std::size_t slash = name.find('/');
  const std::string folder = name.substr(0, slash);
  const std::string file = untwinned(name.substr(slash + 1));
  if (folder == "slots") {
    const auto parsed = parse_slot_name(file);
    const auto slot = parsed ? state.slots.find(parsed->slot) : state.slots.end();
    return slot != state.slots.end() && slot->second.generation != parsed->generation;
  }
  if (folder == "epochs") {
    const auto parsed = parse_epoch_name(file);
    return parsed && is_of_ended_epoch(state, parsed->epoch_number, parsed->epoch);
  }
  if (folder == "keys") {
    const auto parsed = parse_id<ObjectHash>(file);
    return parsed && !state.key_segments.contains(*parsed);
  }
  return false;
}

}  // namespace

// The damaged copy gives way to the bytes of the good one, which was just read.
bool CopyChecker::heal(const std::string& name, const Judged& damaged, const Judged& good) {
  if (!heals_ || !damaged.is_damaged || !good.good) return false;
  try {
    // What has ended, or was replaced, is not revived.
    const EpochId epoch = repository_.state().epoch;
    const auto has_ended = [&] {
      sync_journal(repository_);
      return is_ended(repository_.state(), name);
    };
    const bool is_late = has_ended() || repository_.state().epoch != epoch;
    if (!is_late) {
      repository_.remover().replace(name, *good.good);
      repository_.writer().barrier();
      if (!has_ended()) return true;
      repository_.remover().remove(name);
    }
    throw Error(Code::conflict, concat(name,
                                       " has been replaced meanwhile, by an epoch's end or a new "
                                       "secret; run the command again"));
  } catch (const Error& error) {
    if (error.code() == Code::conflict) throw;
    find_(name, concat("it could not be healed: ", error.text()), false);
    return false;
  }
}

}  // namespace kist
