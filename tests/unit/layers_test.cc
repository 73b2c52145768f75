// The rules of the source tree itself: tiers, one home per library, sizes.
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>

#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

const std::string source_root = KIST_SOURCE_DIR;

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream in(path);
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);) {
    out.push_back(line);
  }
  return out;
}

std::vector<std::string> sources_in(const std::string& folder) {
  std::vector<std::string> out;
  for (const auto& file :
       std::filesystem::recursive_directory_iterator(concat(source_root, "/", folder))) {
    const std::string extension = file.path().extension().string();
    if (extension == ".h" || extension == ".cc") out.push_back(file.path().string());
  }
  return out;
}

// What engine/CMakeLists.txt says: folder → tier.
std::map<std::string, int> tiers() {
  std::map<std::string, int> out;
  const std::regex row("kist_layer\\(([a-z/]+) TIER ([0-9]+)");
  for (const std::string& line : lines_of(source_root + "/engine/CMakeLists.txt")) {
    std::smatch match;
    if (std::regex_match(line, match, row)) out[match[1].str()] = std::stoi(match[2].str());
  }
  return out;
}

// The folder, as tiers() names it, of a path below engine/: a verb's is two levels deep.
std::string folder_of(const std::string& path) {
  const std::size_t end = path.find('/', path.starts_with("ops/") ? 4 : 0);
  return end == std::string::npos ? "engine" : path.substr(0, end);
}

std::size_t columns(const std::string& line) {
  return static_cast<std::size_t>(std::ranges::count_if(
      line, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

}  // namespace

TEST_CASE("a folder of the engine includes only folders of lower tiers") {
  const auto tier = tiers();
  REQUIRE(tier.size() >= 18);
  const std::regex include("#include \"engine/(.*)\"");
  for (const std::string& path : sources_in("engine")) {
    const std::string folder =
        folder_of(std::filesystem::relative(path, source_root + "/engine").string());
    INFO(path);
    REQUIRE(tier.contains(folder));
    for (const std::string& line : lines_of(path)) {
      std::smatch match;
      if (!std::regex_match(line, match, include)) continue;
      const std::string used = folder_of(match[1].str());
      INFO(line);
      REQUIRE(tier.contains(used));
      REQUIRE((used == folder || tier.at(used) < tier.at(folder)));
    }
  }
}

TEST_CASE("the command line includes nothing of the engine but its public face") {
  for (const std::string& path : sources_in("cli")) {
    for (const std::string& line : lines_of(path)) {
      if (!line.starts_with("#include \"engine/")) continue;
      INFO(path);
      REQUIRE(line == "#include \"engine/engine.h\"");
    }
  }
}

// The names of the variables and parameters that are repositories, and what hands one out.
std::vector<std::string> repositories_in(const std::vector<std::string>& lines) {
  std::vector<std::string> out = {"repository", "open\\(\\)"};
  const std::regex declared("\\bRepository&? ([a-z_]+)\\b");
  for (const std::string& line : lines) {
    for (std::sregex_iterator at(line.begin(), line.end(), declared), end; at != end; ++at) {
      out.push_back((*at)[1].str());
    }
  }
  return out;
}

TEST_CASE("the command line passes a repository on and never reaches into it") {
  std::size_t found = 0;
  for (const std::string& path : sources_in("cli")) {
    const std::vector<std::string> lines = lines_of(path);
    for (const std::string& name : repositories_in(lines)) {
      // "options.repository.empty()" is the text of an option.
      const std::regex reach("(^|[^.\\w])" + name + "(\\.|->)[a-z]");
      const std::regex inner("(\\.|->)(journal|blocks|keyring|local)\\(\\)");
      for (const std::string& line : lines) {
        INFO(path << ": " << line);
        REQUIRE_FALSE(std::regex_search(line, reach));
        REQUIRE_FALSE(std::regex_search(line, inner));
      }
      ++found;
    }
  }
  REQUIRE(found > 60);
}

TEST_CASE("nothing below the repository's folder is handed a repository") {
  const std::regex parameter("\\bRepository ?[&*]");
  for (const auto& [folder, tier] : tiers()) {
    if (tier >= tiers().at("repository")) continue;
    for (const std::string& path : sources_in("engine/" + folder)) {
      for (const std::string& line : lines_of(path)) {
        INFO(path << ": " << line);
        REQUIRE_FALSE(std::regex_search(line, parameter));
      }
    }
  }
}

TEST_CASE("each library is included in one folder") {
  const std::map<std::string, std::string> homes = {{"<sodium.h>", "engine/crypto"},
                                                    {"<zstd.h>", "engine/content"},
                                                    {"<lmdb.h>", "engine/catalog"},
                                                    {"<roaring/", "engine/format"},
                                                    {"<CLI/", "cli"},
                                                    {"<spdlog/", "cli"},
                                                    {"<qrencode.h>", "cli"},
                                                    {"<nlohmann/", "cli"},
                                                    {"<catch2/", "tests/support"}};
  for (const std::string folder : {"engine", "cli", "tests", "bench"}) {
    for (const std::string& path : sources_in(folder)) {
      const std::string relative = std::filesystem::relative(path, source_root).string();
      for (const std::string& line : lines_of(path)) {
        for (const auto& [library, home] : homes) {
          if (!line.starts_with("#include " + library)) continue;
          INFO(relative << ": " << line);
          REQUIRE(relative.starts_with(home));
        }
      }
    }
  }
}

TEST_CASE("files keep to 500 lines of 100 columns") {
  for (const std::string folder : {"engine", "cli", "tests", "bench"}) {
    for (const std::string& path : sources_in(folder)) {
      const auto lines = lines_of(path);
      INFO(path);
      REQUIRE(lines.size() <= 500);
      for (const std::string& line : lines) {
        INFO(line);
        REQUIRE(columns(line) <= 100);
      }
    }
  }
}
