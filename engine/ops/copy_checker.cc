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

// The damaged copy gives way to the bytes of the good one, which was just read.
bool CopyChecker::heal(const std::string& name, const Judged& damaged, const Judged& good) {
  if (!heals_ || !damaged.is_damaged || !good.good) return false;
  try {
    // What has ended is not revived.
    const EpochId epoch = repository_.state().epoch;
    sync_journal(repository_);
    if (repository_.state().epoch != epoch) {
      throw Error(Code::conflict, "a new epoch has begun meanwhile; run the command again");
    }
    repository_.remover().replace(name, *good.good);
    repository_.writer().barrier();
    return true;
  } catch (const Error& error) {
    if (error.code() == Code::conflict) throw;
    find_(name, concat("it could not be healed: ", error.text()), false);
    return false;
  }
}

}  // namespace kist
