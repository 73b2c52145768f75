#include "engine/format/acts/policy.h"

#include "engine/format/limits.h"

namespace kist {

namespace {

constexpr std::uint64_t months_max = 12'000;
constexpr std::uint64_t field_bytes_max = 256;
constexpr std::uint64_t policy_bytes_max = 4096;

// The policy of a record without fields.
Policy policy_without_fields() {
  Policy out;
  out.minimum_seconds = 0;
  out.grace_seconds = 0;
  out.cooling_off_seconds = 0;
  out.dedup = Trust::own;
  return out;
}

// Calls `each` with the number of every field, its member, and the value that is not written down.
template <typename AnyPolicy, typename Each>
void for_each_field(AnyPolicy& p, const Each& each) {
  const Policy without = policy_without_fields();
  each(1, p.last, without.last);
  each(2, p.hourly, without.hourly);
  each(3, p.daily, without.daily);
  each(4, p.weekly, without.weekly);
  each(5, p.monthly, without.monthly);
  each(6, p.quarterly, without.quarterly);
  each(7, p.yearly, without.yearly);
  each(8, p.within, without.within);
  each(9, p.zone, without.zone);
  each(10, p.interval, without.interval);
  each(11, p.tolerance_seconds, without.tolerance_seconds);
  each(12, p.restore_seconds, without.restore_seconds);
  each(13, p.minimum_seconds, without.minimum_seconds);
  each(14, p.maximum_seconds, without.maximum_seconds);
  each(15, p.grace_seconds, without.grace_seconds);
  each(16, p.cooling_off_seconds, without.cooling_off_seconds);
  each(17, p.lock, without.lock);
  each(18, p.dedup, without.dedup);
  each(19, p.allows_redaction, without.allows_redaction);
  each(20, p.approvals, without.approvals);
  each(21, p.notice_seconds, without.notice_seconds);
}

void put(ByteWriter& out, bool value) {
  out.u8(value ? 1 : 0);
}

void put(ByteWriter& out, LockMode value) {
  out.u8(static_cast<std::uint8_t>(value));
}

void put(ByteWriter& out, Trust value) {
  out.u8(static_cast<std::uint8_t>(value));
}

void put(ByteWriter& out, std::uint32_t value) {
  out.varint(value);
}

void put(ByteWriter& out, std::uint64_t value) {
  out.varint(value);
}

void put(ByteWriter& out, const std::string& value) {
  out.raw(as_view(value));
}

void put(ByteWriter& out, const Period& value) {
  out.varint(value.months);
  out.varint(value.seconds);
}

void put(ByteWriter& out, const KeepRule& value) {
  const bool is_window = value.count == 0;
  put(out, is_window);
  if (is_window) {
    put(out, value.window);
  } else {
    put(out, value.count);
  }
}

void take(ByteReader& in, bool& value) {
  value = take_flag(in);
}

void take(ByteReader& in, LockMode& value) {
  value = take_lock(in);
}

void take(ByteReader& in, Trust& value) {
  const std::uint8_t rule = in.u8();
  in.require(rule <= 2, "an unknown rule of deduplication");
  value = static_cast<Trust>(rule);
}

void take(ByteReader& in, std::uint32_t& value) {
  value = narrow<std::uint32_t>(in.varint_up_to(UINT32_MAX, "a policy's count"));
}

void take(ByteReader& in, std::uint64_t& value) {
  value = in.varint_up_to(period_seconds_max, "a policy's time");
}

void take(ByteReader& in, std::string& value) {
  value = std::string(as_text(in.take(in.left())));
}

void take(ByteReader& in, Period& value) {
  value.months = narrow<std::uint32_t>(in.varint_up_to(months_max, "a policy's months"));
  take(in, value.seconds);
}

void take(ByteReader& in, KeepRule& value) {
  if (take_flag(in)) {
    take(in, value.window);
  } else {
    take(in, value.count);
    in.require(value.count > 0, "a rule that keeps nothing");
  }
}

// The field of that number. What no field has is never written down, so it is refused.
void take_field(ByteReader& in, std::uint8_t number, Policy& policy) {
  bool is_known = false;
  for_each_field(policy, [&](std::uint8_t known, auto& member, const auto& without) {
    if (known != number) return;
    is_known = true;
    take(in, member);
    in.require(member != without, "a field of a policy that says nothing");
  });
  in.require(is_known, "an unknown field of a policy");
  in.expect_end();
}

}  // namespace

void Policy::encode(ByteWriter& out) const {
  ByteWriter fields;
  for_each_field(*this, [&](std::uint8_t number, const auto& member, const auto& without) {
    if (member == without) return;
    ByteWriter value;
    put(value, member);
    fields.u8(number);
    fields.sized(value.view());
  });
  out.text(name);
  out.sized(fields.view());
}

Policy Policy::decode(ByteReader& in) {
  Policy out = policy_without_fields();
  out.name = in.text(text_bytes_max, "a policy's name");
  ByteReader fields(in.sized(policy_bytes_max, "a policy"), "a policy");
  std::uint8_t last_number = 0;
  while (fields.left() > 0) {
    const std::uint8_t number = fields.u8();
    fields.require(number > last_number, "fields of a policy out of order");
    last_number = number;
    ByteReader value(fields.sized(field_bytes_max, "a field"), "a policy's field");
    take_field(value, number, out);
  }
  return out;
}

bool take_flag(ByteReader& in) {
  const std::uint8_t flag = in.u8();
  in.require(flag <= 1, "a flag is neither 0 nor 1");
  return flag == 1;
}

LockMode take_lock(ByteReader& in) {
  return take_flag(in) ? LockMode::compliance : LockMode::governance;
}

}  // namespace kist
