#include "engine/repository/slots.h"

#include <algorithm>
#include <functional>
#include <set>
#include <vector>

#include "engine/base/attempt.h"
#include "engine/crypto/hash.h"
#include "engine/crypto/seal.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/repository/ended_objects.h"
#include "engine/repository/new_slot.h"
#include "engine/store/twins.h"

namespace kist {

namespace {

Error opens_already(const SlotState& slot) {
  return {Code::refused,
          concat("that password or key opens a slot already: ", slot.introduction.name,
                 slot.is_revoked ? ", which was revoked" : "", "; take another")};
}

// With one secret for two slots, which of them opens, and what it may, would be left to chance.
// Only slots that the journal knows are tried, for others open nothing; and what anybody could put
// there in the name of one of these does not keep owners from letting others in.
void require_new_secret(const Repository& repository,
                        const Credential& credential,
                        const std::set<SlotId>& except) {
  SlotChoice choice{.preferred = {}, .only = {}, .except = except};
  choice.among.emplace();
  for (const auto& [id, slot] : repository.state().slots) {
    choice.among->insert(id);
  }
  SlotId slot;
  const auto failure = failure_of([&] {
    slot =
        open_slot(repository.reader(), repository.keyring().repository(), credential, choice).slot;
  });
  if (!failure) throw opens_already(repository.state().slots.at(slot));
  if (failure->code() == Code::wrong_secret) return;
  if (failure->code() != Code::refused && !is_damage(*failure)) throw Error(*failure);
  repository.observer().notice(
      concat("that the new password or key opens no slot yet was not checked to the end: ",
             failure->text()));
}

void require_new_keys(const Repository& repository, const SlotPublicKeys& keys) {
  for (const auto& [id, slot] : repository.state().slots) {
    const SlotIntroduction& known = slot.introduction;
    if (SlotPublicKeys{known.signing_key, known.box_key} == keys) throw opens_already(slot);
  }
}

// Not every 32 bytes are a public key.
void require_usable(const SlotPublicKeys& keys) {
  if (!failure_of([&] { static_cast<void>(seal_box(keys.box, Key(), {})); })) return;
  throw Error(Code::invalid, "the recipient's key is none; copy the whole line again");
}

// Puts what the slot needs, each durable before the next, then its entry. `make_object` makes the
// slot object; a recipient makes its own.
SlotId add(Repository& repository,
           const Journal::Writable& writable,
           NewSlot slot,
           const std::function<Bytes()>& make_object) {
  slot.epoch_begun = repository.state().epoch_begun;
  EpochId epoch = repository.keyring().origin().epoch;
  SlotIntroduction introduction =
      put_grant_and_box(repository.writer(), repository.keyring().origin(),
                        repository.own_keys().secrets(), slot, repository.services().random);
  repository.writer().barrier();  // a slot object that is there can be opened
  if (make_object) {
    const Bytes object = make_object();
    introduction.slot_object = hash_object(object);
    put_twinned(repository.writer(), slot_path(slot.slot, 1), object);
    repository.writer().barrier();
  }
  repository.journal().commit(writable, [&](const State& state) {
    if (state.epoch != epoch) {  // it has ended meanwhile
      slot.epoch_begun = state.epoch_begun;
      introduction.epoch_box = put_epoch_box(repository.writer(), repository.keyring().origin(),
                                             repository.own_keys().secrets(), slot);
      repository.writer().barrier();
      epoch = state.epoch;
    }
    return SlotAdded{introduction};
  });
  return slot.slot;
}

struct Wrap {
  const Credential& credential;
  Argon2Cost cost;
};

// A slot whose keys are drawn here.
SlotId add_wrapped(Repository& repository, NewSlot slot, const Wrap& wrap) {
  const Journal::Writable writable = repository.journal().require_writable();
  // A person may have been asked for a secret since the repository was opened.
  repository.journal().replay_readable();
  require_bindable(repository, slot.sources, slot.capabilities);
  require_new_secret(repository, wrap.credential, {});
  if (wrap.credential.kind == SlotKind::key_file) {
    require_new_keys(repository, recipient_of(wrap.credential));
  }
  Random& random = repository.services().random;
  Key seed;
  random.fill(seed.mutable_view());
  const SlotKeys keys(seed);
  slot.slot = random.draw_id<SlotId>();
  slot.keys = keys.public_keys();
  ObjectOrigin origin = repository.keyring().origin();
  origin.author = slot.slot;
  return add(repository, writable, slot, [&] {
    return make_slot_object(
        origin, keys, {wrap.credential, wrap.cost, 1, repository.keyring().fingerprint()}, random);
  });
}

}  // namespace

void require_bindable(const Repository& repository,
                      const std::vector<std::string>& sources,
                      Capabilities capabilities) {
  if (!sources.empty() && (capabilities & can_write) == 0) {
    throw Error(Code::invalid, "a slot that cannot write backs nothing up: it can have no source");
  }
  if (sources.size() > list_items_max) throw Error(Code::invalid, "too many sources for one slot");
  const State& state = repository.state();
  for (const std::string& source : sources) {
    if (source.empty()) throw Error(Code::invalid, "a source has a name");
    if (source.size() > text_bytes_max) {
      throw Error(Code::invalid, "the source's name is too long");
    }
    const auto taken = state.sources.find(source);
    if (taken == state.sources.end()) continue;
    throw Error(Code::refused,
                concat("the source ", source, " belongs to slot ",
                       state.slots.at(taken->second).introduction.name, " (",
                       hex(taken->second).substr(0, 8),
                       ") already; take another name, or revoke that slot, which frees its "
                       "sources"));
  }
}

SlotId add_slot(Repository& repository,
                const Credential& credential,
                const Argon2Cost& cost,
                const std::string& name,
                Capabilities capabilities,
                const std::vector<std::string>& sources) {
  return add_wrapped(repository,
                     {.slot = {},
                      .keys = {},
                      .kind = credential.kind,
                      .name = name,
                      .capabilities = capabilities,
                      .sources = sources},
                     {credential, cost});
}

SlotId add_recovery_sheet(Repository& repository,
                          const Credential& key_file,
                          const std::string& name,
                          Capabilities capabilities) {
  return add_wrapped(repository,
                     {.slot = {},
                      .keys = {},
                      .kind = SlotKind::recovery_sheet,
                      .name = name,
                      .capabilities = capabilities},
                     {key_file, {}});
}

SlotId add_recipient(Repository& repository,
                     const SlotPublicKeys& recipient,
                     const std::string& name,
                     Capabilities capabilities,
                     const std::vector<std::string>& sources) {
  const Journal::Writable writable = repository.journal().require_writable();
  repository.journal().replay_readable();
  require_bindable(repository, sources, capabilities);
  require_new_keys(repository, recipient);
  require_usable(recipient);
  return add(repository, writable,
             {.slot = repository.services().random.draw_id<SlotId>(),
              .keys = recipient,
              .kind = SlotKind::recipient,
              .name = name,
              .capabilities = capabilities,
              .sources = sources},
             {});
}

Repository accept_slot(std::shared_ptr<Store> store,
                       const Credential& key_file,
                       const OpenOptions& options,
                       Services services) {
  KIST_ENSURE(options.fingerprint.has_value());
  Repository repository = open_repository(std::move(store), key_file, options, services);
  rewrap_slot(repository, key_file, {});
  return repository;
}

namespace {

// More than runs that were cut off leave.
constexpr std::uint64_t generations_ahead_max = 1000;

struct Generations {
  std::vector<std::uint32_t> older;  // ascending: of objects that the next one takes the place of
  std::uint32_t next = 0;
};

// A run that was cut off may have left a newer object that no entry names, or its second copy
// alone: never its number again. A number that is far ahead somebody has planted, to use them up.
Generations find_generations(Repository& repository) {
  const SlotId& slot = repository.keyring().slot();
  const std::uint32_t known = repository.state().slots.at(slot).generation;
  std::set<std::uint32_t> taken;
  repository.reader().list("slots", [&](const std::string& file) {
    const auto found = parse_slot_path(first_copy_path(file));
    if (found && found->slot == slot) taken.insert(found->generation);
  });
  Generations out;
  out.next = known;
  for (const std::uint32_t generation : taken) {
    if (generation > known + generations_ahead_max) break;
    out.older.push_back(generation);
    out.next = std::max(known, generation);
  }
  do {
    ++out.next;
  } while (taken.contains(out.next));
  return out;
}

}  // namespace

void rewrap_slot(Repository& repository, const Credential& credential, const Argon2Cost& cost) {
  const SlotId& slot = repository.keyring().slot();
  const Journal::Writable writable = repository.journal().require_writable();
  require_new_secret(repository, credential, {slot});
  const Generations generations = find_generations(repository);
  const std::uint32_t generation = generations.next;
  const SlotKeys keys(repository.keyring().slot_seed());
  const Bytes object =
      make_slot_object(repository.keyring().origin(), keys,
                       {credential, cost, generation, repository.keyring().fingerprint()},
                       repository.services().random);
  if (!repository.writer().put_if_absent(slot_path(slot, generation), object)) {
    throw Error(Code::conflict, "the slot is being given another secret elsewhere; run again");
  }
  put_second_copy(repository.writer(), slot_path(slot, generation), object);
  repository.writer().barrier();
  repository.journal().commit(writable, [&](const State&) {
    return SlotRewrapped{
        .generation = generation, .kind = credential.kind, .slot_object = hash_object(object)};
  });
  // From here on the journal knows the new one: the old ones go, both copies.
  remove_planned(repository,
                 plan_replaced_slot_objects(repository.state(), slot, generations.older),
                 repository.own_slot_remover());
}

}  // namespace kist
