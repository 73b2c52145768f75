// Index segments of written packs.
#include "engine/blocks/segment_writer.h"

#include "tests/support/attacker.h"
#include "tests/unit/blocks/block_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

// Notes in which order a store is asked.
class NotingStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  void put(const std::string& name, View bytes) override {
    calls.push_back(name.substr(0, name.find('/')));
    ForwardingStore::put(name, bytes);
  }

  void barrier() override { calls.emplace_back("barrier"); }

  std::vector<std::string> calls;
};

struct Writing {
  // A pack of so many blocks.
  static std::vector<StoredPack> pack(std::uint8_t number, std::size_t blocks) {
    StoredPack out;
    out.indexed.hash = sample_id<ObjectHash>(number);
    out.indexed.size = pack_bytes_min;
    out.indexed.frames = {{.place = {pack_header_size, 1'000, 1'000}, .blocks = {}}};
    out.indexed.frames.front().blocks.resize(blocks, {.tag = tag_of(block_id(number)), .size = 1});
    out.key = test_key(number);
    std::vector<StoredPack> packs;
    packs.push_back(std::move(out));
    return packs;
  }

  // The segment with the key of that place.
  IndexSegment segment(std::size_t place) {
    const NamedKey& key = writer.segment_keys().at(place);
    const Bytes bytes = get_hashed(memory, ObjectType::index_segment, key.hash, observer);
    return open_index_segment({bytes, key.hash}, sealing.origin.repository, Key::from(key.key),
                              sealing.expected());
  }

  Sealing sealing;
  MemoryStore memory;
  NotingStore store{memory};
  Observer observer;
  SegmentWriter writer{store, sealing.author()};
};

}  // namespace

TEST_CASE("a segment lists its packs, and is put only after they are durable") {
  Writing writing;
  writing.writer.write(PackKind::data, Writing::pack(1, 5));
  REQUIRE(writing.store.calls == std::vector<std::string>{"barrier", "index", "index"});
  REQUIRE(writing.segment(0).packs ==
          std::vector<IndexedPack>{Writing::pack(1, 5).front().indexed});
  const std::string path = index_segment_path(writing.writer.segment_keys().at(0).hash);
  REQUIRE(writing.writer.stored_bytes() == 2 * writing.memory.objects().at(path).size());
  REQUIRE(writing.writer.pack_keys().at(0).hash == sample_id<ObjectHash>(1));
  REQUIRE(equal(writing.writer.pack_keys().at(0).key, test_key(1).view()));
}

TEST_CASE("segments are introduced as they come, and the ordinals of a stream have no gap") {
  Writing writing;
  writing.writer.write(PackKind::data, Writing::pack(1, 7));
  writing.writer.write(PackKind::meta, Writing::pack(2, 5));
  writing.writer.write(PackKind::data, Writing::pack(3, 2));
  const auto& keys = writing.writer.segment_keys();
  REQUIRE(writing.writer.introductions() ==
          std::vector<SegmentIntroduction>{{keys[0].hash, PackKind::data},
                                           {keys[1].hash, PackKind::meta},
                                           {keys[2].hash, PackKind::data}});
  REQUIRE(writing.segment(0).first_ordinal == 0);
  REQUIRE(writing.segment(1).first_ordinal == 0);
  REQUIRE(writing.segment(2).first_ordinal == 7);
  // The keys of packs stand as the segments list them.
  for (std::size_t i = 0; i < keys.size(); ++i) {
    REQUIRE(writing.writer.pack_keys().at(i).hash == writing.segment(i).packs.front().hash);
  }
  writing.writer.begin_next_entry();
  writing.writer.write(PackKind::data, Writing::pack(4, 1));
  REQUIRE(writing.segment(0).first_ordinal == 0);
}

TEST_CASE("without packs there is no segment") {
  Writing writing;
  writing.writer.write(PackKind::data, {});
  REQUIRE(writing.store.calls.empty());
  REQUIRE(writing.writer.introductions().empty());
}

TEST_CASE("what an entry has introduced is not introduced again") {
  Writing writing;
  writing.writer.write(PackKind::data, Writing::pack(1, 5));
  writing.writer.begin_next_entry();
  REQUIRE(writing.writer.introductions().empty());
  REQUIRE(writing.writer.segment_keys().empty());
  REQUIRE(writing.writer.pack_keys().empty());
  REQUIRE(writing.writer.stored_bytes() > 0);
}
