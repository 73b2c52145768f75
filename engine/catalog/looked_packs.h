// Which packs this machine has looked at lately, so that each is asked for at least once a day and
// not by every backup. A look counts for 12 hours from the first look of a round: then all are
// looked at anew. Half a day, so that a backup that runs once a day looks each time, also where it
// runs a little earlier than the day before.
//
// The file lies beside the file caches and goes with them; lost or damaged, it costs a look at each
// pack. Belongs to one thread.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "engine/base/id.h"

namespace kist {

inline constexpr std::int64_t look_lasts_ms = 12LL * 3'600'000;

class LookedPacks {
 public:
  // The round that is under way in this local directory at that time; else a new one.
  LookedPacks(const std::string& directory, std::int64_t now_ms);

  [[nodiscard]] bool contains(const ObjectHash& pack) const;
  void add(const ObjectHash& pack);
  // Whether all was looked at that the last snapshot of a source relies on. `source_key` names a
  // source as the file caches do.
  [[nodiscard]] bool contains_source(std::string_view source_key) const;
  void add_source(std::string_view source_key);
  // Writes the round, under the directory's lock, with what others have added to it meanwhile; a
  // later round of another process stays.
  void save(std::int64_t now_ms) const;

 private:
  struct Round {
    std::int64_t began_ms = 0;
    std::set<std::uint64_t> packs;  // the first 8 bytes of their hashes
    std::set<std::uint64_t> sources;
  };

  static Round read(const std::string& path);
  static void write(const std::string& path, const Round& round);

  const std::string directory_;
  Round round_;
};

}  // namespace kist
