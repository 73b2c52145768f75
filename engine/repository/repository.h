// An open repository: its store, the keys of one slot, and this machine's local state, in step with
// the journal. Made by init.h and open.h; everything in ops/ works on one of these.
#pragma once

#include <memory>
#include <string>

#include "engine/base/clock.h"
#include "engine/base/observer.h"
#include "engine/base/random.h"
#include "engine/repository/keyring.h"
#include "engine/repository/local_state.h"
#include "engine/rules/state.h"
#include "engine/store/store.h"

namespace kist {

// What the engine takes from outside; all must outlive the repository.
struct Surroundings {
  Clock& clock;
  Random& random;
  Observer& observer;
};

struct Repository {
  Surroundings around;
  std::shared_ptr<Store> store;
  Keyring keyring;
  std::unique_ptr<LocalState> local;

  [[nodiscard]] const State& state() const { return local->catalog().state(); }

  [[nodiscard]] StoreReader& reader() const { return *store; }

  [[nodiscard]] StoreWriter& writer() const { return *store; }

  [[nodiscard]] Observer& observer() const { return around.observer; }

  [[nodiscard]] Capabilities capabilities() const {
    return state().slots.at(keyring.slot()).introduction.capabilities;
  }
};

// Throws Error{refused} unless the slot may do that.
void require_capability(const Repository& repository, Capability capability);

}  // namespace kist
