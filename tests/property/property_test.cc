// Properties over generated input. RapidCheck prints its seed with every failure;
// RC_PARAMS="seed=…" runs it again.
#include <map>
#include <set>

#include <rapidcheck.h>

#include "engine/content/chunker.h"
#include "engine/crypto/hash.h"
#include "engine/format/manifest_tree.h"
#include "engine/format/number_set.h"
#include "engine/rules/validate.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

std::vector<std::size_t> cuts_of(const Chunker& chunker, View bytes) {
  std::vector<std::size_t> out;
  for (std::size_t at = 0; at < bytes.size();) {
    at += chunker.first_block(bytes.subspan(at));
    out.push_back(at);
  }
  return out;
}

// A place for meta blocks.
struct Blocks {
  std::map<BlockId, Bytes> stored;
  std::uint64_t reads = 0;

  PutBlock put() {
    return [this](View block) {
      BlockId id;
      id.bytes = hash_object(block).bytes;
      stored[id] = Bytes(block.begin(), block.end());
      return id;
    };
  }

  GetBlock get() {
    return [this](const BlockId& id) {
      ++reads;
      return stored.at(id);
    };
  }
};

std::uint64_t hash_path(std::string_view path) {
  return short_hash(std::array<std::uint8_t, 16>{1, 2, 3}, as_view(path));
}

struct ByPath {
  bool operator()(const std::string& a, const std::string& b) const {
    return compare_paths(a, b) < 0;
  }
};

using Tree = std::map<std::string, Entry, ByPath>;

// A tree with every kind of entry, from a seed.
Tree make_entries(std::uint64_t seed, std::size_t count) {
  SeededRandom random(seed);
  Tree out;
  const std::vector<Entry> samples = sample_entries();
  for (std::size_t i = 0; i < count; ++i) {
    Entry entry = samples[random.next() % samples.size()];
    std::string path = "d" + std::to_string(random.next() % 20);
    for (std::uint64_t depth = random.next() % 4; depth > 0; --depth) {
      path += "/n" + std::to_string(random.next() % 30);
    }
    entry.path = path;
    if (entry.type == EntryType::hard_link) {
      entry.link_target = "a";  // a hard link has nothing else of its own
    } else {
      entry.inode = random.next() % 1000;
    }
    out[path] = entry;
  }
  return out;
}

void change(Entry& entry, std::uint64_t by) {
  if (entry.type == EntryType::hard_link) {
    entry.link_target = "b";
  } else {
    entry.inode = 5000 + by;
  }
}

BlockId build(Blocks& blocks, const Tree& tree) {
  ManifestBuilder builder(blocks.put(), &hash_path);
  for (const auto& [path, entry] : tree) {
    builder.add(entry);
  }
  return builder.finish();
}

}  // namespace

