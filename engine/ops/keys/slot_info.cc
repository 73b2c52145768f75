#include "engine/ops/keys/slot_info.h"

#include <map>
#include <utility>

namespace kist {

namespace {

SlotInfo info_of(const SlotState& slot, const SlotId& own, std::vector<std::string> sources) {
  const SlotIntroduction& introduction = slot.introduction;
  return {.slot = introduction.slot,
          .name = introduction.name,
          .kind = slot.kind,
          .capabilities = introduction.capabilities,
          .added_by = slot.added_by,
          .sources = std::move(sources),
          .added_ms = slot.added_ms,
          .last_seen_ms = slot.last_seen_ms,
          .is_accepted = slot.generation != 0,
          .is_revoked = slot.is_revoked,
          .is_own = introduction.slot == own};
}

}  // namespace

Identity who_am_i(const Repository& repository) {
  const Keyring& keys = repository.keyring();
  const auto slot = repository.state().slots.find(keys.slot());
  const bool is_known = slot != repository.state().slots.end();
  return {.repository = keys.repository(),
          .fingerprint = keys.fingerprint(),
          .slot = keys.slot(),
          .name = is_known ? slot->second.introduction.name : std::string(),
          .capabilities = repository.capabilities()};
}

std::vector<SlotInfo> list_slots(const Repository& repository) {
  if ((repository.capabilities() & can_own) == 0) repository.require_view();
  std::map<SlotId, std::vector<std::string>> sources;
  for (const auto& [name, source] : repository.state().sources) {
    sources[source.slot].push_back(name);
  }
  std::vector<SlotInfo> out;
  for (const auto& [id, slot] : repository.state().slots) {
    out.push_back(info_of(slot, repository.keyring().slot(), std::move(sources[id])));
  }
  return out;
}

void require_capability(const Repository& repository, Capability capability) {
  repository.require(capability);
}

void require_view(const Repository& repository) {
  repository.require_view();
}

bool may_view(const Repository& repository) {
  return (repository.capabilities() & (can_read | can_audit)) != 0;
}

}  // namespace kist
