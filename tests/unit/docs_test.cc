// What documents say of the source tree is true of it: paths, tests, tiers, the commands and
// options that the engine's texts advise; and their prose is wrapped.
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

const std::filesystem::path source_root = KIST_SOURCE_DIR;

std::string text_of(const std::filesystem::path& path) {
  const std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);) {
    out.push_back(line);
  }
  return out;
}

// docs/*.md and the two READMEs; decisions tell of their day, so they are not among them.
std::vector<std::filesystem::path> documents() {
  std::vector<std::filesystem::path> out = {source_root / "README.md",
                                            source_root / "bench/README.md"};
  for (const auto& file : std::filesystem::directory_iterator(source_root / "docs")) {
    if (file.path().extension() == ".md") out.push_back(file.path());
  }
  return out;
}

std::vector<std::filesystem::path> sources_in(const std::string& folder) {
  std::vector<std::filesystem::path> out;
  for (const auto& file : std::filesystem::recursive_directory_iterator(source_root / folder)) {
    const std::string extension = file.path().extension().string();
    if (extension == ".h" || extension == ".cc") out.push_back(file.path());
  }
  return out;
}

// The first group of each match.
std::vector<std::string> all_matches(const std::string& text, const std::regex& pattern) {
  std::vector<std::string> out;
  for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at) {
    out.push_back((*at)[1].str());
  }
  return out;
}

// Literals that stand side by side are one text: "kist key " "rotate".
std::string with_joined_literals(const std::string& text) {
  static const std::regex seam(R"("\s*")");
  return std::regex_replace(text, seam, "");
}

std::set<std::string> test_names() {
  static const std::regex name("TEST_CASE\\(\\s*\"([^\"]*)\"");
  std::set<std::string> out;
  for (const std::filesystem::path& path : sources_in("tests")) {
    out.merge([&] {
      const auto found = all_matches(with_joined_literals(text_of(path)), name);
      return std::set<std::string>(found.begin(), found.end());
    }());
  }
  return out;
}

