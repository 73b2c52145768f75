#include "engine/repository/ended_objects.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "engine/base/attempt.h"
#include "engine/crypto/hash.h"
#include "engine/format/envelope.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/format/slot.h"
#include "engine/keys/sealed_object.h"

namespace kist {

namespace {

constexpr int listings_max = 8;
// Anchors first: without them, what else of an epoch that has ended may come back opens nothing.
constexpr std::array folders = {"anchors", "slots", "grants", "epochs", "keys", "tmp"};
// As much of a file in tmp/ as tells what it was to be: an anchor, an epoch box, or an envelope's
// header and a slot's clear section.
constexpr std::size_t temporary_bytes = epoch_box_size;

Bytes read_first(const Repository& repository, const std::string& path, std::size_t size) {
  Bytes bytes(size);
  bytes.resize(repository.reader().get_range(path, 0, bytes));
  return bytes;
}

std::optional<EpochBoxPath> epoch_of(const Repository& repository, const EnvelopeHeader& header) {
  if (header.repository != repository.keyring().repository()) return std::nullopt;
  return EpochBoxPath{header.epoch_number, header.epoch};
}

void read_header(const Repository& repository, ObjectType type, Listed& out) {
  const Bytes bytes = read_first(repository, out.path, envelope_header_size);
  const EnvelopeHeader header = decode_envelope_header(bytes, out.path);
  if (header.type == type) out.header = epoch_of(repository, header);
}

// A slot object, read whole: by whom it is signed, where it is what its path says.
void read_slot_object(const Repository& repository, Listed& out) {
  const Bytes bytes = get_object(repository.reader(), out.path, slot_object_bytes_max);
  const Envelope envelope =
      decode_envelope_of(bytes, out.path, ObjectType::slot, repository.keyring().repository());
  out.header = epoch_of(repository, envelope.header);
  const SlotClear clear = decode_slot_clear(envelope.clear, out.path);
  const bool is_of_path =
      first_copy_path(out.path) == slot_path(envelope.header.author, clear.generation);
  if (is_of_path && is_signed_by(envelope, clear.signing_key)) out.signer = clear.signing_key;
}

void read_key_segment(const Repository& repository, Listed& out) {
  read_header(repository, ObjectType::key_segment, out);
  if (!asks_for_hash(repository.state(), out)) return;
  out.hash = hash_object(get_object(repository.reader(), out.path, key_segment_bytes_max));
}

// Where this copy of a key segment cannot be read, the other one tells, if it is what its name
// says: both are one object. Where that cannot be read either, nothing is told.
void read_other_copy(const Repository& repository, Listed& out) {
  if (!out.path.starts_with("keys/")) return;
  const std::string first = first_copy_path(out.path);
  const std::string other = out.path == first ? second_copy_path(first) : first;
  static_cast<void>(failure_of([&] {
    const Bytes bytes = get_object(repository.reader(), other, key_segment_bytes_max);
    if (key_segment_path(hash_object(bytes)) != first) return;
    out.header = epoch_of(repository, decode_envelope_header(bytes, other));
    out.is_told_by_other = out.header.has_value();
  }));
}

// A file in tmp/ may be of any kind, and cut short: the rest of a box says nothing of its epoch.
void read_temporary(const Repository& repository, Listed& out) {
  Bytes bytes;
  const auto damage = damage_of([&] { bytes = read_first(repository, out.path, temporary_bytes); });
  if (damage && damage->code() == Code::missing) throw Error(*damage);
  out.is_no_file = damage.has_value();
  if (out.is_no_file) return;
  Bytes padded = bytes;
  padded.resize(temporary_bytes);
  const auto anchor =
      value_of([&] { return decode_anchor(View(padded).first(anchor_size), out.path); });
  if (anchor) {
    if (anchor->repository != repository.keyring().repository()) return;
    out.header = EpochBoxPath{anchor->epoch_number, anchor->epoch};
    return;
  }
  if (const auto box = value_of([&] { return decode_epoch_box(padded, out.path); })) {
    if (box->repository != repository.keyring().repository()) return;
    out.header = EpochBoxPath{box->epoch_number, box->epoch};
    return;
  }
  const EnvelopeHeader header = decode_envelope_header(bytes, out.path);
  const bool is_secret = header.type == ObjectType::slot || header.type == ObjectType::grant ||
                         header.type == ObjectType::key_segment;
  if (is_secret) out.header = epoch_of(repository, header);
  if (header.type != ObjectType::slot || !out.header) return;
  const View clear = View(padded).subspan(envelope_header_size, clear_size(ObjectType::slot));
  out.slot = SlotPath{header.author, decode_slot_clear(clear, out.path).generation};
}

void read_asked(const Repository& repository, Listed& out) {
  if (out.path.starts_with("slots/")) return read_slot_object(repository, out);
  if (out.path.starts_with("grants/")) return read_header(repository, ObjectType::grant, out);
  if (out.path.starts_with("keys/")) return read_key_segment(repository, out);
  read_temporary(repository, out);
}

// The object with what the rules ask of it; nothing where it is gone. Damage leaves out what it
// hides. Where the store fails, or a newer kist has made the object, nothing is concluded.
std::optional<Listed> inspect(const Repository& repository, const std::string& path) {
  Listed out{path};
  if (!asks_for_bytes(repository.state(), path)) return out;
  const auto failure = failure_of([&] { read_asked(repository, out); });
  if (failure && failure->code() == Code::missing) return std::nullopt;
  if (failure) read_other_copy(repository, out);
  out.is_unread = failure && failure->code() != Code::corrupt && !out.is_told_by_other;
  return out;
}

}  // namespace

std::vector<Listed> list_secret_objects(const Repository& repository) {
  std::vector<Listed> out;
  for (const char* folder : folders) {
    std::set<std::string> paths;  // a listing may name an object twice
    repository.reader().list(
        folder, [&](const std::string& file) { paths.insert(concat(folder, "/", file)); });
    std::vector<Listed> listed_here;
    for (const std::string& path : paths) {
      check_cancelled(repository.observer());
      if (auto listed = inspect(repository, path)) listed_here.push_back(std::move(*listed));
    }
    // A copy that cannot be read goes before the one that tells what it is.
    std::stable_partition(listed_here.begin(), listed_here.end(),
                          [](const Listed& each) { return each.is_told_by_other; });
    std::ranges::move(listed_here, std::back_inserter(out));
  }
  return out;
}

Leftovers find_leftovers(const Repository& repository) {
  const State& state = repository.state();
  const std::vector<Listed> listed = list_secret_objects(repository);
  Leftovers out{.ended = plan_ended_objects(state, listed), .unnamed = {}};
  for (const Listed& object : listed) {
    Judgement judgement = judge(state, object);
    if (judgement.standing != ObjectStanding::unnamed) continue;
    out.unnamed.push_back({object.path, std::move(judgement.reason)});
  }
  return out;
}

RemovalPlan find_ended_objects(const Repository& repository) {
  return plan_ended_objects(repository.state(), list_secret_objects(repository));
}

std::uint64_t remove_planned(const Repository& repository,
                             const RemovalPlan& plan,
                             const Remover& remover) {
  repository.journal().replay();
  if (plan.entry >= repository.state().next_sequence) return 0;  // it has not come yet
  // The entry that the plan relies on, whoever wrote it, must outlast what it ended.
  repository.writer().confirm(journal_path(plan.entry));
  std::uint64_t removed = 0;
  std::optional<Error> first_failure;
  for (const Removal& removal : plan.removals) {
    const auto failure = failure_of([&] {
      const std::optional<Listed> listed = inspect(repository, removal.path);
      if (!listed || !reason_to_remove(repository.state(), *listed)) return;
      if (!repository.reader().size(removal.path)) return;
      remover.remove(removal.path);
      ++removed;
    });
    if (failure && !first_failure) first_failure = failure;
  }
  repository.writer().barrier();
  if (first_failure) throw Error(*first_failure);
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
