#include "engine/repository/repository_file.h"

#include <algorithm>
#include <array>

#include "engine/base/attempt.h"
#include "engine/crypto/hash.h"
#include "engine/format/envelope.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/format/slot.h"
#include "engine/store/twins.h"

namespace kist {

namespace {

void add_id(std::vector<RepositoryId>& ids, const RepositoryId& id) {
  if (std::ranges::count(ids, id) == 0) ids.push_back(id);
}

// What kist.repo says; where it says nothing, `problem` has the reason.
std::optional<RepositoryId> read_repository_file(StoreReader& store, std::string& problem) {
  std::optional<RepositoryId> out;
  bool is_damaged = false;  // some copy is, which says more than that one is missing
  for (const std::string& path : copies_of(repository_file)) {
    const auto failure = failure_except(Code::unsupported, [&] {
      const Bytes bytes = get_object(store, path, small_object_bytes_max);
      out = decode_repository_file(bytes, &hash_object).repository;
    });
    if (!failure) return out;
    const bool is_missing = failure->code() == Code::missing;
    if (is_damaged || (is_missing && !problem.empty())) continue;
    is_damaged = !is_missing;
    problem = is_missing ? concat(path, " is missing")
                         : concat(path, " is damaged (", failure->text(), ")");
  }
  return std::nullopt;
}

// What the headers of both copies of the first entry say.
std::vector<RepositoryId> read_first_entry(StoreReader& store) {
  std::vector<RepositoryId> out;
  for (const std::string& path : copies_of(journal_path(0))) {
    try_to([&] {
      std::array<std::uint8_t, envelope_header_size> start{};
      const std::size_t size = store.get_range(path, 0, start);
      const EnvelopeHeader header = decode_envelope_header(View(start).first(size), path);
      if (header.type == ObjectType::journal_entry) add_id(out, header.repository);
    });
  }
  return out;
}

}  // namespace

bool has_repository(StoreReader& store) {
  return has_copy(store, repository_file) || has_copy(store, journal_path(0));
}

RepositoryClaims find_repository_claims(StoreReader& store) {
  if (!has_repository(store)) {
    throw Error(Code::no_repository, "there is no repository; make one with kist init");
  }
  RepositoryClaims out;
  const auto said = read_repository_file(store, out.problem);
  if (said) out.ids.push_back(*said);
  for (const RepositoryId& id : read_first_entry(store)) {
    add_id(out.ids, id);
  }
  if (!out.ids.empty()) return out;
  throw Error(Code::corrupt,
              concat(out.problem,
                     ", and the journal's first entry is missing or damaged: restore "
                     "either from a copy of the repository"));
}

Bytes make_repository_file(const RepositoryId& repository) {
  return encode_repository_file({.repository = repository, .features = 0}, &hash_object);
}

}  // namespace kist
