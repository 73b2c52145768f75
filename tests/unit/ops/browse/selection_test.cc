// Which snapshot and path a person means, and whose word decides that.
#include "engine/ops/browse/selection.h"

#include <algorithm>
#include <ctime>

#include "engine/format/names.h"
#include "engine/store/twins.h"
#include "tests/support/attacker.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"
#include "tests/unit/ops/browse/browse_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

constexpr HollowSnapshot nothing_is_put() {
  return {.puts_keys = false, .puts_body = false, .puts_set = false};
}

// A point in time as a person of this machine writes it, to the minute.
std::string local_minute(std::int64_t ms) {
  const std::time_t seconds = ms / 1000;
  std::tm broken{};
  ::localtime_r(&seconds, &broken);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M", &broken)};
}

// An owner's machine with a source, and a laptop whose writer's key somebody else has.
struct Aimed : Roles {
  // The owner selects an hour later, so that nothing the laptop does is of the future.
  Aimed() : Roles(writer_capabilities) { owner.clock.advance_ms(hour_ms); }

  SnapshotId selected(const std::string& text) {
    owner_repository.journal().replay();
    return select(owner_repository, text).snapshot->taken.snapshot;
  }

  std::string refusal(const std::string& text, Code code = Code::invalid) {
    owner_repository.journal().replay();
    const auto failure = failure_of([&] { static_cast<void>(select(owner_repository, text)); });
    REQUIRE(failure);
    REQUIRE(failure->code() == code);
    return failure->text();
  }

  SnapshotId commit_hollow(const std::string& name, const HollowSnapshot& hollow) {
    return test::commit_hollow(evil, other.random, name, hollow);
  }

  [[nodiscard]] std::size_t notices_of(const SnapshotId& id) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(owner.observer.notices, [&](const std::string& text) {
          return text.find(hex(id).substr(0, 10)) != std::string::npos;
        }));
  }

  Repository evil = open();
};

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

TEST_CASE("latest is the newest snapshot of the source that is named") {
  Browsed run;
  REQUIRE(run.at("latest@laptop") == 2);
  REQUIRE(run.at("latest@desk") == 3);
  REQUIRE(run.refusal("latest@phone") == Code::failed);
  REQUIRE(run.refusal("latest@") == Code::failed);
}

TEST_CASE("where several sources fit, one is to be named, for latest, a time and an age alike") {
  Browsed run;
  const std::string minute = local_minute(run.machine.clock.now_ms());
  for (const std::string& text : {std::string("latest"), std::string("0min ago"), minute}) {
    INFO(text);
    REQUIRE(run.refusal(text) == Code::invalid);
    REQUIRE(run.at(text + "@laptop") == 2);
    REQUIRE(run.at(text + "@desk") == 3);
  }
  // The oldest snapshot is the one source's alone.
  REQUIRE(run.at("4h ago") == 0);
}

TEST_CASE("a pending snapshot is nobody's latest, and is found by its id") {
  Browsed run;
  const auto pending = run.machine.random.draw_id<SnapshotId>();
  run.commit_as(pending, true);
  REQUIRE(run.at("latest@laptop") == 2);
  REQUIRE(run.at("0min ago@laptop") == 2);
  REQUIRE(select(run.repository, hex(pending)).snapshot->taken.snapshot == pending);
}

TEST_CASE("an age selects the newest snapshot that is at least as old") {
  Browsed run;  // they were taken 4, 3, 2 and 1 hours ago
  REQUIRE(run.at("1h ago@desk") == 3);
  REQUIRE(run.at("2h ago@laptop") == 2);
  REQUIRE(run.at("150min ago@desk") == 1);
  REQUIRE(run.at("0d ago@desk") == 3);
  REQUIRE(run.refusal("5h ago") == Code::failed);
  for (const std::string unit : {"d", "w", "m", "y"}) {
    REQUIRE(run.refusal("1" + unit + " ago") == Code::failed);
  }
  run.machine.clock.advance_ms(std::int64_t{40} * 24 * hour_ms);
  REQUIRE(run.at("1m ago@desk") == 3);
  REQUIRE(run.at("5w ago@desk") == 3);
  REQUIRE(run.at("40d ago@desk") == 3);
  REQUIRE(run.refusal("6w ago") == Code::failed);
  REQUIRE(run.refusal("3x ago") == Code::failed);
  REQUIRE(run.refusal("99999999999d ago") == Code::failed);
}

