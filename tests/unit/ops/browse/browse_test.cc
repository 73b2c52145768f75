// Which snapshot and path a person means, and what of it is shown.
#include "engine/ops/browse/browse.h"

#include <ctime>
#include <filesystem>

#include "engine/blocks/stored_snapshot.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

constexpr std::int64_t hour_ms = 3'600'000;

// Snapshots of a tree that is backed up under two names, an hour apart.
struct Browsed : World {
  Browsed() {
    std::filesystem::create_directories(tree("sub"));
    write_file(tree("file"), to_bytes("content"));
    for (const std::string name : {"laptop", "desk", "laptop", "desk"}) {
      take(name);
    }
  }

  void take(const std::string& name) {
    BackupOptions options;
    options.paths = {tree()};
    options.source = name;
    snapshots.push_back(kist::backup(repository, options).snapshot);
    machine.clock.advance_ms(hour_ms);
  }

  // A snapshot entry of the first one's objects, under an id of one's choice.
  void commit_as(const SnapshotId& id, bool is_pending) {
    commit(repository, [&](const State& state) {
      SnapshotTaken taken = state.snapshots.at(snapshots.front()).taken;
      taken.snapshot = id;
      taken.is_pending = is_pending;
      taken.segments.clear();
      taken.key_segments.clear();
      return Act(std::move(taken));
    });
  }

  // The place in `snapshots` of what the text selects.
  std::size_t at(const std::string& text) {
    const SnapshotId id = select(repository, text).snapshot->taken.snapshot;
    const auto found = std::ranges::find(snapshots, id);
    REQUIRE(found != snapshots.end());
    return static_cast<std::size_t>(found - snapshots.begin());
  }

  Code refusal(const std::string& text) {
    return error_code([&] { static_cast<void>(select(repository, text)); });
  }

  std::vector<SnapshotId> snapshots;
};

// A point in time as a person of this machine writes it, to the minute.
std::string local_minute(std::int64_t ms) {
  const std::time_t seconds = ms / 1000;
  std::tm broken{};
  ::localtime_r(&seconds, &broken);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M", &broken)};
}

}  // namespace

TEST_CASE("a snapshot is selected by its id, or by enough digits of it") {
  Browsed run;
  for (std::size_t i = 0; i < run.snapshots.size(); ++i) {
    const std::string id = hex(run.snapshots[i]);
    REQUIRE(run.at(id) == i);
    REQUIRE(run.at(id.substr(0, 8)) == i);
  }
  REQUIRE(run.refusal(hex(run.snapshots[0]).substr(0, 3)) == Code::failed);
  REQUIRE(run.refusal(std::string(32, '0')) == Code::failed);
}

TEST_CASE("digits with which several ids begin select none of them") {
  Browsed run;
  SnapshotId one = run.snapshots.front();
  one.bytes.back() ^= 1;
  run.commit_as(one, false);
  REQUIRE(run.refusal(hex(one).substr(0, 8)) == Code::invalid);
  REQUIRE(select(run.repository, hex(one)).snapshot->taken.snapshot == one);
}

TEST_CASE("latest is the newest snapshot, of all sources or of one") {
  Browsed run;
  REQUIRE(run.at("latest") == 3);
  REQUIRE(run.at("latest@laptop") == 2);
  REQUIRE(run.at("latest@desk") == 3);
  REQUIRE(run.refusal("latest@phone") == Code::failed);
}

TEST_CASE("a pending snapshot is nobody's latest, and is found by its id") {
  Browsed run;
  const auto pending = run.machine.random.draw_id<SnapshotId>();
  run.commit_as(pending, true);
  REQUIRE(run.at("latest") == 3);
  REQUIRE(run.at("latest@laptop") == 2);
  REQUIRE(run.at("0min ago") == 3);
  REQUIRE(select(run.repository, hex(pending)).snapshot->taken.snapshot == pending);
}

