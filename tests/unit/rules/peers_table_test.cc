// The choices of restic's and borg's own programs, as tests/golden/ask_peers.py has recorded them:
// those of the rules in peer_rules.h, and Kist's but for the differences that the table explains.
#include <fstream>
#include <sstream>

#include "tests/support/test.h"
#include "tests/unit/rules/peers_fixture.h"

namespace kist::test::peers {

namespace {

struct Question {
  std::string peer;
  std::string list;
  std::string text;  // of the rules
  Choice keeps;
  Choice more;  // that Kist alone keeps
  Choice less;  // that the peer alone keeps
  std::string why{};
};

struct PeerTable {
  std::map<std::string, Times> lists;
  std::vector<Question> questions;
};

// "2025-10-26T00:30Z"
std::int64_t instant_of(const std::string& text) {
  using namespace std::chrono;
  const auto number = [&](std::size_t at, std::size_t size) {
    return std::stoi(text.substr(at, size));
  };
  const year_month_day date{year(number(0, 4)), month(static_cast<unsigned>(number(5, 2))),
                            day(static_cast<unsigned>(number(8, 2)))};
  const sys_seconds at = sys_days(date) + hours(number(11, 2)) + minutes(number(14, 2));
  return at.time_since_epoch().count();
}

// "1-3 7"
void add_numbers(std::istringstream& words, Choice& out) {
  for (std::string word; words >> word;) {
    const std::size_t dash = word.find('-');
    const std::size_t last = std::stoul(dash == std::string::npos ? word : word.substr(dash + 1));
    for (std::size_t i = std::stoul(word); i <= last; ++i) {
      out.insert(i);
    }
  }
}

std::string rest_of(std::istringstream& words) {
  std::string out;
  std::getline(words >> std::ws, out);
  return out;
}

PeerTable read_peer_table() {
  PeerTable out;
  Times* times = nullptr;
  std::ifstream file(concat(KIST_SOURCE_DIR, "/tests/golden/peers.txt"));
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string first;
    words >> first;
    if (first == "list") {
      times = &out.lists[rest_of(words)];
    } else if (first == "at") {
      for (std::string at; words >> at;) {
        times->push_back(instant_of(at));
      }
    } else if (first == "ask") {
      Question question;
      words >> question.peer >> question.list;
      question.text = rest_of(words);
      out.questions.push_back(question);
    } else if (first == "keeps") {
      add_numbers(words, out.questions.back().keeps);
    } else if (first == "more") {
      add_numbers(words, out.questions.back().more);
    } else if (first == "less") {
      add_numbers(words, out.questions.back().less);
    } else if (first == "why") {
      out.questions.back().why = rest_of(words);
    }
  }
  return out;
}

// "24d20h"
std::int64_t span_of(const std::string& text) {
  std::istringstream in(text);
  std::int64_t out = 0;
  std::int64_t count = 0;
  for (char unit = 0; in >> count >> unit;) {
    out += count * (unit == 'd' ? 86'400 : 3'600);
  }
  return out;
}

// "--keep-daily 7 --keep-within-monthly 820d"; a time counts back from the newest snapshot.
Rules rules_of(const std::string& text, std::int64_t newest) {
  static const std::map<std::string, Unit> units{
      {"last", Unit::each},        {"within", Unit::each}, {"hourly", Unit::hour},
      {"daily", Unit::day},        {"weekly", Unit::week}, {"monthly", Unit::month},
      {"3monthly", Unit::quarter}, {"yearly", Unit::year}, {"13weekly", Unit::thirteen_weeks}};
  Rules out;
  std::istringstream words(text);
  for (std::string option, value; words >> option >> value;) {
    if (option == "--expect") continue;
    const std::string name = option.substr(std::string("--keep-").size());
    const std::string unit = name.starts_with("within-") ? name.substr(7) : name;
    Rule rule{.unit = units.at(unit)};
    if (name.starts_with("within")) {
      rule.since = newest - span_of(value);
    } else {
      rule.count = value == "unlimited" ? all : std::stoi(value);
    }
    out.push_back(rule);
  }
  return out;
}

}  // namespace

TEST_CASE("restic's and borg's programs keep what their rules are taken to say") {
  const PeerTable table = read_peer_table();
  REQUIRE(table.questions.size() == 42);
  for (const Question& question : table.questions) {
    INFO(question.peer << " " << question.list << " " << question.text);
    const Times& times = table.lists.at(question.list);
    const Rules rules = rules_of(question.text, times.back());
    const Choice choice = question.peer == "borg" ? borg1(times, rules) : restic(times, rules);
    REQUIRE(choice == question.keeps);
  }
}

TEST_CASE("Kist keeps what restic's and borg's programs do, but for differences with a reason") {
  const PeerTable table = read_peer_table();
  REQUIRE_FALSE(table.questions.empty());
  for (const Question& question : table.questions) {
    INFO(question.peer << " " << question.list << " " << question.text);
    const Times& times = table.lists.at(question.list);
    Policy policy = policy_of(rules_of(question.text, times.back()), times.back());
    if (question.text.starts_with("--expect 15min")) policy.interval.seconds = 900;
    const Choice own = plan_of(times, policy, times.back());
    REQUIRE(without(own, question.keeps) == question.more);
    REQUIRE(without(question.keeps, own) == question.less);
    REQUIRE(question.why.empty() == (own == question.keeps));
  }
}

}  // namespace kist::test::peers
