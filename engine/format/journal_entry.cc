#include "engine/format/journal_entry.h"

#include <type_traits>
#include <utility>

namespace kist {

namespace {

constexpr std::size_t known_count = std::variant_size_v<Act> - 1;
static_assert(std::is_same_v<std::variant_alternative_t<known_count, Act>, UnknownAct>);

template <std::size_t i>
using KnownAct = std::variant_alternative_t<i, Act>;

using KnownIndices = std::make_index_sequence<known_count>;

// The numbers ascend in the order of the variant: no two acts share one.
template <std::size_t... i>
constexpr bool do_numbers_ascend(std::index_sequence<i...> /*of all known acts but the last*/) {
  return ((KnownAct<i>::number < KnownAct<i + 1>::number) && ...);
}

static_assert(do_numbers_ascend(std::make_index_sequence<known_count - 1>()));

// Asks one known kind after another whether the number is its own.
template <std::size_t... i>
Act decode_act(ByteReader& in,
               std::uint16_t type,
               std::index_sequence<i...> /*of all known acts*/) {
  Act out;
  const auto decode_if_own = [&]<typename Known>(std::type_identity<Known> /*kind*/) {
    if (type != Known::number) return false;
    out = Known::decode(in);
    return true;
  };
  const bool is_known = (decode_if_own(std::type_identity<KnownAct<i>>()) || ...);
  if (is_known) return out;
  const View payload = in.take(in.left());
  return UnknownAct{type, Bytes(payload.begin(), payload.end())};
}

std::uint16_t type_of(const UnknownAct& act) {
  return act.type;
}

template <typename Known>
std::uint16_t type_of(const Known& /*act*/) {
  return Known::number;
}

}  // namespace

std::uint16_t act_type(const Act& act) {
  return std::visit([](const auto& each) { return type_of(each); }, act);
}

std::string act_name(const Act& act) {
  return std::visit([](const auto& each) { return each.name(); }, act);
}

Bytes encode_journal_clear(const JournalClear& clear) {
  ByteWriter out;
  out.u64(clear.sequence);
  out.id(clear.previous);
  return out.take();
}

JournalClear decode_journal_clear(View bytes, std::string_view object) {
  ByteReader in(bytes, object);
  JournalClear out;
  out.sequence = in.u64();
  out.previous = in.id<ObjectHash>();
  in.expect_end();
  return out;
}

Bytes encode_journal_payload(const JournalEntry& entry) {
  ByteWriter out;
  out.u16(act_type(entry.act));
  out.i64(entry.time_ms);
  out.u8(entry.is_time_doubted ? 1 : 0);
  std::visit([&](const auto& each) { each.encode(out); }, entry.act);
  return out.take();
}

JournalPayload decode_journal_payload(View bytes, std::string_view object) {
  ByteReader in(bytes, object);
  const std::uint16_t type = in.u16();
  JournalPayload out;
  out.time_ms = in.i64();
  out.is_time_doubted = take_flag(in);
  out.act = decode_act(in, type, KnownIndices());
  in.expect_end();
  return out;
}

}  // namespace kist
