// The real program: commands, output, exit codes.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/cli/place.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("the main job runs from init to verify") {
  const Place place;
  place.require("init", 0);
  place.require("backup '" + place.tree() + "'", 0);
  place.require("backup '" + place.tree() + "'", 0);
  place.require("snapshots", 0);
  place.require("ls -lR latest", 0);
  REQUIRE(place.run("cat latest:" + place.tree() + "/sub/letter").out == "dear reader");
  place.require("restore latest:" + place.tree() + " --target '" + (place.directory / "out") + "'",
                0);
  REQUIRE(compare_trees(place.tree(), place.directory / "out").empty());
  for (const std::string level : {"structure", "storage", "content"}) {
    place.require("verify --level " + level, 0);
  }
  for (const std::string command :
       {"stats", "catalog info", "catalog check", "catalog rebuild", "journal list",
        "journal show 1", "journal verify", "key list"}) {
    place.require(command, 0);
    place.require("--json " + command, 0);
  }
}

TEST_CASE("each failure has its exit code and one line that says what to do") {
  const Place place;
  const Result none = place.run("snapshots");
  REQUIRE(none.exit == 10);
  REQUIRE(contains(none.out, "kist init"));
  place.require("init", 0);
  const Result wrong = place.run("snapshots", "wrong");
  REQUIRE(wrong.exit == 12);
  REQUIRE(wrong.out == "kist: wrong password: no slot of the repository opens with it\n");
  place.require("init", 5);
  place.require("backup /no/such/path", 1);
  place.require("restore deadbeef --target /tmp/x", 1);
  place.require("frobnicate", 2);
  place.require("backup", 2);
  place.require("init --chunk-size 100K", 5);
  REQUIRE(place.run("snapshots", "absent").exit == 2);
}

TEST_CASE("a damaged object is exit code 4") {
  const Place place;
  place.require("init", 0);
  place.require("backup '" + place.tree() + "'", 0);
  for (const auto& file :
       std::filesystem::recursive_directory_iterator(place.directory / "repo/packs")) {
    if (!file.is_regular_file()) continue;
    Bytes bytes = slurp(file.path().string());
    bytes[200] ^= 1;
    std::filesystem::permissions(file.path(), std::filesystem::perms::owner_all);
    write_file(file.path().string(), bytes);
  }
  const Result result = place.run("verify --level content");
  REQUIRE(result.exit == 4);
  REQUIRE(contains(result.out, "DAMAGED  packs/"));
  place.require("restore latest --target '" + (place.directory / "out") + "'", 4);
}

TEST_CASE("a key file is made by init and opens the repository") {
  const Place place;
  const std::string command =
      concat(KIST_BINARY, " --repo '", place.directory / "r2", "' --state-dir '",
             place.directory / "state", "' --key-file '", place.directory / "key", "' ");
  REQUIRE(std::system((command + "init > /dev/null").c_str()) == 0);  // NOLINT
  REQUIRE(std::filesystem::exists(place.directory / "key"));
  REQUIRE(std::system((command + "snapshots > /dev/null").c_str()) == 0);  // NOLINT
}

TEST_CASE("a secret that others may read or change is refused, and what is said then helps") {
  namespace fs = std::filesystem;
  const Place place;
  place.require("init", 0);
  const std::string key = place.directory / "key";
  place.require("key add --name second --new-key-file '" + key + "'", 0);
  const std::string with_key =
      concat(KIST_BINARY, " --repo '", place.directory / "repo", "' --state-dir '",
             place.directory / "state", "' --key-file '", key, "' snapshots > /dev/null 2>&1");
  const auto exit_with_key = [&] {
    return WEXITSTATUS(std::system(with_key.c_str()));  // NOLINT(concurrency-mt-unsafe)
  };
  for (const std::string& file : {place.directory / "password", key}) {
    INFO(file);
    for (const unsigned mode : {0666U, 0644U, 0620U}) {
      fs::permissions(file, fs::perms(mode));
      REQUIRE(place.run("snapshots").exit == (file == key ? 0 : 5));
      REQUIRE(exit_with_key() == (file == key ? 5 : 0));
      REQUIRE(std::system(("chmod go-rwx '" + file + "'").c_str()) == 0);  // NOLINT
      REQUIRE(exit_with_key() == 0);
      place.require("snapshots", 0);
    }
  }
  fs::permissions(place.directory / "wrong", fs::perms(0644));
  const Result refused =
      place.run("key add --new-password-file '" + (place.directory / "wrong") + "'");
  REQUIRE(refused.exit == 5);
  REQUIRE(contains(refused.out, "run chmod go-rwx " + (place.directory / "wrong")));
  fs::permissions(place.directory / "wrong", fs::perms(0600));
  REQUIRE(place.run("snapshots", "wrong").exit == 12);  // it was not let in
}

