// Reading a source: entries come complete and in path order, with their content cut and named.
#include "engine/ops/backup/source_reader.h"

#include <atomic>
#include <filesystem>

#include "engine/crypto/hash.h"
#include "engine/format/limits.h"
#include "tests/support/repository_fixture.h"
#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

// One entry as it was read, its parts joined.
struct ReadFile {
  Entry entry;
  Change change = Change::fresh;
  std::vector<ReferenceRun> runs;
  bool has_failed = false;
  Bytes content;
  std::vector<BlockId> blocks;
};

// A tree, and what a reader makes of it.
struct SourceTree {
  SourceTree() { std::filesystem::create_directories(tree); }

  std::vector<ReadFile> read(std::vector<std::unique_ptr<FileCacheReader>> caches = {},
                             const StreamInput* stream = nullptr) {
    const std::vector<std::string> paths = {tree};
    const WalkOptions walk;
    SourceReader reader({paths, walk, stream}, {id_key, chunker, observer, problems}, pool,
                        std::move(caches));
    std::vector<ReadFile> out;
    std::optional<ReadFile> open;
    while (const auto batch = reader.next()) {
      for (const ReadEntry& part : batch->entries) {
        if (!open) open.emplace();
        add_pieces(*open, part, batch->buffer);
        if (!part.is_last) continue;
        open->entry = part.entry;
        open->change = part.change;
        open->runs = part.runs;
        open->has_failed = part.has_failed;
        if (is_below(open->entry.path) || stream != nullptr) out.push_back(std::move(*open));
        open.reset();
      }
    }
    REQUIRE_FALSE(open);
    opened = reader.opened_count();
    was_interrupted = reader.was_interrupted();
    return out;
  }

  [[nodiscard]] bool is_below(const std::string& path) const {
    return path.size() > tree.size() && is_within(path, tree.substr(1));
  }

  void add_pieces(ReadFile& file, const ReadEntry& part, View buffer) const {
    for (const ReadPiece& piece : part.pieces) {
      if (piece.type == ItemType::hole) {
        file.content.insert(file.content.end(), piece.size, 0);
        continue;
      }
      const View bytes = buffer.subspan(piece.offset, piece.size);
      REQUIRE(piece.id == hash_block(id_key, bytes));
      file.blocks.push_back(piece.id);
      file.content.insert(file.content.end(), bytes.begin(), bytes.end());
    }
    const auto& small = part.entry.inline_content;
    if (small) file.content.insert(file.content.end(), small->begin(), small->end());
  }

  // A cache that has these entries, of a backup that started then.
  std::vector<std::unique_ptr<FileCacheReader>> cache_of(const std::vector<ReadFile>& files,
                                                         std::int64_t started_ms) {
    FileCacheWriter writer(local, source_key, random, observer);
    for (const ReadFile& file : files) {
      Entry complete = file.entry;  // what a builder makes of it
      complete.content = {{ItemType::block, complete.size, file.blocks.front()}};
      writer.add(complete, {{NumberBase::absolute, 5, 1}});
    }
    writer.end_era({});
    writer.commit(CacheKind::complete, {.snapshot = {}, .started_ms = started_ms});
    std::vector<std::unique_ptr<FileCacheReader>> out;
    out.push_back(FileCacheReader::open(local, source_key, CacheKind::complete));
    REQUIRE(out.front());
    return out;
  }

  class Stopping final : public Observer {
   public:
    [[nodiscard]] bool cancelled() const override { return is_stopped; }

    std::atomic<bool> is_stopped{false};
  };

  TemporaryDirectory directory;
  std::string tree = directory / "tree";
  std::string source_key = std::string(32, 'a');
  SeededRandom random{seed()};
  Stopping observer;
  LocalDirectory local{directory / "state", random, observer};
  ProblemLog problems{observer};
  Key id_key = Key::from(Bytes(Key::size, 3));
  Chunker chunker{chunker_parameters(16U << 10U), GearTable{}};
  Pool pool{2};
  std::uint64_t opened = 0;
  bool was_interrupted = false;
};

}  // namespace

TEST_CASE("files of any size are read whole, in path order, their blocks named by their content") {
  SourceTree source;
  const std::size_t sizes[] = {
      0,        1, inline_content_bytes_max, inline_content_bytes_max + 1, 70'000, (1U << 20U) + 1,
      5'000'000};
  std::vector<std::string> names;
  for (const std::size_t size : sizes) {
    names.push_back(concat("f", 10'000'000 + size));
    write_file(source.tree + "/" + names.back(), random_bytes(source.random, size));
  }
  const std::vector<ReadFile> files = source.read();
  REQUIRE(files.size() == names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    INFO(names[i]);
    REQUIRE(files[i].entry.path == source.tree.substr(1) + "/" + names[i]);
    REQUIRE((files[i].content == slurp(source.tree + "/" + names[i])));
    REQUIRE(files[i].entry.inline_content.has_value() == (sizes[i] <= inline_content_bytes_max));
  }
  REQUIRE(source.opened == names.size());
  REQUIRE(source.problems.count() == 0);
}

