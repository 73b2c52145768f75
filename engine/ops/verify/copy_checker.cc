#include "engine/ops/verify/copy_checker.h"

#include "engine/base/attempt.h"
#include "engine/crypto/hash.h"
#include "engine/rules/standing.h"
#include "engine/store/twins.h"

namespace kist {

namespace {

CopyChecker::Check hashes_to(const ObjectHash& expected) {
  return [expected](View bytes) {
    if (hash_object(bytes) == expected) return;
    throw Error(Code::corrupt, "its bytes do not hash to what is expected");
  };
}

}  // namespace

CopyChecker::Checked CopyChecker::check_copy(const std::string& path,
                                             std::uint64_t size_max,
                                             const Check& check) const {
  Checked out;
  Copy copy = read_copy(repository_.reader(), path, size_max);
  if (!copy.problem) copy.problem = failure_of([&] { check(*copy.bytes); });
  if (copy.problem) {
    out.problem = copy.problem->text();
    out.is_damaged = copy.problem->code() == Code::corrupt || copy.is_absent();
  } else {
    out.good = std::move(copy.bytes);
  }
  return out;
}

void CopyChecker::check(const std::string& path,
                        const ObjectHash& expected,
                        std::uint64_t size_max) {
  const Checked copy = check_copy(path, size_max, hashes_to(expected));
  if (!copy.good) report_(path, copy.problem, Healing::impossible);
}

void CopyChecker::check_made(const std::string& path, const Bytes& due, std::uint64_t size_max) {
  const Checked copy = check_copy(path, size_max, hashes_to(hash_object(due)));
  if (copy.good) return;
  const Checked good{.good = due, .problem = ""};
  report_(path, copy.problem, heal(path, copy, good));
}

void CopyChecker::check_twins(const std::string& path, std::uint64_t size_max, const Check& check) {
  const auto [first_path, second_path] = copies_of(path);
  const Checked first = check_copy(first_path, size_max, check);
  const Checked second = check_copy(second_path, size_max, check);
  if (!first.good) report_(first_path, first.problem, heal(first_path, first, second));
  if (!second.good) report_(second_path, second.problem, heal(second_path, second, first));
}

void CopyChecker::check_twins(const std::string& path,
                              const ObjectHash& expected,
                              std::uint64_t size_max) {
  check_twins(path, size_max, hashes_to(expected));
}

// The damaged copy gives way to the bytes of the good one, which was just read. Healing replays the
// journal; if that comes to a new epoch, the verify is over: it goes by the former one, whose index
// is gone.
CopyChecker::Healing CopyChecker::heal(const std::string& path,
                                       const Checked& damaged,
                                       const Checked& good) {
  if (!damaged.is_damaged || !good.good) return Healing::impossible;
  if (!heals_) return Healing::possible;
  bool is_healed = false;
  const EpochId epoch = repository_.state().epoch;
  const auto failure = failure_of([&] {
    // An object that has ended, or was replaced, is not revived.
    const auto has_ended = [&] {
      repository_.journal().replay();
      return !is_named(repository_.state(), path);
    };
    const bool is_late = has_ended() || repository_.state().epoch != epoch;
    if (!is_late) {
      // Where no answer has come, it may be there all the same.
      const auto unanswered = failure_of([&] { repository_.remover().replace(path, *good.good); });
      repository_.writer().barrier();
      if (!has_ended()) {
        if (unanswered) throw Error(*unanswered);
        is_healed = true;
        return;
      }
      repository_.remover().remove(path);
      repository_.writer().barrier();
    }
    throw Error(Code::conflict, concat(path,
                                       " has been replaced meanwhile, by an epoch's end or a new "
                                       "secret; run the command again"));
  });
  if (repository_.state().epoch != epoch) {
    throw Error(Code::conflict, "a new epoch has begun meanwhile; run the command again");
  }
  if (!failure) return is_healed ? Healing::done : Healing::possible;
  if (failure->code() == Code::conflict) throw Error(*failure);
  report_(path, concat("it could not be healed: ", failure->text()), Healing::impossible);
  return Healing::possible;
}

}  // namespace kist
