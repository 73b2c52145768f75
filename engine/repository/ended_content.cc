#include "engine/repository/ended_content.h"

#include <array>

#include "engine/base/attempt.h"
#include "engine/base/entry.h"
#include "engine/format/names.h"
#include "engine/journal/journal.h"
#include "engine/rules/content_standing.h"
#include "engine/store/twins.h"

namespace kist {

namespace {

constexpr std::array flat_folders = {"refs", "bodies", "index"};
constexpr unsigned pack_folders = 256;

// The judge, with the view of the index that it looks into.
class Whitelist {
 public:
  explicit Whitelist(const Repository& repository)
      : index_(repository.blocks().index()),
        reader_(index_),
        judge_(repository.state(),
               {.lists_pack =
                    [this](const ObjectHash& pack) { return reader_.find_pack(pack).has_value(); },
                .has_ended = [this](const ObjectHash& name) { return index_.has_ended(name); }}) {}

  [[nodiscard]] ContentStanding judge(const std::string& path) const { return judge_.judge(path); }

 private:
  BlockIndex& index_;
  BlockIndex::Reader reader_;
  ContentJudge judge_;
};

std::string pack_folder(unsigned number) {
  ObjectHash name;
  name.bytes[0] = static_cast<std::uint8_t>(number);
  return std::string(parent_path(pack_path(name)));
}

}  // namespace

void require_whole(BlockIndex& index) {
  if (index.unloaded_entries().empty()) return;
  throw Error(Code::corrupt,
              "an index segment or its key cannot be read, so whose packs are whose is not known; "
              "nothing was removed. kist verify --repair mends what can be mended");
}

ContentLeftovers find_content_leftovers(const Repository& repository, std::size_t unnamed_max) {
  require_whole(repository.blocks().complete_index());
  const Whitelist whitelist(repository);
  ContentLeftovers out;
  const auto note_unnamed = [&](const std::string& path, std::uint64_t size) {
    const ObjectHash name = content_name(path).value();
    const auto known = out.unnamed.find(name);
    if (known == out.unnamed.end()) ++out.unnamed_count;
    out.unnamed_bytes += size;
    if (known == out.unnamed.end() && out.unnamed.size() >= unnamed_max) return;
    UnnamedObject& object = out.unnamed[name];
    object.paths.push_back(path);
    object.bytes += size;
  };
  const auto look_into = [&](const std::string& folder) {
    check_cancelled(repository.observer());
    std::map<std::string, std::uint64_t> sizes;  // a listing may name an object twice
    repository.reader().list_sizes(folder, [&](const std::string& file, std::uint64_t size) {
      sizes.emplace(concat(folder, "/", file), size);
    });
    for (const auto& [path, size] : sizes) {
      const ContentStanding standing = whitelist.judge(path);
      if (standing == ContentStanding::ended) out.ended.push_back(path);
      if (standing == ContentStanding::unnamed) note_unnamed(path, size);
    }
  };
  for (const char* folder : flat_folders) {
    look_into(folder);
  }
  for (unsigned number = 0; number < pack_folders; ++number) {
    look_into(pack_folder(number));
  }
  return out;
}

std::vector<std::string> paths_of_ended(const State& state, const EndedContent& ended) {
  std::vector<std::string> out;
  const auto add_both = [&](const std::string& path) {
    for (const std::string& copy : copies_of(path)) {
      out.push_back(copy);
    }
  };
  for (const SnapshotId& id : ended.forgotten) {
    const SnapshotState snapshot = state.snapshots.at(id);
    add_both(reference_set_path(snapshot.set.hash));
    add_both(body_path(snapshot.taken.body));
  }
  for (const ReplacedSegment& segment : ended.segments) {
    add_both(index_segment_path(segment.hash));
  }
  for (const ObjectHash& name : ended.names) {
    out.push_back(pack_path(name));
    add_both(reference_set_path(name));
    add_both(body_path(name));
    add_both(index_segment_path(name));
  }
  return out;
}

std::uint64_t remove_ended_content(const Repository& repository,
                                   const std::vector<std::string>& paths) {
  const Remover remover = repository.remover();
  repository.journal().replay();
  const Whitelist whitelist(repository);
  // The entries that have ended all that, whoever wrote them, must outlast it.
  repository.writer().confirm(journal_path(repository.state().next_sequence - 1));
  std::uint64_t removed = 0;
  std::optional<Error> first_failure;
  for (const std::string& path : paths) {
    check_cancelled(repository.observer());
    const auto failure = failure_of([&] {
      if (whitelist.judge(path) != ContentStanding::ended || !repository.reader().size(path))
        return;
      remover.discard(path);
      ++removed;
    });
    if (failure && !first_failure) first_failure = failure;
  }
  repository.writer().barrier();
  if (first_failure) throw Error(*first_failure);
  return removed;
}

}  // namespace kist
