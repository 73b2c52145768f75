// Incidents of one machine: what was found is kept whoever writes at the same time, and goes only
// when the pack is whole again.
#include "engine/catalog/damage_record.h"

#include <filesystem>
#include <thread>

#include "tests/support/repository_fixture.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

ObjectHash pack(std::uint8_t number) {
  return sample_id<ObjectHash>(number);
}

struct DamageSample {
  std::unique_ptr<DamageRecord> open() {
    return std::make_unique<DamageRecord>(directory.path(), observer);
  }

  [[nodiscard]] std::string file() const { return directory / "damage"; }

  TemporaryDirectory directory;
  RecordingObserver observer;
};

}  // namespace

TEST_CASE("what one command finds is one incident, and each pack stands in one") {
  DamageSample sample;
  const auto first = sample.open();
  REQUIRE(first->incidents().empty());
  REQUIRE(first->add(pack(1), PackProblem::missing, 1000));
  REQUIRE(first->add(pack(2), PackProblem::damaged, 1005));
  REQUIRE_FALSE(first->add(pack(1), PackProblem::missing, 1010));
  const auto second = sample.open();
  REQUIRE_FALSE(second->add(pack(2), PackProblem::missing, 2000));
  REQUIRE(second->add(pack(3), PackProblem::wrong_size, 2001));
  const std::vector<DamageIncident> expected = {
      {1000, 0, "", {{pack(1), PackProblem::missing}, {pack(2), PackProblem::damaged}}},
      {2001, 0, "", {{pack(3), PackProblem::wrong_size}}}};
  REQUIRE(second->incidents() == expected);
  REQUIRE(first->incidents() == expected);
}

TEST_CASE("a record is made graver, never lighter, without another look") {
  DamageSample sample;
  const auto record = sample.open();
  record->add(pack(1), PackProblem::missing, 1000);
  REQUIRE_FALSE(record->add(pack(1), PackProblem::damaged, 2000));  // it was put back, damaged
  REQUIRE_FALSE(record->add(pack(1), PackProblem::missing, 3000));
  REQUIRE(record->incidents() ==
          std::vector<DamageIncident>{{1000, 0, "", {{pack(1), PackProblem::damaged}}}});
}

TEST_CASE("a pack that is whole again goes, and with the last one its incident") {
  DamageSample sample;
  const auto record = sample.open();
  record->add(pack(1), PackProblem::missing, 1000);
  record->add(pack(2), PackProblem::missing, 1000);
  const DamagedPacks whole = {{pack(1), PackProblem::missing}, {pack(9), PackProblem::missing}};
  record->remove(whole);
  REQUIRE(record->packs() == DamagedPacks{{pack(2), PackProblem::missing}});
  record->remove({{pack(2), PackProblem::damaged}});  // another problem than the one that went
  REQUIRE(record->packs() == DamagedPacks{{pack(2), PackProblem::missing}});
  record->remove({{pack(2), PackProblem::missing}});
  REQUIRE(record->incidents().empty());
  REQUIRE_FALSE(std::filesystem::exists(sample.file()));
  REQUIRE(record->add(pack(2), PackProblem::missing, 2000));  // gone once more
  REQUIRE(sample.open()->packs().size() == 1);
}

TEST_CASE("what could not be written is written the next time") {
  DamageSample sample;
  const auto record = sample.open();
  record->add(pack(1), PackProblem::missing, 1000);
  std::filesystem::remove(sample.file());
  std::filesystem::create_directories(sample.file() + "/in the way");
  REQUIRE(error_code([&] { record->add(pack(2), PackProblem::missing, 1000); }) == Code::failed);
  std::filesystem::remove_all(sample.file());
  record->flush();
  REQUIRE(sample.open()->packs() == DamagedPacks{{pack(2), PackProblem::missing}});
}

TEST_CASE("closing an incident changes what people are told, and nothing else") {
  DamageSample sample;
  const auto record = sample.open();
  REQUIRE(record->close("nothing there", 500) == 0);
  record->add(pack(1), PackProblem::missing, 1000);
  REQUIRE(record->close("a disk was pulled", 2000) == 1);
  REQUIRE(record->close("again", 2500) == 0);
  REQUIRE_FALSE(record->add(pack(1), PackProblem::missing, 3000));  // still gone: no news
  record->add(pack(2), PackProblem::missing, 3000);
  const std::vector<DamageIncident> incidents = sample.open()->incidents();
  REQUIRE(incidents.size() == 2);
  REQUIRE(incidents.front() ==
          DamageIncident{1000, 2000, "a disk was pulled", {{pack(1), PackProblem::missing}}});
  REQUIRE(incidents.back().is_open());
  REQUIRE(record->packs().size() == 2);
  REQUIRE(error_code([&] { record->close(std::string(damage_note_bytes_max + 1, 'x'), 1); }) ==
          Code::invalid);
}

TEST_CASE("of those that record at once none loses what another has found") {
  DamageSample sample;
  constexpr std::uint8_t each = 40;
  std::vector<std::thread> threads;
  for (std::uint8_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      const auto record = sample.open();
      for (std::uint8_t i = 0; i < each; ++i) {
        record->add(pack(static_cast<std::uint8_t>(thread * each + i)), PackProblem::damaged,
                    1000 + thread);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  REQUIRE(sample.open()->packs().size() == std::size_t{4} * each);
}

TEST_CASE("a record that is damaged is said once, and what is found afterwards is kept") {
  DamageSample sample;
  sample.open()->add(pack(1), PackProblem::damaged, 1000);
  const Bytes good = slurp(sample.file());
  for (std::size_t at = 0; at < good.size(); ++at) {
    Bytes bad = good;
    bad[at] ^= 1;
    write_file(sample.file(), bad);
    sample.observer.notices.clear();
    REQUIRE(sample.open()->packs().empty());
    REQUIRE(sample.observer.notices.size() == 1);
    const auto record = sample.open();
    REQUIRE(sample.observer.notices.size() == 1);
    record->add(pack(2), PackProblem::missing, 2000);
    REQUIRE(sample.open()->packs() == DamagedPacks{{pack(2), PackProblem::missing}});
  }
}

TEST_CASE("finding many packs does not write the record for each of them") {
  DamageSample sample;
  const auto record = sample.open();
  std::uint64_t written = 0;
  std::filesystem::file_time_type last;
  SeededRandom random{seed()};
  for (std::size_t count = 1; count <= 1000; ++count) {
    record->add(random.draw_id<ObjectHash>(), PackProblem::missing, 1000);
    if (sample.open()->packs().size() == count) ++written;
  }
  REQUIRE(written < 100);
  record->flush();
  REQUIRE(sample.open()->packs().size() == 1000);
}
