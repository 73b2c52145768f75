// All packs that the index knows, read as far as the level of a verify asks: that they are there,
// hash to their names, open, and hold what the index says.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/blocks/block_reader.h"
#include "engine/catalog/damage_record.h"
#include "engine/ops/verify/entry_prover.h"
#include "engine/ops/verify/verify.h"

namespace kist {

// What one command has read of packs. A verify that an epoch's end has overtaken begins again, and
// reads none of it twice.
struct PacksRead {
  // Those that are whole, as far as the level asks, with the index segment that listed them: where
  // another one lists a pack by now, what that says is to be compared.
  std::map<ObjectHash, ObjectHash> whole;
  std::atomic<std::uint64_t> frames{0};
  std::atomic<std::uint64_t> blocks{0};
  std::atomic<std::uint64_t> bytes{0};
};

class PackChecker {
 public:
  // Takes a finding, from any thread: the object, the problem, and where in it.
  using Report =
      std::function<void(const std::string&, const std::string&, std::optional<std::uint64_t>)>;

  // Level content asks for the capability `read`. `read` outlives the checker.
  PackChecker(Repository& repository, VerifyLevel level, PacksRead& read, Report report);

  // All packs of the index; 0 threads: one a processor. What is gone may have ended where the
  // journal has gone on: then `follow` is called, while nothing here uses the repository, and what
  // is left is read. `follow` throws where the epoch is another.
  void check_all(BlockIndex& of, unsigned threads, const std::function<void()>& follow);

  [[nodiscard]] const std::set<FrameId>& damaged_frames() const { return damaged_frames_; }

  [[nodiscard]] const DamagedPacks& damaged_packs() const { return damaged_packs_; }

  // Whether the pack is damaged, or there was no key to look into all of it.
  [[nodiscard]] bool has_doubt_of(const ObjectHash& pack) const {
    return damaged_packs_.contains(pack) || unopened_packs_.contains(pack);
  }

  // Others list some of the packs by now: damaged_frames() goes by the index's new numbers of them.
  void renew(const BlockIndex::Reader& index);

  // Whether the pack is damaged or missing, and not only out of reach.
  [[nodiscard]] bool is_known_damaged(const ObjectHash& pack) const {
    const auto found = damaged_packs_.find(pack);
    return found != damaged_packs_.end() && found->second != PackProblem::unreadable;
  }

  // Whether every byte of it was read at level content, and is what it should be.
  [[nodiscard]] bool is_whole(const ObjectHash& pack) const {
    return level_ == VerifyLevel::content && read_.whole.contains(pack);
  }

  // The condemned packs whose bytes are all what their author wrote, or that are no more.
  [[nodiscard]] std::set<ObjectHash> find_condemned_whole(const BlockIndex::Reader& index) const;

  // Of the packs that were recorded as damaged, those that are not: those that only have to be
  // there, and at level content, which has read all of each, the others too. What the index does
  // not know was not looked at.
  [[nodiscard]] DamagedPacks find_whole_again(const BlockIndex::Reader& index,
                                              const DamagedPacks& recorded) const;

  // Whether it was read at all, and what damaged_frames() says of it is all there is to say.
  [[nodiscard]] bool has_read(const ObjectHash& pack) const {
    return is_whole(pack) || damaged_packs_.contains(pack);
  }

  // After check_all().
  [[nodiscard]] const EntryProver& prover() const { return *prover_; }

  [[nodiscard]] std::uint64_t pack_count() const { return pack_count_; }

 private:
  template <typename Work>
  std::optional<Error> attempt(const std::string& object, const Work& work);
  void require_current(const Error& failure) const;
  std::vector<std::uint32_t> check(BlockIndex& of,
                                   const std::vector<std::uint32_t>& packs,
                                   unsigned threads);
  bool is_read_already(const BlockIndex::Reader& index, std::uint32_t number);

  // A pack that is being read.
  struct Reading {
    const BlockIndex::Reader& index;
    std::uint32_t number = 0;
    PackRecord pack;
    std::uint32_t frames_read = 0;
    std::vector<std::uint64_t> blocks{};  // numbers of those that are what the index says
  };

  void check_pack(const BlockIndex::Reader& index, std::uint32_t number);
  void read_pack(Reading& reading);
  void check_frame(Reading& reading, std::uint32_t frame, const FrameRecord& record, View sealed);
  void check_frame_content(Reading& reading,
                           std::uint32_t frame,
                           const FrameRecord& record,
                           const Key& secret,
                           View sealed);
  void check_block_places(Reading& reading,
                          std::uint32_t frame,
                          const FrameRecord& record,
                          const FrameList& list);
  void check_directory(const PackRecord& pack,
                       const std::vector<FramePlace>& places,
                       const std::string& path);
  void record_damage(const Reading& reading, PackProblem problem);
  [[nodiscard]] bool is_unopened(const ObjectHash& pack);
  void note_if_whole(const PackRecord& pack);
  void note_problem(const ObjectHash& pack, PackProblem problem);

  Repository& repository_;
  VerifyLevel level_;
  PacksRead& read_;
  Report report_;
  std::optional<EntryProver> prover_;
  std::optional<ReadKeys> rights_;     // at level content
  std::optional<FrameReader> keys_;    // likewise
  std::set<std::uint64_t> reindexes_;  // entries of which the packs list numbers
  std::mutex mutex_;
  std::set<FrameId> damaged_frames_;
  DamagedPacks damaged_packs_;
  std::set<ObjectHash> unopened_packs_;
  std::uint32_t pack_count_ = 0;
  std::atomic<std::uint64_t> done_count_{0};  // packs
};

}  // namespace kist
