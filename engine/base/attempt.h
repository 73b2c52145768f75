// Attempts: failures as values, where a caller goes on without what failed: the next copy, the next
// entry, the next object. Example: if (const auto damage = damage_of([&] { read(copy); }))
// report(*damage); A person's wish to stop is no failure and leaves.
#pragma once

#include <optional>
#include <type_traits>

#include "engine/base/error.h"

namespace kist {

// Runs `work`; the Error that it ended with, nothing when it came to its end.
template <typename Work>
[[nodiscard]] std::optional<Error> failure_of(const Work& work) {
  try {
    work();
    return std::nullopt;
  } catch (const Error& error) {
    return error;
  }
}

// The same, for damage alone (see is_damage()): any other Error leaves.
template <typename Work>
[[nodiscard]] std::optional<Error> damage_of(const Work& work) {
  std::optional<Error> failure = failure_of(work);
  if (failure && !is_damage(*failure)) throw Error(*failure);
  return failure;
}

// The same, but an Error of that code leaves.
template <typename Work>
[[nodiscard]] std::optional<Error> failure_except(Code leaving, const Work& work) {
  std::optional<Error> failure = failure_of(work);
  if (failure && failure->code() == leaving) throw Error(*failure);
  return failure;
}

// What `work` returns; nothing when it ended with an Error, whichever it was.
template <typename Work>
[[nodiscard]] std::optional<std::invoke_result_t<const Work&>> value_of(const Work& work) {
  std::optional<std::invoke_result_t<const Work&>> out;
  static_cast<void>(failure_of([&] { out.emplace(work()); }));
  return out;
}

inline constexpr int keep_up_tries = 16;

// Runs `work`; where it ends with Error{conflict}, for others have changed what it goes by, runs
// `follow`, and `work` again: 16 times in all.
template <typename Follow, typename Work>
void keep_up(const Follow& follow, const Work& work) {
  for (int tries = 1;; ++tries) {
    const auto failure = failure_of(work);
    if (!failure) return;
    if (failure->code() != Code::conflict || tries == keep_up_tries) throw Error(*failure);
    follow();
  }
}

// Runs `work`, whose failure changes nothing for the caller.
template <typename Work>
void try_to(const Work& work) {
  static_cast<void>(failure_of(work));
}

}  // namespace kist
