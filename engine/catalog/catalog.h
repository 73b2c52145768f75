// The catalog: the journal's entries as this machine has replayed and validated them, and the state
// after the last of them. Opening it does not take longer the longer the journal is: the state's
// tables stay in the database, and single rows are read. It is derived: it can be deleted at any
// time, which costs a replay. A catalog of another version is refused as corrupt, and rebuilt.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"
#include "engine/base/pinned.h"
#include "engine/catalog/environment.h"
#include "engine/format/journal_entry.h"
#include "engine/rules/state.h"

namespace kist {

// A replayed entry. A void entry has a reason; its act is not applied.
struct ReplayedEntry {
  JournalEntry entry;
  ObjectHash hash;          // of the entry's raw bytes
  TreeHash leaf;            // of the same bytes, as a leaf of the Merkle tree
  std::string void_reason;  // empty: the entry is valid
};

class Catalog : private Pinned {
 public:
  // Error{corrupt} when the stored catalog is damaged or of another version: the caller removes it
  // and opens a new one.
  Catalog(const std::string& directory, const LocalKey& checksum_key);
  ~Catalog();

  [[nodiscard]] const State& state() const { return state_; }

  // Adds the next entry: in state() when this returns, durable after the next flush().
  void add(const ReplayedEntry& replayed);
  void flush();
  // Takes over the entries that another process has added since.
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
  std::unique_ptr<Tables> tables_;  // the rows as of the last flush of any process
  State state_;
  std::vector<Unflushed> unflushed_;
  std::size_t unflushed_bytes_ = 0;  // of the records in unflushed_
};

}  // namespace kist