TEST_CASE("an age selects the newest snapshot that is at least as old") {
  Browsed run;  // they were taken 4, 3, 2 and 1 hours ago
  REQUIRE(run.at("1h ago") == 3);
  REQUIRE(run.at("2h ago") == 2);
  REQUIRE(run.at("150min ago") == 1);
  REQUIRE(run.at("0d ago") == 3);
  REQUIRE(run.refusal("5h ago") == Code::failed);
  for (const std::string unit : {"d", "w", "m", "y"}) {
    REQUIRE(run.refusal("1" + unit + " ago") == Code::failed);
  }
  run.machine.clock.advance_ms(std::int64_t{40} * 24 * hour_ms);
  REQUIRE(run.at("1m ago") == 3);
  REQUIRE(run.at("5w ago") == 3);
  REQUIRE(run.at("40d ago") == 3);
  REQUIRE(run.refusal("6w ago") == Code::failed);
  REQUIRE(run.refusal("3x ago") == Code::failed);
  REQUIRE(run.refusal("99999999999d ago") == Code::failed);
}

TEST_CASE("a time selects the newest snapshot not after it, the minute or day counted whole") {
  Browsed run;
  for (std::size_t i = 0; i < run.snapshots.size(); ++i) {
    const std::int64_t time_ms = run.repository.state().snapshots.at(run.snapshots[i]).time_ms;
    const std::string minute = local_minute(time_ms);
    INFO(minute);
    REQUIRE(run.at(minute) == i);
    REQUIRE(run.at(minute + ":/" + run.tree().substr(1)) == i);
    std::string spaced = minute;
    spaced[10] = ' ';
    REQUIRE(run.at(spaced + ":59") == i);
    if (i > 0) REQUIRE(run.at(local_minute(time_ms - 60'000)) == i - 1);
  }
  REQUIRE(run.refusal(local_minute(start_ms - 120'000)) == Code::failed);
}

TEST_CASE("a day, a minute and a second are read as their ends") {
  const auto second = parse_local_time("2026-11-22T08:00:30");
  const auto minute = parse_local_time("2026-11-22T08:00");
  const auto day = parse_local_time("2026-11-22");
  REQUIRE((second && minute && day));
  REQUIRE(*second % 1000 == 999);
  REQUIRE(*minute - *second == 29'000);
  REQUIRE(*day - *minute == (std::int64_t{16} * 60 - 1) * 60'000);
  REQUIRE(parse_local_time("2026-11-22 08:00") == minute);
  REQUIRE(parse_local_time("2026-11-22 08:00:30") == second);
  for (const std::string text : {"", "yesterday", "2026-11", "2026-13-01", "2026-11-22x",
                                 "2026-11-22T08", "2026-11-22T08:00:30.5"}) {
    INFO(text);
    REQUIRE_FALSE(parse_local_time(text));
  }
}

TEST_CASE("the path of a selection begins at the first colon that a slash follows") {
  Browsed run;
  REQUIRE(select(run.repository, "latest").path.empty());
  REQUIRE(select(run.repository, "latest:/").path.empty());
  REQUIRE(select(run.repository, "latest:/etc/a:/b").path == "etc/a:/b");
  REQUIRE(select(run.repository, "latest://etc//").path == "etc");
  REQUIRE(run.refusal("latest:etc") == Code::failed);
}

TEST_CASE("a listing and a file's bytes are those of the path that was selected") {
  Browsed run;
  const std::string base = "latest:" + run.tree();
  std::vector<std::string> listed;
  list_entries(run.repository, select(run.repository, base), false,
               [&](const Entry& entry) { listed.push_back(entry.path); });
  const std::string path = run.tree().substr(1);
  REQUIRE(listed == std::vector<std::string>{path, path + "/file", path + "/sub"});
  Bytes read;
  read_content(run.repository, select(run.repository, base + "/file"),
               [&](View bytes) { read.insert(read.end(), bytes.begin(), bytes.end()); });
  REQUIRE(read == to_bytes("content"));
  REQUIRE(error_code([&] {
            read_content(run.repository, select(run.repository, base + "/sub"), [](View) {});
          }) == Code::invalid);
}

TEST_CASE("sums count each source's snapshots, and the newest of each once") {
  Browsed run;
  const RepositoryStatistics sums = count_repository(run.repository);
  REQUIRE(sums.snapshots == 4);
  REQUIRE(sums.sources.size() == 2);
  for (const RepositoryStatistics::Source& source : sums.sources) {
    REQUIRE(source.snapshots == 2);
    REQUIRE(source.bytes_newest == 7);
  }
  REQUIRE(sums.bytes_total == 28);
  REQUIRE(sums.bytes_newest == 14);
  REQUIRE(sums.entries == 5);
  REQUIRE(sums.packs == names_of(*run.store, "packs/").size());
}
