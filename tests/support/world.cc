#include "tests/support/world.h"

#include <filesystem>

#include "engine/store/twins.h"
#include "tests/support/test.h"

namespace kist::test {

Site::Site() {
  std::filesystem::create_directory(tree());
}

std::string Site::tree(const std::string& below) const {
  return source / (below.empty() ? "tree" : "tree/" + below);
}

std::string Site::out(const std::string& below) const {
  return source / (below.empty() ? "out" : "out/" + below);
}

std::vector<std::string> Site::differences() const {
  return compare_trees(tree(), out());
}

BackupResult World::backup(unsigned threads) {
  BackupResult result = machine.backup(repository, tree(), threads);
  snapshot = result.snapshot;
  return result;
}

RestoreResult World::restore(Overwrite overwrite) {
  return machine.restore(repository, snapshot, tree(), out(), overwrite);
}

void World::require_restored() {
  restore();
  const std::vector<std::string> found = differences();
  CAPTURE(found);
  REQUIRE(found.empty());
}

TreeWorld::TreeWorld() {
  make_tree(tree(), seed());
  age_tree(tree());
}

VerifyReport verify_content(Repository& repository) {
  return verify(repository, {.level = VerifyLevel::content});
}

std::string findings_of(const VerifyReport& report) {
  std::string out;
  for (const Finding& finding : report.findings) {
    out += finding.object + ": " + finding.problem + "\n";
  }
  return out;
}

void require_sound(Repository& repository) {
  const std::string found = findings_of(verify_content(repository));
  INFO(found);
  REQUIRE(found.empty());
}

std::vector<std::string> names_of(const MemoryStore& store, const std::string& prefix) {
  std::vector<std::string> out;
  for (const auto& [name, bytes] : store.objects()) {
    if (name.starts_with(prefix)) out.push_back(name);
  }
  return out;
}

void flip_bit(MemoryStore& store, const std::string& name, std::size_t offset) {
  Bytes bytes = store.objects().at(name);
  bytes.at(offset) ^= 1;
  store.overwrite(name, bytes);
}

void flip_bit(MemoryStore& store, const std::string& name) {
  flip_bit(store, name, store.objects().at(name).size() / 2);
}

void damage_large_packs(MemoryStore& store) {
  for (const auto& [name, bytes] : store.objects()) {
    if (name.starts_with("packs/") && bytes.size() >= (1U << 20U)) flip_bit(store, name, 300'000);
  }
}

std::map<std::string, Bytes> take_away(MemoryStore& store, const std::string& name) {
  std::map<std::string, Bytes> out;
  const auto objects = store.objects();
  for (const std::string& copy : copies_of(name)) {
    const auto found = objects.find(copy);
    if (found == objects.end()) continue;
    out.insert(*found);
    store.remove(copy);
  }
  return out;
}

void put_back(MemoryStore& store, const std::map<std::string, Bytes>& objects) {
  for (const auto& [name, bytes] : objects) {
    store.put(name, bytes);
  }
}

void flip_twins(MemoryStore& store, const std::string& name) {
  for (const std::string& copy : copies_of(name)) {
    flip_bit(store, copy);
  }
}

}  // namespace kist::test
