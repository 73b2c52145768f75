// Is everything there that should be, and is it what it should be? Damage is the outcome, never an
// exception: each finding names the object and says what is wrong. At level content, what was found
// whole is vouched for in the journal where nobody has yet. A verify that an epoch's end overtakes
// begins again, and reads no pack twice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/repository/repository.h"

namespace kist {

enum class VerifyLevel {
  structure,  // journal, slots, keys, segments, sets; every pack exists and has its size
  storage,    // and the bytes of every object hash to its name; needs no content keys
  content,    // and every frame opens, every block is what its id says, every manifest is whole
};

// What a repair does about a finding.
enum class Remedy {
  none,
  heal,     // the damaged copy is written anew from the good one; or the index says from now on
            // where else the same is whole
  remove,   // the object has ended, and goes
  give_up,  // what only the object says is lost, and it counts for nobody any more
  wait,     // the object stays while a command that is under way may need it; the problem says what
            // removes it
};

enum class FindingKind {
  damage,   // it was there, and is not what it should be
  absent,   // it is in no copy: the slot that named it never put it, or it was lost
  invalid,  // it is as the slot that made it wrote it, and is nonsense
};

struct Finding {
  std::string object;
  std::string problem;
  std::optional<std::uint64_t> offset;  // in the object, where that is known
  bool is_healed = false;
  Remedy remedy = Remedy::none;
  FindingKind kind = FindingKind::damage;
};

// What a person should know of, and nothing has to be done about: what a slot that was revoked has
// named, and what opens for nobody.
struct VerifyNote {
  std::string object;
  std::string text;
};

// A path that needs a block which is not there as the snapshot has it: no copy of the block is
// named by the snapshot's reference set, and whole, and one that the snapshot's author may rely on.
struct HurtPath {
  SnapshotId snapshot;
  std::string path;
  // Other copies are whole, and a restore takes them. The snapshot does not name those, so nothing
  // keeps them for its sake.
  bool is_restorable = false;
};

struct VerifyOptions {
  VerifyLevel level = VerifyLevel::structure;
  unsigned threads = 0;
  // Writes the damaged copy of what is stored twice anew from the good one, makes index segments
  // anew that are in no copy, and at level content lets snapshots find what a damaged pack held
  // where it is stored again. Nothing is removed but what the journal's head does not name in the
  // folders that hold secrets, and nothing that is under way may need.
  bool repairs = false;
  // With `repairs`: finds what a repair would do, and does none of it; neither is anything vouched
  // for in the journal, nor recorded on this machine.
  bool is_dry_run = false;
  // With `repairs`: gives up index segments that are in no copy and cannot be made anew. What only
  // they listed is lost for good, also where a copy turns up later.
  bool drops_unreadable = false;
};

struct VerifyReport {
  std::vector<Finding> findings;
  std::vector<VerifyNote> notes;
  std::vector<HurtPath> hurt;  // at level content: the first ones
  std::uint64_t hurt_count = 0;
  std::uint64_t restorable_count = 0;  // of these
  std::uint64_t healed = 0;            // findings that are no more
  std::uint64_t entries = 0;           // of the journal
  std::uint64_t snapshots = 0;
  std::uint64_t packs = 0;
  std::uint64_t frames = 0;        // opened
  std::uint64_t blocks = 0;        // hashed
  std::uint64_t bytes_read = 0;    // from packs
  std::uint64_t lost_anchors = 0;  // copies of the epoch's: another epoch makes new ones
  std::uint64_t proved = 0;        // entries whose blocks writers may rely on from now on
  std::uint64_t condemned = 0;     // packs that nobody relies on from now on
  std::uint64_t cleared = 0;       // packs that were condemned, and are whole or no more listed
  std::uint64_t given_up = 0;      // index segments
  std::uint64_t sets_proved = 0;  // snapshots of which the reference set is vouched for from now on
};

// Packs that turn out to be gone or damaged become an incident of this machine, and are condemned
// in the journal where the slot may, else told of: no backup relies on them any more, so the next
// one of a source that still has their content stores it again. Those that turn out to be whole
// again are taken from that record, and cleared.
VerifyReport verify(Repository& repository, const VerifyOptions& options);

}  // namespace kist
