// Every use of a derived key: the KDF context (8 letters) and the subkey, each pair once. Two uses
// of one pair would make one key serve two purposes, so the table is checked when it is compiled.
// Refuses nothing itself: derive_key() takes a use, and no context is written anywhere else.
// docs/format.md, "Derived keys", holds the same table; a test compares them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kist {

enum class KeyUse : std::uint8_t {
  slot_signing_seed,
  slot_box_seed,
  checkpoint_seed,
  certificate_seed,
  source_label,
  key_file_wrapping,
  recipient_seed,
  journal_key_sealing,
  gear_table,
  path_hash,
  frame_secret,
  frame_contents,
  frame_list,
  pack_directory,
};

struct KeyUseRow {
  KeyUse use{};
  std::string_view name;    // as docs/format.md has it
  std::string_view parent;  // the secret that the key is derived from, likewise
  std::string_view context;
  std::uint64_t subkey = 0;
  bool is_numbered =
      false;  // the subkey is a number that the caller gives: all of them are this use
};

inline constexpr std::array key_uses{
    KeyUseRow{KeyUse::slot_signing_seed, "signing seed", "slot seed", "kistslot", 1},
    KeyUseRow{KeyUse::slot_box_seed, "box seed", "slot seed", "kistslot", 2},
    KeyUseRow{KeyUse::checkpoint_seed, "checkpoint signing seed", "slot seed", "kistslot", 3},
    KeyUseRow{KeyUse::certificate_seed, "certificates (reserved)", "slot seed", "kistslot", 4},
    KeyUseRow{KeyUse::source_label, "key of a source's label", "slot seed", "kistslot", 5},
    KeyUseRow{KeyUse::key_file_wrapping, "key of a slot's sealed part", "key file", "kistkeyf", 1},
    KeyUseRow{KeyUse::recipient_seed, "slot seed of a recipient", "key file", "kistkeyf", 2},
    KeyUseRow{KeyUse::journal_key_sealing, "key of the sealed journal key", "new journal_key",
              "kistjrnl", 1},
    KeyUseRow{KeyUse::gear_table, "seed of the gear table", "chunk_seed", "kistgear", 1},
    KeyUseRow{KeyUse::path_hash, "key of H(path)", "chunk_seed", "kistpath", 1},
    KeyUseRow{KeyUse::frame_secret, "frame secret", "pack key", "kistfram", 0, true},
    KeyUseRow{KeyUse::frame_contents, "key of the contents", "frame secret", "kistpart", 1},
    KeyUseRow{KeyUse::frame_list, "key of the list", "frame secret", "kistpart", 2},
    KeyUseRow{KeyUse::pack_directory, "key of the directory", "pack key", "kistdire", 0},
};

constexpr const KeyUseRow& row_of(KeyUse use) {
  return key_uses[static_cast<std::size_t>(use)];
}

namespace detail {

// Rows stand in the order of the enumerators, contexts have 8 letters, and no pair is there twice.
template <std::size_t count>
constexpr bool is_sound(const std::array<KeyUseRow, count>& rows) {
  for (std::size_t i = 0; i < count; ++i) {
    if (rows[i].use != KeyUse(i) || rows[i].context.size() != 8) return false;
    for (std::size_t j = 0; j < i; ++j) {
      const bool is_any = rows[i].is_numbered || rows[j].is_numbered;
      const bool is_same = is_any || rows[i].subkey == rows[j].subkey;
      if (rows[i].context == rows[j].context && is_same) return false;
    }
  }
  return true;
}

}  // namespace detail

static_assert(detail::is_sound(key_uses));

}  // namespace kist
