#include <atomic>
#include <thread>

#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/disk/file.h"
#include "engine/base/duration.h"
#include "engine/base/entry.h"
#include "engine/base/pool.h"
#include "engine/base/queue.h"
#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a number that is not in its shortest form is refused") {
  const Bytes overlong = {0x80, 0x00};
  REQUIRE(error_code([&] { ByteReader(overlong, "x").varint(); }) == Code::corrupt);
  const Bytes too_long(11, 0xff);
  REQUIRE(error_code([&] { ByteReader(too_long, "x").varint(); }) == Code::corrupt);
  const Bytes beyond = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
  REQUIRE(error_code([&] { ByteReader(beyond, "x").varint(); }) == Code::corrupt);
}

TEST_CASE("a count that cannot follow is refused before anything is allocated") {
  ByteWriter out;
  out.u32(0xffffffff);
  REQUIRE(error_code([&] { ByteReader(out.view(), "x").count(1, "things"); }) == Code::corrupt);
}

TEST_CASE("an error of a reader names object and offset") {
  const Bytes bytes = {1, 2, 3};
  try {
    ByteReader in(bytes, "slots/ab");
    in.u16();
    in.u32();
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    REQUIRE(error.text() == "slots/ab at offset 2: needs 4 bytes more, has 1");
  }
}

TEST_CASE("a directory comes before what it holds and before its longer namesakes") {
  REQUIRE(compare_paths("a", "a/b") < 0);
  REQUIRE(compare_paths("a/b", "a-b") < 0);
  REQUIRE(compare_paths("a.txt", "a/b") > 0);
  REQUIRE(compare_paths("", "a") < 0);
  REQUIRE(compare_paths("a/b", "a/b") == 0);
  REQUIRE(is_within("a/b", "a"));
  REQUIRE_FALSE(is_within("ab", "a"));
}

TEST_CASE("an id parses only from its own digits") {
  const std::string digits(32, 'a');
  REQUIRE(hex(*parse_id<SlotId>(digits)) == digits);
  REQUIRE_FALSE(parse_id<SlotId>(digits + "a"));
  REQUIRE_FALSE(parse_id<SlotId>(std::string(32, 'A')));
}

TEST_CASE("a file is read whole whatever its size and kind, up to the limit") {
  const TemporaryDirectory directory;
  const Bytes large(300'000, 7);
  write_file(directory / "large", large);
  REQUIRE(read_file(directory / "large", large.size()) == large);
  REQUIRE(error_code([&] { read_file(directory / "large", large.size() - 1); }) == Code::invalid);
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const std::string path = concat("/proc/self/fd/", ends[0]);
  const auto write_all = [&] {
    for (std::size_t done = 0; done < large.size();) {
      done += static_cast<std::size_t>(::write(ends[1], &large[done], large.size() - done));
    }
    ::close(ends[1]);
  };
  std::thread writer(write_all);
  const Bytes got = read_file(path, large.size());
  writer.join();
  ::close(ends[0]);
  REQUIRE(got == large);
}

TEST_CASE("a queue never holds more than its weight, and loses nothing") {
  BoundedQueue<int> queue(10);
  std::atomic<int> held{0};
  std::atomic<int> most{0};
  bool all_taken = true;
  std::thread producer([&] {
    for (int i = 0; i < 1000; ++i) {
      all_taken = queue.push(i, 3) && all_taken;
      most = std::max<int>(most, ++held);
    }
    queue.close();
  });
  int expected = 0;
  while (const auto value = queue.pop()) {
    REQUIRE(*value == expected++);
    --held;
  }
  producer.join();
  REQUIRE(all_taken);
  REQUIRE(expected == 1000);
  REQUIRE(most <= 5);  // three in the queue, one in each hand
}

TEST_CASE("a queue passes on the producer's failure after what came before it") {
  BoundedQueue<int> queue(10);
  queue.push(1, 1);
  queue.close(std::make_exception_ptr(Error(Code::failed, "broke")));
  REQUIRE(queue.pop() == 1);
  REQUIRE(error_code([&] { queue.pop(); }) == Code::failed);
}

TEST_CASE("an abandoned queue lets its producer go") {
  BoundedQueue<int> queue(1);
  REQUIRE(queue.push(1, 1));
  bool taken = true;
  std::thread producer([&] { taken = queue.push(2, 1); });
  queue.abandon();
  producer.join();
  REQUIRE_FALSE(taken);
}

TEST_CASE("what a task throws comes out of its future") {
  Pool pool(2);
  auto good = pool.submit([] { return 5; });
  auto bad = pool.submit([]() -> int { throw Error(Code::failed, "broke"); });
  REQUIRE(good.get() == 5);
  REQUIRE(error_code([&] { bad.get(); }) == Code::failed);
}

TEST_CASE("the same seed draws the same bytes") {
  SeededRandom a(9);
  SeededRandom b(9);
  REQUIRE(random_bytes(a, 100) == random_bytes(b, 100));
}

TEST_CASE("what is pinned is neither copied nor moved, and still made and destroyed") {
  const auto is_fixed = [](auto* none) {
    using Type = std::remove_pointer_t<decltype(none)>;
    return !std::is_copy_constructible_v<Type> && !std::is_move_constructible_v<Type> &&
           !std::is_copy_assignable_v<Type> && !std::is_move_assignable_v<Type>;
  };
  static_assert(is_fixed(static_cast<Pool*>(nullptr)));
  static_assert(is_fixed(static_cast<Random*>(nullptr)));
  static_assert(is_fixed(static_cast<SystemRandom*>(nullptr)));
  static_assert(is_fixed(static_cast<SystemClock*>(nullptr)));
  static_assert(std::is_default_constructible_v<SystemClock>);
  static_assert(std::has_virtual_destructor_v<Random>);
  static_assert(sizeof(SystemRandom) == sizeof(void*), "the base takes no room");
}

TEST_CASE("big-endian numbers sort as numbers do, and are read back") {
  REQUIRE(to_big_endian(std::uint32_t{0x01020304}) == std::array<std::uint8_t, 4>{1, 2, 3, 4});
  REQUIRE(to_big_endian(std::uint64_t{255}) < to_big_endian(std::uint64_t{256}));
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{0xfedcba9876543210}}) {
    REQUIRE(from_big_endian<std::uint64_t>(to_big_endian(value)) == value);
  }
  REQUIRE(from_big_endian<std::uint32_t>(Bytes{1, 2, 3, 4, 5}) == 0x01020304);
  REQUIRE(from_big_endian<std::uint64_t>(Bytes{1, 2}) == 0x0102);
}

TEST_CASE("a duration is a number and a unit, and nothing else") {
  REQUIRE(parse_duration("90s")->seconds() == 90);
  REQUIRE(parse_duration("5min")->seconds() == 300);
  REQUIRE(parse_duration("1m")->seconds() == 30 * 86'400);
  REQUIRE(parse_duration("10y")->seconds() == std::uint64_t{3650} * 86'400);
  REQUIRE(parse_duration("292471208677y")->seconds() < INT64_MAX);
  for (const char* text :
       {"", "7", "d", " 7d", "7 d", "-7d", "7d ", "7dd", "7D", "1.5h", "292471208678y"}) {
    INFO(text);
    REQUIRE_FALSE(parse_duration(text));
  }
}
