// The catalog proper: the journal as this machine has replayed and judged it, and the state that it
// came to. What a command pays to open it does not grow with the journal: the state's tables stay
// in the database, and rows are read when they are asked for. Derived: it can be deleted at any
// time and costs a replay.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"
#include "engine/catalog/environment.h"
#include "engine/format/journal_entry.h"
#include "engine/rules/state.h"

namespace kist {

// A replayed entry. A void one has a reason, and no act that counts.
struct ReplayedEntry {
  JournalEntry entry;
  ObjectHash hash;          // of its raw bytes
  TreeHash leaf;            // likewise, in the Merkle tree
  std::string void_reason;  // empty: it holds
};

class Catalog {
 public:
  // Error{corrupt} when what is there cannot be trusted: the caller removes and opens it anew.
  Catalog(const std::string& directory, const LocalKey& checksum_key);
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;
  Catalog(Catalog&&) = delete;
  Catalog& operator=(Catalog&&) = delete;
  ~Catalog();

  [[nodiscard]] const State& state() const { return state_; }

  // Adds the next entry: in state() when this returns, durable after the next flush().
  void add(const ReplayedEntry& replayed);
  void flush();
  // Takes over what another process has added since.
  void refresh();
  // In journal order, from `first` on, until `each` returns false.
  void for_each(std::uint64_t first, const std::function<bool(const ReplayedEntry&)>& each);

  [[nodiscard]] std::uint64_t file_bytes() const { return environment_.file_bytes(); }

 private:
  struct Tables;

  struct Unflushed {
    ReplayedEntry replayed;
    Bytes record;
  };

  void apply_to_state(const ReplayedEntry& replayed);
  bool write_unflushed();
  void show_stored();
  void load_state();
  void attach_tables();

  Environment environment_;
  std::unique_ptr<Tables> tables_;  // the rows as of the last flush, of others too
  State state_;
  std::vector<Unflushed> unflushed_;
  std::size_t unflushed_bytes_ = 0;  // of their records
};

}  // namespace kist
