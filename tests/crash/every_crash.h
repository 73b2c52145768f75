// A power cut at every operation on the store, with every kind of leftover, and for each a local
// state that is absent, torn, from before, or as the cut left it: nothing acknowledged is lost,
// nothing needs repair, and the verb can be run again to its end. LMDB writes its own files, so the
// local state does not go through the seam.
//
// KIST_LEFTOVERS says how many leftovers are tried at each operation (default 2).
// KIST_EVERY=1: each operation also of the verbs that have many, which takes long.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "engine/ops/verify/verify.h"
#include "engine/store/local.h"
#include "tests/support/memory_disk.h"
#include "tests/support/repository_fixture.h"
#include "tests/support/tree_fixture.h"

namespace kist::test {

// A machine with a disk and a local state that it did not make itself.
struct CrashedMachine : Machine {
  CrashedMachine(MemoryDisk& on, std::uint64_t seed)
      : Machine(open_local_store(on.open()), seed), disk(on) {}

  MemoryDisk& disk;
};

// One verb under test. `before` prepares the disk; `run` does the act, which is acknowledged when
// it returns; `check` throws, or returns what is wrong.
struct Verb {
  std::string name;
  std::function<void(CrashedMachine&)> before;
  std::function<void(CrashedMachine&)> run;
  std::function<std::string(CrashedMachine&, bool acknowledged)> check;
};

struct Tally {
  std::uint64_t states = 0;
  std::uint64_t bad = 0;
  std::string first;

  void note(const std::string& where, const std::string& problem);
};

// Cuts the power at every `step`-th operation of the verb, and prints what came of it.
Tally try_every_crash(const Verb& verb, MemoryDisk::Plan plan = {}, std::uint64_t step = 1);

void copy_tree(const std::string& from, const std::string& to);
std::string findings(const VerifyReport& report);
// What a command that was cut off has left, and no entry names, is no loss: it is said, and a
// repair or the next epoch's end removes it.
bool is_leftover(const Finding& finding);

// "tree", which is backed up as the source "test", and "other".
struct Trees {
  Trees();

  void backup(Machine& machine, Repository& repository, std::uint64_t checkpoint_bytes) const;
  // The tree as it was backed up must come back from the newest snapshot of the source.
  [[nodiscard]] std::string restored_wrong(Machine& machine,
                                           Repository& repository,
                                           const std::string& source_name = "test",
                                           const std::string& tree = "tree") const;

  TemporaryDirectory source;
};

}  // namespace kist::test
