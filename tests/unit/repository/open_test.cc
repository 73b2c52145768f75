// What opening a repository asks for: a secret that opens a slot, the journal that is expected, and
// one good copy of each object on the way in.
#include "engine/repository/open.h"

#include "engine/format/names.h"
#include "engine/keys/grant.h"
#include "engine/store/twins.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a repository opens with its secret and with no other") {
  Site site;
  site.machine.init();
  REQUIRE_NOTHROW(site.machine.open());
  REQUIRE(error_code([&] { site.machine.open(8); }) == Code::wrong_secret);
}

TEST_CASE("where there is no repository, that is what is said") {
  Site site;
  REQUIRE(error_code([&] { site.machine.open(); }) == Code::no_repository);
}

TEST_CASE("one good copy of slot, grant and epoch box suffices to open") {
  for (const std::string folder : {"slots/", "grants/", "epochs/", "keys/", "bodies/"}) {
    for (const bool hits_twin : {false, true}) {
      World world;
      world.backup();
      INFO(folder << " twin " << hits_twin);
      for (const auto& [name, bytes] : world.store->objects()) {
        if (name.starts_with(folder) && name.ends_with(".2") == hits_twin)
          flip_bit(*world.store, name);
      }
      Repository reopened = world.machine.open();
      REQUIRE(list_snapshots(reopened).size() == 1);
      REQUIRE(verify(reopened, {.level = VerifyLevel::structure}).findings.size() == 1);
    }
  }
}

TEST_CASE("a repository of another fingerprint than the one that was told is refused") {
  World world;
  OpenOptions options{.state_parent = world.machine.state.path(), .slot = {}};
  options.fingerprint = ObjectHash{};
  REQUIRE(error_code([&] {
            open_repository(world.store, Machine::credential(), options, world.machine.services());
          }) == Code::refused);
}

TEST_CASE("the slot that a machine opened last is remembered, and another can be asked for") {
  Roles roles(writer_capabilities);
  const SlotId writer = roles.open().keyring().slot();
  REQUIRE(roles.open().local().last_slot() == writer);
  OpenOptions options{.state_parent = roles.other.state.path(), .slot = writer};
  REQUIRE(error_code([&] {
            open_repository(roles.store, Machine::credential(), options, roles.other.services());
          }) == Code::wrong_secret);
}

TEST_CASE("a journal that looks old is written to once a person says that it is the right one") {
  World world;
  Machine late(world.store, 6);
  late.clock.advance_ms(8LL * 86'400'000);
  const auto backs_up = [&](bool trusts_journal) {
    OpenOptions options{.state_parent = late.state.path(), .slot = {}};
    options.trusts_journal = trusts_journal;
    Repository repository =
        open_repository(world.store, Machine::credential(), options, late.services());
    late.backup(repository, world.tree());
  };
  REQUIRE(error_code([&] { backs_up(false); }) == Code::refused);
  REQUIRE_NOTHROW(backs_up(true));
  REQUIRE_NOTHROW(backs_up(false));  // it is known from then on
}

TEST_CASE("a slot whose grant is not the one that the journal names does not open") {
  Roles roles(writer_capabilities);
  const Keyring& owner = roles.owner_repository.keyring();
  const SlotState slot =
      roles.owner_repository.state().slots.at(slot_called(roles.owner_repository.state(), "other"));
  // Made by the owner for that very slot, with another seed for the places of cuts.
  const OwnKeys keys = roles.owner_repository.own_keys();
  const Key other;
  const Bytes forged =
      make_grant(owner.origin(), owner.signing_seed(), slot.introduction.box_key,
                 {.id_key = &keys.secrets().id_key, .chunk_seed = &other}, roles.content);
  REQUIRE_NOTHROW(roles.open());
  for (const std::string& copy : copies_of(grant_path(slot.introduction.slot))) {
    roles.store->overwrite(copy, forged);
  }
  REQUIRE(error_code([&] { roles.open(); }) == Code::corrupt);
}
