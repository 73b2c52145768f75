// The set-up that most tests of a whole repository share: a source tree, a store in memory and one
// machine (Site); beside them an open repository with backups and restores of that tree (World);
// and the same with a tree of every kind of file (TreeWorld). Everything below the temporary
// directory goes with the fixture. Damage to the store's objects is done by the functions below.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/memory_store.h"
#include "tests/support/repository_fixture.h"
#include "tests/support/tree_fixture.h"

namespace kist::test {

// A machine with an empty directory to back up, and a store that holds no repository yet.
struct Site {
  Site();

  // A path of the tree that is backed up, and of the place that restores write to.
  [[nodiscard]] std::string tree(const std::string& below = "") const;
  [[nodiscard]] std::string out(const std::string& below = "") const;

  // The differences between the tree and what was restored.
  [[nodiscard]] std::vector<std::string> differences() const;

  TemporaryDirectory source;
  std::shared_ptr<MemoryStore> store = std::make_shared<MemoryStore>();
  Machine machine{store};
};

// A site with an open repository.
struct World : Site {
  // Backs the tree up; the snapshot is the one that restore() takes from then on.
  BackupResult backup(unsigned threads = 2);
  // Restores the tree of the last snapshot to out().
  RestoreResult restore(Overwrite overwrite = Overwrite::if_changed);
  // Fails the test unless the tree of the last snapshot comes back as it stands in the source.
  void require_restored();

  Repository repository = machine.init();
  SnapshotId snapshot;
};

// A world whose tree has files of many sizes, links, odd names and attributes.
struct TreeWorld : World {
  TreeWorld();
};

VerifyReport verify_content(Repository& repository);

// The findings of a verify, one line each: "<object>: <problem>".
std::string findings_of(const VerifyReport& report);

// A read of everything that finds nothing wrong, or the test fails.
void require_sound(Repository& repository);

// Objects of the store whose path begins like that.
std::vector<std::string> names_of(const MemoryStore& store, const std::string& prefix);

// Flips a bit of an object: of the byte at `offset`, or of the one in the middle.
void flip_bit(MemoryStore& store, const std::string& name);
void flip_bit(MemoryStore& store, const std::string& name, std::size_t offset);
// Takes both copies of an object away; what was there, for put_back().
std::map<std::string, Bytes> take_away(MemoryStore& store, const std::string& name);
void put_back(MemoryStore& store, const std::map<std::string, Bytes>& objects);
// Flips a bit of both copies.
void flip_twins(MemoryStore& store, const std::string& name);
// The same in every pack of a megabyte or more, far behind its header.
void damage_large_packs(MemoryStore& store);

}  // namespace kist::test
