// Body, reference set and key segments of a snapshot.
#include "engine/blocks/snapshot_objects.h"

#include "engine/crypto/seal.h"
#include "engine/format/limits.h"
#include "tests/unit/blocks/block_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

struct Storing {
  Storing() {
    objects.put_body(sample_body());
    objects.put_reference_set(sample_reference_set());
  }

  // Packs, so many in a segment.
  void write_packs(std::size_t count) {
    std::vector<StoredPack> packs(count);
    for (StoredPack& pack : packs) {
      sealing.random.fill(pack.indexed.hash.bytes);
      pack.indexed.size = pack_bytes_min;
      pack.indexed.frames = {{.place = {pack_header_size, 1'000, 1'000},
                              .blocks = {{.tag = tag_of(block_id(1)), .size = 1}}}};
    }
    segments.write(PackKind::data, std::move(packs));
  }

  std::vector<ObjectHash> put_keys() {
    return objects.put_key_segments(
        {.index_key = index_key, .audit_key = audit_key, .epoch_key = epoch_key}, segments,
        pending_author);
  }

  KeySegmentOuter open(const ObjectHash& hash) {
    const Bytes bytes = get_hashed(store, ObjectType::key_segment, hash, observer);
    return open_key_segment({bytes, hash}, sealing.origin.repository, index_key,
                            sealing.expected());
  }

  Sealing sealing;
  MemoryStore store;
  Observer observer;
  Key index_key = test_key(7);
  Key epoch_secret = test_key(8);
  BoxPublicKey epoch_key = box_public_key(epoch_secret);
  Key audit_secret = test_key(9);
  BoxPublicKey audit_key = box_public_key(audit_secret);
  const BoxPublicKey* pending_author = nullptr;
  SegmentWriter segments{store, sealing.author()};
  SnapshotObjects objects{store, sealing.author()};
};

}  // namespace

TEST_CASE("the key segment of a snapshot opens its body and its reference set") {
  Storing storing;
  storing.write_packs(2);
  const std::vector<ObjectHash> hashes = storing.put_keys();
  REQUIRE(hashes.size() == 1);
  const KeySegmentOuter outer = storing.open(hashes[0]);
  const KeySegmentInner inner = open_key_segment_inner(outer, hashes[0], storing.epoch_secret);
  REQUIRE(outer.groups.size() == 1);
  const KeyGroup& group = outer.groups.front();
  REQUIRE(group.entry == 0);
  REQUIRE(group.index_segments == storing.segments.segment_keys());
  REQUIRE(group.packs.size() == 2);
  REQUIRE(group.bodies == std::vector<ObjectHash>{storing.objects.body()});
  const RepositoryId& repository = storing.sealing.origin.repository;
  const ObjectHash& body = storing.objects.body();
  REQUIRE(open_body({get_hashed(storing.store, ObjectType::body, body, storing.observer), body},
                    repository, Key::from(inner.groups.at(0).bodies.at(0))) == sample_body());
  const KeySegmentSets sets = open_key_segment_sets(outer, hashes[0], storing.audit_secret);
  const NamedKey set{group.reference_sets.at(0), sets.groups.at(0).at(0)};
  REQUIRE(set.hash == storing.objects.reference_set());
  REQUIRE(group.author_box.empty());
  REQUIRE(open_reference_set(
              {get_hashed(storing.store, ObjectType::reference_set, set.hash, storing.observer),
               set.hash},
              repository, Key::from(set.key)) == sample_reference_set());
}

TEST_CASE("the key of a pending snapshot's set is sealed to its author too") {
  Storing storing;
  storing.write_packs(1);
  const Key author = test_key(31);
  const BoxPublicKey author_key = box_public_key(author);
  storing.pending_author = &author_key;
  const ObjectHash hash = storing.put_keys().at(0);
  const KeySegmentOuter outer = storing.open(hash);
  const auto opened = open_box(author, outer.groups.at(0).author_box);
  REQUIRE(opened);
  const KeySegmentSets sets = open_key_segment_sets(outer, hash, storing.audit_secret);
  REQUIRE(equal(opened->view(), sets.groups.at(0).at(0)));
  REQUIRE(error_code([&] {
            static_cast<void>(open_key_segment_sets(outer, hash, storing.epoch_secret));
          }) == Code::corrupt);
}

TEST_CASE("the keys of many packs are spread over as many key segments as they need") {
  Storing storing;
  storing.write_packs(key_segment_packs_max + 1);
  const std::vector<ObjectHash> hashes = storing.put_keys();
  REQUIRE(hashes.size() == 2);
  std::vector<ObjectHash> packs;
  for (const ObjectHash& hash : hashes) {
    const KeySegmentOuter outer = storing.open(hash);
    const KeyGroup& group = outer.groups.at(0);
    packs.insert(packs.end(), group.packs.begin(), group.packs.end());
    REQUIRE(group.bodies.empty() == (hash == hashes[1]));
  }
  REQUIRE(packs.size() == key_segment_packs_max + 1);
  REQUIRE(std::ranges::equal(packs, storing.segments.pack_keys(), {}, {}, &NamedKey::hash));
}

TEST_CASE("keys that are sealed once more, to another epoch, open the same") {
  Storing storing;
  storing.write_packs(1);
  const ObjectHash first = storing.put_keys().front();
  const Key next_secret = test_key(9);
  storing.epoch_key = box_public_key(next_secret);
  storing.sealing.origin.epoch = sample_id<EpochId>(77);
  const ObjectHash again = storing.put_keys().front();
  const KeySegmentOuter outer = storing.open(again);
  REQUIRE(open_key_segment_inner(outer, again, next_secret).groups.at(0).packs.size() == 1);
  REQUIRE(error_code([&] { open_key_segment_inner(outer, again, storing.epoch_secret); }) ==
          Code::corrupt);
  REQUIRE(error_code([&] { storing.open(first); }) == Code::corrupt);  // of the epoch before
}

TEST_CASE("all bytes of a snapshot's objects are counted, second copies too") {
  Storing storing;
  storing.put_keys();
  std::uint64_t total = 0;
  for (const auto& [name, bytes] : storing.store.objects()) {
    total += bytes.size();
  }
  REQUIRE(storing.objects.stored_bytes() == total);
}
