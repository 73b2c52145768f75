// Recipients: keys that are made elsewhere and let in by their public half.
#include "engine/crypto/seal.h"
#include "engine/format/names.h"
#include "engine/journal/journal.h"
#include "engine/keys/sealed_object.h"
#include "engine/rules/validate.h"
#include "tests/support/roles.h"

using namespace kist;
using namespace kist::test;

namespace {

constexpr std::uint8_t laptop_key = 21;

SlotPublicKeys laptop() {
  return recipient_of(Machine::credential(laptop_key));
}

Repository open_laptop(Machine& machine) {
  return open_repository(machine.store, Machine::credential(laptop_key),
                         {.state_parent = machine.state.path(), .slot = {}}, machine.services());
}

std::string refusal(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.text();
  }
  return {};
}

Repository accept(Machine& machine, const ObjectHash& fingerprint) {
  OpenOptions options{.state_parent = machine.state.path(), .slot = {}};
  options.fingerprint = fingerprint;
  return accept_slot(machine.store, Machine::credential(laptop_key), options, machine.services());
}

}  // namespace

TEST_CASE("a recipient's key is written and read, and a slip in it is told") {
  const std::string text = encode_recipient(laptop());
  REQUIRE(parse_recipient(text) == laptop());
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string slip = text;
    slip[i] = slip[i] == '7' ? '8' : '7';
    REQUIRE(error_code([&] { parse_recipient(slip); }) == Code::invalid);
  }
  REQUIRE(error_code([&] { parse_recipient(text + "0"); }) == Code::invalid);
  std::string louder = text;
  std::ranges::transform(text.begin() + 14, text.end(), louder.begin() + 14,
                         [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
  REQUIRE(error_code([&] { parse_recipient(louder); }) == Code::invalid);
  REQUIRE(error_code([&] { parse_recipient(""); }) == Code::invalid);
}

TEST_CASE("a recipient accepts, and then has what its role gives and no more") {
  Roles roles(reader_capabilities);
  const ObjectHash fingerprint = roles.owner_repository.keyring().fingerprint();
  const SlotId slot =
      add_recipient(roles.owner_repository, laptop(), "laptop", writer_capabilities);
  REQUIRE(verify(roles.owner_repository, {}).findings.empty());
  Machine machine(roles.store, 6);
  REQUIRE(refusal([&] { open_laptop(machine); }).find("kist key accept") != std::string::npos);
  const bool is_later = GENERATE(false, true);
  if (is_later) end_epoch(roles.owner_repository, {});
  {
    Repository accepted = accept(machine, fingerprint);
    REQUIRE(accepted.keyring().slot() == slot);
    REQUIRE(accepted.state().slots.at(slot).kind == SlotKind::key_file);
  }
  REQUIRE(error_code([&] { accept(machine, fingerprint); }) == Code::refused);
  Machine another(roles.store, 8);
  Repository repository = open_laptop(another);
  REQUIRE(error_code([&] { static_cast<void>(repository.read_keys()); }) == Code::refused);
  BackupOptions options;
  options.paths = {roles.source / "tree"};
  options.source = "laptop";
  const SnapshotId snapshot = backup(repository, options).snapshot;
  roles.owner_repository.journal().replay();
  require_restored(roles.owner, roles.owner_repository, roles, snapshot);
  REQUIRE(verify(roles.owner_repository, {.level = VerifyLevel::content}).findings.empty());
}

TEST_CASE("a recipient is not taken in by another repository") {
  Roles roles(reader_capabilities);
  add_recipient(roles.owner_repository, laptop(), "laptop", writer_capabilities);
  auto other = std::make_shared<MemoryStore>();
  Machine stranger(other, 5);
  Repository trap = stranger.init();
  add_recipient(trap, laptop(), "laptop", writer_capabilities);  // it lets the recipient in too
  const std::size_t before = other->objects().size();
  Machine machine(other, 6);
  REQUIRE(error_code([&] { accept(machine, roles.owner_repository.keyring().fingerprint()); }) ==
          Code::refused);
  REQUIRE(other->objects().size() == before);
}

TEST_CASE("a key nobody has let in accepts nothing") {
  Roles roles(reader_capabilities);
  Machine machine(roles.store, 6);
  REQUIRE(error_code([&] { accept(machine, roles.owner_repository.keyring().fingerprint()); }) ==
          Code::wrong_secret);
}

TEST_CASE("a recipient passes by what a key add that was cut off has left") {
  Roles roles(reader_capabilities);
  const auto before = roles.store->objects();
  add_recipient(roles.owner_repository, laptop(), "laptop", writer_capabilities);
  for (const auto& [name, bytes] : roles.store->objects()) {
    if (name.starts_with("journal/") && !before.contains(name)) roles.store->remove(name);
  }
  std::filesystem::remove_all(roles.owner.state.path());
  Repository owner = roles.owner.open();
  REQUIRE(owner.state().slots.size() == 2);
  const SlotId slot = add_recipient(owner, laptop(), "laptop", writer_capabilities);
  Machine machine(roles.store, 6);
  REQUIRE(accept(machine, owner.keyring().fingerprint()).keyring().slot() == slot);
}

TEST_CASE("a recipient passes by a grant that somebody has planted") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  const SlotId slot =
      add_recipient(roles.owner_repository, laptop(), "laptop", writer_capabilities);
  Key key;
  Key ephemeral;
  roles.content.fill(ephemeral.mutable_view());
  const Bytes grant = seal_object({.type = ObjectType::grant,
                                   .origin = evil.keyring().origin(),
                                   .clear = seal_box(laptop().box, ephemeral, key.view())},
                                  key, evil.keyring().signing_seed(), roles.content,
                                  random_bytes(roles.content, 10));
  put_twinned(*roles.store, grant_path(SlotId{}), grant);
  Machine machine(roles.store, 6);
  REQUIRE(accept(machine, roles.owner_repository.keyring().fingerprint()).keyring().slot() == slot);
}

