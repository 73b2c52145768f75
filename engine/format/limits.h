// What a hostile object may claim at most, checked before anything is allocated. docs/format.md,
// "Limits".
#pragma once

#include <cstdint>

namespace kist {

inline constexpr std::uint32_t format_version = 1;
inline constexpr std::uint64_t authenticator_bytes = 16;  // at the end of what is sealed

inline constexpr std::uint64_t slot_object_bytes_max = 4U << 10U;
inline constexpr std::uint64_t small_object_bytes_max = 4U
                                                        << 10U;  // grants, epoch boxes, kist.repo
inline constexpr std::uint64_t key_segment_bytes_max = 16U << 20U;
inline constexpr std::size_t key_segment_packs_max = 4'096;
inline constexpr std::uint64_t index_segment_bytes_max = 64U << 20U;
inline constexpr std::uint64_t body_bytes_max = 16U << 20U;
inline constexpr std::uint64_t reference_set_bytes_max = 256U << 20U;
inline constexpr std::uint64_t journal_entry_bytes_max = 16U << 20U;

inline constexpr std::uint64_t block_bytes_max = 16U << 20U;
inline constexpr std::uint64_t chunker_min_bytes_min = 4U << 10U;  // the least `min` of a genesis
inline constexpr std::uint64_t frame_plain_bytes_max = block_bytes_max;
inline constexpr std::uint64_t pack_bytes_max = 32U << 20U;
inline constexpr std::uint64_t pack_bytes_min = 64U << 10U;  // sizes are multiples of it
inline constexpr std::uint32_t frame_blocks_max = 64U << 10U;
inline constexpr std::uint64_t listed_numbers_max = 4U << 20U;  // in a segment or a frame's list

inline constexpr std::uint64_t name_bytes_max = 255;
inline constexpr std::uint64_t path_bytes_max = 64U << 10U;
inline constexpr std::uint64_t text_bytes_max = 4U << 10U;  // hosts, tags, sources, policy names
inline constexpr std::uint64_t list_items_max = 64U << 10U;
inline constexpr std::uint64_t period_seconds_max = UINT32_MAX * std::uint64_t{100};  // of a policy
inline constexpr std::uint64_t features_max = 256;            // that a repository requires
inline constexpr std::uint64_t snapshot_problems_max = 1024;  // that a body names
inline constexpr std::uint64_t inline_content_bytes_max = 512;
inline constexpr std::uint64_t content_items_max = 64;        // in an entry
inline constexpr std::uint64_t content_node_items_max = 512;  // in a content node
inline constexpr std::uint64_t inline_xattr_bytes_max = 4U << 10U;
inline constexpr std::uint64_t xattr_bytes_max = 64U << 10U;
inline constexpr std::uint64_t xattr_count_max = 4U << 10U;
inline constexpr std::uint64_t manifest_node_items_max = 512;
inline constexpr std::uint64_t manifest_node_bytes_cut = 512U << 10U;
inline constexpr unsigned tree_levels_max = 12;

}  // namespace kist
