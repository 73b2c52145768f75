#include "engine/journal/sealed_entry.h"

#include "engine/base/attempt.h"
#include "engine/keys/sealed_object.h"

namespace kist {

Bytes seal_entry(const Keyring& keyring,
                 const Key& journal_key,
                 Random& random,
                 const JournalEntry& entry) {
  const ObjectOrigin origin{.repository = keyring.repository(),
                            .epoch_number = entry.epoch_number,
                            .epoch = entry.epoch,
                            .author = entry.author};
  return seal_object({.type = ObjectType::journal_entry,
                      .origin = origin,
                      .clear = encode_journal_clear({entry.sequence, entry.previous})},
                     journal_key, keyring.signing_seed(), random, encode_journal_payload(entry));
}

Bytes seal_entry(const Keyring& keyring, Random& random, const JournalEntry& entry) {
  return seal_entry(keyring, keyring.journal_key(), random, entry);
}

Envelope decode_entry_envelope(View bytes,
                               const std::string& path,
                               const RepositoryId& repository) {
  return decode_envelope_of(bytes, path, ObjectType::journal_entry, repository);
}

JournalEntry open_entry(const Envelope& envelope, const std::string& path, const Key& journal_key) {
  const JournalClear clear = decode_journal_clear(envelope.clear, path);
  const SecretBytes payload = open_envelope(envelope, path, journal_key);
  JournalPayload decoded = decode_journal_payload(payload.view(), path);
  return {.sequence = clear.sequence,
          .previous = clear.previous,
          .author = envelope.header.author,
          .epoch_number = envelope.header.epoch_number,
          .epoch = envelope.header.epoch,
          .time_ms = decoded.time_ms,
          .is_time_doubted = decoded.is_time_doubted,
          .act = std::move(decoded.act)};
}

bool opens_entry(const Envelope& envelope, const Key& journal_key) {
  return !failure_of(
      [&] { static_cast<void>(open_envelope(envelope, "a journal entry", journal_key)); });
}

bool is_signed_by_author(const State& state, const Envelope& envelope) {
  const auto author = state.slots.find(envelope.header.author);
  return author != state.slots.end() &&
         is_signed_by(envelope, author->second.introduction.signing_key);
}

}  // namespace kist