TEST_CASE("a state directory that others may write is refused, and what is said then helps") {
  namespace fs = std::filesystem;
  const Place place;
  place.require("init", 0);
  const std::string state = place.directory / "state";
  fs::permissions(state, fs::perms(0777));
  const Result refused = place.run("backup '" + place.tree() + "'");
  REQUIRE(refused.exit == 5);
  REQUIRE(contains(refused.out, "run chmod go-w " + state));
  REQUIRE(std::system(("chmod go-w '" + state + "'").c_str()) == 0);  // NOLINT
  place.require("backup '" + place.tree() + "'", 0);
  // The other way out: a directory below one that cannot be changed.
  fs::permissions(place.directory.path(), fs::perms(0777));
  place.require("backup '" + place.tree() + "'", 0);
}

TEST_CASE("a failing password command is no password, and two secrets are one too many") {
  const Place place;
  const std::string base =
      concat(std::string_view(KIST_BINARY), std::string_view(" --repo '"), place.directory / "r3",
             std::string_view("' --state-dir '"), place.directory / "s3", std::string_view("' "));
  const auto exit_of = [&](const std::string& rest) {
    const std::string line = concat(base, rest, std::string_view(" 2>/dev/null"));
    return WEXITSTATUS(std::system(line.c_str()));  // NOLINT(concurrency-mt-unsafe)
  };
  REQUIRE(exit_of("--password-command 'echo part; exit 1' init") == 2);
  REQUIRE_FALSE(std::filesystem::exists(place.directory / "r3"));
  const std::string absent = place.directory / "absent";
  REQUIRE(exit_of(concat(std::string_view("--password-command 'echo a' --key-file '"), absent,
                         std::string_view("' init"))) == 2);
  REQUIRE_FALSE(std::filesystem::exists(absent));
  REQUIRE_FALSE(std::filesystem::exists(place.directory / "r3"));
}

TEST_CASE("ordinary mistakes are not taken for damage") {
  const Place place;
  place.require("init", 0);
  place.require("backup '" + place.tree() + "'", 0);
  place.require("restore latest --target '" + (place.directory / "password") + "'", 1);
}

TEST_CASE("passwd and add change who gets in") {
  const Place place;
  place.require("init", 0);
  place.require("key add --new-password-file '" + (place.directory / "wrong") + "' --name second",
                0);
  REQUIRE(place.run("snapshots", "wrong").exit == 0);
  place.write_secret("third", "third");
  place.require("key passwd --new-password-file '" + (place.directory / "third") + "'", 0);
  REQUIRE(place.run("snapshots").exit == 12);
  REQUIRE(place.run("snapshots", "third").exit == 0);
  REQUIRE(place.run("snapshots", "wrong").exit == 0);
}

TEST_CASE("a recipient is let in without its secret, and accepts") {
  const Place place;
  place.require("init", 0);
  place.require("backup '" + place.tree() + "'", 0);
  const std::string key = place.directory / "laptop.key";
  const Result made = place.run("-q key generate '" + key + "'");
  REQUIRE(made.exit == 0);
  const std::string recipient = made.out.substr(0, made.out.find('\n'));
  REQUIRE(contains(recipient, "kist-public-1:"));
  REQUIRE(place.run("-q key generate '" + key + "'").out == made.out);  // what is there stays
  const Result added =
      place.run("--json key add --role writer --name laptop --recipient " + recipient);
  REQUIRE(added.exit == 0);
  place.require("key add --recipient " + recipient, 5);
  place.require("key add --recipient " + recipient.substr(1), 2);
  const std::size_t at = added.out.find("fingerprint\":\"") + 14;
  const std::string fingerprint = added.out.substr(at, 64);
  const std::string as_laptop = " --key-file '" + key + "'";
  REQUIRE(contains(place.run("key list").out, "recipient, not accepted"));
  place.require("key accept --fingerprint " + fingerprint, 2);  // no key named
  place.require("key accept --fingerprint 12" + as_laptop, 2);
  place.require("key accept --fingerprint " + std::string(64, 'a') + as_laptop, 5);
  place.require("key accept --fingerprint " + fingerprint + as_laptop, 0);
  place.require("key accept --fingerprint " + fingerprint + as_laptop, 5);
  const std::string backup = concat(KIST_BINARY, " -q --repo '", place.directory / "repo",
                                    "' --state-dir '", place.directory / "other", "'", as_laptop,
                                    " backup --source laptop '", place.tree(), "' >/dev/null");
  REQUIRE(WEXITSTATUS(std::system(backup.c_str())) == 0);  // NOLINT(concurrency-mt-unsafe)
}

