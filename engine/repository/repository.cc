#include "engine/repository/repository.h"

#include "engine/rules/validate.h"

namespace kist {

Capabilities Repository::capabilities() const {
  const auto slot = state().slots.find(keyring().slot());
  return slot == state().slots.end() ? Capabilities{0} : slot->second.introduction.capabilities;
}

void Repository::require(Capability capability) const {
  if ((capabilities() & capability) != 0) return;
  throw Error(Code::refused, concat("this slot may not do that: it lacks the capability ",
                                    capability_names(capability), "; use another slot"));
}

void Repository::require_view() const {
  if ((capabilities() & (can_read | can_audit)) != 0) return;
  throw Error(Code::refused,
              "this slot may not look at what is stored: it lacks the capabilities read and audit; "
              "use another slot");
}

WriteKeys Repository::write_keys() const {
  require(can_write);
  const WriteKeys keys(*parts_->keyring.secrets_);
  return keys;
}

ReadKeys Repository::read_keys() const {
  require(can_read);
  const ReadKeys keys(*parts_->keyring.secrets_);
  return keys;
}

OwnKeys Repository::own_keys() const {
  require(can_own);
  const OwnKeys keys(*parts_->keyring.secrets_);
  return keys;
}

Remover Repository::remover() const {
  require(can_maintain);
  return {*parts_->store, ""};
}

Remover Repository::own_slot_remover() const {
  return {*parts_->store, concat("slots/", hex(keyring().slot()), "-")};
}

}  // namespace kist
