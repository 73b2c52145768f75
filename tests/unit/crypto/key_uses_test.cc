#include "engine/crypto/key_uses.h"

#include <fstream>
#include <sstream>

#include "engine/crypto/kdf.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

std::string line_of(const KeyUseRow& row) {
  const std::string subkey = row.is_numbered ? "its number" : std::to_string(row.subkey);
  return concat("| ", row.name, " | ", row.parent, " | `", row.context, "` | ", subkey, " |");
}

// The rows of the table in docs/format.md.
std::vector<std::string> documented_lines() {
  std::ifstream file(std::string(KIST_SOURCE_DIR) + "/docs/format.md");
  std::vector<std::string> out;
  bool is_in_section = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("#")) is_in_section = line == "### Derived keys";
    if (is_in_section && line.starts_with("| ")) out.push_back(line);
  }
  if (out.size() > 2) out.erase(out.begin(), out.begin() + 2);  // the head of the table
  return out;
}

}  // namespace

TEST_CASE("the format's table of derived keys is that of the code") {
  std::vector<std::string> expected;
  for (const KeyUseRow& row : key_uses) {
    expected.push_back(line_of(row));
  }
  REQUIRE(documented_lines() == expected);
}

TEST_CASE("no two uses of one key yield the same key") {
  const Key parent = Key::from(Bytes(Key::size, 3));
  std::vector<Bytes> keys;
  for (const KeyUseRow& row : key_uses) {
    const Key key =
        row.is_numbered ? derive_numbered_key(parent, row.use, 0) : derive_key(parent, row.use);
    keys.emplace_back(key.view().begin(), key.view().end());
  }
  const Key next = derive_numbered_key(parent, KeyUse::frame_secret, 1);
  keys.emplace_back(next.view().begin(), next.view().end());
  std::ranges::sort(keys);
  REQUIRE(std::ranges::adjacent_find(keys) == keys.end());
}

TEST_CASE("a table of key uses that repeats a pair is refused") {
  const auto with = [](const KeyUseRow& second) {
    return std::array{KeyUseRow{KeyUse(0), "a", "", "kistslot", 1}, second};
  };
  REQUIRE(detail::is_sound(with({KeyUse(1), "b", "", "kistslot", 2})));
  REQUIRE(detail::is_sound(with({KeyUse(1), "b", "", "kistkeyf", 1})));
  REQUIRE_FALSE(detail::is_sound(with({KeyUse(1), "b", "", "kistslot", 1})));
  REQUIRE_FALSE(detail::is_sound(with({KeyUse(1), "b", "", "kistslot", 2, true})));
  REQUIRE_FALSE(detail::is_sound(with({KeyUse(1), "b", "", "kistslo", 2})));
  REQUIRE_FALSE(detail::is_sound(with({KeyUse(0), "b", "", "kistslot", 2})));
}