TEST_CASE("an offline key that cannot be made is said before there is a repository") {
  const Place place;
  place.require("init --offline-key '" + (place.directory / "absent/key") + "'", 1);
  place.require("init --offline-key '" + (place.directory / "password") + "'", 5);
  REQUIRE_FALSE(std::filesystem::exists(place.directory / "repo/kist.repo"));
  place.require("init --offline-key '" + (place.directory / "key") + "'", 0);
}

TEST_CASE("what stands on a recovery sheet opens the repository") {
  const Place place;
  place.require("init --offline-key '" + (place.directory / "offline") + "'", 0);
  REQUIRE_FALSE(contains(place.run("key list").out, "only owner"));
  const std::string sheet = place.directory / "sheet";
  place.require("key export '" + sheet + "'", 0);
  place.require("key export '" + sheet + "'", 1);  // it is not written over
  place.require("key export --name lost - > /dev/full", 1);
  std::ifstream in(sheet);
  std::string typed;
  bool is_key = false;
  for (std::string line; std::getline(in, line);) {
    is_key = is_key ? !line.empty() : contains(line, "kist-key-1:");
    if (is_key) typed += line + "\n";
  }
  place.write_secret("typed", typed);
  const std::string as_sheet =
      concat(KIST_BINARY, " -q --repo '", place.directory / "repo", "' --state-dir '",
             place.directory / "other", "' --key-file '", place.directory / "typed", "' ");
  const auto exit_of = [&](const std::string& rest) {
    const std::string line = concat(as_sheet, rest, " >/dev/null 2>&1");
    return WEXITSTATUS(std::system(line.c_str()));  // NOLINT(concurrency-mt-unsafe)
  };
  REQUIRE(exit_of("key list") == 0);
  place.require("key revoke --yes 'recovery sheet' lost offline", 0);
  REQUIRE(exit_of("key list") == 5);
  REQUIRE(contains(place.run("key list").out, "is the only owner's slot"));
}

TEST_CASE("junk at the journal's head stops commits until an owner passes over it") {
  const Place place;
  place.require("init", 0);
  place.require("backup '" + place.tree() + "'", 0);
  place.require("incident close --note 'all is well' --accept-void --yes", 5);
  write_file(place.directory / "repo/journal/0000000002", as_view("junk"));
  place.require("restore latest --target '" + (place.directory / "out") + "'", 0);
  place.require("backup '" + place.tree() + "'", 4);
  place.require("incident close --note junk", 4);
  place.require("incident close --accept-void", 2);  // no note
  place.require("incident close 2-x --note junk", 2);
  place.require("incident close 2 --note junk --accept-void --yes", 2);  // all or none
  place.require("incident close --note junk --accept-void", 5);          // nobody can be asked
  place.require("backup '" + place.tree() + "'", 4);
  const Result closed = place.run("incident close --note 'a stray file' --accept-void --yes");
  REQUIRE(closed.exit == 0);
  REQUIRE(contains(closed.out, "journal entry 2: 4 bytes that no slot has signed"));
  REQUIRE(contains(closed.out, "closed 1 incident "));
  place.require("backup '" + place.tree() + "'", 0);
  REQUIRE_FALSE(contains(place.run("snapshots").out, "incident"));
  REQUIRE(contains(place.run("incident list").out, "a stray file"));
  place.require("journal verify", 0);
  place.require("incident close 2 --note again", 5);
  place.require("verify", 0);
}

