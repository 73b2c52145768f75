#include "engine/format/acts/incidents_closed.h"

#include "engine/format/limits.h"

namespace kist {

void IncidentsClosed::encode(ByteWriter& out) const {
  out.u64(first);
  out.u64(last);
  out.text(note);
  out.ids(accepted);
}

IncidentsClosed IncidentsClosed::decode(ByteReader& in) {
  IncidentsClosed out;
  out.first = in.u64();
  out.last = in.u64();
  out.note = in.text(text_bytes_max, "a note");
  out.accepted = in.ids<ObjectHash>("entries");
  return out;
}

}  // namespace kist
