// The two copies of what is stored twice: which one is read, which failures pass one over, and who
// is told.
#include "engine/store/twins.h"

#include "tests/unit/store/store_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

const std::string twinned_path = "grants/a";
const std::string twin_path = "grants/a.2";
constexpr std::uint64_t twinned_max = 100;

// Both copies in a store of which a path can be made to fail.
struct Twins {
  Twins() { put_twinned(memory, twinned_path, to_bytes("good")); }

  // Damaged: not what a check for "good" asks for.
  void damage(const std::string& path) { memory.overwrite(path, to_bytes("evil")); }

  [[nodiscard]] std::uint64_t second_reads() const { return memory.get_count(twin_path); }

  Bytes get() {
    return get_twinned(store, twinned_path, twinned_max, observer, [](View bytes) {
      if (as_text(bytes) != "good") throw Error(Code::corrupt, concat("not ", as_text(bytes)));
    });
  }

  MemoryStore memory;
  UnreadableStore store{memory};
  RecordingObserver observer;
};

// The paths that find_copy() shows to somebody who takes none.
std::vector<std::string> shown_paths(Twins& twins) {
  std::vector<std::string> out;
  const bool is_taken = find_copy(twins.store, twinned_path, twinned_max, [&](const Copy& copy) {
    out.push_back(copy.path);
    return false;
  });
  REQUIRE_FALSE(is_taken);
  return out;
}

// The first copy with those bytes, as find_whole_copy() finds it.
std::optional<std::string> find_whole(Twins& twins, const std::string& wanted) {
  std::optional<std::string> out;
  const bool is_taken =
      find_whole_copy(twins.store, twinned_path, twinned_max, [&](const Copy& copy) {
        if (as_text(*copy.bytes) != wanted) return false;
        out = copy.path;
        return true;
      });
  REQUIRE(is_taken == out.has_value());
  return out;
}

}  // namespace

TEST_CASE("what is put twice has the same bytes under both paths") {
  const Twins twins;
  REQUIRE(twins.memory.objects() == std::map<std::string, Bytes>{{twinned_path, to_bytes("good")},
                                                                 {twin_path, to_bytes("good")}});
  REQUIRE(copies_of(twinned_path) == std::array{twinned_path, twin_path});
}

TEST_CASE("a second copy is put without a look at the first, and replaces nothing") {
  MemoryStore store;
  put_second_copy(store, twinned_path, to_bytes("good"));
  REQUIRE_FALSE(store.size(twinned_path));
  put_second_copy(store, twinned_path, to_bytes("other"));
  REQUIRE(store.objects().at(twin_path) == to_bytes("good"));
}

TEST_CASE("either copy alone is a copy") {
  Twins twins;
  REQUIRE(has_copy(twins.memory, twinned_path));
  twins.memory.remove(twinned_path);
  REQUIRE(has_copy(twins.memory, twinned_path));
  put_twinned(twins.memory, twinned_path, to_bytes("good"));
  twins.memory.remove(twin_path);
  REQUIRE(has_copy(twins.memory, twinned_path));
  twins.memory.remove(twinned_path);
  REQUIRE_FALSE(has_copy(twins.memory, twinned_path));
}

TEST_CASE("a copy holds its bytes or why it has none, and only what is absent is absent") {
  Twins twins;
  const Copy good = read_copy(twins.store, twinned_path, twinned_max);
  REQUIRE(good.path == twinned_path);
  REQUIRE(good.bytes == to_bytes("good"));
  REQUIRE_FALSE(good.problem);
  REQUIRE_FALSE(good.is_absent());
  const Copy absent = read_copy(twins.store, "grants/b", twinned_max);
  REQUIRE_FALSE(absent.bytes);
  REQUIRE(absent.is_absent());
  const Copy too_large = read_copy(twins.store, twinned_path, 3);
  REQUIRE(too_large.problem->code() == Code::corrupt);
  REQUIRE_FALSE(too_large.bytes);
  REQUIRE_FALSE(too_large.is_absent());
  twins.store.unreadable = {twinned_path};
  const Copy unreadable = read_copy(twins.store, twinned_path, twinned_max);
  REQUIRE(unreadable.problem->code() == Code::failed);
  REQUIRE_FALSE(unreadable.is_absent());
}

TEST_CASE("a search is shown both copies whatever is the matter with them, the first one first") {
  Twins twins;
  const std::vector<std::string> both = {twinned_path, twin_path};
  REQUIRE(shown_paths(twins) == both);
  twins.store.unreadable = {twinned_path};
  REQUIRE(shown_paths(twins) == both);
  twins.store.unreadable = {};
  twins.memory.remove(twinned_path);
  twins.memory.remove(twin_path);
  REQUIRE(shown_paths(twins) == both);
}

TEST_CASE("a search reads the second copy only where the first was not taken") {
  Twins twins;
  const auto take_all = [](const Copy&) { return true; };
  REQUIRE(find_copy(twins.store, twinned_path, twinned_max, take_all));
  REQUIRE(find_whole_copy(twins.store, twinned_path, twinned_max, take_all));
  REQUIRE(twins.get() == to_bytes("good"));
  REQUIRE(twins.second_reads() == 0);
  twins.damage(twinned_path);
  REQUIRE(twins.get() == to_bytes("good"));
  REQUIRE(twins.second_reads() == 1);
}

