// The paths of objects in a store: `packs/3f/3f9a…`. Each object has one path, built from its ids
// or its hash here and nowhere else; parsing accepts that spelling and no other. docs/format.md,
// "Store layout".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "engine/base/id.h"

namespace kist {

inline constexpr const char* repository_file = "kist.repo";

std::string slot_path(const SlotId& slot, std::uint32_t generation);
std::string grant_path(const SlotId& slot);
std::string epoch_box_path(std::uint32_t epoch_number, const EpochId& epoch, const SlotId& slot);
// `copy` is 1 to anchor_copies.
inline constexpr unsigned anchor_copies = 4;
std::string anchor_path(std::uint32_t epoch_number, const EpochId& epoch, unsigned copy);
std::string key_segment_path(const ObjectHash& hash);
std::string index_segment_path(const ObjectHash& hash);
std::string body_path(const ObjectHash& hash);
std::string reference_set_path(const ObjectHash& hash);
std::string pack_path(const ObjectHash& hash);
std::string journal_path(std::uint64_t sequence);
// The path of the second copy of an object that cannot be rebuilt: `a` gives `a.2`.
std::string second_copy_path(const std::string& path);
// The path of the first copy: `a.2` gives `a`, `a` gives `a`.
std::string first_copy_path(const std::string& path);

// How deep the objects of a folder lie: 1 for `packs` (`packs/3f/3f9a…`) and `epochs`, 2 for "",
// the whole store, and 0 for every other folder, whose objects lie right in it.
std::size_t listing_depth(const std::string& folder);

struct SlotPath {
  SlotId slot;
  std::uint32_t generation = 0;
};

// The inverse of slot_path() without its folder; empty for anything else, second copies included.
std::optional<SlotPath> parse_slot_path(const std::string& file_name);

struct EpochBoxPath {
  std::uint32_t epoch_number = 0;
  EpochId epoch;
};

// The epoch of an epoch box, from its path without `epochs/`, of either copy; empty for anything
// else.
std::optional<EpochBoxPath> parse_epoch_box_path(const std::string& file_name);
// The epoch of an anchor, from its path without `anchors/`; empty for anything else.
std::optional<EpochBoxPath> parse_anchor_path(const std::string& file_name);
// The inverse of journal_path() without its folder; empty for anything else.
std::optional<std::uint64_t> parse_journal_path(const std::string& file_name);

}  // namespace kist
