// Each kind of object, damaged in each way: what verify, restore and backup say of it, and what is
// lost. Prints the table that docs/damage.md shows. What must hold for all of it: no crash, no
// wrong byte in a restored file, no damage of what is not stored twice that verify passes over.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>

#include "engine/format/names.h"
#include "tests/support/repository_fixture.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace fs = std::filesystem;

namespace {

using Objects = std::map<std::string, Bytes>;

// A repository with two snapshots; the second adds a file.
struct Damaged {
  Damaged() {
    make_tree(source / "tree", seed());
    age_tree(source / "tree");
    Repository repository = machine.init();
    machine.backup(repository, source / "tree");
    write_file(source / "tree/later", Bytes(100'000, 5));
    age_tree(source / "tree");
    newest = machine.backup(repository, source / "tree").snapshot;
    good = store->objects_without_probes();  // no damage to a probe is damage
  }

  TemporaryDirectory source;
  std::shared_ptr<MemoryStore> store = std::make_shared<MemoryStore>();
  Machine machine{store};  // it has seen the last head
  SnapshotId newest;
  Objects good;
};

std::string kind_of(const std::string& name) {
  return name.substr(0, name.find('/'));
}

// One way to damage an object: what is left of it, or nothing.
struct Damage {
  std::string name;
  std::function<std::optional<Bytes>(const std::string&, const Bytes&, const Objects&)> apply;
};

// The paths of all copies of an object, that path first.
std::vector<std::string> copies_of_object(const std::string& name, const Objects& objects) {
  std::vector<std::string> out{name};
  const bool is_anchor = kind_of(name) == "anchors";
  const std::string stem = is_anchor ? name.substr(0, name.size() - 2) : name;
  for (const char* copy : {".2", ".3", ".4"}) {
    if (objects.contains(stem + copy)) out.push_back(stem + copy);
  }
  return out;
}

bool is_first_copy(const std::string& name) {
  return kind_of(name) == "anchors" ? name.ends_with(".1") : !name.ends_with(".2");
}

// Another object of the kind, for a swap: the one before it, or the one after the first.
const Bytes& neighbour(const std::string& name, const Objects& objects) {
  const Bytes* before = nullptr;
  for (const auto& [other, bytes] : objects) {
    if (kind_of(other) != kind_of(name) || !is_first_copy(other)) continue;
    if (other == name && before != nullptr) return *before;
    if (other > name) return bytes;
    if (other != name) before = &bytes;
  }
  return objects.at(name);
}

std::vector<Damage> damages() {
  return {
      {"delete",
       [](const std::string&, const Bytes&, const Objects&) -> std::optional<Bytes> {
         return std::nullopt;
       }},
      {"truncate",
       [](const std::string&, const Bytes& bytes, const Objects&) -> std::optional<Bytes> {
         return Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() / 2));
       }},
      {"flip a bit",
       [](const std::string&, const Bytes& bytes, const Objects&) -> std::optional<Bytes> {
         Bytes out = bytes;
         out[out.size() / 3] ^= 0x20;
         return out;
       }},
      {"swap or replay",
       [](const std::string& name, const Bytes&, const Objects& objects) -> std::optional<Bytes> {
         return neighbour(name, objects);
       }}};
}

// What one act says: "fine", or the error or findings in short.
std::string verify_says(Machine& machine, VerifyLevel level) {
  try {
    Repository repository = machine.open();
    const VerifyReport report = verify(repository, {.level = level, .threads = 2});
    return report.findings.empty() ? "fine" : "found";
  } catch (const Error& error) {
    return error.code() == Code::corrupt || error.code() == Code::missing ||
                   error.code() == Code::no_repository || error.code() == Code::wrong_secret
               ? "error"
               : "ERROR " + error.text();
  }
}

// Restores the newest snapshot; a file that is there must be right unless it was reported.
std::string restore_says(Machine& machine, const Damaged& damaged) {
  const TemporaryDirectory out;
  try {
    Repository repository = machine.open();
    const RestoreResult result =
        machine.restore(repository, damaged.newest, damaged.source / "tree", out / "o");
    const auto differences = compare_trees(damaged.source / "tree", out / "o");
    if (result.problems == 0) return differences.empty() ? "whole" : "WRONG " + differences.front();
    for (const auto& file : fs::recursive_directory_iterator(out / "o")) {
      if (!file.is_regular_file() || file.is_symlink()) continue;
      const std::string path = file.path().string();
      const std::string original = (damaged.source / "tree") + path.substr((out / "o").size());
      if (slurp(path) != slurp(original)) return "WRONG bytes in " + path;
    }
    return "files lost";
  } catch (const Error& error) {
    return "error";
  }
}

std::string backup_says(Machine& machine, const Damaged& damaged) {
  try {
    Repository repository = machine.open();
    machine.backup(repository, damaged.source / "tree");
    return "works";
  } catch (const Error&) {
    return "error";
  }
}

struct Row {
  std::set<std::string> structure;
  std::set<std::string> storage;
  std::set<std::string> content;
  std::set<std::string> restore;
  std::set<std::string> backup;
};

std::string joined(const std::set<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    out += (out.empty() ? "" : ", ") + word;
  }
  return out;
}

