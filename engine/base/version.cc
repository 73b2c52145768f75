#include "engine/base/version.h"

namespace kist {

const char* const version = KIST_VERSION;

}  // namespace kist
