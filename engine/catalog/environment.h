// An LMDB environment: the only place that includes <lmdb.h>. Every record carries a keyed checksum
// (SipHash over key and value), so a record that was changed or swapped is Error{corrupt} and the
// caller rebuilds. With a value key, values are hidden as well: LMDB leaves old pages in its file.
// One fixed map size, default sync, no WRITEMAP, no DUPSORT; values under 1.9 KB. LMDB wants an
// environment opened once a process: opened again while it is open, it is shared. Transactions
// belong to one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/bytes.h"
#include "engine/base/pinned.h"
#include "engine/crypto/secret.h"

namespace kist {

using LocalKey = std::array<std::uint8_t, 16>;

class Environment : private Pinned {
 public:
  struct Options {
    std::uint64_t map_bytes = 0;
    unsigned table_count = 1;
    LocalKey checksum_key{};
    // Hides the values. Whoever gives it draws the checksum key anew with it: the checksum is of
    // the value as it was before, and would confirm a guess of it.
    std::optional<Key> value_key{};
  };

  // Opens or creates the environment in a directory of its own. Error{corrupt} when the file there
  // is not whole, Error{refused} on a network file system.
  Environment(const std::string& directory, const Options& options);
  ~Environment();

  // Throws Error{corrupt}: whoever opens the environment next gets the same, and rebuilds it.
  [[noreturn]] void fail_damaged(std::string_view what) const;

  // Bytes that the environment's file takes.
  [[nodiscard]] std::uint64_t file_bytes() const;

  struct Impl;

 private:
  friend class Transaction;
  std::shared_ptr<Impl> impl_;
};

// Marks every environment that is open: whoever opens it next gets Error{corrupt} and rebuilds it.
// LMDB trusts the pages of its file; where one is damaged, it ends the process. Called then, and by
// the program's handler of fatal signals: safe there.
void mark_open_environments() noexcept;

using Table = unsigned;  // 0 .. table_count - 1
inline constexpr std::size_t record_bytes_max = 1800;

class Transaction : private Pinned {
 public:
  enum class Mode { read, write };
  Transaction(Environment& environment, Mode mode);
  ~Transaction();  // abandons what was not committed

  // The value, valid until the transaction's next get, write or end.
  [[nodiscard]] std::optional<View> get(Table table, View key) const;
  void put(Table table, View key, View value);
  // As put, for a key greater than all in the table: much faster.
  void append(Table table, View key, View value);
  void remove(Table table, View key);
  // Removes all of a table.
  void clear(Table table);
  // Calls `each(key, value)` from the first key at or after `from`, until it returns false.
  void scan(Table table, View from, const std::function<bool(View, View)>& each) const;
  [[nodiscard]] std::uint64_t count(Table table) const;
  // The greatest key; none in an empty table.
  [[nodiscard]] std::optional<Bytes> last_key(Table table) const;
  void commit();
  // For a read transaction: sees the newest state from here on.
  void renew();

 private:
  struct Impl;
  void put_with(Table table, View key, View value, unsigned flags);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kist
