#include "tests/support/store_suite.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "engine/base/pinned.h"
#include "tests/support/test.h"

namespace kist::test {

namespace {

using Paths = std::vector<std::string>;

std::shared_ptr<Store> ready(const OpenStore& open) {
  std::shared_ptr<Store> store = open();
  store->create_folders();
  return store;
}

Bytes whole(Store& store, const std::string& path) {
  return get_object(store, path, 64U << 20U);
}

// Runs `work(i)` in so many threads and returns what each threw, as text: Catch2 is not to be
// called from other threads.
std::vector<std::string> in_threads(int count, const std::function<void(int)>& work) {
  std::vector<std::string> errors(static_cast<std::size_t>(count));
  std::vector<std::thread> threads;
  threads.reserve(errors.size());
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      try {
        work(i);
      } catch (const Error& error) {
        errors[static_cast<std::size_t>(i)] = error.text();
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  std::erase(errors, "");
  return errors;
}

// Lets the other thread of a test end, also when this one fails.
class SetAtEnd : private Pinned {
 public:
  explicit SetAtEnd(std::atomic<bool>& flag) : flag_(flag) {}

  ~SetAtEnd() { flag_ = true; }

 private:
  std::atomic<bool>& flag_;
};

void require(bool condition, const std::string& text) {
  if (!condition) throw Error(Code::failed, text);
}

void reads_whole_and_in_ranges(const OpenStore& open) {
  const auto store = ready(open);
  store->put("keys/a", to_bytes("hello world"));
  store->barrier();
  REQUIRE(store->size("keys/a") == 11U);
  REQUIRE(whole(*store, "keys/a") == to_bytes("hello world"));
  Bytes part(5);
  REQUIRE(store->get_range("keys/a", 0, part) == 5);
  REQUIRE(part == to_bytes("hello"));
  REQUIRE(store->get_range("keys/a", 6, part) == 5);
  REQUIRE(part == to_bytes("world"));
}

void reads_at_and_past_the_end(const OpenStore& open) {
  const auto store = ready(open);
  store->put("keys/a", to_bytes("hello world"));
  Bytes part(5, 0xee);
  REQUIRE(store->get_range("keys/a", 9, part) == 2);
  REQUIRE(part == Bytes{'l', 'd', 0xee, 0xee, 0xee});
  REQUIRE(store->get_range("keys/a", 11, part) == 0);
  REQUIRE(store->get_range("keys/a", 12, part) == 0);
  REQUIRE(store->get_range("keys/a", std::uint64_t{1} << 40U, part) == 0);
  REQUIRE(store->get_range("keys/a", 3, MutableView()) == 0);
}

void keeps_an_empty_object(const OpenStore& open) {
  const auto store = ready(open);
  store->put("keys/empty", {});
  store->barrier();
  REQUIRE(store->size("keys/empty") == 0U);
  REQUIRE(whole(*store, "keys/empty").empty());
  Bytes part(1);
  REQUIRE(store->get_range("keys/empty", 0, part) == 0);
  REQUIRE(paths_in(*store, "keys") == Paths{"empty"});
  REQUIRE_FALSE(store->put_if_absent("keys/empty", to_bytes("x")));
}

void keeps_a_large_object(const OpenStore& open) {
  const auto store = ready(open);
  SeededRandom random(seed());
  const Bytes bytes = random_bytes(random, (9U << 20U) + 13);
  const auto writer = store->begin_put();
  constexpr std::size_t piece = 700'001;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    writer->append(View(bytes).subspan(at, std::min(piece, bytes.size() - at)));
  }
  writer->finish("packs/ab/abcd");
  store->barrier();
  REQUIRE(store->size("packs/ab/abcd") == bytes.size());
  REQUIRE((whole(*store, "packs/ab/abcd") == bytes));
  Bytes part(1U << 20U);
  REQUIRE(store->get_range("packs/ab/abcd", 5'000'011, part) == part.size());
  REQUIRE(std::ranges::equal(part, View(bytes).subspan(5'000'011, part.size())));
}

void refuses_what_is_too_large(const OpenStore& open) {
  const auto store = ready(open);
  store->put("keys/a", Bytes(101));
  REQUIRE(error_code([&] { get_object(*store, "keys/a", 100); }) == Code::corrupt);
  REQUIRE(error_code([&] { static_cast<void>(find_object(*store, "keys/a", 100)); }) ==
          Code::corrupt);
  REQUIRE(get_object(*store, "keys/a", 101).size() == 101);
}

void tells_absence(const OpenStore& open) {
  const auto store = ready(open);
  Bytes part(3);
  for (const std::string path : {"keys/none", "nowhere/none", "packs/ab/none"}) {
    REQUIRE_FALSE(store->size(path));
    REQUIRE(error_code([&] { store->get_range(path, 0, part); }) == Code::missing);
    REQUIRE(error_code([&] { get_object(*store, path, 10); }) == Code::missing);
    REQUIRE_FALSE(find_object(*store, path, 10));
  }
  store->put("keys/a", to_bytes("x"));
  REQUIRE(find_object(*store, "keys/a", 10) == to_bytes("x"));
  REQUIRE_FALSE(store->size("keys/a/b"));
  REQUIRE(error_code([&] { store->get_range("keys/a/b", 0, part); }) == Code::missing);
}

void lists_by_folder(const OpenStore& open) {
  const auto store = ready(open);
  const std::string deep = "epochs/12-ab.c.d/" + std::string(object_path_bytes_max - 17, 'x');
  REQUIRE(deep.size() == object_path_bytes_max);
  for (const std::string& path : {std::string("kist.repo"), std::string("keys/a"),
                                  std::string("keys/b.2"), std::string("keysx/c"), deep}) {
    store->put(path, to_bytes(path));
  }
  store->barrier();
  REQUIRE(whole(*store, deep) == to_bytes(deep));
  REQUIRE(paths_in(*store, "keys") == Paths{"a", "b.2"});
  REQUIRE(paths_in(*store, "epochs") == Paths{deep.substr(7)});
  REQUIRE(paths_in(*store, "epochs/12-ab.c.d") == Paths{deep.substr(17)});
  REQUIRE(paths_in(*store, "") == Paths{deep, "keys/a", "keys/b.2", "keysx/c", "kist.repo"});
  for (const std::string folder : {"nowhere", "keys/nowhere", "key", "refs", "keys/a"}) {
    REQUIRE(paths_in(*store, folder).empty());
  }
}

void lists_no_deeper_than_objects_lie(const OpenStore& open) {
  const auto store = ready(open);
  for (const std::string folder : {"slots", "grants", "keys", "journal", "epochs", "packs"}) {
    store->put(folder + "/a/b/c/d", to_bytes("x"));
  }
  for (const std::string folder : {"slots", "grants", "keys", "journal"}) {
    REQUIRE(paths_in(*store, folder) == Paths{"a"});
  }
  for (const std::string folder : {"epochs", "packs"}) {
    REQUIRE(paths_in(*store, folder) == Paths{"a/b"});
  }
}

void may_be_called_while_it_lists(const OpenStore& open) {
  const auto store = ready(open);
  for (int i = 0; i < 20; ++i) {
    store->put(concat("keys/", i), to_bytes("x"));
  }
  std::set<std::string> seen;
  store->list("keys", [&](const std::string& path) {
    seen.insert(path);
    REQUIRE(store->size(concat("keys/", path)));
    store->put(concat("bodies/", path), to_bytes("y"));
  });
  REQUIRE(seen.size() == 20);
  REQUIRE(paths_in(*store, "bodies").size() == 20);

  struct Stop {};

  REQUIRE_THROWS_AS(store->list("keys", [](const std::string&) { throw Stop(); }), Stop);
  REQUIRE(paths_in(*store, "keys").size() == 20);
}

// An object that was there before a listing began is in it, whatever is put beside it.
void lists_while_objects_come(const OpenStore& open) {
  const auto store = ready(open);
  for (int i = 0; i < 50; ++i) {
    store->put(concat("keys/old-", i), to_bytes("x"));
  }
  std::atomic<bool> is_done = false;
  const auto errors = in_threads(2, [&](int i) {
    if (i == 0) {
      const SetAtEnd at_end(is_done);
      for (int round = 0; round < 300; ++round) {
        store->put(concat("keys/new-", round), to_bytes("y"));
      }
      return;
    }
    while (!is_done) {
      std::set<std::string> old;
      store->list("keys", [&](const std::string& path) {
        if (path.starts_with("old-")) old.insert(path);
      });
      require(old.size() == 50, concat("a listing has only ", old.size(), " of 50 objects"));
    }
  });
  REQUIRE(errors.empty());
  REQUIRE(paths_in(*store, "keys").size() == 350);
}

void leaves_what_exists(const OpenStore& open) {
  const auto store = ready(open);
  store->put("keys/a", to_bytes("first"));
  store->put("keys/a", to_bytes("other"));
  REQUIRE(whole(*store, "keys/a") == to_bytes("first"));
  const auto writer = store->begin_put();
  writer->append(to_bytes("third"));
  writer->finish("keys/a");
  store->barrier();
  REQUIRE(whole(*store, "keys/a") == to_bytes("first"));
  REQUIRE(paths_in(*store, "keys") == Paths{"a"});
}

void lets_the_first_win(const OpenStore& open) {
  const auto store = ready(open);
  const auto other = open();
  REQUIRE(store->put_if_absent("journal/0000000001", to_bytes("first")));
  REQUIRE_FALSE(other->put_if_absent("journal/0000000001", to_bytes("second")));
  REQUIRE_FALSE(store->put_if_absent("journal/0000000001", to_bytes("first")));
  REQUIRE(whole(*other, "journal/0000000001") == to_bytes("first"));
  // A path that was freed can be won again.
  store->remove("journal/0000000001");
  REQUIRE(other->put_if_absent("journal/0000000001", to_bytes("third")));
  REQUIRE(whole(*store, "journal/0000000001") == to_bytes("third"));
}

void lets_one_of_many_win(const OpenStore& open) {
  const auto store = ready(open);
  const auto other = open();
  constexpr int racers = 8;
  for (int round = 0; round < 40; ++round) {
    const std::string path = concat("journal/", round);
    std::atomic<int> wins = 0;
    std::atomic<int> winner = -1;
    const auto errors = in_threads(racers, [&](int i) {
      Store& mine = i % 2 == 0 ? *store : *other;
      if (!mine.put_if_absent(path, to_bytes(concat("racer ", i)))) return;
      ++wins;
      winner = i;
    });
    REQUIRE(errors.empty());
    REQUIRE(wins == 1);
    REQUIRE(whole(*store, path) == to_bytes(concat("racer ", winner.load())));
  }
}

void replaces_whole_objects(const OpenStore& open) {
  const auto store = ready(open);
  const auto other = open();
  store->put("keys/a", to_bytes("damaged"));
  store->replace("keys/a", to_bytes("good again"));
  store->replace("epochs/3-ab/absent", to_bytes("put"));
  store->barrier();
  REQUIRE(whole(*other, "keys/a") == to_bytes("good again"));
  REQUIRE(whole(*other, "epochs/3-ab/absent") == to_bytes("put"));
  REQUIRE(paths_in(*other, "keys") == Paths{"a"});

  // A reader beside it gets one or the other, and never none.
  const Bytes first(5'000, 1);
  const Bytes second(5'000, 2);
  store->replace("keys/a", first);
  std::atomic<bool> is_done = false;
  const auto errors = in_threads(2, [&](int i) {
    if (i == 0) {
      const SetAtEnd at_end(is_done);
      for (int round = 0; round < 100; ++round) {
        store->replace("keys/a", round % 2 == 0 ? second : first);
      }
      return;
    }
    while (!is_done) {
      const Bytes got = whole(*other, "keys/a");
      require(got == first || got == second, "neither the old object nor the new one was read");
    }
  });
  REQUIRE(errors.empty());
}

void removes(const OpenStore& open) {
  const auto store = ready(open);
  store->put("keys/a", to_bytes("x"));
  store->put("keys/b", to_bytes("y"));
  store->remove("keys/a");
  store->barrier();
  const auto other = open();
  REQUIRE_FALSE(other->size("keys/a"));
  REQUIRE_FALSE(find_object(*other, "keys/a", 10));
  REQUIRE(paths_in(*other, "keys") == Paths{"b"});
  // What is no object's folder goes with all that is in it.
  store->put("keys/copy/of/a", to_bytes("x"));
  REQUIRE(paths_in(*store, "keys") == Paths{"b", "copy"});
  REQUIRE(store->size("keys/copy"));
  store->remove("keys/copy");
  store->barrier();
  REQUIRE(paths_in(*store, "keys") == Paths{"b"});
  store->remove("keys/a");
  store->remove("keys/never");
  store->remove("nowhere/never");
  store->remove("never");
  store->barrier();
  store->put("keys/a", to_bytes("anew"));
  REQUIRE(whole(*store, "keys/a") == to_bytes("anew"));
}

void writes_piece_by_piece(const OpenStore& open) {
  const auto store = ready(open);
  const auto writer = store->begin_put();
  writer->append(to_bytes("one "));
  writer->append({});
  REQUIRE(paths_in(*store, "packs").empty());
  writer->append(to_bytes("two"));
  writer->finish("packs/ab/abcd");
  store->barrier();
  REQUIRE(paths_in(*store, "packs/ab") == Paths{"abcd"});
  REQUIRE(whole(*store, "packs/ab/abcd") == to_bytes("one two"));
}

void forgets_what_was_not_finished(const OpenStore& open) {
  const auto store = ready(open);
  {
    const auto abandoned = store->begin_put();
    abandoned->append(Bytes(100'000, 1));
    const auto untouched = store->begin_put();
  }
  store->barrier();
  REQUIRE(paths_in(*store, "").empty());
  REQUIRE(paths_in(*open(), "").empty());
}

void serves_many_threads(const OpenStore& open) {
  const auto store = ready(open);
  constexpr int count = 8;
  const auto errors = in_threads(count, [&](int i) {
    for (int round = 0; round < 20; ++round) {
      // Folders and one of the paths are shared: their first user makes them.
      const std::string path = concat("packs/", round, "/", i);
      const Bytes bytes(1'000 + static_cast<std::size_t>(i), static_cast<std::uint8_t>(round));
      const auto writer = store->begin_put();
      writer->append(bytes);
      writer->finish(path);
      store->put(concat("keys/", round), to_bytes(concat("shared ", round)));
      if (round % 7 == i % 7) store->barrier();
      require(whole(*store, path) == bytes, path);
      require(whole(*store, concat("keys/", round)) == to_bytes(concat("shared ", round)), "keys");
      if (round % 4 == 0) store->remove(path);
    }
    store->barrier();
  });
  REQUIRE(errors.empty());
  REQUIRE(paths_in(*open(), "packs").size() == std::size_t{count} * 15);
  REQUIRE(paths_in(*open(), "keys").size() == 20);
}

void shows_others_at_once(const OpenStore& open) {
  const auto store = ready(open);
  const auto other = open();
  other->create_folders();
  store->put("journal/0000000001", to_bytes("entry"));
  store->barrier();
  REQUIRE(whole(*other, "journal/0000000001") == to_bytes("entry"));
  other->confirm("journal/0000000001");
  store->put("packs/ab/abcd", to_bytes("pack"));
  other->confirm("packs/ab/abcd");
  other->barrier();
  other->barrier();
  REQUIRE(whole(*other, "packs/ab/abcd") == to_bytes("pack"));
}

}  // namespace

const std::vector<StorePromise>& store_promises() {
  static const std::vector<StorePromise> promises = {
      {"an object is read whole and in ranges", &reads_whole_and_in_ranges},
      {"a read at the end or past it gives what there is", &reads_at_and_past_the_end},
      {"an empty object is an object", &keeps_an_empty_object},
      {"a large object is kept", &keeps_a_large_object},
      {"an object larger than allowed is refused before it is read", &refuses_what_is_too_large},
      {"absence is told apart from failure", &tells_absence},
      {"a listing has all that lies below a folder", &lists_by_folder},
      {"a listing goes no deeper than objects lie, and names the folder that does",
       &lists_no_deeper_than_objects_lie},
      {"a listing's callback may call the store, and throw", &may_be_called_while_it_lists},
      {"a listing has what was there before, while others put", &lists_while_objects_come},
      {"putting what exists changes nothing", &leaves_what_exists},
      {"only the first of two wins a path", &lets_the_first_win},
      {"of many at the same time, one wins a path", &lets_one_of_many_win},
      {"a replacement is whole at every moment", &replaces_whole_objects},
      {"what was removed is gone, and removing it again is fine", &removes},
      {"an object written piece by piece has no path before it is finished",
       &writes_piece_by_piece},
      {"an object that was not finished leaves nothing", &forgets_what_was_not_finished},
      {"many threads may put, read, remove at once", &serves_many_threads},
      {"what one client put, another sees and can confirm", &shows_others_at_once},
  };
  return promises;
}

std::vector<std::string> paths_in(StoreReader& store, const std::string& folder) {
  std::vector<std::string> out;
  store.list(folder, [&](const std::string& path) { out.push_back(path); });
  std::ranges::sort(out);
  return out;
}

}  // namespace kist::test
