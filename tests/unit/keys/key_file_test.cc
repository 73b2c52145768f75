// Key files: what is written is read again, and nothing else is taken for one.
#include "engine/keys/key_file.h"

#include "tests/unit/keys/keys_fixture.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a key file is read as it was written") {
  SeededRandom random(seed());
  Key key;
  random.fill(key.mutable_view());
  const SecretBytes text = encode_key_file(key);
  REQUIRE(as_text(text.view()).starts_with("kist-key-1:"));
  REQUIRE(as_text(text.view()).ends_with("\n"));
  const Credential read = parse_key_file(text.view(), "key");
  REQUIRE(read.kind == SlotKind::key_file);
  REQUIRE(equal(read.secret.view(), key.view()));
}

TEST_CASE("space says nothing anywhere in a key file") {
  const SecretBytes text = encode_key_file(key_of(0x5a));
  std::string spaced;
  for (const char c : as_text(text.view())) {
    spaced += concat(" ", std::string(1, c), "\r\n\t");
  }
  REQUIRE(equal(parse_key_file(as_view(spaced), "key").secret.view(), Bytes(Key::size, 0x5a)));
}

TEST_CASE("what is no key file is refused by its path, and not repeated") {
  const SecretBytes text = encode_key_file(key_of(0x5a));
  const std::string good(as_text(text.view()));
  std::vector<std::string> others = {
      "", "\n", "kist-key-1:", good + "a", "x" + good, good.substr(0, good.size() - 2)};
  others.push_back(good);
  others.back().replace(9, 1, "2");  // another version
  others.push_back(good);
  others.back().replace(20, 1, "g");
  others.push_back(good);
  others.back().replace(20, 1, "A");  // one spelling alone
  for (const std::string& other : others) {
    try {
      parse_key_file(as_view(other), "home/secret.key");
      FAIL(other);
    } catch (const Error& error) {
      REQUIRE(error.code() == Code::invalid);
      REQUIRE(error.text().starts_with("home/secret.key is not a key file"));
      REQUIRE(error.text().find("5a5a") == std::string::npos);
    }
  }
}
