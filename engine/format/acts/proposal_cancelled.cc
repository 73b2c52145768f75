#include "engine/format/acts/proposal_cancelled.h"

#include "engine/format/limits.h"

namespace kist {

void ProposalCancelled::encode(ByteWriter& out) const {
  out.u64(sequence);
  out.text(reason);
}

ProposalCancelled ProposalCancelled::decode(ByteReader& in) {
  ProposalCancelled out;
  out.sequence = in.u64();
  out.reason = in.text(text_bytes_max, "a reason");
  return out;
}

}  // namespace kist
