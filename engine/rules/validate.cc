#include "engine/rules/validate.h"

#include "engine/rules/acts/act_rules.h"

namespace kist {

namespace {

// An entry is sealed in the current epoch; an entry that ends it is sealed in the epoch that it
// begins.
bool is_in_its_epoch(const State& state, const JournalEntry& entry) {
  if (!std::holds_alternative<EpochEnded>(entry.act)) {
    return entry.epoch_number == state.epoch_number && entry.epoch == state.epoch;
  }
  return begins_next_epoch(state, entry.epoch_number, entry.epoch);
}

}  // namespace

bool begins_next_epoch(const State& state, std::uint32_t epoch_number, const EpochId& epoch) {
  return state.epoch_number < UINT32_MAX && epoch_number == state.epoch_number + 1 &&
         epoch != EpochId{} && !state.epochs.contains(epoch);
}

bool may_end_epoch(const State& state, const SlotId& author) {
  const auto slot = state.slots.find(author);
  return slot != state.slots.end() && !slot->second.is_revoked &&
         (slot->second.introduction.capabilities & (can_maintain | can_own)) != 0;
}

std::optional<Capabilities> required_capability(const Act& act) {
  return std::visit([](const auto& each) { return capability_for(each); }, act);
}

namespace {

// V6 to V9: the author is a slot that was not revoked, the entry is of its epoch, and the author
// has the capability that the act asks for.
MaybeViolation check_author(const State& state, const JournalEntry& entry) {
  const auto author = state.slots.find(entry.author);
  if (author == state.slots.end()) return Violation{6, "an author that is no slot"};
  if (author->second.is_revoked) return Violation{7, "an author that was revoked"};
  if (!is_in_its_epoch(state, entry)) return Violation{8, std::string(epoch_reason)};
  const std::optional<Capabilities> needed = required_capability(entry.act);
  if (needed && (author->second.introduction.capabilities & *needed) == 0) {
    std::string names = capability_names(*needed);
    if (const auto comma = names.find(", "); comma != std::string::npos) {
      names.replace(comma, 2, " or ");
    }
    return Violation{9, concat("its author lacks the capability ", names)};
  }
  return std::nullopt;
}

}  // namespace

MaybeViolation validate(const State& state, const JournalEntry& entry) {
  if (entry.sequence != state.next_sequence) return Violation{2, "a number that does not follow"};
  if (entry.previous != state.head) return Violation{3, "a chain that does not hold"};
  const bool takes_back = std::holds_alternative<ClockReset>(entry.act);
  if (!takes_back && entry.time_ms < state.least_time_ms(entry.author)) {
    return Violation{4, "a time before that of the entries that it follows"};
  }
  if (entry.sequence == 0) {
    if (!std::holds_alternative<Genesis>(entry.act)) {
      return Violation{5, "the first entry is no genesis"};
    }
  } else if (auto violation = check_author(state, entry)) {
    return violation;
  }
  return std::visit([&](const auto& act) { return check_act(state, act, entry); }, entry.act);
}

std::string capability_names(Capabilities capabilities) {
  std::string out;
  const auto add = [&](Capability capability, std::string_view name) {
    if ((capabilities & capability) == 0) return;
    if (!out.empty()) out += ", ";
    out += name;
  };
  add(can_write, "write");
  add(can_read, "read");
  add(can_audit, "audit");
  add(can_maintain, "maintain");
  add(can_own, "own");
  return out;
}

namespace {

constexpr Capabilities role_capabilities[] = {writer_capabilities, reader_capabilities,
                                              auditor_capabilities, operator_capabilities,
                                              owner_capabilities};
static_assert(std::size(role_names) == std::size(role_capabilities));

}  // namespace

std::string role_name(Capabilities capabilities) {
  for (std::size_t i = 0; i < std::size(role_names); ++i) {
    if (role_capabilities[i] == capabilities) return std::string(role_names[i]);
  }
  return "custom";
}

std::optional<Capabilities> capabilities_of_role(std::string_view role) {
  for (std::size_t i = 0; i < std::size(role_names); ++i) {
    if (role_names[i] == role) return role_capabilities[i];
  }
  return std::nullopt;
}

}  // namespace kist