std::string head_name(const Damaged& damaged) {
  std::string head;
  for (const auto& [name, bytes] : damaged.good) {
    if (kind_of(name) == "journal" && !name.ends_with(".2")) head = name;
  }
  return head;
}

void make_good(Damaged& damaged) {
  for (const auto& [name, bytes] : damaged.store->objects()) {
    if (!damaged.good.contains(name)) damaged.store->remove(name);
  }
  for (const auto& [name, bytes] : damaged.good) {
    damaged.store->overwrite(name, bytes);
  }
}

void apply(Damaged& damaged, const Damage& damage, const std::string& name, bool both) {
  for (const std::string& copy : copies_of_object(name, damaged.good)) {
    if (copy != name && !both) continue;
    const auto bytes = damage.apply(name, damaged.good.at(name), damaged.good);
    if (bytes) {
      damaged.store->overwrite(copy, *bytes);
    } else {
      damaged.store->remove(copy);
    }
  }
}

// The local view is absent: everything is read from the damaged store, each time anew, for what is
// read may be mended.
Row try_damage(Damaged& damaged, const Damage& damage, const std::string& name, bool both) {
  Row row;
  // Without its last entry a journal is whole: only who has seen that entry can tell.
  const bool is_rollback = both && damage.name == "delete" && name == head_name(damaged);
  const auto fresh = [&](const auto& act) {
    make_good(damaged);
    apply(damaged, damage, name, both);
    Machine machine(damaged.store, 9);
    if (is_rollback) {
      fs::copy(damaged.machine.state.path(), machine.state.path(),
               fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    }
    machine.clock.advance_ms(600'000);
    return act(machine);
  };
  row.structure.insert(fresh([](Machine& m) { return verify_says(m, VerifyLevel::structure); }));
  row.storage.insert(fresh([](Machine& m) { return verify_says(m, VerifyLevel::storage); }));
  row.content.insert(fresh([](Machine& m) { return verify_says(m, VerifyLevel::content); }));
  row.restore.insert(fresh([&](Machine& m) { return restore_says(m, damaged); }));
  row.backup.insert(fresh([&](Machine& m) { return backup_says(m, damaged); }));
  make_good(damaged);
  return row;
}

void merge(Row& into, const Row& row) {
  into.structure.insert(row.structure.begin(), row.structure.end());
  into.storage.insert(row.storage.begin(), row.storage.end());
  into.content.insert(row.content.begin(), row.content.end());
  into.restore.insert(row.restore.begin(), row.restore.end());
  into.backup.insert(row.backup.begin(), row.backup.end());
}

}  // namespace

TEST_CASE("whatever is damaged in whatever way is found, named, and never restored as content") {
  Damaged damaged;
  std::map<std::string, std::vector<std::string>> by_kind;
  for (const auto& [name, bytes] : damaged.good) {
    if (is_first_copy(name)) by_kind[kind_of(name)].push_back(name);
  }
  std::uint64_t cases = 0;
  std::cout << "| object | copies | damage | structure | storage | content | restore | backup |\n"
            << "| --- | --- | --- | --- | --- | --- | --- | --- |\n";
  for (const auto& [kind, names] : by_kind) {
    const std::size_t copies = copies_of_object(names.front(), damaged.good).size();
    const bool is_twinned = copies > 1;
    for (const bool both : {false, true}) {
      if (both && !is_twinned) continue;
      for (const Damage& damage : damages()) {
        if (damage.name == "swap or replay" && names.size() < 2) continue;
        Row total;
        for (const std::string& name : names) {
          if (cases++ % stride() != 0) continue;
          const Row row = try_damage(damaged, damage, name, both);
          merge(total, row);
          INFO(name << " " << damage.name << (both ? " both" : " one") << ": restore "
                    << joined(row.restore) << ", content " << joined(row.content));
          REQUIRE(joined(row.restore).find("WRONG") == std::string::npos);
          REQUIRE(joined(row.content).find("ERROR") == std::string::npos);
          // Damage that cost something is never passed over.
          REQUIRE_FALSE(row.content.contains("fine"));
          if (is_twinned && !both) REQUIRE(row.restore.contains("whole"));
        }
        const std::string which = !both         ? copies == 4 ? "one of four" : "one of two"
                                  : copies == 4 ? "all"
                                                : "both";
        std::cout << "| " << kind << " | " << (is_twinned ? which : "one") << " | " << damage.name
                  << " | " << joined(total.structure) << " | " << joined(total.storage) << " | "
                  << joined(total.content) << " | " << joined(total.restore) << " | "
                  << joined(total.backup) << " |\n";
      }
    }
  }
}