TEST_CASE("a fresh machine gets in, whatever others have put beside what is stored") {
  const Place place;
  const auto forget = [&] { std::filesystem::remove_all(place.directory / "state"); };
  const std::string made = place.run("init").out;
  const std::size_t line = made.find("slot            ");
  REQUIRE(line != std::string::npos);
  const std::string slot = made.substr(line + 16, 32);
  place.require("backup '" + place.tree() + "'", 0);
  for (const std::string link : {"slots/a", "slots/b", "journal/a", "grants/a", "packs/a"}) {
    std::filesystem::create_symlink("..", place.directory / ("repo/" + link));
  }
  write_file(place.directory / "repo/journal/0000009999", as_view("junk"));
  forget();
  place.require("restore latest --target '" + (place.directory / "out") + "'", 0);
  REQUIRE(slurp(place.directory / "out/sub/letter") == to_bytes("dear reader"));
  place.require("backup '" + place.tree() + "'", 0);
  forget();
  place.require("--slot " + slot + " snapshots", 0);
  place.require("--slot " + slot + "-1 snapshots", 0);
  place.require("--slot " + slot + "-7 snapshots", 12);
  place.require("--slot " + std::string(32, '0') + " snapshots", 12);
  place.require("--slot " + slot.substr(0, 8) + " snapshots", 2);
  place.require("--slot " + slot + "-01 snapshots", 2);
}

TEST_CASE("a missing journal entry stops commits until it is restored, and reading at no time") {
  const Place place;
  place.require("init", 0);
  place.require("backup '" + place.tree() + "'", 0);
  place.require("backup '" + place.tree() + "'", 0);
  place.require("backup '" + place.tree() + "'", 0);
  const std::string journal = place.directory / "repo/journal";
  for (const std::string copy : {"/0000000002", "/0000000002.2"}) {
    std::filesystem::rename(journal + copy, place.directory.path() + copy);
  }
  std::filesystem::remove_all(place.directory / "state");
  const Result restored = place.run("restore latest --target '" + (place.directory / "out") + "'");
  REQUIRE(restored.exit == 0);
  REQUIRE(contains(restored.out, "the journal lacks entry 2"));
  place.require("backup '" + place.tree() + "'", 4);
  place.require("journal verify", 4);
  place.require("verify", 4);
  place.require("incident close --note junk --accept-void --yes", 5);
  for (const std::string copy : {"/0000000002", "/0000000002.2"}) {
    std::filesystem::rename(place.directory.path() + copy, journal + copy);
  }
  place.require("backup '" + place.tree() + "'", 0);
  place.require("journal verify", 0);
}

TEST_CASE("a repository whose kist.repo is damaged or gone is read and written, and mended") {
  const Place place;
  place.require("init", 0);
  const std::string file = place.directory / "repo/kist.repo";
  const Bytes good = slurp(file);
  for (const Bytes& left : {Bytes(), Bytes(64, 1), good}) {
    std::filesystem::remove(file);
    if (left != good) write_file(file, left);
    std::filesystem::remove_all(place.directory / "state");
    place.require("backup '" + place.tree() + "'", 0);
    REQUIRE(contains(place.run("snapshots").out, "kist verify --repair"));
    place.require("verify", 4);
    place.require("init", 5);
    place.require("verify --repair --dry-run", 4);
    place.require("verify --repair", 0);
    REQUIRE(slurp(file) == good);
    REQUIRE_FALSE(contains(place.run("snapshots").out, "kist verify --repair"));
  }
}

TEST_CASE("no secret and no name with control characters reaches the terminal raw") {
  const Place place;
  write_file(place.tree() + "/evil\033[31mname", as_view("x"));
  place.require("init", 0);
  place.require("backup '" + place.tree() + "'", 0);
  const Result result = place.run("ls -R latest");
  REQUIRE(contains(result.out, "evil\\x1b[31mname"));
  REQUIRE_FALSE(contains(result.out, "\033"));
  for (const std::string command : {"key list", "journal show 0", "--json snapshots"}) {
    REQUIRE_FALSE(contains(place.run(command).out, "correct horse"));
  }
}

TEST_CASE("a text that is too long is refused before anything is written") {
  const Place place;
  place.require("init", 0);
  const std::string text(5000, 'x');
  place.require("backup --source " + text + " '" + place.tree() + "'", 2);
  place.require("backup --description " + text + " '" + place.tree() + "'", 2);
  place.require("backup --tag " + text + " '" + place.tree() + "'", 2);
  place.require("key add --name " + text + " --new-key-file '" + (place.directory / "k") + "'", 2);
  place.require("backup '" + place.tree() + "'", 0);
  place.require("verify", 0);
}

