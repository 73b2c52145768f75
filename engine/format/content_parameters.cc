#include "engine/format/content_parameters.h"

#include <bit>

#include "engine/format/limits.h"

namespace kist {

bool is_chunking_allowed(const ChunkerParameters& parameters) {
  return parameters.size_min >= chunker_min_bytes_min &&
         parameters.size_min < parameters.size_target &&
         std::has_single_bit(parameters.size_target) &&
         parameters.size_target < parameters.size_max && parameters.size_max <= block_bytes_max;
}

}  // namespace kist
