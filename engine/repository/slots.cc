#include "engine/repository/slots.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>
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
    // Of a slot that was revoked the object may be gone.
    choice.among->emplace(id, slot.is_revoked ? 0 : slot.generation);
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

// Makes the slot object of that author, whose epoch the origin states.
using MakeSlotObject = std::function<Bytes(const ObjectOrigin&)>;

// A slot on its way into the journal: its objects, then the entry that introduces it, then its
// objects once more.
//
// All that is put for a slot is of the epoch of its entry. So another client that cleans up can
// tell: an object of a slot that no entry has introduced, made in the current epoch, may be about
// to be introduced and stays; one of an epoch that has ended never will be, and goes. Where the
// epoch ends in between, everything is made and put again under a new slot id, and what was put
// before is removed: its box holds all secrets of the epoch that has ended.
//
// After the entry each object is put again and read back: whoever has removed one, a person or a
// file synchroniser, did so without a word, and a slot that is said to be there must open.
class Arrival {
 public:
  // A recipient makes its own slot object: no `make_object`.
  Arrival(Repository& repository, NewSlot slot, MakeSlotObject make_object)
      : repository_(repository), slot_(std::move(slot)), make_object_(std::move(make_object)) {}

  [[nodiscard]] const SlotId& slot() const { return slot_.slot; }

  // Puts the slot's objects, each durable before what needs it.
  void put() {
    abandon_all();
    origin_ = repository_.keyring().origin();
    slot_.slot = repository_.services().random.draw_id<SlotId>();
    slot_.epoch_least = repository_.state().beginning.least;
    NewSlotObjects made = make_grant_and_box(origin_, repository_.own_keys().secrets(), slot_,
                                             repository_.services().random);
    introduction_ = std::move(made.introduction);
    put_new(std::move(made.grant));
    put_new(std::move(made.box));
    repository_.writer().barrier();  // a slot object that is there can be opened
    if (!make_object_) return;
    ObjectOrigin of_slot = origin_;
    of_slot.author = slot_.slot;
    TwinnedObject object{slot_path(slot_.slot, 1), make_object_(of_slot)};
    introduction_.slot_object = hash_object(object.bytes);
    put_new(std::move(object));
    repository_.writer().barrier();
  }

  // What the entry says, right after that state.
  SlotAdded introduce(const State& state) {
    if (state.epoch != origin_.epoch) put();
    return SlotAdded{introduction_};
  }

  // After the entry: puts the objects again until they can be read back in an epoch that goes on.
  void settle() {
    for (;;) {
      put_again();
      const auto failure = failure_of([&] { require_all(); });
      repository_.journal().replay();
      const State& state = repository_.state();
      if (state.slots.at(slot_.slot).is_revoked) {
        abandon_all();
        throw Error(Code::refused, "the slot was added, and another owner has revoked it since");
      }
      if (abandon_ended(state)) continue;
      if (!failure) return;
      throw Error(failure->code(),
                  concat("the journal has the new slot ", hex(slot_.slot), ", but ",
                         failure->text(), "; revoke it, and add another"));
    }
  }

  // Removes what was put and is not the slot's. What cannot be removed here a verify reports.
  void remove_abandoned() {
    if (abandoned_.empty()) return;
    if ((repository_.capabilities() & can_maintain) == 0) return;
    const RemovalPlan plan{.removals = std::exchange(abandoned_, {}),
                           .entry = repository_.state().next_sequence - 1};
    remove_planned(repository_, plan, repository_.remover());
  }

 private:
  void put_new(TwinnedObject object) {
    put_twinned(repository_.writer(), object.path, object.bytes);
    objects_.push_back(std::move(object));
  }

  void put_again() {
    for (const TwinnedObject& object : objects_) {
      put_twinned(repository_.writer(), object.path, object.bytes);
    }
    repository_.writer().barrier();
  }

  void require_all() const {
    for (const TwinnedObject& object : objects_) {
      require_twinned(repository_.reader(), object.path, object.bytes);
    }
  }

  void abandon(const TwinnedObject& object) {
    for (const std::string& copy : copies_of(object.path)) {
      abandoned_.push_back({copy, "put for an epoch that has ended"});
    }
  }

  void abandon_all() {
    for (const TwinnedObject& object : objects_) {
      abandon(object);
    }
    objects_.clear();
  }

  // The box, where its epoch has ended since: whoever ended it has made the slot another one.
  bool abandon_ended(const State& state) {
    if (state.epoch == origin_.epoch) return false;
    const std::string path = epoch_box_path(origin_.epoch_number, origin_.epoch, slot_.slot);
    const auto box = std::ranges::find(objects_, path, &TwinnedObject::path);
    if (box == objects_.end()) return false;
    abandon(*box);
    objects_.erase(box);
    return true;
  }

