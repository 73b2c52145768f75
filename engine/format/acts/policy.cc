#include "engine/format/acts/policy.h"

#include <array>

#include "engine/format/limits.h"

namespace kist {

namespace {

constexpr std::uint64_t seconds_max = UINT32_MAX * std::uint64_t{100};

// The counts and the times of a policy, in the order of the layout.
template <typename AnyPolicy>
auto counts(AnyPolicy& p) {
  return std::array{&p.last, &p.hourly, &p.daily, &p.weekly, &p.monthly, &p.quarterly, &p.yearly};
}

template <typename AnyPolicy>
auto times(AnyPolicy& p) {
  return std::array{&p.within_seconds,  &p.interval_seconds, &p.minimum_seconds,
                    &p.maximum_seconds, &p.grace_seconds,    &p.notice_seconds};
}

}  // namespace

void Policy::encode(ByteWriter& out) const {
  out.text(name);
  for (const std::uint32_t* count : counts(*this)) {
    out.varint(*count);
  }
  for (const std::uint64_t* seconds : times(*this)) {
    out.varint(*seconds);
  }
  out.u8(approvals);
  out.u8(static_cast<std::uint8_t>(lock));
  out.u8(static_cast<std::uint8_t>(dedup));
  out.u8(allows_redaction ? 1 : 0);
}

Policy Policy::decode(ByteReader& in) {
  Policy out;
  out.name = in.text(text_bytes_max, "a policy's name");
  for (std::uint32_t* count : counts(out)) {
    *count = narrow<std::uint32_t>(in.varint_up_to(UINT32_MAX, "a policy's count"));
  }
  for (std::uint64_t* seconds : times(out)) {
    *seconds = in.varint_up_to(seconds_max, "a policy's time");
  }
  out.approvals = in.u8();
  out.lock = take_lock(in);
  const std::uint8_t dedup = in.u8();
  in.require(dedup <= 2, "an unknown rule of deduplication");
  out.dedup = static_cast<Trust>(dedup);
  out.allows_redaction = take_flag(in);
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
