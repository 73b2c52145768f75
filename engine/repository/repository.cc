#include "engine/repository/repository.h"

#include "engine/rules/validate.h"

namespace kist {

Capabilities Repository::capabilities() const {
  const auto slot = state().slots.find(keyring.slot());
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
  return WriteKeys(*keyring.secrets_);
}

ReadKeys Repository::read_keys() const {
  require(can_read);
  return ReadKeys(*keyring.secrets_);
}

OwnKeys Repository::own_keys() const {
  require(can_own);
  return OwnKeys(*keyring.secrets_);
}

Remover Repository::remover() const {
  require(can_maintain);
  return Remover(*store_, "");
}

Remover Repository::own_slot_remover() const {
  return Remover(*store_, concat("slots/", hex(keyring.slot()), "-"));
}

}  // namespace kist
