// The environment below catalog and index: no record that was changed is handed out, and whoever
// opens a damaged one is told so that it is rebuilt.
#include "engine/catalog/environment.h"

#include <filesystem>

#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"
#include "tests/unit/catalog/catalog_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

const Environment::Options environment_options{
    .map_bytes = 1U << 24U, .table_count = 2, .checksum_key = checksum_key};

void put_record(Environment& environment, std::string_view key, std::string_view value) {
  Transaction write(environment, Transaction::Mode::write);
  write.put(0, as_view(key), as_view(value));
  write.commit();
}

std::optional<std::string> get_record(Environment& environment, std::string_view key) {
  const Transaction read(environment, Transaction::Mode::read);
  const auto value = read.get(0, as_view(key));
  return value ? std::optional<std::string>(as_text(*value)) : std::nullopt;
}

// An environment that is opened and closed again; its file can be changed in between.
struct EnvironmentFile {
  EnvironmentFile() {
    Environment environment(path, environment_options);
    put_record(environment, "a", std::string(40, 'A'));
    put_record(environment, "b", std::string(40, 'B'));
  }

  [[nodiscard]] Code read_code(std::string_view key) const {
    return error_code([&] {
      Environment environment(path, environment_options);
      get_record(environment, key);
    });
  }

  TemporaryDirectory directory;
  std::string path = directory / "catalog";
  std::string data = path + "/data.mdb";
};

// Every occurrence of a value of 40 letters and its checksum.
std::vector<std::size_t> places_of(const Bytes& file, char letter) {
  std::vector<std::size_t> out;
  const Bytes value(40, static_cast<std::uint8_t>(letter));
  for (auto at = file.begin();;) {
    at = std::search(at, file.end(), value.begin(), value.end());
    if (at == file.end()) return out;
    out.push_back(static_cast<std::size_t>(at - file.begin()));
    at += 40;
  }
}

}  // namespace

TEST_CASE("a record is read as it was put, in its table alone") {
  const TemporaryDirectory directory;
  Environment environment(directory / "catalog", environment_options);
  put_record(environment, "key", "value");
  put_record(environment, "empty", "");
  REQUIRE(get_record(environment, "key") == "value");
  REQUIRE(get_record(environment, "empty") == "");
  REQUIRE_FALSE(get_record(environment, "ke"));
  const Transaction read(environment, Transaction::Mode::read);
  REQUIRE_FALSE(read.get(1, as_view("key")));
  REQUIRE(read.count(0) == 2);
  REQUIRE(read.count(1) == 0);
}

TEST_CASE("a transaction that is not committed leaves nothing") {
  const TemporaryDirectory directory;
  Environment environment(directory / "catalog", environment_options);
  {
    Transaction write(environment, Transaction::Mode::write);
    write.put(0, as_view("key"), as_view("value"));
  }
  REQUIRE_FALSE(get_record(environment, "key"));
}

TEST_CASE("a reader sees the moment at which it began, until it is renewed") {
  const TemporaryDirectory directory;
  Environment environment(directory / "catalog", environment_options);
  put_record(environment, "key", "old");
  Transaction read(environment, Transaction::Mode::read);
  put_record(environment, "key", "new");
  REQUIRE(as_text(read.get(0, as_view("key")).value()) == "old");
  read.renew();
  REQUIRE(as_text(read.get(0, as_view("key")).value()) == "new");
}

TEST_CASE("a scan begins at a key, follows their order and ends when it is told to") {
  const TemporaryDirectory directory;
  Environment environment(directory / "catalog", environment_options);
  {
    Transaction write(environment, Transaction::Mode::write);
    for (const std::string_view key : {"a", "b", "d"}) {
      write.append(0, as_view(key), as_view(key));
    }
    write.put(0, as_view("c"), as_view("c"));
    write.commit();
  }
  Transaction read(environment, Transaction::Mode::read);
  const auto scanned = [&](std::string_view from, std::size_t at_most) {
    std::string out;
    read.scan(0, as_view(from), [&](View key, View value) {
      REQUIRE(equal(key, value));
      out += as_text(key);
      return out.size() < at_most;
    });
    return out;
  };
  REQUIRE(scanned("", 9) == "abcd");
  REQUIRE(scanned("bb", 9) == "cd");
  REQUIRE(scanned("a", 2) == "ab");
  REQUIRE(scanned("e", 9).empty());
}