TEST_CASE("what a search's own work throws leaves it") {
  Twins twins;
  const auto refuse = [](const Copy&) -> bool { throw Error(Code::corrupt, "no"); };
  REQUIRE(error_code([&] { find_copy(twins.store, twinned_path, twinned_max, refuse); }) ==
          Code::corrupt);
  REQUIRE(twins.second_reads() == 0);
}

TEST_CASE("a search for a whole copy passes over one that is absent, too large or damaged") {
  Twins twins;
  REQUIRE(find_whole(twins, "good") == twinned_path);
  twins.memory.remove(twinned_path);
  REQUIRE(find_whole(twins, "good") == twin_path);
  twins.memory.overwrite(twinned_path, Bytes(twinned_max + 1));
  REQUIRE(find_whole(twins, "good") == twin_path);
  twins.damage(twinned_path);
  std::vector<std::string> seen;
  const auto take_undamaged = [&](const Copy& copy) {
    seen.push_back(copy.path);
    if (as_text(*copy.bytes) == "evil") throw Error(Code::unsupported, "of a later version");
    return true;
  };
  REQUIRE(find_whole_copy(twins.store, twinned_path, twinned_max, take_undamaged));
  REQUIRE(seen == std::vector<std::string>{twinned_path, twin_path});
  twins.memory.remove(twinned_path);
  twins.memory.remove(twin_path);
  REQUIRE_FALSE(find_whole(twins, "good"));
}

TEST_CASE("a search for a whole copy tells differing copies apart by their bytes") {
  Twins twins;
  twins.damage(twin_path);
  REQUIRE(find_whole(twins, "good") == twinned_path);
  REQUIRE(find_whole(twins, "evil") == twin_path);
  REQUIRE_FALSE(find_whole(twins, "neither"));
}

TEST_CASE("a search for a whole copy does not take a store that fails for damage") {
  Twins twins;
  twins.store.unreadable = {twinned_path};
  REQUIRE(error_code([&] { find_whole(twins, "good"); }) == Code::failed);
  REQUIRE(twins.second_reads() == 0);
  twins.store.unreadable = {twin_path};
  REQUIRE(find_whole(twins, "good") == twinned_path);
  REQUIRE(error_code([&] { find_whole(twins, "neither"); }) == Code::failed);
}

TEST_CASE("a failure of a whole copy's taker that is no damage leaves the search") {
  Twins twins;
  const auto refuse = [](const Copy&) -> bool { throw Error(Code::refused, "revoked"); };
  REQUIRE(error_code([&] { find_whole_copy(twins.store, twinned_path, twinned_max, refuse); }) ==
          Code::refused);
}

TEST_CASE("the second copy serves for a first that is absent, unreadable, too large or damaged") {
  const auto require_told = [](Twins& twins, std::string_view what) {
    REQUIRE(twins.get() == to_bytes("good"));
    REQUIRE(twins.observer.notices.size() == 1);
    INFO(twins.observer.notices.front());
    REQUIRE(twins.observer.notices.front().starts_with(what));
    REQUIRE(twins.observer.notices.front().ends_with("its second copy is good and was used"));
  };
  Twins absent;
  absent.memory.remove(twinned_path);
  require_told(absent, "grants/a is missing");
  Twins unreadable;
  unreadable.store.unreadable = {twinned_path};
  require_told(unreadable, "grants/a cannot be read");
  Twins too_large;
  too_large.memory.overwrite(twinned_path, Bytes(twinned_max + 1));
  require_told(too_large, "grants/a is 101 bytes");
  Twins damaged;
  damaged.damage(twinned_path);
  require_told(damaged, "not evil");
}

TEST_CASE("nobody is told of a second copy that is absent, unreadable or damaged") {
  Twins twins;
  twins.damage(twin_path);
  REQUIRE(twins.get() == to_bytes("good"));
  twins.store.unreadable = {twin_path};
  REQUIRE(twins.get() == to_bytes("good"));
  twins.memory.remove(twin_path);
  REQUIRE(twins.get() == to_bytes("good"));
  REQUIRE(twins.observer.notices.empty());
}

TEST_CASE("where neither copy will do, the first one's failure is told") {
  const auto text = [](Twins& twins) {
    try {
      twins.get();
    } catch (const Error& error) {
      return error.text();
    }
    return std::string();
  };
  Twins damaged;
  damaged.damage(twinned_path);
  damaged.memory.remove(twin_path);
  REQUIRE(text(damaged) == "not evil");
  Twins unreadable;
  unreadable.store.unreadable = {twinned_path};
  unreadable.damage(twin_path);
  REQUIRE(text(unreadable) == "grants/a cannot be read");
  REQUIRE(unreadable.observer.notices.empty());
}

TEST_CASE("of an absence and damage it is the damage that is said, whichever copy has it") {
  for (const bool is_first_gone : {true, false}) {
    Twins twins;
    twins.memory.remove(is_first_gone ? twinned_path : twin_path);
    twins.damage(is_first_gone ? twin_path : twinned_path);
    REQUIRE(error_code([&] { twins.get(); }) == Code::corrupt);
  }
}