TEST_CASE("a recipient's key that was replaced is told for it") {
  Roles roles(writer_capabilities);
  const ObjectHash fingerprint = roles.owner_repository.keyring().fingerprint();
  add_recipient(roles.owner_repository, laptop(), "laptop", writer_capabilities);
  Machine machine(roles.store, 6);
  {
    Repository repository = accept(machine, fingerprint);
    rewrap_slot(repository, Machine::credential(22), {});
  }
  REQUIRE(refusal([&] { open_laptop(machine); }).find("accept") == std::string::npos);
  REQUIRE(refusal([&] { accept(machine, fingerprint); }).find("kist key passwd") !=
          std::string::npos);
}

TEST_CASE("a public key that is none is refused before anything is stored") {
  Roles roles(writer_capabilities);
  const std::size_t before = roles.store->objects().size();
  REQUIRE(error_code([&] {
            add_recipient(roles.owner_repository, SlotPublicKeys{}, "none", writer_capabilities);
          }) == Code::invalid);
  REQUIRE(roles.store->objects().size() == before);
}

TEST_CASE("one key opens one slot, whichever way it came in") {
  Roles roles(reader_capabilities);
  Repository& owner = roles.owner_repository;
  add_recipient(owner, laptop(), "laptop", writer_capabilities);
  REQUIRE(error_code([&] { add_recipient(owner, laptop(), "again", owner_capabilities); }) ==
          Code::refused);
  REQUIRE(error_code([&] {
            add_slot(owner, Machine::credential(laptop_key), argon2_floor, "again");
          }) == Code::refused);
  add_slot(owner, Machine::credential(22), argon2_floor, "wrapped");
  add_recipient(owner, recipient_of(Machine::credential(22)), "twice", writer_capabilities);
  Machine machine(roles.store, 6);
  OpenOptions options{.state_parent = machine.state.path(), .slot = {}};
  options.fingerprint = owner.keyring().fingerprint();
  REQUIRE(error_code([&] {
            accept_slot(roles.store, Machine::credential(22), options, machine.services());
          }) == Code::refused);
}

TEST_CASE("slots whose kind and object do not go together are void") {
  Roles roles(reader_capabilities);
  const Repository& owner = roles.owner_repository;
  SlotIntroduction slot = owner.state().slots.begin()->second.introduction;
  slot.slot = roles.content.draw_id<SlotId>();
  slot.sources.clear();
  slot.slot_object = roles.content.draw_id<ObjectHash>();
  const auto judge = [&](SlotKind kind, const ObjectHash& object) {
    slot.kind = kind;
    slot.slot_object = object;
    return validate(owner.state(), owner.journal().next_entry(SlotAdded{slot}))
        .value_or(Violation{})
        .reason;
  };
  const auto object = roles.content.draw_id<ObjectHash>();
  REQUIRE(judge(SlotKind::key_file, object).empty());
  REQUIRE(judge(SlotKind::recovery_sheet, object).empty());
  REQUIRE(judge(SlotKind::recipient, {}).empty());
  REQUIRE_FALSE(judge(SlotKind::recipient, object).empty());
  REQUIRE_FALSE(judge(SlotKind::key_file, {}).empty());
  const auto rewrap = [&](SlotKind kind) {
    return validate(owner.state(), owner.journal().next_entry(SlotRewrapped{2, kind, object}))
        .has_value();
  };
  REQUIRE_FALSE(rewrap(SlotKind::key_file));
  REQUIRE(rewrap(SlotKind::recipient));
  REQUIRE(rewrap(SlotKind::recovery_sheet));
}

TEST_CASE("a key on paper stays one, and its spaces say nothing") {
  Roles roles(reader_capabilities);
  const Credential key = Machine::credential(23);
  const SlotId slot = add_recovery_sheet(roles.owner_repository, key, "safe", owner_capabilities);
  REQUIRE(roles.owner_repository.state().slots.at(slot).introduction.kind ==
          SlotKind::recovery_sheet);
  const SecretBytes text = encode_key_file(Key::from(key.secret.view()));
  std::string spaced;
  for (const char c : as_text(text.view())) {
    spaced += std::string(1, c) + (c == '7' ? " \r\n\t" : "");
  }
  const Credential typed = parse_key_file(as_view(spaced), "typed");
  Machine machine(roles.store, 6);
  Repository repository = open_repository(
      roles.store, typed, {.state_parent = machine.state.path(), .slot = {}}, machine.services());
  REQUIRE(repository.keyring().slot() == slot);
  rewrap_slot(repository, Machine::credential(24), {});
  REQUIRE(repository.state().slots.at(slot).introduction.kind == SlotKind::recovery_sheet);
}
