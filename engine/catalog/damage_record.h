// The packs that this machine has found gone or damaged, as incidents of this machine: what one
// command finds is one incident. Nothing relies on such a pack here until it is found whole again;
// whether its incident is closed changes only what people are told.
//
// Invariant: a pack stands in at most one incident, and an incident holds at least one pack. The
// file is read, changed and put in place under the directory's lock, so that of two processes
// neither loses what the other has found. It holds names of packs and nothing that stands in them.
// Lost or damaged, it costs a verify.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/base/id.h"
#include "engine/base/observer.h"
#include "engine/base/pinned.h"

namespace kist {

enum class PackProblem : std::uint8_t {
  missing = 1,     // the store has no object of that path
  wrong_size = 2,  // the object has another size than the index says
  damaged = 3,     // its bytes are not what its author wrote
  unreadable = 4,  // the store could not read it when a repair asked
};

// Whether the size alone tells that the problem is no more. The others ask for a read of all bytes.
[[nodiscard]] bool shows_in_size(PackProblem problem);
// "it is missing": as a sentence about the pack.
[[nodiscard]] std::string describe(PackProblem problem);

using DamagedPacks = std::map<ObjectHash, PackProblem>;

// Packs that one command of this machine has found gone or damaged.
struct DamageIncident {
  std::int64_t found_ms = 0;
  std::int64_t closed_ms = 0;  // 0: open
  std::string note;            // with which a person closed it
  DamagedPacks packs;

  [[nodiscard]] bool is_open() const { return closed_ms == 0; }

  bool operator==(const DamageIncident&) const = default;
};

inline constexpr std::size_t damage_note_bytes_max = 4096;

// Every function but the constructor may be called from any thread, but not while the directory's
// lock is held.
class DamageRecord : private Pinned {
 public:
  // `directory` exists, and its file `lock` is the lock, which the caller holds: a record that
  // cannot be read is said to the observer, removed, and starts empty.
  DamageRecord(const std::string& directory, Observer& observer);
  // Writes what add() has held back; a failure is lost, like what a kill would lose.
  ~DamageRecord();

  // What any process of this machine has recorded, oldest first.
  std::vector<DamageIncident> incidents();
  // The packs of all of them, closed ones too.
  DamagedPacks packs();

  // Records a pack, in the incident of this process. False when a record of it stands already;
  // that one stays, unless the new problem asks for more to be found whole again. Many packs are
  // written together, so an Error may be about earlier ones.
  bool add(const ObjectHash& pack, PackProblem problem, std::int64_t now_ms);
  // Writes what add() has held back.
  void flush();
  // These packs, which had that problem, were found whole again. What another process has found of
  // one since stays. An incident without packs goes.
  void remove(const DamagedPacks& packs);
  // Closes what is open, and returns how many incidents that were. Error{invalid} for a note that
  // is too long.
  std::uint64_t close(const std::string& note, std::int64_t now_ms);

 private:
  void flush_locked();

  const std::string path_;
  const std::string lock_path_;
  std::mutex mutex_;
  std::int64_t began_ms_ = 0;  // of this process's incident; 0: none yet
  DamagedPacks known_;         // as the file was read last, and what was added since
  DamagedPacks held_back_;
};

}  // namespace kist