TEST_CASE("a time selects the newest snapshot not after it, the minute or day counted whole") {
  Browsed run;
  for (std::size_t i = 0; i < run.snapshots.size(); ++i) {
    const std::int64_t time_ms = run.repository.state().snapshots.at(run.snapshots[i]).time_ms;
    const std::string minute = local_minute(time_ms);
    const std::string name =
        "@" + run.repository.state().snapshots.at(run.snapshots[i]).taken.source;
    INFO(minute);
    REQUIRE(run.at(minute + name) == i);
    REQUIRE(run.at(minute + name + ":/" + run.tree().substr(1)) == i);
    std::string spaced = minute;
    spaced[10] = ' ';
    REQUIRE(run.at(concat(spaced, ":59", name)) == i);
    if (i > 1) REQUIRE(run.at(local_minute(time_ms - 60'000) + name) == i - 2);
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
  REQUIRE(select(run.repository, "latest@desk").path.empty());
  REQUIRE(select(run.repository, "latest@desk:/").path.empty());
  REQUIRE(select(run.repository, "latest@desk:/etc/a:/b").path == "etc/a:/b");
  REQUIRE(select(run.repository, "latest@desk://etc//").path == "etc");
  REQUIRE(run.refusal("latest:etc") == Code::failed);
}

TEST_CASE("a writer does not decide whose snapshot an owner restores") {
  Aimed run;
  REQUIRE(run.selected("latest") == run.first);
  const SnapshotId bait = run.backup(run.evil, "bait").snapshot;
  for (const char* text : {"latest", "0min ago"}) {
    const std::string refusal = run.refusal(text);
    INFO(refusal);
    for (const std::string& part :
         {std::string("bait (slot other ("), std::string("test (slot owner (")}) {
      REQUIRE(refusal.find(part) != std::string::npos);
    }
  }
  REQUIRE(run.selected("latest@test") == run.first);
  REQUIRE(run.selected("latest@bait") == bait);
  // A fresh machine goes by the same rule.
  Machine fresh(run.store, 5);
  Repository there = fresh.open();
  REQUIRE(error_code([&] { static_cast<void>(select(there, "latest")); }) == Code::invalid);
}

TEST_CASE("a snapshot that its writer never put, or put junk for, is nobody's latest") {
  Aimed run;
  const SnapshotId good = run.backup(run.evil, "laptop").snapshot;
  for (const HollowSnapshot& hollow :
       {nothing_is_put(), HollowSnapshot{.puts_body = false}, HollowSnapshot{.puts_set = false},
        HollowSnapshot{.has_body_key = false}, HollowSnapshot{.is_body_key_right = false}}) {
    const SnapshotId junk = run.commit_hollow("laptop", hollow);
    run.commit_hollow("junk alone", hollow);
    REQUIRE(run.selected("latest@laptop") == good);
    REQUIRE(run.notices_of(junk) == 1);
    REQUIRE(run.selected("0min ago@laptop") == good);
    REQUIRE(run.selected(hex(junk)) == junk);  // a person who names it means it
  }
  REQUIRE(run.refusal("latest@junk alone", Code::failed).find("junk alone") != std::string::npos);
}

TEST_CASE("a source of which no snapshot opens is none to choose from") {
  Aimed run;
  for (int i = 0; i < 5; ++i) {
    run.commit_hollow("junk " + std::to_string(i), nothing_is_put());
  }
  REQUIRE(run.selected("latest") == run.first);
  // Many are told as a number, not one by one.
  REQUIRE(run.owner.observer.notices.size() == 4);
  revoke(run);
  REQUIRE(run.selected("latest") == run.first);
}

TEST_CASE("a damaged snapshot stays the latest: what is older is not given for it") {
  Aimed run;
  const SnapshotId newest = run.backup(run.evil, "laptop").snapshot;
  run.backup(run.evil, "laptop");
  run.owner_repository.journal().replay();
  const SnapshotPtr last = run.owner_repository.state().live_snapshots().back();
  for (const std::string& copy : copies_of(body_path(last->taken.body))) {
    flip_bit(*run.store, copy);
  }
  REQUIRE(run.selected("latest@laptop") == last->taken.snapshot);
  REQUIRE(last->taken.snapshot != newest);
}

TEST_CASE("a slot that may not read selects nothing by its age") {
  Aimed run;
  REQUIRE(error_code([&] { static_cast<void>(select(run.evil, "latest")); }) == Code::refused);
}