TEST_CASE("a writer's key backs up, and every other command is refused with exit code 5") {
  const Place place;
  place.require("init", 0);
  for (const std::string role : {"writer", "auditor"}) {
    place.write_secret(role, role + " password\n");
    place.require(
        "key add --role " + role + " --new-password-file '" + (place.directory / role) + "'", 0);
  }
  place.require("key add --role king --new-key-file /nowhere/key", 2);
  const std::string backup = "backup --source mine '" + place.tree() + "'";
  REQUIRE(place.run(backup, "writer").exit == 0);
  for (const std::string command :
       {"snapshots", "ls latest", "cat latest:/x", "restore latest --target /nowhere", "verify",
        "verify --level content", "verify --repair", "find x", "diff latest latest", "stats",
        "journal list", "journal show 1", "journal verify", "key list",
        "key add --new-key-file /nowhere/key"}) {
    INFO(command);
    const Result result = place.run(command, "writer");
    REQUIRE(result.exit == 5);
    REQUIRE(contains(result.out, "it lacks the capabilit"));
  }
  for (const std::string command :
       {"snapshots", "stats", "verify", "verify --level storage", "journal list", "key list"}) {
    INFO(command);
    const Result result = place.run(command, "auditor");
    REQUIRE(result.exit == 0);
    REQUIRE_FALSE(contains(result.out, "letter"));
  }
  REQUIRE(place.run("verify --level content", "auditor").exit == 5);
  REQUIRE(place.run(backup, "auditor").exit == 5);
  REQUIRE(contains(place.run("key list").out, "writer"));
}

TEST_CASE("copies of secrets are named by verify whatever they are called, and go") {
  const Place place;
  place.require("init", 0);
  place.require("backup --source mine '" + place.tree() + "'", 0);
  const std::string repository = place.directory / "repo/";
  const auto only_file = [&](const std::string& folder) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(repository + folder)) {
      if (entry.is_regular_file() && entry.path().extension() != ".2") return entry.path().string();
    }
    FAIL("nothing in " << folder);
    return std::string();
  };
  std::filesystem::create_directory(repository + "tmp");
  std::filesystem::create_directory(repository + "slots/old");
  const std::string box = only_file("epochs");
  const Bytes secret = slurp(box);
  const std::vector<std::string> copies = {
      box + ".sync-conflict-20261126-120000",
      box + ".2.cf50a1b2c3d4e5f6.new",
      repository + "keys/.DS_Store",
      only_file("grants") + " (conflicted copy)",
      only_file("slots") + ".orig",
      repository + "slots/old/" + std::filesystem::path(only_file("slots")).filename().string()};
  for (const std::string& copy : copies) {
    write_file(copy, secret);
  }
  write_file(repository + "tmp/" + std::string(32, 'a'), secret);
  write_file(repository + "keys/\x1b[2J", secret);  // a name that would clear the terminal
  const Result found = place.run("verify");
  REQUIRE(found.exit == 4);
  REQUIRE_FALSE(contains(found.out, "\x1b"));
  for (const std::string& copy : copies) {
    INFO(found.out);
    REQUIRE(contains(found.out, std::filesystem::path(copy).filename().string()));
  }
  place.require("key rotate", 0);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(repository)) {
    if (entry.is_regular_file()) REQUIRE(slurp(entry.path().string()) != secret);
  }
  place.require("verify --level content", 0);
}

TEST_CASE("a machine whose slot was revoked is told so") {
  const Place place;
  place.require("init", 0);
  write_file(place.directory / "writer", as_view("writer password\n"));
  place.require("key add --role writer --new-password-file '" + (place.directory / "writer") + "'",
                0);
  // The state of the owner's machine and of the laptop take turns at the place's path.
  const auto turn_to = [&](const std::string& machine) {
    const std::string other = machine == "owner" ? "laptop" : "owner";
    std::filesystem::rename(place.directory / "state", place.directory / other);
    if (std::filesystem::exists(place.directory / machine)) {
      std::filesystem::rename(place.directory / machine, place.directory / "state");
    }
  };
  const std::string backup = "backup --source mine '" + place.tree() + "'";
  turn_to("laptop");
  REQUIRE(place.run(backup, "writer").exit == 0);
  turn_to("owner");
  place.require("key revoke writer --yes", 0);
  turn_to("laptop");
  const Result refused = place.run(backup, "writer");
  INFO(refused.out);
  REQUIRE(refused.exit == 5);
  REQUIRE(contains(refused.out, "was revoked"));
}

