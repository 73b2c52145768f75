// An open repository: its store, the keys of one slot, and this machine's local state, in step with
// the journal. Made by open.h; everything in ops/ works on one of these.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/observer.h"
#include "engine/base/random.h"
#include "engine/catalog/local_directory.h"
#include "engine/keys/keyring.h"
#include "engine/keys/rights.h"
#include "engine/rules/state.h"
#include "engine/store/remover.h"
#include "engine/store/store.h"

namespace kist {

// What the engine takes from outside; all must outlive the repository.
struct Surroundings {
  Clock& clock;
  Random& random;
  Observer& observer;
};

class Repository {
 public:
  Repository(Surroundings surroundings,
             std::shared_ptr<Store> store,
             Keyring keys,
             std::unique_ptr<LocalState> state)
      : around(surroundings),
        keyring(std::move(keys)),
        local(std::move(state)),
        store_(std::move(store)) {}

  Surroundings around;
  Keyring keyring;
  std::unique_ptr<LocalState> local;
  // Whether the journal is one that this machine has seen before, or a person vouches for.
  bool knows_head = false;
  bool has_exclusive_put = false;  // put-if-absent was seen to hold
  // Names of journal entries of which only the second copy stood, and that were put in place.
  std::vector<std::string> settled;

  [[nodiscard]] const State& state() const { return local->catalog().state(); }

  [[nodiscard]] StoreReader& reader() const { return *store_; }

  [[nodiscard]] StoreWriter& writer() const { return *store_; }

  [[nodiscard]] Observer& observer() const { return around.observer; }

  [[nodiscard]] Capabilities capabilities() const;

  // The rights of this slot; each throws Error{refused} where the journal does not give it.
  [[nodiscard]] WriteKeys write_keys() const;
  [[nodiscard]] ReadKeys read_keys() const;
  [[nodiscard]] OwnKeys own_keys() const;
  // To clear away what the journal says has ended, and to heal (`maintain`).
  [[nodiscard]] Remover remover() const;

  // To remove replaced objects of this slot's own, and no others: any slot.
  [[nodiscard]] Remover own_slot_remover() const;

  // Throws Error{refused} unless the slot has the capability.
  void require(Capability capability) const;
  // Throws Error{refused} unless the slot may look at snapshots and journal: `read` or `audit`.
  void require_view() const;

 private:
  std::shared_ptr<Store> store_;
};

}  // namespace kist
