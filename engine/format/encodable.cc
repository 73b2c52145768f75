#include "engine/format/encodable.h"

#include "engine/format/limits.h"

namespace kist {

// check_encodable(const Entry&) is in manifest.cc: it shares the rule for paths with the decoder.

void check_encodable(const SnapshotBody& body) {
  try {
    if (decode_body(encode_body(body), "the snapshot's description") == body) return;
  } catch (const Error& error) {
    throw Error(Code::invalid, concat("nothing was written: ", error.text()));
  }
  throw Error(Code::invalid, "nothing was written: the snapshot cannot be described");
}

void check_encodable(const JournalEntry& entry) {
  const Bytes payload = encode_journal_payload(entry);
  try {
    const JournalPayload again = decode_journal_payload(payload, "a journal entry");
    if (again.act == entry.act && payload.size() < journal_entry_bytes_max / 2) return;
  } catch (const Error& error) {
    throw Error(Code::invalid, concat("nothing was written: ", error.text()));
  }
  throw Error(Code::invalid, "nothing was written: the journal entry would be too large");
}

}  // namespace kist