TEST_CASE("a hole in a file is handed on as one, and not read") {
  SourceTree source;
  const std::string path = source.tree + "/sparse";
  write_file(path, Bytes(5000, 1));
  std::filesystem::resize_file(path, 5U << 20U);
  const std::vector<ReadFile> files = source.read();
  REQUIRE(files.size() == 1);
  REQUIRE((files.front().content == slurp(path)));
  REQUIRE(files.front().blocks.size() <= 2);
}

TEST_CASE("a further name of a file names the first in path order, and is not opened") {
  SourceTree source;
  write_file(source.tree + "/b", Bytes(5000, 1));
  for (const std::string name : {"/a", "/c"}) {
    std::filesystem::create_hard_link(source.tree + "/b", source.tree + name);
  }
  const std::vector<ReadFile> files = source.read();
  REQUIRE(files.size() == 3);
  REQUIRE(files[0].entry.type == EntryType::file);
  for (const std::size_t i : {1U, 2U}) {
    REQUIRE(files[i].entry.type == EntryType::hard_link);
    REQUIRE(files[i].entry.link_target == files[0].entry.path);
  }
  REQUIRE(source.opened == 1);
}

TEST_CASE("a file that its cache has unchanged is not opened, once its times have settled") {
  SourceTree source;
  write_file(source.tree + "/file", Bytes(5000, 1));
  const std::vector<ReadFile> first = source.read();
  const Entry& entry = first.front().entry;
  const std::int64_t touched_ms = std::max(to_ms(entry.mtime), to_ms(entry.ctime));
  const auto again = [&](const ReadFile& cached, std::int64_t started_ms) {
    return source.read(source.cache_of({cached}, started_ms)).front();
  };
  const ReadFile settled = again(first.front(), touched_ms + 5'000);
  REQUIRE(settled.change == Change::unmodified);
  REQUIRE(settled.runs == std::vector<ReferenceRun>{{NumberBase::absolute, 5, 1}});
  REQUIRE(settled.entry.path == entry.path);
  REQUIRE(settled.entry.content.front().id == first.front().blocks.front());
  REQUIRE(source.opened == 0);
  // Touched less than two seconds before that backup began, it may have changed again since.
  REQUIRE(again(first.front(), touched_ms + 1'000).change == Change::changed);
  REQUIRE(source.opened == 1);
}

TEST_CASE("a file is read again if anything that its status tells differs, or it was torn") {
  SourceTree source;
  write_file(source.tree + "/file", Bytes(5000, 1));
  const std::vector<ReadFile> first = source.read();
  const auto change_of = [&](const std::function<void(Entry&)>& edit) {
    ReadFile cached = first.front();
    edit(cached.entry);
    return source.read(source.cache_of({cached}, INT64_MAX / 2)).front().change;
  };
  REQUIRE(change_of([](Entry&) {}) == Change::unmodified);
  REQUIRE(change_of([](Entry& e) { ++e.size; }) == Change::changed);
  REQUIRE(change_of([](Entry& e) { ++e.inode; }) == Change::changed);
  REQUIRE(change_of([](Entry& e) { --e.mtime.seconds; }) == Change::changed);
  REQUIRE(change_of([](Entry& e) { --e.ctime.seconds; }) == Change::changed);
  REQUIRE(change_of([](Entry& e) { e.mode ^= 1; }) == Change::changed);
  REQUIRE(change_of([](Entry& e) { ++e.uid; }) == Change::changed);
  REQUIRE(change_of([](Entry& e) { ++e.gid; }) == Change::changed);
  REQUIRE(change_of([](Entry& e) { e.flags |= flag_torn; }) == Change::changed);
  REQUIRE(change_of([](Entry& e) { e.path += "2"; }) == Change::fresh);
}

TEST_CASE("a person's wish to stop ends the reading, and is told at its end") {
  SourceTree source;
  write_file(source.tree + "/file", Bytes(5000, 1));
  source.observer.is_stopped = true;
  REQUIRE(source.read().empty());
  REQUIRE(source.was_interrupted);
}

TEST_CASE("a stream is a file below directories made for it, and fails when it is not to be kept") {
  SourceTree source;
  bool is_kept = true;
  int left = 3;
  const StreamInput stream{.path = "dumps/db.sql",
                           .time = {1'000, 0},
                           .read =
                               [&](MutableView out) {
                                 if (left == 0) return std::size_t{0};
                                 --left;
                                 std::ranges::fill(out, std::uint8_t{5});
                                 return out.size();
                               },
                           .finish =
                               [&] {
                                 if (!is_kept) throw Error(Code::failed, "the command failed");
                               }};
  const std::vector<ReadFile> files = source.read({}, &stream);
  REQUIRE(files.size() == 3);
  REQUIRE(files[0].entry.path.empty());
  REQUIRE(files[1].entry.path == "dumps");
  REQUIRE(files[1].entry.type == EntryType::directory);
  REQUIRE(files[2].entry.path == "dumps/db.sql");
  REQUIRE(files[2].entry.mtime == stream.time);
  REQUIRE(files[2].content.size() == std::size_t{3} * (2U << 20U));
  is_kept = false;
  REQUIRE(error_code([&] { source.read({}, &stream); }) == Code::failed);
}