TEST_CASE("concatenated blocks are the file, and an edit moves only cuts near it") {
  REQUIRE(rc::check([](std::uint64_t seed) {
    SeededRandom random(seed);
    const Chunker chunker(chunker_parameters(16U << 10U), sample_gear_table(1));
    const Bytes before = random_bytes(random, 600'000);
    Bytes after = before;
    const std::size_t at = random.next() % before.size();
    const Bytes inserted = random_bytes(random, 1 + random.next() % 300);
    after.insert(after.begin() + static_cast<std::ptrdiff_t>(at), inserted.begin(), inserted.end());
    const auto old_cuts = cuts_of(chunker, before);
    const auto new_cuts = cuts_of(chunker, after);
    RC_ASSERT(old_cuts.back() == before.size());
    RC_ASSERT(new_cuts.back() == after.size());
    std::set<std::size_t> expected(new_cuts.begin(), new_cuts.end());
    std::size_t moved = 0;
    for (const std::size_t cut : old_cuts) {
      const std::size_t now = cut <= at ? cut : cut + inserted.size();
      if (!expected.contains(now)) ++moved;
    }
    RC_ASSERT(moved <= 12);
  }));
}

TEST_CASE("a manifest holds exactly the entries that went in") {
  REQUIRE(rc::check([](std::uint64_t seed) {
    const Tree tree = make_entries(seed, 1 + seed % 2500);
    Blocks blocks;
    const BlockId root = build(blocks, tree);
    const ManifestReader reader(blocks.get());
    auto expected = tree.begin();
    reader.for_each(root, "", ManifestReader::Order::forward, [&](const Entry& entry) {
      RC_ASSERT(expected != tree.end());
      RC_ASSERT(entry == expected->second);
      ++expected;
      return true;
    });
    RC_ASSERT(expected == tree.end());
    auto backward = tree.rbegin();
    reader.for_each(root, "", ManifestReader::Order::backward, [&](const Entry& entry) {
      RC_ASSERT(entry == backward->second);
      ++backward;
      return true;
    });
    RC_ASSERT(backward == tree.rend());
  }));
}

TEST_CASE("looking up a path or a subtree agrees with a plain map") {
  REQUIRE(rc::check([](std::uint64_t seed) {
    const Tree tree = make_entries(seed, 1500);
    Blocks blocks;
    const BlockId root = build(blocks, tree);
    const ManifestReader reader(blocks.get());
    SeededRandom random(seed + 1);
    for (int i = 0; i < 20; ++i) {
      const std::string path =
          "d" + std::to_string(random.next() % 22) + "/n" + std::to_string(random.next() % 30);
      const auto found = reader.lookup(root, path);
      const auto expected = tree.find(path);
      RC_ASSERT(found.has_value() == (expected != tree.end()));
      if (found) RC_ASSERT(*found == expected->second);
      std::size_t below = 0;
      reader.for_each(root, path, ManifestReader::Order::forward, [&](const Entry& entry) {
        RC_ASSERT(is_within(entry.path, path));
        ++below;
        return true;
      });
      const auto count = std::ranges::count_if(
          tree, [&](const auto& pair) { return is_within(pair.first, path); });
      RC_ASSERT(below == static_cast<std::size_t>(count));
    }
  }));
}

TEST_CASE("the difference of two manifests agrees with that of two maps") {
  REQUIRE(rc::check([](std::uint64_t seed) {
    const Tree before = make_entries(seed, 1500);
    Tree after = before;
    SeededRandom random(seed + 1);
    for (std::uint64_t i = random.next() % 6; i > 0; --i) {
      auto at = after.begin();
      std::advance(at, static_cast<std::ptrdiff_t>(random.next() % after.size()));
      if (i % 2 == 0) {
        after.erase(at);
      } else {
        change(at->second, i);
      }
    }
    for (const auto& [path, entry] : make_entries(seed + 2, random.next() % 4)) {
      after[path] = entry;
    }
    RC_PRE(!after.empty());
    Blocks blocks;
    const BlockId old_root = build(blocks, before);
    const BlockId new_root = build(blocks, after);
    std::set<std::string> expected;
    for (const auto& [path, entry] : before) {
      if (!after.contains(path) || after.at(path) != entry) expected.insert(path);
    }
    for (const auto& [path, entry] : after) {
      if (!before.contains(path)) expected.insert(path);
    }
    std::set<std::string> got;
    ManifestReader(blocks.get())
        .diff(old_root, new_root, [&](const Entry* left, const Entry* right) {
          const std::string& path = left != nullptr ? left->path : right->path;
          RC_ASSERT((left != nullptr) == before.contains(path));
          RC_ASSERT((right != nullptr) == after.contains(path));
          got.insert(path);
        });
    RC_ASSERT(got == expected);
    RC_ASSERT((old_root == new_root) == expected.empty());
  }));
}

TEST_CASE("a small change stores few new blocks and a diff reads few") {
  Tree tree = make_entries(seed(), 20'000);
  Blocks blocks;
  const BlockId before = build(blocks, tree);
  const std::size_t stored = blocks.stored.size();
  change(tree.begin()->second, 1);
  const BlockId after = build(blocks, tree);
  REQUIRE(blocks.stored.size() - stored <= 4);
  blocks.reads = 0;
  std::size_t differences = 0;
  ManifestReader(blocks.get()).diff(before, after, [&](const Entry*, const Entry*) {
    ++differences;
  });
  REQUIRE(differences == 1);
  REQUIRE(blocks.reads <= 16);
}

TEST_CASE("content trees give back the items that went in, whatever their number") {
  REQUIRE(rc::check([](std::uint64_t seed) {
    SeededRandom random(seed);
    Blocks blocks;
    const PutBlock put = blocks.put();
    ContentBuilder builder(put);
    std::vector<ContentItem> items(random.next() % 5000);
    for (ContentItem& item : items) {
      item.size = 1 + random.next() % 100'000;
      item.type = random.next() % 10 == 0 ? ItemType::hole : ItemType::block;
      if (item.type == ItemType::block) item.id = random.draw_id<BlockId>();
      builder.add(item);
    }
    const std::vector<ContentItem> top = builder.finish();
    RC_ASSERT(top.size() <= 64U);
    std::vector<ContentItem> got;
    ManifestReader(blocks.get()).for_each_item(top, [&](const ContentItem& item) {
      got.push_back(item);
    });
    RC_ASSERT(got == items);
  }));
}

TEST_CASE("number sets agree with std::set and decode to themselves") {
  REQUIRE(rc::check([](std::uint64_t seed) {
    SeededRandom random(seed);
    NumberSet a;
    NumberSet b;
    std::set<std::uint64_t> plain_a;
    std::set<std::uint64_t> plain_b;
    for (std::uint64_t i = random.next() % 400; i > 0; --i) {
      const std::uint64_t scale = random.next() % 3 == 0 ? 1ULL << 36U : 100'000;
      const std::uint64_t first = random.next() % scale;
      const std::uint64_t count = random.next() % 4 == 0 ? random.next() % 900 : 1;
      const bool to_a = random.next() % 2 == 0;
      (to_a ? a : b).add_range(first, count);
      for (std::uint64_t n = first; n < first + count; ++n) {
        (to_a ? plain_a : plain_b).insert(n);
      }
    }
    RC_ASSERT(NumberSet::decode(a.encode(), "set") == a);
    RC_ASSERT(a.count() == plain_a.size());
    NumberSet both = a;
    both.unite(b);
    NumberSet rest = a;
    rest.subtract(b);
    NumberSet common = a;
    common.intersect(b);
    for (const std::uint64_t n : plain_b) {
      RC_ASSERT(both.contains(n));
      RC_ASSERT(!rest.contains(n));
      RC_ASSERT(common.contains(n) == plain_a.contains(n));
    }
    RC_ASSERT(NumberSet::decode(rest.encode(), "set") == rest);
    std::vector<std::uint64_t> listed;
    a.for_each([&](std::uint64_t n) { listed.push_back(n); });
    RC_ASSERT(listed == std::vector<std::uint64_t>(plain_a.begin(), plain_a.end()));
  }));
}

TEST_CASE("varints decode to what was encoded") {
  REQUIRE(rc::check([](std::uint64_t value, unsigned shift) {
    const std::uint64_t small = value >> (shift % 64);
    ByteWriter out;
    out.varint(small);
    ByteReader in(out.view(), "x");
    RC_ASSERT(in.varint() == small);
    in.expect_end();
  }));
}

TEST_CASE("entries and index segments decode to what was encoded") {
  REQUIRE(rc::check([](std::uint64_t seed) {
    const Tree tree = make_entries(seed, 1 + seed % 300);
    std::vector<Entry> entries;
    for (const auto& [path, entry] : tree) {
      entries.push_back(entry);
    }
    RC_ASSERT(decode_leaf(encode_leaf(entries), "leaf") == entries);
    SeededRandom random(seed);
    IndexSegment segment;
    for (std::uint64_t p = 1 + random.next() % 3; p > 0; --p) {
      IndexedPack pack{.hash = random.draw_id<ObjectHash>(), .size = 1U << 20U};
      for (std::uint64_t f = 1 + random.next() % 4; f > 0; --f) {
        IndexedFrame frame;
        frame.place = {32, 1000, 100};
        for (std::uint64_t b = 1 + random.next() % 8; b > 0; --b) {
          frame.blocks.push_back({.tag = random.draw_id<BlockTag>(), .size = 77});
        }
        pack.frames.push_back(frame);
      }
      segment.packs.push_back(pack);
    }
    RC_ASSERT(decode_index_segment(encode_index_segment(segment), "index") == segment);
  }));
}

TEST_CASE("whatever entries come, the chain holds and every entry takes one number") {
  REQUIRE(rc::check([](std::uint64_t seed) {
    SeededRandom random(seed);
    State state;
    const auto next = [&](Act act) {
      return JournalEntry{.sequence = state.next_sequence,
                          .previous = state.head,
                          .author = sample_id<SlotId>(1),
                          .epoch = sample_id<EpochId>(2),
                          .time_ms = state.last_ms,
                          .act = std::move(act)};
    };
    apply(state, next(sample_genesis()), random.draw_id<ObjectHash>());
    for (std::uint64_t i = 1; i < 40; ++i) {
      SnapshotTaken taken = sample_snapshot();
      taken.snapshot = random.draw_id<SnapshotId>();
      taken.numbers = {.first_number = state.next_number + random.next() % 2,
                       .data = static_cast<std::uint32_t>(random.next() % 4 * 32),
                       .meta = static_cast<std::uint32_t>(random.next() % 2 * 64)};
      taken.segments = {{random.draw_id<ObjectHash>(), PackKind::data}};
      if (taken.numbers.meta > 0) {
        taken.segments.push_back({random.draw_id<ObjectHash>(), PackKind::meta});
      }
      JournalEntry entry = next(taken);
      if (random.next() % 4 == 0) entry.previous = random.draw_id<ObjectHash>();
      const std::uint64_t numbers = state.next_number;
      const auto hash = random.draw_id<ObjectHash>();
      if (const auto violation = validate(state, entry)) {
        apply_void(state, violation->reason, hash);
        RC_ASSERT(state.next_number == numbers);
      } else {
        apply(state, entry, hash);
        RC_ASSERT(state.next_number == numbers + taken.numbers.count());
      }
      RC_ASSERT(state.next_sequence == i + 1);
      RC_ASSERT(state.head == hash);
    }
  }));
}
