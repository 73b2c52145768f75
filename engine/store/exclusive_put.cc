#include "engine/store/exclusive_put.h"

#include <algorithm>
#include <array>
#include <exception>
#include <latch>
#include <system_error>
#include <thread>
#include <vector>

#include "engine/base/id.h"
#include "engine/format/names.h"

namespace kist {

namespace {

constexpr int racer_count = 16;
constexpr std::uint64_t probe_bytes_max = 4096;

struct Racer {
  Bytes bytes;
  bool has_won = false;
  std::exception_ptr error;
};

// A person who finds the object should learn from it what it is. All are of one size, so that no
// store can tell them apart by that.
Bytes probe_bytes(int number) {
  const std::string text =
      concat("kist: a test whether this store lets only one of ", racer_count,
             " objects put at the same time win. Nothing reads it again. It is object ",
             number < 10 ? "0" : "", number, ".\n");
  const View view = as_view(text);
  return {view.begin(), view.end()};
}

// The path is new because it is random: 128 bits.
std::string draw_path(Random& random) {
  std::array<std::uint8_t, 16> unique{};
  random.fill(unique);
  return concat("probe/", to_hex(unique.data(), unique.size()));
}

// Each racer first asks the store for something, so that its connection is open before the start:
// otherwise the handshakes would put the racers in a row.
void run(Racer& racer,
         StoreReader& reader,
         StoreWriter& writer,
         const std::string& path,
         std::latch& start) {
  try {
    static_cast<void>(reader.size(repository_file));
  } catch (...) {
    racer.error = std::current_exception();
  }
  start.arrive_and_wait();
  if (racer.error) return;
  try {
    racer.has_won = writer.put_if_absent(path, racer.bytes);
  } catch (...) {
    racer.error = std::current_exception();
  }
}

void race(std::vector<Racer>& racers,
          StoreReader& reader,
          StoreWriter& writer,
          const std::string& path) {
  std::latch start(racer_count);
  std::vector<std::thread> threads;
  threads.reserve(racers.size());
  bool are_started = true;
  try {
    for (Racer& racer : racers) {
      threads.emplace_back([&] { run(racer, reader, writer, path, start); });
    }
  } catch (const std::system_error&) {
    are_started = false;
    start.count_down(static_cast<std::ptrdiff_t>(racers.size() - threads.size()));
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  if (!are_started) {
    throw Error(Code::failed, concat("cannot start ", racer_count,
                                     " threads to test the store; allow more processes"));
  }
}

}  // namespace

std::optional<std::string> find_exclusive_put_flaw(StoreReader& reader,
                                                   StoreWriter& writer,
                                                   Random& random) {
  std::vector<Racer> racers(racer_count);
  for (int i = 0; i < racer_count; ++i) {
    racers[static_cast<std::size_t>(i)].bytes = probe_bytes(i);
  }
  const std::string path = draw_path(random);
  race(racers, reader, writer, path);

  // Two winners are a flaw, whatever happened to the others.
  const auto wins = std::ranges::count_if(racers, &Racer::has_won);
  if (wins > 1) {
    return concat(wins, " of ", racer_count, " puts of one object at the same time succeeded");
  }
  for (const Racer& racer : racers) {
    if (racer.error) std::rethrow_exception(racer.error);
  }
  const std::optional<Bytes> stored = find_object(reader, path, probe_bytes_max);
  if (!stored) return wins == 0 ? "a new object was refused" : "an object was lost after its put";
  const auto found = std::ranges::find(racers, *stored, &Racer::bytes);
  if (found == racers.end()) {
    throw Error(Code::corrupt, concat(path, " is not what was put a moment ago"));
  }
  if (wins == 1 && !found->has_won) return "an object was stored that had been refused";
  return std::nullopt;
}

}  // namespace kist
