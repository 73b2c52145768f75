// The catalog proper: the journal as this machine has replayed and judged it. Small; the state is
// built from it when it is opened. Derived: it can be deleted at any time and costs a replay.
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
  void replay(const ReplayedEntry& replayed);

  struct Record {
    std::uint64_t sequence = 0;
    Bytes bytes;
  };

  Environment environment_;
  State state_;
  std::vector<Record> unflushed_;
};

}  // namespace kist
