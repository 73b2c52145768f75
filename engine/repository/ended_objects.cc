#include "engine/repository/ended_objects.h"

#include "engine/base/attempt.h"
#include "engine/crypto/hash.h"
#include "engine/format/envelope.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"

namespace kist {

namespace {

constexpr int listings_max = 8;

std::optional<EpochBoxPath> read_header(const Repository& repository, const std::string& path) {
  std::optional<EpochBoxPath> out;
  // Damage: it cannot be told what the object is.
  static_cast<void>(damage_of([&] {
    Bytes bytes(envelope_header_size);
    bytes.resize(repository.reader().get_range(path, 0, bytes));
    const EnvelopeHeader header = decode_envelope_header(bytes, path);
    if (header.type == ObjectType::key_segment &&
        header.repository == repository.keyring().repository()) {
      out = EpochBoxPath{header.epoch_number, header.epoch};
    }
  }));
  return out;
}

// The object with what the rules ask of it. Only key segments are read.
Listed inspect(const Repository& repository, const std::string& path) {
  Listed out{path};
  if (!path.starts_with("keys/")) return out;
  if (!parse_id<ObjectHash>(first_copy_path(path.substr(5)))) return out;
  out.header = read_header(repository, path);
  if (!asks_for_hash(repository.state(), out)) return out;
  static_cast<void>(damage_of([&] {
    out.hash = hash_object(get_object(repository.reader(), path, key_segment_bytes_max));
  }));
  return out;
}

}  // namespace

std::vector<Listed> list_epoch_objects(const Repository& repository) {
  std::vector<std::string> paths;
  for (const char* folder : {"epochs", "keys"}) {
    repository.reader().list(
        folder, [&](const std::string& file) { paths.push_back(concat(folder, "/", file)); });
  }
  std::vector<Listed> out;
  out.reserve(paths.size());
  for (const std::string& path : paths) {
    check_cancelled(repository.observer());
    out.push_back(inspect(repository, path));
  }
  return out;
}

RemovalPlan find_ended_objects(const Repository& repository) {
  if (repository.state().epoch_number == 0) return {};  // nothing has ended: nothing to list for
  return plan_ended_objects(repository.state(), list_epoch_objects(repository));
}

std::uint64_t remove_planned(const Repository& repository,
                             const RemovalPlan& plan,
                             const Remover& remover) {
  repository.journal().replay();
  if (plan.entry >= repository.state().next_sequence) return 0;  // it has not come yet
  // The entry that the plan relies on, whoever wrote it, must outlast what it ended.
  repository.writer().confirm(journal_path(plan.entry));
  std::uint64_t removed = 0;
  for (const Removal& removal : plan.removals) {
    if (!reason_to_remove(repository.state(), inspect(repository, removal.path))) continue;
    remover.remove(removal.path);
    ++removed;
  }
  repository.writer().barrier();
  return removed;
}

std::uint64_t remove_ended_objects(const Repository& repository) {
  const Remover remover = repository.remover();
  std::uint64_t removed = 0;
  // Somebody else's clean-up, or a writer that was caught, may be at it at the same time.
  for (int listing = 0; listing < listings_max; ++listing) {
    const RemovalPlan plan = find_ended_objects(repository);
    if (plan.removals.empty()) break;
    removed += remove_planned(repository, plan, remover);
  }
  return removed;
}

}  // namespace kist
