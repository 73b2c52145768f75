// Where objects stand in a store. docs/format.md, "Store layout".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/base/id.h"

namespace kist {

inline constexpr const char* repository_file = "kist.repo";

std::string slot_name(const SlotId& slot, std::uint32_t generation);
std::string grant_name(const SlotId& slot);
std::string epoch_name(std::uint32_t epoch_number, const EpochId& epoch, const SlotId& slot);
std::string key_segment_name(const ObjectHash& hash);
std::string index_segment_name(const ObjectHash& hash);
std::string body_name(const ObjectHash& hash);
std::string reference_set_name(const ObjectHash& hash);
std::string pack_name(const ObjectHash& hash);
std::string journal_name(std::uint64_t sequence);
// The name of the second copy of an object that cannot be rebuilt.
std::string twin_name(const std::string& name);
// The name of the first copy: `a.2` gives `a`, `a` gives `a`.
std::string untwinned(const std::string& name);

struct SlotName {
  SlotId slot;
  std::uint32_t generation = 0;
};

// The inverse of slot_name without its folder; empty for anything else (twins included).
std::optional<SlotName> parse_slot_name(const std::string& file_name);

struct EpochName {
  std::uint32_t epoch_number = 0;
  EpochId epoch;
};

// The epoch of an epoch box, from its name without `epochs/`, or a twin's; empty for anything else.
std::optional<EpochName> parse_epoch_name(const std::string& file_name);
// The inverse of journal_name without its folder; empty for anything else.
std::optional<std::uint64_t> parse_journal_name(const std::string& file_name);

}  // namespace kist
