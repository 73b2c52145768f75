#include "engine/format/acts/incident_opened.h"

namespace kist {

namespace {

constexpr std::uint8_t packs_incident = 1;  // the only kind so far

}  // namespace

void IncidentOpened::encode(ByteWriter& out) const {
  out.u8(packs_incident);
  out.ids(packs);
}

IncidentOpened IncidentOpened::decode(ByteReader& in) {
  in.require(in.u8() == packs_incident, "an unknown kind of incident");
  return {in.ids<ObjectHash>("packs")};
}

}  // namespace kist
