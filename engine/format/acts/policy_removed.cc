#include "engine/format/acts/policy_removed.h"

#include "engine/format/limits.h"

namespace kist {

void PolicyRemoved::encode(ByteWriter& out) const {
  out.text(policy);
  out.text(reason);
}

PolicyRemoved PolicyRemoved::decode(ByteReader& in) {
  PolicyRemoved out;
  out.policy = in.text(text_bytes_max, "a policy's name");
  out.reason = in.text(text_bytes_max, "a reason");
  return out;
}

}  // namespace kist
