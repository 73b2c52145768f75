#include "engine/blocks/pack_look.h"

#include <algorithm>
#include <unordered_map>

#include "engine/base/attempt.h"
#include "engine/format/names.h"

namespace kist {

namespace {

// A folder is listed where the run relies on so many packs of it, and on so large a share: then a
// listing, which tells a thousand names at once, costs less than asking for each.
constexpr std::size_t listed_packs_min = 16;
constexpr std::size_t listed_share = 4;
// Packs that are named to a person one by one; the rest is counted.
constexpr std::size_t named_max = 10;

std::string folder_of(const ObjectHash& pack) {
  const std::string path = pack_path(pack);
  return path.substr(0, path.rfind('/'));
}

std::string file_of(const ObjectHash& pack) {
  const std::string path = pack_path(pack);
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

FolderCounts count_by_folder(const BlockIndex::Reader& index) {
  FolderCounts out{};
  for (const std::uint32_t pack : index.packs()) {
    ++out[index.pack(pack).hash.bytes.front()];
  }
  return out;
}

PackLook::PackLook(const Journal& journal, bool asks)
    : journal_(journal),
      asks_(asks),
      looked_(journal.local().directory(), journal.services().clock.now_ms()),
      damaged_(journal.local().damage().packs()) {}

// Empty: the store is to be asked.
std::optional<bool> PackLook::answer_known(const PackRecord& pack) const {
  const State& state = journal_.state();
  const bool is_dead = state.dead.contains(pack.segment);
  if (is_dead || asked_.contains(pack.hash) || state.is_condemned(pack.hash)) return false;
  const auto known = damaged_.find(pack.hash);
  if (known != damaged_.end()) {
    if (!asks_ || !shows_in_size(known->second)) return false;
    return std::nullopt;
  }
  if (!asks_ || looked_.contains(pack.hash)) return true;
  return std::nullopt;
}

PackLook::Answer PackLook::ask(const PackRecord& pack) const {
  Answer out;
  out.failure = failure_of([&] {
    const std::optional<std::uint64_t> size = journal_.reader().size(pack_path(pack.hash));
    if (!size) {
      out.problem = PackProblem::missing;
    } else if (*size != pack.size) {
      out.problem = PackProblem::wrong_size;
    }
  });
  return out;
}

bool PackLook::may_rely_on(const PackRecord& pack) {
  const std::optional<bool> known = answer_known(pack);
  return known ? *known : take(pack.hash, ask(pack));
}

// Packs of one folder. A listing that fails, or leaves a pack out, decides nothing.
std::vector<PackLook::Answer> PackLook::ask_folder(const std::vector<PackRecord>& packs,
                                                   bool is_listed) const {
  std::unordered_map<std::string, std::uint64_t> sizes;
  if (is_listed) {
    try_to([&] {
      journal_.reader().list_sizes(
          folder_of(packs.front().hash),
          [&](const std::string& file, std::uint64_t size) { sizes.emplace(file, size); });
    });
  }
  std::vector<Answer> out;
  out.reserve(packs.size());
  for (const PackRecord& pack : packs) {
    check_cancelled(journal_.observer());
    const auto listed = sizes.find(file_of(pack.hash));
    const bool is_there = listed != sizes.end() && listed->second == pack.size;
    out.push_back(is_there ? Answer() : ask(pack));
  }
  return out;
}

void PackLook::look_at(const std::vector<PackRecord>& packs,
                       const FolderCounts& counts,
                       Pool& pool) {
  struct Folder {
    std::vector<PackRecord> packs;
    std::vector<Answer> answers;
  };

  std::array<Folder, 256> folders;
  for (const PackRecord& pack : packs) {
    if (!answer_known(pack)) folders[pack.hash.bytes.front()].packs.push_back(pack);
  }
  TaskGroup tasks(pool);
  for (std::size_t i = 0; i < folders.size(); ++i) {
    Folder& folder = folders[i];
    if (folder.packs.empty()) continue;
    const bool is_listed =
        folder.packs.size() >= listed_packs_min && folder.packs.size() * listed_share >= counts[i];
    tasks.submit(
        [this, &folder, is_listed] { folder.answers = ask_folder(folder.packs, is_listed); });
  }
  tasks.finish();
  for (const Folder& folder : folders) {
    for (std::size_t i = 0; i < folder.packs.size(); ++i) {
      take(folder.packs[i].hash, folder.answers[i]);
    }
  }
}

// Whether the run may rely on the pack by what the store says.
bool PackLook::take(const ObjectHash& pack, const Answer& answer) {
  if (!answer.failure && !answer.problem) {
    if (damaged_.contains(pack)) take_back(pack);
    looked_.add(pack);
    return true;
  }
  asked_.insert(pack);
  if (answer.problem == PackProblem::missing && journal_.has_gone_on()) {
    doubted_.emplace(pack, *answer.problem);
  } else if (answer.problem) {
    take_problem(pack, *answer.problem);
  } else if (++unanswered_count_ <= named_max) {
    journal_.observer().notice(
        concat("this backup does not rely on ", pack_path(pack), ": ", answer.failure->text()));
  }
  return false;
}

void PackLook::take_problem(const ObjectHash& pack, PackProblem problem) {
  if (damaged_.contains(pack)) return;
  damaged_.emplace(pack, problem);
  found_.emplace(pack, problem);
  const std::int64_t now_ms = journal_.services().clock.now_ms();
  const auto failure = failure_of([&] { journal_.local().damage().add(pack, problem, now_ms); });
  if (failure) journal_.observer().notice(failure->text());
  if (found_.size() > named_max) return;
  journal_.observer().problem(
      pack_path(pack),
      {problem == PackProblem::missing ? Code::missing : Code::corrupt,
       concat(describe(problem),
              ": snapshots that need it are hurt; what the source still has of it is stored "
              "again")});
}

void PackLook::settle(const std::function<bool(const ObjectHash&)>& has_ended) {
  for (const auto& [pack, problem] : std::exchange(doubted_, {})) {
    if (!has_ended(pack)) take_problem(pack, problem);
  }
}

// Somebody has put the pack back. The record is written once for all of them.
void PackLook::take_back(const ObjectHash& pack) {
  taken_back_.insert(damaged_.extract(pack));
  if (++taken_back_count_ <= named_max) {
    journal_.observer().notice(concat(pack_path(pack), " is there again"));
  }
}

void PackLook::note_stored(const std::vector<ObjectHash>& packs) {
  if (!asks_) return;
  for (const ObjectHash& pack : packs) {
    looked_.add(pack);
  }
}

bool PackLook::has_looked_for(std::string_view source_key) const {
  return looked_.contains_source(source_key);
}

std::set<ObjectHash> PackLook::unrelied() const {
  std::set<ObjectHash> out = journal_.state().condemned_packs();
  out.insert(asked_.begin(), asked_.end());
  for (const auto& [pack, problem] : damaged_) {
    out.insert(pack);
  }
  return out;
}

void PackLook::renew() {
  for (const auto& [pack, problem] : journal_.local().damage().packs()) {
    if (!taken_back_.contains(pack)) damaged_.insert_or_assign(pack, problem);
  }
}

// Of many packs, how many they are: once, and again when they have become more.
void PackLook::tell_counts() {
  if (found_.size() > std::max(named_max, told_found_)) {
    journal_.observer().notice(concat("in all, ", found_.size(),
                                      " packs are missing or have a wrong size: kist incident list "
                                      "names them"));
  }
  if (unanswered_count_ > std::max(named_max, told_unanswered_)) {
    journal_.observer().notice(concat("the store did not answer for ", unanswered_count_,
                                      " packs, and this backup does not rely on them"));
  }
  if (taken_back_count_ > std::max(named_max, told_taken_back_)) {
    journal_.observer().notice(
        concat("in all, ", taken_back_count_, " packs that were missing are there again"));
  }
  told_taken_back_ = taken_back_count_;
  told_found_ = found_.size();
  told_unanswered_ = unanswered_count_;
}

void PackLook::remember() {
  if (!asks_) return;
  tell_counts();
  const auto failure = failure_of([&] {
    journal_.local().damage().flush();
    journal_.local().damage().remove(taken_back_);
    taken_back_.clear();
    looked_.save(journal_.services().clock.now_ms());
  });
  if (failure) journal_.observer().notice(failure->text());
}

}  // namespace kist
