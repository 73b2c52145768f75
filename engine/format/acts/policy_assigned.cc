#include "engine/format/acts/policy_assigned.h"

#include "engine/format/acts/policy.h"
#include "engine/format/limits.h"

namespace kist {

void PolicyAssigned::encode(ByteWriter& out) const {
  const auto* slot = std::get_if<SlotId>(&subject);
  out.u8(slot != nullptr ? 1 : 0);
  if (slot != nullptr) {
    out.id(*slot);
  } else {
    out.text(std::get<std::string>(subject));
  }
  out.text(policy);
  out.text(reason);
}

PolicyAssigned PolicyAssigned::decode(ByteReader& in) {
  PolicyAssigned out;
  if (take_flag(in)) {
    out.subject = in.id<SlotId>();
  } else {
    out.subject = in.text(text_bytes_max, "a source's name");
  }
  out.policy = in.text(text_bytes_max, "a policy's name");
  out.reason = in.text(text_bytes_max, "a reason");
  return out;
}

}  // namespace kist
