#include "engine/format/names.h"

#include <algorithm>
#include <charconv>

#include "engine/base/error.h"

namespace kist {

namespace {

constexpr std::size_t journal_digits = 10;

template <typename T>
std::optional<T> parse_number(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string slot_path(const SlotId& slot, std::uint32_t generation) {
  return concat("slots/", hex(slot), "-", generation);
}

std::string grant_path(const SlotId& slot) {
  return concat("grants/", hex(slot));
}

std::string epoch_box_path(std::uint32_t epoch_number, const EpochId& epoch, const SlotId& slot) {
  return concat("epochs/", epoch_number, "-", hex(epoch), "/", hex(slot));
}

std::string anchor_path(std::uint32_t epoch_number, const EpochId& epoch, unsigned copy) {
  return concat("anchors/", epoch_number, "-", hex(epoch), ".", copy);
}

std::string key_segment_path(const ObjectHash& hash) {
  return concat("keys/", hex(hash));
}

std::string index_segment_path(const ObjectHash& hash) {
  return concat("index/", hex(hash));
}

std::string body_path(const ObjectHash& hash) {
  return concat("bodies/", hex(hash));
}

std::string reference_set_path(const ObjectHash& hash) {
  return concat("refs/", hex(hash));
}

std::string pack_path(const ObjectHash& hash) {
  const std::string digits = hex(hash);
  return concat("packs/", digits.substr(0, 2), "/", digits);
}

std::string journal_path(std::uint64_t sequence) {
  const std::string digits = std::to_string(sequence);
  const std::size_t zeros = journal_digits - std::min(journal_digits, digits.size());
  return concat("journal/", std::string(zeros, '0'), digits);
}

std::string second_copy_path(const std::string& path) {
  return path + ".2";
}

std::string first_copy_path(const std::string& path) {
  return path.ends_with(".2") ? path.substr(0, path.size() - 2) : path;
}

std::size_t listing_depth(const std::string& folder) {
  if (folder.empty()) return 2;
  return folder == "packs" || folder == "epochs" ? 1 : 0;
}

std::optional<SlotPath> parse_slot_path(const std::string& file_name) {
  const std::size_t dash = file_name.find('-');
  if (dash == std::string::npos) return std::nullopt;
  const auto slot = parse_id<SlotId>(file_name.substr(0, dash));
  const auto generation = parse_number<std::uint32_t>(file_name.substr(dash + 1));
  if (!slot || !generation) return std::nullopt;
  // A number has one spelling: "06" is refused.
  if (slot_path(*slot, *generation) != "slots/" + file_name) return std::nullopt;
  return SlotPath{*slot, *generation};
}

std::optional<EpochBoxPath> parse_epoch_box_path(const std::string& file_name) {
  const std::size_t dash = file_name.find('-');
  const std::size_t slash = file_name.find('/');
  if (dash == std::string::npos || slash == std::string::npos || slash < dash) return std::nullopt;
  const auto number = parse_number<std::uint32_t>(file_name.substr(0, dash));
  const auto epoch = parse_id<EpochId>(file_name.substr(dash + 1, slash - dash - 1));
  const auto slot = parse_id<SlotId>(first_copy_path(file_name.substr(slash + 1)));
  if (!number || !epoch || !slot) return std::nullopt;
  // One spelling, as above.
  if (epoch_box_path(*number, *epoch, *slot) != "epochs/" + first_copy_path(file_name))
    return std::nullopt;
  return EpochBoxPath{*number, *epoch};
}

std::optional<EpochBoxPath> parse_anchor_path(const std::string& file_name) {
  const std::size_t dash = file_name.find('-');
  const std::size_t dot = file_name.find('.');
  if (dash == std::string::npos || dot == std::string::npos || dot < dash) return std::nullopt;
  const auto number = parse_number<std::uint32_t>(file_name.substr(0, dash));
  const auto epoch = parse_id<EpochId>(file_name.substr(dash + 1, dot - dash - 1));
  const auto copy = parse_number<std::uint32_t>(file_name.substr(dot + 1));
  if (!number || !epoch || !copy || *copy == 0 || *copy > anchor_copies) return std::nullopt;
  // One spelling, as above.
  if (anchor_path(*number, *epoch, *copy) != "anchors/" + file_name) return std::nullopt;
  return EpochBoxPath{*number, *epoch};
}

std::optional<std::uint64_t> parse_journal_path(const std::string& file_name) {
  if (file_name.size() != journal_digits) return std::nullopt;
  return parse_number<std::uint64_t>(file_name);
}

}  // namespace kist
