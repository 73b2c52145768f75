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

TEST_CASE("no secret and no name with control characters reaches the terminal raw") {
  const Place place;
  write_file(place.tree() + "/evil\033[31mname", as_view("x"));
  const std::string override = {'\xe2', '\x80', '\xae'};  // of direction: shown as photoexe.jpg
  write_file(concat(place.tree(), "/photo", override, "gpj.exe"), as_view("x"));
  place.require("init", 0);
  place.require("backup '" + place.tree() + "'", 0);
  const Result result = place.run("ls -R latest");
  REQUIRE(contains(result.out, "evil\\x1b[31mname"));
  REQUIRE_FALSE(contains(result.out, "\033"));
  REQUIRE(contains(result.out, "photo\\xe2\\x80\\xaegpj.exe"));
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

TEST_CASE("a machine whose slot was revoked is told so") {
  const Place place;
  place.require("init", 0);
  place.write_secret("writer", "writer password\n");
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
  REQUIRE(place.run("key rotate --forget", "operator").exit == 0);
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

TEST_CASE("a clock reset is an owner's, has a reason, and takes back nothing that is not ahead") {
  const Place place;
  place.require("init", 0);
  const Result bare = place.run("journal reset-clock --yes");
  REQUIRE(bare.exit == 2);
  REQUIRE(contains(bare.out, "--reason"));
  const Result nothing = place.run("journal reset-clock --reason \"clock was wrong\" --yes");
  INFO(nothing.out);
  REQUIRE(nothing.exit == 2);
  REQUIRE(contains(nothing.out, "no entry is ahead of this machine's clock"));
}