TEST_CASE("a table that was cleared is empty, and the others are not") {
  const TemporaryDirectory directory;
  Environment environment(directory / "catalog", environment_options);
  Transaction write(environment, Transaction::Mode::write);
  write.put(0, as_view("a"), as_view("x"));
  write.put(1, as_view("a"), as_view("x"));
  write.clear(0);
  REQUIRE(write.count(0) == 0);
  REQUIRE(write.count(1) == 1);
}

TEST_CASE("a record that was changed is damage, and stays so for whoever opens it next") {
  EnvironmentFile file;
  Bytes bytes = slurp(file.data);
  for (const std::size_t at : places_of(bytes, 'A')) {
    bytes[at] ^= 1U;
  }
  write_file(file.data, bytes);
  Environment still_good(file.path, environment_options);
  REQUIRE(get_record(still_good, "b") == std::string(40, 'B'));
  REQUIRE(error_code([&] { get_record(still_good, "a"); }) == Code::corrupt);
  REQUIRE(file.read_code("b") == Code::corrupt);
}

TEST_CASE("two records that were swapped are damage") {
  EnvironmentFile file;
  Bytes bytes = slurp(file.data);
  constexpr std::ptrdiff_t record_size = 40 + 8;
  const auto a = places_of(bytes, 'A');
  const auto b = places_of(bytes, 'B');
  REQUIRE_FALSE(b.empty());
  const Bytes record_a(&bytes[a.back()], &bytes[a.back()] + record_size);
  const Bytes record_b(&bytes[b.back()], &bytes[b.back()] + record_size);
  for (const std::size_t at : a) {
    std::ranges::copy(record_b, bytes.begin() + static_cast<std::ptrdiff_t>(at));
  }
  for (const std::size_t at : b) {
    std::ranges::copy(record_a, bytes.begin() + static_cast<std::ptrdiff_t>(at));
  }
  write_file(file.data, bytes);
  REQUIRE(file.read_code("a") == Code::corrupt);
}

TEST_CASE("under another key no record is believed") {
  const EnvironmentFile file;
  LocalKey other = checksum_key;
  other[15] = 1;
  Environment environment(file.path,
                          {.map_bytes = 1U << 24U, .table_count = 2, .checksum_key = other});
  REQUIRE(error_code([&] { get_record(environment, "a"); }) == Code::corrupt);
}

namespace {

// An environment whose values are hidden, and what its file holds.
struct Hidden {
  static Environment::Options options(std::uint8_t fill) {
    return {.map_bytes = 1U << 24U,
            .table_count = 2,
            .checksum_key = checksum_key,
            .value_key = Key::from(Bytes(Key::size, fill))};
  }

  [[nodiscard]] bool shows(const std::string& value) const {
    return holds(slurp(path + "/data.mdb"), value);
  }

  TemporaryDirectory directory;
  std::string path = directory / "index";
  Environment environment{path, options(1)};
};

}  // namespace

TEST_CASE("a value that is hidden is read as it was put, and is nowhere in the file") {
  Hidden hidden;
  const std::string value(40, 'A');
  put_record(hidden.environment, "key", value);
  put_record(hidden.environment, "a key that is longer than a nonce is", value);
  put_record(hidden.environment, "empty", "");
  REQUIRE(get_record(hidden.environment, "key") == value);
  REQUIRE(get_record(hidden.environment, "a key that is longer than a nonce is") == value);
  REQUIRE(get_record(hidden.environment, "empty") == "");
  REQUIRE_FALSE(hidden.shows(std::string(8, 'A')));
  const Transaction read(hidden.environment, Transaction::Mode::read);
  std::size_t count = 0;
  read.scan(0, {}, [&](View key, View scanned) {
    REQUIRE(as_text(scanned) == (as_text(key) == "empty" ? "" : value));
    return ++count < 3;
  });
  REQUIRE(count == 3);
}

