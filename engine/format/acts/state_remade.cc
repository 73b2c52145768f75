#include "engine/format/acts/state_remade.h"

namespace kist {

void StateRemade::encode(ByteWriter& out) const {
  out.id(client);
}

StateRemade StateRemade::decode(ByteReader& in) {
  return {in.id<ClientId>()};
}

}  // namespace kist
