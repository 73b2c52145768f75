// An open repository: its store, the keys of one slot, this machine's directory, and over these the
// journal and the blocks, in step with each other. Made by open.h; the verbs in ops/ work on one.
// Nothing below this folder takes a Repository: the journal and the blocks have handles of their
// own (journal/journal.h, blocks/blocks.h), and rights are handed out as types (keys/rights.h).
#pragma once

#include <memory>

#include "engine/base/services.h"
#include "engine/blocks/blocks.h"
#include "engine/catalog/local_directory.h"
#include "engine/journal/journal.h"
#include "engine/keys/keyring.h"
#include "engine/keys/rights.h"
#include "engine/rules/state.h"
#include "engine/store/remover.h"
#include "engine/store/store.h"

namespace kist {

class Repository {
 public:
  // The parts of an open repository, each of which refers to those before it.
  struct Parts {
    Parts(std::shared_ptr<Store> used_store,
          Keyring opened,
          std::unique_ptr<LocalDirectory> directory,
          Services given)
        : store(std::move(used_store)),
          keyring(std::move(opened)),
          local(std::move(directory)),
          services(given),
          journal(*store, keyring, *local, services),
          blocks(journal) {}

    std::shared_ptr<Store> store;
    Keyring keyring;
    std::unique_ptr<LocalDirectory> local;
    Services services;
    Journal journal;
    Blocks blocks;
  };

  explicit Repository(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

  [[nodiscard]] Journal& journal() const { return parts_->journal; }

  [[nodiscard]] Blocks& blocks() const { return parts_->blocks; }

  [[nodiscard]] const State& state() const { return parts_->journal.state(); }

  [[nodiscard]] const Keyring& keyring() const { return parts_->keyring; }

  [[nodiscard]] LocalDirectory& local() const { return *parts_->local; }

  [[nodiscard]] StoreReader& reader() const { return *parts_->store; }

  [[nodiscard]] StoreWriter& writer() const { return *parts_->store; }

  [[nodiscard]] const Services& services() const { return parts_->services; }

  [[nodiscard]] Observer& observer() const { return parts_->services.observer; }

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
  std::unique_ptr<Parts> parts_;
};

}  // namespace kist
