// Which slots there are, as the journal has them, and who is told.
#include "engine/ops/keys/slot_info.h"

#include "tests/support/roles.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

SlotInfo info_called(const Repository& repository, const std::string& name) {
  for (const SlotInfo& info : list_slots(repository)) {
    if (info.name == name) return info;
  }
  FAIL("no slot is called " << name);
  return {};
}

}  // namespace

TEST_CASE("a slot is listed with its maker, its kind and when it was last seen") {
  Roles roles(writer_capabilities);
  Repository& owner = roles.owner_repository;
  const SlotInfo before = info_called(owner, "other");
  REQUIRE(before.kind == SlotKind::key_file);
  REQUIRE(before.capabilities == writer_capabilities);
  REQUIRE(before.added_by == owner.keyring().slot());
  REQUIRE(before.last_seen_ms == before.added_ms);
  REQUIRE(before.is_accepted);
  REQUIRE_FALSE(before.is_own);
  Repository writer = roles.open();
  roles.backup(writer, "laptop");
  owner.journal().replay();
  const SlotInfo after = info_called(owner, "other");
  REQUIRE(after.added_ms == before.added_ms);
  REQUIRE(after.last_seen_ms > before.last_seen_ms);
  REQUIRE(info_called(owner, "owner").is_own);
}

TEST_CASE("a slot that was revoked is listed as such, and so is one that is not accepted yet") {
  Roles roles(writer_capabilities);
  Repository& owner = roles.owner_repository;
  add_recipient(owner, recipient_of(Machine::credential(21)), "invited", reader_capabilities);
  REQUIRE_FALSE(info_called(owner, "invited").is_accepted);
  REQUIRE_FALSE(info_called(owner, "other").is_revoked);
  revoke(roles);
  REQUIRE(info_called(owner, "other").is_revoked);
  REQUIRE_FALSE(info_called(owner, "invited").is_revoked);
}

TEST_CASE(
    "a slot is listed with the sources that belong to it, used or bound, until it is revoked") {
  Roles roles(writer_capabilities);
  Repository& owner = roles.owner_repository;
  Repository writer = roles.open();
  roles.backup(writer, "laptop");
  add_slot(owner, Machine::credential(10), argon2_floor, {"desk", writer_capabilities, {"desk"}});
  REQUIRE(info_called(owner, "owner").sources == std::vector<std::string>{"test"});
  REQUIRE(info_called(owner, "other").sources == std::vector<std::string>{"laptop"});
  REQUIRE(info_called(owner, "desk").sources == std::vector<std::string>{"desk"});
  revoke(roles);
  REQUIRE(info_called(owner, "other").sources.empty());
}

TEST_CASE("slots are shown to slots that read, audit or own, and a writer learns of itself only") {
  const Capabilities capabilities =
      GENERATE(as<Capabilities>{}, can_write, can_read, can_audit, can_own);
  Roles roles(capabilities);
  const Repository repository = roles.open();
  const Identity self = who_am_i(repository);
  REQUIRE(self.slot == repository.keyring().slot());
  REQUIRE(self.name == "other");
  REQUIRE(self.capabilities == capabilities);
  REQUIRE(self.fingerprint == who_am_i(roles.owner_repository).fingerprint);
  if (capabilities == writer_capabilities) {
    REQUIRE(error_code([&] { list_slots(repository); }) == Code::refused);
    REQUIRE(error_code([&] { require_view(repository); }) == Code::refused);
  } else {
    REQUIRE(list_slots(repository).size() == 2);
  }
}

TEST_CASE("what a slot may do is said before it does it") {
  Roles roles(reader_capabilities);
  const Repository repository = roles.open();
  REQUIRE_NOTHROW(require_capability(repository, can_read));
  REQUIRE_NOTHROW(require_view(repository));
  for (const Capability capability : {can_write, can_audit, can_maintain, can_own}) {
    REQUIRE(error_code([&] { require_capability(repository, capability); }) == Code::refused);
  }
}
