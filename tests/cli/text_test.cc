// What the program and the engine say to a person: advice that can be followed, columns that align.
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "tests/cli/place.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace fs = std::filesystem;

namespace {

// The texts of a C++ source: its string literals, those side by side joined as the compiler does.
std::vector<std::string> literals_of(const std::string& source) {
  std::vector<std::string> out;
  bool joins = false;
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '/' && source.substr(i, 2) == "//") {
      i = std::min(source.find('\n', i), source.size());
      continue;
    }
    if (source[i] == '\'') {  // a character, or the mark between digits
      const bool is_character = source.substr(i).find('\'', source[i + 1] == '\\' ? 3 : 2) < 8;
      const bool is_digits = i > 0 && std::isalnum(static_cast<unsigned char>(source[i - 1])) != 0;
      if (is_character && !is_digits) i = source.find('\'', source[i + 1] == '\\' ? i + 3 : i + 2);
    } else if (source[i] == '"') {
      std::string text;
      for (++i; i < source.size() && source[i] != '"'; ++i) {
        if (source[i] == '\\') text += source[i++];
        text += source[i];
      }
      if (joins) {
        out.back() += text;
      } else {
        out.push_back(text);
      }
      joins = true;
      continue;
    }
    if (std::isspace(static_cast<unsigned char>(source[i])) == 0) joins = false;
  }
  return out;
}

std::set<std::string> engine_texts() {
  std::set<std::string> out;
  for (const auto& file :
       fs::recursive_directory_iterator(concat(std::string_view(KIST_SOURCE_DIR), "/engine"))) {
    const std::string extension = file.path().extension().string();
    if (extension != ".cc" && extension != ".h") continue;
    std::ifstream in(file.path());
    std::stringstream text;
    text << in.rdbuf();
    for (const std::string& literal : literals_of(text.str())) {
      out.insert(literal);
    }
  }
  return out;
}

// The help of every command, by its words: "key add".
std::map<std::string, std::string> all_help(const Place& place) {
  std::map<std::string, std::string> out;
  const std::regex row("^  ([a-z-]+)  +[A-Z]");
  std::vector<std::string> open = {""};
  while (!open.empty()) {
    const std::string command = open.back();
    open.pop_back();
    const std::string help = place.run("help " + command).out;
    out[command] = help;
    std::istringstream lines(help.substr(std::min(help.find("\nSubcommands:"), help.size())));
    for (std::string line; std::getline(lines, line);) {
      std::smatch match;
      if (!std::regex_search(line, match, row)) continue;
      open.push_back(command.empty() ? match[1].str() : command + " " + match[1].str());
    }
  }
  return out;
}

// Every option that a command has, by its long name.
std::set<std::string> all_options(const std::map<std::string, std::string>& help) {
  std::set<std::string> out;
  const std::regex row("\n  (-[A-Za-z],)?(--[a-z0-9-]+)");
  for (const auto& [command, text] : help) {
    for (std::sregex_iterator at(text.begin(), text.end(), row), end; at != end; ++at) {
      out.insert((*at)[2].str());
    }
  }
  return out;
}

// What is wrong with a text that names a command or an option which does not exist; else empty.
std::string wrong_advice(const std::map<std::string, std::string>& help, const std::string& text) {
  static const std::regex command("\\bkist ([a-z]+)( [a-z]+(-[a-z]+)?)?");
  static const std::regex option("(^|[^\\w-])(--[a-z][a-z0-9-]+)");
  const std::set<std::string> options = all_options(help);
  for (std::sregex_iterator at(text.begin(), text.end(), command), end; at != end; ++at) {
    const std::string first = (*at)[1].str();
    if (!help.contains(first)) return "there is no command " + at->str();
    const bool has_below = contains(help.at(first), "\nSubcommands:");
    if (has_below && !help.contains(first + (*at)[2].str())) return "no command " + at->str();
  }
  for (std::sregex_iterator at(text.begin(), text.end(), option), end; at != end; ++at) {
    if (!options.contains((*at)[2].str())) return "there is no option " + (*at)[2].str();
  }
  return {};
}

// Texts of the engine that hold the program's name and no advice.
const std::set<std::string> no_advice = {"kist epoch box",
                                         "kist index",
                                         "kist audit",
                                         "kist epoch",
                                         "kist local index tags",
                                         "kist local index checksums",
                                         "kist local index values",
                                         "kist local file caches",
                                         "a restore by kist is not done here yet\\n"};

}  // namespace

TEST_CASE("every command and option that the engine's texts name exists") {
  const Place place;
  const auto help = all_help(place);
  REQUIRE(help.size() > 30);
  REQUIRE(help.contains("key add"));
  std::size_t advice = 0;
  for (const std::string& text : engine_texts()) {
    if (no_advice.contains(text)) continue;
    INFO(text);
    REQUIRE(wrong_advice(help, text).empty());
    if (contains(text, "kist ") || contains(text, "--")) ++advice;
  }
  REQUIRE(advice > 20);
  REQUIRE_FALSE(wrong_advice(help, "see kist frobnicate").empty());
  REQUIRE_FALSE(wrong_advice(help, "see kist key lists").empty());
  REQUIRE_FALSE(wrong_advice(help, "give --delet").empty());
}

TEST_CASE("names that are not ASCII keep the columns of a table in line") {
  const Place place;
  place.require("init", 0);
  // Wide: two columns a character. Combining: none. The others: one.
  const std::vector<std::pair<std::string, std::size_t>> names = {
      {"Zoe", 3}, {"Zoë", 3}, {"Zoe\u0308", 3}, {"日本語", 6}, {"naïve-ключ", 10}};
  for (const auto& [name, columns] : names) {
    const std::string file = concat(place.directory.path(), "/key-", name);
    place.require(concat("key add --role writer --name ", name, " --new-key-file ", file), 0);
  }
  std::istringstream lines(place.run("key list").out);
  std::size_t found = 0;
  for (std::string line; std::getline(lines, line);) {
    for (const auto& [name, columns] : names) {
      const std::size_t at = line.find(name + " ");
      if (at == std::string::npos) continue;
      const std::size_t spaces = line.find("writer") - at - name.size();
      INFO(line);
      REQUIRE(columns + spaces == 10 + 2);  // the widest name, and two between columns
      ++found;
    }
  }
  REQUIRE(found == names.size());
}

TEST_CASE("an installed release holds no symbols, and its man page") {
  const TemporaryDirectory directory;
  const fs::path built = fs::path(KIST_BINARY).parent_path();
  const std::string command =
      concat("cmake --install '", built.string(), "' --config Release --prefix '", directory.path(),
             "' >/dev/null");
  REQUIRE(std::system(command.c_str()) == 0);  // NOLINT(concurrency-mt-unsafe)
  const auto has_symbols = [](const std::string& path) {
    const Bytes bytes = slurp(path);
    return contains(std::string(as_text(bytes)), ".symtab");
  };
  REQUIRE(has_symbols(KIST_BINARY));
  REQUIRE_FALSE(has_symbols(directory / "bin/kist"));
  REQUIRE(fs::file_size(directory / "share/man/man1/kist.1") > 10'000);
}