  Repository& repository_;
  NewSlot slot_;
  MakeSlotObject make_object_;
  ObjectOrigin origin_;
  SlotIntroduction introduction_;
  std::vector<TwinnedObject> objects_;
  std::vector<Removal> abandoned_;
};

SlotId add(Repository& repository,
           const Journal::Writable& writable,
           NewSlot slot,
           const MakeSlotObject& make_object) {
  if (slot.name.size() > text_bytes_max) throw Error(Code::invalid, "the slot's label is too long");
  Arrival arrival(repository, std::move(slot), make_object);
  const auto failure = failure_of([&] {
    arrival.put();
    repository.journal().commit(writable,
                                [&](const State& state) { return arrival.introduce(state); });
    arrival.settle();
  });
  if (failure) {
    try_to([&] { arrival.remove_abandoned(); });
    throw Error(*failure);
  }
  in_context(
      concat("slot ", hex(arrival.slot()),
             " is added, but what was put for it in an epoch that has ended is still there; kist "
             "verify --repair removes it"),
      [&] { arrival.remove_abandoned(); });
  return arrival.slot();
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
  slot.keys = keys.public_keys();
  return add(repository, writable, std::move(slot), [&](const ObjectOrigin& origin) {
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
    if (taken == state.sources.end() || taken->second.slot == SlotId{}) continue;
    throw Error(Code::refused,
                concat("the source ", source, " belongs to slot ",
                       state.slots.at(taken->second.slot).introduction.name, " (",
                       hex(taken->second.slot).substr(0, 8),
                       ") already; take another name, or revoke that slot, which frees its "
                       "sources"));
  }
}

SlotId add_slot(Repository& repository,
                const Credential& credential,
                const Argon2Cost& cost,
                const SlotTerms& terms) {
  return add_wrapped(repository,
                     {.slot = {},
                      .keys = {},
                      .kind = credential.kind,
                      .name = terms.name,
                      .capabilities = terms.capabilities,
                      .sources = terms.sources},
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
             {.slot = {},
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

namespace {

// Puts the slot object again after its entry, and reads it back. Error{conflict} where a newer
// generation counts by now; then this one is removed.
void settle_secret(Repository& repository, std::uint32_t generation, const TwinnedObject& object) {
  put_twinned(repository.writer(), object.path, object.bytes);
  repository.writer().barrier();
  const auto failure =
      failure_of([&] { require_twinned(repository.reader(), object.path, object.bytes); });
  repository.journal().replay();
  const SlotId& slot = repository.keyring().slot();
  if (repository.state().slots.at(slot).generation > generation) {
    remove_planned(repository, plan_replaced_slot_objects(repository.state(), slot, {generation}),
                   repository.own_slot_remover());
    throw Error(Code::conflict,
                "the slot was given yet another secret elsewhere, and that one opens it");
  }
  if (!failure) return;
  throw Error(failure->code(),
              concat("the journal has the slot's new secret, but ", failure->text(),
                     "; if the new secret does not open the repository, use another slot"));
}

}  // namespace

void rewrap_slot(Repository& repository, const Credential& credential, const Argon2Cost& cost) {
  const SlotId& slot = repository.keyring().slot();
  const Journal::Writable writable = repository.journal().require_writable();
  require_new_secret(repository, credential, {slot});
  const Generations generations = find_generations(repository);
  const std::uint32_t generation = generations.next;
  const SlotKeys keys(repository.keyring().slot_seed());
  const TwinnedObject object{
      slot_path(slot, generation),
      make_slot_object(repository.keyring().origin(), keys,
                       {credential, cost, generation, repository.keyring().fingerprint()},
                       repository.services().random)};
  if (!repository.writer().put_if_absent(object.path, object.bytes)) {
    throw Error(Code::conflict, "the slot is being given another secret elsewhere; run again");
  }
  put_second_copy(repository.writer(), object.path, object.bytes);
  repository.writer().barrier();
  const auto remove_replaced = [&](const std::vector<std::uint32_t>& replaced) {
    remove_planned(repository, plan_replaced_slot_objects(repository.state(), slot, replaced),
                   repository.own_slot_remover());
  };
  const auto failure = failure_of([&] {
    repository.journal().commit(writable, [&](const State&) {
      return SlotRewrapped{.generation = generation,
                           .kind = credential.kind,
                           .slot_object = hash_object(object.bytes)};
    });
  });
  if (failure) {
    // Where a newer one counts by now, this one is no more than a secret that is left about.
    try_to([&] { remove_replaced({generation}); });
    throw Error(*failure);
  }
  settle_secret(repository, generation, object);
  // From here on the journal knows the new one, and it can be read: the old ones go, both copies.
  in_context(
      "the new secret opens the slot, but the object of the old one, which still holds the slot's "
      "key, could not be removed; kist verify --repair removes it",
      [&] { remove_replaced(generations.older); });
}

}  // namespace kist