std::size_t columns(const std::string& line) {
  return static_cast<std::size_t>(std::ranges::count_if(
      line, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

}  // namespace

TEST_CASE("paths of the source tree that documents name exist") {
  static const std::regex path("`((?:engine|cli|tests|docs|bench)/[^` ]*)`");
  for (const std::filesystem::path& document : documents()) {
    for (const std::string& named : all_matches(text_of(document), path)) {
      if (named.find_first_of("<*…") != std::string::npos) continue;  // a pattern
      INFO(document.string() << ": " << named);
      CHECK(std::filesystem::exists(source_root / named));
    }
  }
}

TEST_CASE("the table of folders has each folder of the engine, in the order of the tiers") {
  static const std::regex layer("kist_layer\\(([a-z/]+) TIER ([0-9]+)");
  static const std::regex row(R"(\| ([0-9]+) \| `([a-z/]+)` \|.*)");
  std::map<std::string, int> tiers;
  for (const std::string& line : lines_of(source_root / "engine/CMakeLists.txt")) {
    std::smatch match;
    if (std::regex_search(line, match, layer)) tiers[match[1].str()] = std::stoi(match[2].str());
  }
  tiers.erase("engine");  // the face is in no folder
  std::map<std::string, int> told;
  for (const std::string& line : lines_of(source_root / "docs/architecture.md")) {
    std::smatch match;
    if (std::regex_match(line, match, row)) told[match[2].str()] = std::stoi(match[1].str());
  }
  REQUIRE(told.size() > 10);
  for (const auto& [folder, tier] : tiers) {
    INFO(folder);
    REQUIRE(told.contains(folder));
    for (const auto& [other, other_tier] : tiers) {
      INFO(other);
      if (told.contains(other) && told.at(folder) < told.at(other)) CHECK(tier < other_tier);
    }
  }
  for (const auto& [folder, tier] : told) {
    INFO(folder);
    CHECK(tiers.contains(folder));
  }
}

TEST_CASE("tests that documents name by their titles exist") {
  static const std::regex title("\\*([a-z-][^*|`]+)\\*");
  const std::set<std::string> names = test_names();
  for (const char* document : {"docs/attacks.md", "docs/concurrency.md", "docs/trust.md"}) {
    std::size_t count = 0;
    for (const std::string& line : lines_of(source_root / document)) {
      if (!line.starts_with("|")) continue;  // in prose, emphasis
      for (const std::string& named : all_matches(line, title)) {
        if (named.find(' ') == std::string::npos) continue;  // emphasis
        INFO(document << ": " << named);
        CHECK(names.contains(named));
        ++count;
      }
    }
    CHECK(count > 10);
  }
}

TEST_CASE("commands and options that the engine's texts advise are those of the program") {
  static const std::regex subcommand("add_subcommand\\(\\s*\"([a-z-]+)\"");
  static const std::regex declared("[\",](--[a-z-]+)");
  static const std::regex text("\"((?:[^\"\\\\\\n]|\\\\.)*)\"");
  static const std::regex option("(--[a-z][a-z-]*)");
  static const std::regex advice("(?:^|[^-/a-z])kist ([a-z]+(?: [a-z]+(?:-[a-z]+)?)?)");
  std::set<std::string> options;
  std::set<std::string> commands;
  for (const std::filesystem::path& path : sources_in("cli")) {
    const std::string source = text_of(path);
    for (const std::string& name : all_matches(source, declared))
      options.insert(name);
    for (const std::string& name : all_matches(source, subcommand))
      commands.insert(name);
  }
  REQUIRE(commands.size() > 20);
  const std::set<std::string> groups = {"catalog", "incident", "journal", "key"};
  const std::set<std::string> no_advice = {
      "epoch box", "is not", "local file", "local index",
      "index",     "audit",  "epoch"};  // texts that are no advice
  std::size_t count = 0;
  for (const std::filesystem::path& path : sources_in("engine")) {
    for (const std::string& said : all_matches(with_joined_literals(text_of(path)), text)) {
      INFO(path.string() << ": " << said);
      for (const std::string& name : all_matches(said, option))
        CHECK(options.contains(name));
      for (const std::string& words : all_matches(said, advice)) {
        if (no_advice.contains(words)) continue;
        const std::string command = words.substr(0, words.find(' '));
        CHECK(commands.contains(command));
        if (groups.contains(command)) CHECK(commands.contains(words.substr(command.size() + 1)));
        ++count;
      }
    }
  }
  CHECK(count > 10);
}

TEST_CASE("the prose of documents keeps to 100 columns") {
  for (const std::filesystem::path& document : documents()) {
    bool is_fenced = false;
    for (const std::string& line : lines_of(document)) {
      if (line.starts_with("```")) is_fenced = !is_fenced;
      const bool is_prose = !is_fenced && !line.starts_with("|") && !line.starts_with("    ");
      INFO(document.string() << ": " << line);
      CHECK((!is_prose || columns(line) <= 100));
    }
  }
}

TEST_CASE("sections of documents that comments name exist") {
  // A comment as one line, then: docs/format.md, "Slots", "Grants".
  static const std::regex reference(R"((docs/[a-z-]+\.md)((?:, (?:and )?"[^"]+")+))");
  static const std::regex title(R"~("([^"]+)")~");
  std::size_t found = 0;
  for (const char* folder : {"engine", "cli", "tests"}) {
    for (const auto& path : sources_in(folder)) {
      const std::string text = std::regex_replace(text_of(path), std::regex("\n *// ?"), " ");
      for (std::sregex_iterator at(text.begin(), text.end(), reference), end; at != end; ++at) {
        const std::string document = "\n" + text_of(source_root / (*at)[1].str());
        for (const std::string& section : all_matches((*at)[2].str(), title)) {
          INFO(path << ": " << (*at)[1].str() << ", " << section);
          CHECK(document.find("# " + section + "\n") != std::string::npos);
          ++found;
        }
      }
    }
  }
  REQUIRE(found > 50);
}
