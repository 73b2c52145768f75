// A disk in memory that can be made to fail: it can stop at the n-th operation and then forget what
// was not synced, in any way that a file system may; or one operation can go wrong. Below a local
// store it shows what a power cut, a full or a broken disk leave behind.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "engine/base/disk/disk.h"
#include "tests/support/seeded_random.h"

namespace kist::test {

// The machine has stopped. Not an Error: nothing may catch it as one.
struct Crashed {};

enum class Fault : std::uint8_t { none, io_error, no_space, short_read, flipped_bit };

class MemoryDisk {
 public:
  static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

  struct Plan {
    std::uint64_t crash_at = never;  // the operation that is not done any more
    std::uint64_t fault_at = never;
    Fault fault = Fault::none;
    bool skips_file_sync = false;  // a program that forgets to
    bool skips_directory_sync = false;
  };

  // The disk as a store's seam sees it. All that come from one MemoryDisk share its content.
  [[nodiscard]] std::unique_ptr<Disk> open();

  void plan(const Plan& plan);
  // Operations since the last plan().
  [[nodiscard]] std::uint64_t operation_count() const;
  // Whether the fault has happened.
  [[nodiscard]] bool has_faulted() const;

  // What the disk may hold after a crash now: each name that was not made durable is there or not,
  // and so is each removal; of each file that was not synced, any part, or other bytes.
  [[nodiscard]] MemoryDisk after_crash(std::uint64_t seed) const;

  MemoryDisk();
  MemoryDisk(const MemoryDisk& other);
  MemoryDisk& operator=(const MemoryDisk&) = delete;
  MemoryDisk(MemoryDisk&& other) noexcept;
  MemoryDisk& operator=(MemoryDisk&&) = delete;
  ~MemoryDisk();

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace kist::test