TEST_CASE("a revoked key opens nothing any more, the others go on") {
  const Place place;
  place.require("init", 0);
  for (const std::string role : {"writer", "operator"}) {
    place.write_secret(role, role + " password\n");
    place.require(
        "key add --role " + role + " --new-password-file '" + (place.directory / role) + "'", 0);
  }
  const std::string backup = "backup --source mine '" + place.tree() + "'";
  REQUIRE(place.run(backup, "writer").exit == 0);
  place.require("key revoke nobody --yes", 2);
  place.require("key revoke owner --yes", 2);  // itself
  place.require("key revoke writer", 5);       // nobody can be asked
  REQUIRE(place.run("key revoke writer --yes", "operator").exit == 5);
  REQUIRE(place.run("key rotate", "operator").exit == 0);
  place.require("key revoke writer --yes", 0);
  // Nothing of the slot is left. A machine that has used no other says why.
  REQUIRE(place.run(backup, "writer").exit == 12);
  place.require("key revoke writer --yes", 2);  // there is none that is not
  REQUIRE(contains(place.run("key list").out, "writer, revoked"));
  REQUIRE(contains(place.run("journal list").out, "epoch ended"));
  place.require(backup, 0);
  REQUIRE(contains(place.run("journal list").out, "state remade"));
  place.require("restore latest@mine --verify --target '" + (place.directory / "out") + "'", 0);
  place.require("verify --level content", 0);
  place.require("catalog rebuild", 0);
  place.require("journal verify", 0);
}

TEST_CASE("packs that are gone are said by a backup, shown as incidents, and closed here") {
  const Place place;
  place.require("init", 0);
  place.require("key add --role writer --name laptop --new-key-file '" +
                    (place.directory / "laptop.key") + "'",
                0);
  const std::string as_laptop =
      concat(KIST_BINARY, " --repo '", place.directory / "repo", "' --state-dir '",
             place.directory / "laptop", "' --key-file '", place.directory / "laptop.key", "' ");
  const auto run = [&](const std::string& arguments) {
    Result result;
    FILE* pipe = ::popen(concat(as_laptop, arguments, " 2>&1 </dev/null").c_str(), "r");
    REQUIRE(pipe != nullptr);
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
      result.out += static_cast<char>(c);
    }
    result.exit = WEXITSTATUS(::pclose(pipe));
    CAPTURE(result.out);
    return result;
  };
  const std::string backup = "backup --source laptop '" + place.tree() + "'";
  REQUIRE(run(backup).exit == 0);
  REQUIRE(run("incident list").exit == 0);
  REQUIRE(run("incident close --here --note none").exit == 5);
  std::filesystem::remove_all(place.directory / "repo/packs");
  for (const auto& state : std::filesystem::directory_iterator(place.directory / "laptop")) {
    std::filesystem::remove(state.path() / "cache/looked");  // a day later
  }
  const Result lost = run(backup);
  REQUIRE(lost.exit == 3);
  REQUIRE(contains(lost.out, "it is missing"));
  REQUIRE(contains(lost.out, "older snapshots are hurt"));
  const Result next = run(backup);
  REQUIRE(next.exit == 0);
  REQUIRE(contains(next.out, "this machine has found"));
  REQUIRE(contains(run("incident list").out, "here  packs/"));
  REQUIRE(contains(run("--json incident list").out, "\"problem\":\"it is missing\""));
  REQUIRE(run("incident close 2 --here --note both").exit == 2);
  REQUIRE(run("incident close --note 'not mine'").exit == 5);
  REQUIRE(run("incident close --here --note 'pulled a disk'").exit == 0);
  REQUIRE_FALSE(contains(run(backup).out, "this machine has found"));
  REQUIRE(contains(run("incident list").out, "pulled a disk"));
  // Another machine does not know of it, and says what it finds itself.
  REQUIRE_FALSE(contains(place.run("incident list").out, "packs/"));
  const Result verified = place.run("verify --level content");
  REQUIRE(verified.exit == 4);
  REQUIRE(contains(verified.out, "AT RISK"));
  REQUIRE_FALSE(contains(verified.out, "LOST"));
  REQUIRE(contains(place.run("incident list").out, "packs/"));
  place.require("restore latest --target '" + (place.directory / "out") + "'", 0);
  REQUIRE(run("backup --store-again --source laptop '" + place.tree() + "'").exit == 0);
}
