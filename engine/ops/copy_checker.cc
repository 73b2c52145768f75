#include "engine/ops/copy_checker.h"

#include "engine/crypto/hash.h"
#include "engine/format/names.h"
#include "engine/repository/sync.h"

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

// Error{conflict} when the journal says by now that the object is none of its epoch, or of its
// slot, any more.
void CopyChecker::require_current(const std::string& name, const EpochId& epoch) {
  sync_journal(repository_);
  const State& state = repository_.state();
  const std::string file = untwinned(name.substr(name.find('/') + 1));
  const auto slot = name.starts_with("slots/") ? parse_slot_name(file) : std::nullopt;
  if (state.epoch == epoch &&
      (!slot || state.slots.at(slot->slot).generation == slot->generation)) {
    return;
  }
  throw Error(Code::conflict, concat(name,
                                     " has been replaced meanwhile by an epoch's end or a new "
                                     "secret; run the command again"));
}

// The damaged copy gives way to the bytes of the good one, which was just read.
bool CopyChecker::heal(const std::string& name, const Judged& damaged, const Judged& good) {
  if (!heals_ || !damaged.is_damaged || !good.good) return false;
  try {
    // What has ended, or was replaced, is not revived.
    const EpochId epoch = repository_.state().epoch;
    require_current(name, epoch);
    repository_.remover().replace(name, *good.good);
    repository_.writer().barrier();
    try {
      require_current(name, epoch);
    } catch (const Error& error) {
      if (error.code() == Code::conflict) repository_.remover().remove(name);
      throw;
    }
    return true;
  } catch (const Error& error) {
    if (error.code() == Code::conflict) throw;
    find_(name, concat("it could not be healed: ", error.text()), false);
    return false;
  }
}

}  // namespace kist
