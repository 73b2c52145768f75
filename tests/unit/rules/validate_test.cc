// Rules that hold for entries of every kind.
#include "engine/rules/validate.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "tests/unit/rules/rules_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The numbers that the pattern's first group finds in the text, in their order.
std::vector<int> numbers_in(const std::string& text, const std::regex& pattern) {
  std::vector<int> out;
  for (std::sregex_iterator each(text.begin(), text.end(), pattern); each != std::sregex_iterator();
       ++each) {
    out.push_back(std::stoi((*each)[1].str()));
  }
  return out;
}

// Of every `return Violation{N, …}` in the source of the rules.
std::vector<int> rules_in_code() {
  std::vector<int> out{authenticity_rule};
  const std::regex violation(R"(Violation\{\s*(\d+),)");
  for (const auto& file :
       std::filesystem::recursive_directory_iterator(concat(KIST_SOURCE_DIR, "/engine/rules"))) {
    if (file.path().extension() != ".cc") continue;
    const std::vector<int> found = numbers_in(text_of(file.path()), violation);
    out.insert(out.end(), found.begin(), found.end());
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace

TEST_CASE("the rules of docs/format.md have the numbers of those in the code, each once") {
  const std::string format = text_of(concat(KIST_SOURCE_DIR, "/docs/format.md"));
  const std::vector<int> documented = numbers_in(format, std::regex("\n- V(\\d+): "));
  std::vector<int> sorted = documented;
  std::ranges::sort(sorted);
  REQUIRE(documented.size() >= 46);
  REQUIRE(rules_in_code() == sorted);
  REQUIRE(documented == sorted);
  REQUIRE(std::ranges::adjacent_find(documented) == documented.end());
  REQUIRE(documented.front() == 1);
  REQUIRE(documented.back() == static_cast<int>(documented.size()));
}

TEST_CASE("an entry that does not follow is void") {
  const State state = small_state();
  JournalEntry entry = next_entry(state, owner, snapshot(1));
  REQUIRE_FALSE(validate(state, entry));
  ++entry.sequence;
  require_void(state, entry, {2, "a number that does not follow"});
  entry = next_entry(state, owner, snapshot(1));
  entry.previous = sample_id<ObjectHash>(250);
  require_void(state, entry, {3, "a chain that does not hold"});
  entry = next_entry(state, owner, snapshot(1));
  entry.time_ms = state.last_ms - 1;
  require_void(state, entry, {4, "a time before that of the entries that it follows"});
  entry = next_entry(state, owner, snapshot(1));
  entry.epoch_number = 1;
  require_void(state, entry, {8, "an epoch that is not the current one"});
}

TEST_CASE("a slot does what its capabilities allow and nothing else") {
  const State state = small_state();
  REQUIRE_FALSE(validate(state, next_entry(state, writer, snapshot(1))));
  require_void(state, next_entry(state, reader, snapshot(1)),
               {9, "its author lacks the capability write"});
  require_void(state, next_entry(state, writer, slot(sample_id<SlotId>(70), owner_capabilities)),
               {9, "its author lacks the capability own"});
  require_void(state, next_entry(state, sample_id<SlotId>(200), snapshot(1)),
               {6, "an author that is no slot"});
}

TEST_CASE("an act that no feature has enabled is void") {
  const State state = small_state();
  require_void(state, next_entry(state, owner, UnknownAct{.type = 77, .payload = {}}),
               {10, "a type that no feature has enabled"});
}
