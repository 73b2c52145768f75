#include "engine/repository/ended_objects.h"

#include "engine/crypto/hash.h"
#include "engine/format/envelope.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"

namespace kist {

namespace {

constexpr int listings_max = 8;

// By its header; but a copy of one that the state names is told from a damaged one by its hash.
bool is_ended_key_segment(Repository& repository, const std::string& file) {
  const State& state = repository.state();
  const auto name = parse_id<ObjectHash>(first_copy_path(file));
  if (!name) return false;
  const std::string object = concat("keys/", file);
  try {
    Bytes bytes(envelope_header_size);
    bytes.resize(repository.reader().get_range(object, 0, bytes));
    const EnvelopeHeader header = decode_envelope_header(bytes, object);
    if (header.type != ObjectType::key_segment ||
        header.repository != repository.keyring().repository() ||
        !is_of_ended_epoch(state, header.epoch_number, header.epoch)) {
      return false;
    }
    if (!state.key_segments.contains(*name)) return true;
    return hash_object(get_object(repository.reader(), object, key_segment_bytes_max)) == *name;
  } catch (const Error& error) {
    if (!is_damage(error)) throw;
    return false;  // of what it is cannot be told: it stays
  }
}

}  // namespace

std::vector<std::string> find_ended_objects(Repository& repository) {
  const State& state = repository.state();
  std::vector<std::string> out;
  if (state.epoch_number == 0) return out;
  repository.reader().list("epochs", [&](const std::string& file) {
    const auto name = parse_epoch_box_path(file);
    if (name && is_of_ended_epoch(state, name->epoch_number, name->epoch)) {
      out.push_back(concat("epochs/", file));
    }
  });
  std::vector<std::string> files;
  repository.reader().list("keys", [&](const std::string& file) { files.push_back(file); });
  for (const std::string& file : files) {
    check_cancelled(repository.observer());
    if (is_ended_key_segment(repository, file)) out.push_back(concat("keys/", file));
  }
  return out;
}

std::uint64_t remove_ended_objects(Repository& repository) {
  const Remover remover = repository.remover();
  // The entry that ended the former epochs, whoever wrote it, must outlast what it ended.
  repository.writer().confirm(journal_path(repository.state().epoch_begun));
  std::uint64_t removed = 0;
  // Somebody else's clean-up, or a writer that was caught, may be at it at the same time.
  for (int listing = 0; listing < listings_max; ++listing) {
    const std::vector<std::string> ended = find_ended_objects(repository);
    if (ended.empty()) break;
    for (const std::string& name : ended) {
      remover.remove(name);
    }
    repository.writer().barrier();
    removed += ended.size();
  }
  return removed;
}

}  // namespace kist
