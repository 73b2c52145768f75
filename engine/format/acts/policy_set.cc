#include "engine/format/acts/policy_set.h"

#include "engine/format/limits.h"

namespace kist {

void PolicySet::encode(ByteWriter& out) const {
  policy.encode(out);
  out.text(reason);
}

PolicySet PolicySet::decode(ByteReader& in) {
  PolicySet out;
  out.policy = Policy::decode(in);
  out.reason = in.text(text_bytes_max, "a reason");
  return out;
}

}  // namespace kist
