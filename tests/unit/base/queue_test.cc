// The queue between two threads: bounded, in order, and no thread is left waiting.
#include "engine/base/queue.h"

#include <atomic>
#include <thread>

#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

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

TEST_CASE("an element heavier than a queue's bound passes, alone") {
  BoundedQueue<int> queue(10);
  REQUIRE(queue.push(1, 1000));
  std::atomic<bool> is_second_in = false;
  bool is_taken = false;
  std::thread producer([&] {
    is_taken = queue.push(2, 1);
    is_second_in = true;
  });
  REQUIRE_FALSE(is_second_in);  // there is no room before the first is taken
  REQUIRE(queue.pop() == 1);
  REQUIRE(queue.pop() == 2);
  producer.join();
  REQUIRE(is_taken);
}

TEST_CASE("a closed queue gives what it still holds, then nothing, again and again") {
  BoundedQueue<int> queue(10);
  queue.push(1, 1);
  queue.push(2, 1);
  queue.close();
  REQUIRE(queue.pop() == 1);
  REQUIRE(queue.pop() == 2);
  REQUIRE_FALSE(queue.pop());
  REQUIRE_FALSE(queue.pop());
}

TEST_CASE("a queue takes nothing after it was abandoned, and hands nothing out") {
  BoundedQueue<int> queue(10);
  queue.push(1, 1);
  queue.abandon();
  REQUIRE_FALSE(queue.push(2, 1));
  queue.close();
  REQUIRE_FALSE(queue.pop());
}

TEST_CASE("a consumer that waits is let go when its producer closes") {
  BoundedQueue<int> queue(10);
  std::optional<int> got = 1;
  std::thread consumer([&] { got = queue.pop(); });
  queue.close();
  consumer.join();
  REQUIRE_FALSE(got);
}