TEST_CASE(
    "two values of one record are not hidden by one stream, so their difference stays hidden") {
  const auto hidden_value = [](const std::string& value) {
    Hidden hidden;
    put_record(hidden.environment, "key", value);
    const Bytes file = slurp(hidden.path + "/data.mdb");
    const auto key = std::string_view("key");
    const auto at = std::search(file.begin(), file.end(), key.begin(), key.end());
    REQUIRE(at != file.end());
    return Bytes(at + 3, at + 3 + 40);
  };
  const Bytes a = hidden_value(std::string(40, 'A'));
  const Bytes b = hidden_value(std::string(39, 'A') + "B");
  REQUIRE(a == hidden_value(std::string(40, 'A')));
  std::size_t same = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    same += static_cast<std::size_t>(a[i] == b[i]);
  }
  REQUIRE(same < 8);
}

TEST_CASE("a hidden value that was changed, or is read with another key, is damage") {
  Hidden hidden;
  put_record(hidden.environment, "key", std::string(40, 'A'));
  const std::string copy = hidden.directory / "copy";
  std::filesystem::create_directory(copy);
  std::filesystem::copy(hidden.path + "/data.mdb", copy + "/data.mdb");
  SECTION("with its key it is read") {
    Environment again(copy, Hidden::options(1));
    REQUIRE(get_record(again, "key") == std::string(40, 'A'));
  }
  SECTION("with another it is not") {
    Environment other(copy, Hidden::options(2));
    REQUIRE(error_code([&] { get_record(other, "key"); }) == Code::corrupt);
  }
  SECTION("changed") {
    Bytes file = slurp(copy + "/data.mdb");
    const auto key = std::string_view("key");
    for (auto at = file.begin();; ++at) {
      at = std::search(at, file.end(), key.begin(), key.end());
      if (at == file.end()) break;
      at[5] ^= 1U;
    }
    write_file(copy + "/data.mdb", file);
    Environment changed(copy, Hidden::options(1));
    REQUIRE(error_code([&] { get_record(changed, "key"); }) == Code::corrupt);
  }
}

TEST_CASE("a file that is cut short is damage when it is opened") {
  const EnvironmentFile file;
  std::filesystem::resize_file(file.data, std::filesystem::file_size(file.data) - 4096);
  REQUIRE(error_code([&] { Environment(file.path, environment_options); }) == Code::corrupt);
}

TEST_CASE("an environment that was in use when the program failed is damage to the next") {
  EnvironmentFile file;
  {
    const Environment environment(file.path, environment_options);
    mark_open_environments();
  }
  REQUIRE(file.read_code("a") == Code::corrupt);
}

TEST_CASE("an environment that was closed is not marked with those that are open") {
  const EnvironmentFile file;
  mark_open_environments();
  Environment environment(file.path, environment_options);
  REQUIRE(get_record(environment, "a") == std::string(40, 'A'));
}

TEST_CASE("an environment that is opened while it is open is one, and outlives its first user") {
  const TemporaryDirectory directory;
  auto first = std::make_unique<Environment>(directory / "catalog", environment_options);
  Environment second(directory / "catalog", environment_options);
  put_record(*first, "key", "value");
  REQUIRE(get_record(second, "key") == "value");
  first.reset();
  put_record(second, "key", "other");
  REQUIRE(get_record(second, "key") == "other");
}

TEST_CASE("an environment that was removed and made anew is another one") {
  const TemporaryDirectory directory;
  Environment former(directory / "catalog", environment_options);
  put_record(former, "key", "value");
  std::filesystem::remove_all(directory / "catalog");
  Environment made_anew(directory / "catalog", environment_options);
  REQUIRE_FALSE(get_record(made_anew, "key"));
}
