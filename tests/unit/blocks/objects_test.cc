// Sealed objects that are named by their hash, into a store and out of it.
#include "engine/blocks/objects.h"

#include "engine/crypto/seal.h"
#include "engine/format/limits.h"
#include "tests/support/repository_fixture.h"
#include "tests/unit/blocks/block_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

// One object of each type in a store.
struct Stored {
  Bytes get(ObjectType type, const ObjectHash& hash) {
    return get_hashed(store, type, hash, observer);
  }

  IndexSegment open_segment(const RepositoryId& of, const ExpectedAuthor& author) {
    const Bytes bytes = get(ObjectType::index_segment, segment.key.hash);
    return open_index_segment({bytes, segment.key.hash}, of, Key::from(segment.key.key), author);
  }

  Sealing sealing;
  MemoryStore store;
  RecordingObserver observer;
  RepositoryId repository = sealing.origin.repository;
  StoredObject segment = put_index_segment(store, sealing.author(), sample_index_segment());
  StoredObject body = put_body(store, sealing.author(), sample_body());
  StoredObject set = put_reference_set(store, sealing.author(), sample_reference_set());
};

}  // namespace

TEST_CASE("what was put is what is got, under its hash and with its key") {
  Stored stored;
  REQUIRE(stored.open_segment(stored.repository, stored.sealing.expected()) ==
          sample_index_segment());
  const ObjectHash& body = stored.body.key.hash;
  REQUIRE(open_body({stored.get(ObjectType::body, body), body}, stored.repository,
                    Key::from(stored.body.key.key)) == sample_body());
  const ObjectHash& set = stored.set.key.hash;
  REQUIRE(open_reference_set({stored.get(ObjectType::reference_set, set), set}, stored.repository,
                             Key::from(stored.set.key.key)) == sample_reference_set());
}

TEST_CASE("bodies, index segments and reference sets are stored twice, and counted so") {
  const Stored stored;
  const auto objects = stored.store.objects();
  REQUIRE(objects.size() == 6);
  const std::string body = body_path(stored.body.key.hash);
  REQUIRE(objects.at(body) == objects.at(second_copy_path(body)));
  REQUIRE(stored.body.stored_bytes == 2 * objects.at(body).size());
  REQUIRE(stored.segment.stored_bytes ==
          2 * objects.at(index_segment_path(stored.segment.key.hash)).size());
  REQUIRE(stored.set.stored_bytes ==
          2 * objects.at(reference_set_path(stored.set.key.hash)).size());
}

TEST_CASE("of an object that is stored twice the second copy serves, and the observer is told") {
  Stored stored;
  const std::string path = body_path(stored.body.key.hash);
  const Bytes good = stored.store.objects().at(path);
  stored.store.overwrite(path, Bytes(good.size()));
  REQUIRE(stored.get(ObjectType::body, stored.body.key.hash) == good);
  REQUIRE(stored.observer.notices.size() == 1);
  stored.store.remove(second_copy_path(path));
  REQUIRE(error_code([&] { stored.get(ObjectType::body, stored.body.key.hash); }) == Code::corrupt);
}

TEST_CASE("an object that is not what its name says is damaged, one that is absent is missing") {
  Stored stored;
  const std::string path = index_segment_path(stored.segment.key.hash);
  const auto get = [&] { stored.get(ObjectType::index_segment, stored.segment.key.hash); };
  for (const std::string& copy : copies_of(path)) {
    stored.store.overwrite(copy, stored.store.objects().at(body_path(stored.body.key.hash)));
  }
  REQUIRE(error_code(get) == Code::corrupt);
  for (const std::string& copy : copies_of(path)) {
    stored.store.remove(copy);
  }
  REQUIRE(error_code(get) == Code::missing);
}

TEST_CASE("a segment of another repository, author, signature or epoch is refused") {
  Stored stored;
  const ExpectedAuthor author = stored.sealing.expected();
  const SigningPublicKey other_key = signing_public_key(test_key(99));
  const auto code = [&](const RepositoryId& of, const ExpectedAuthor& expected) {
    return error_code([&] { stored.open_segment(of, expected); });
  };
  REQUIRE(code(sample_id<RepositoryId>(9), author) == Code::corrupt);
  REQUIRE(code(stored.repository, {sample_id<SlotId>(9), author.signing_key, author.epoch}) ==
          Code::corrupt);
  REQUIRE(code(stored.repository, {author.slot, other_key, author.epoch}) == Code::corrupt);
  REQUIRE(code(stored.repository, {author.slot, author.signing_key, sample_id<EpochId>(9)}) ==
          Code::corrupt);
  REQUIRE_NOTHROW(
      stored.open_segment(stored.repository, {author.slot, author.signing_key, std::nullopt}));
}

TEST_CASE("an object of another type, or under another key, is refused") {
  Stored stored;
  const ObjectHash& hash = stored.body.key.hash;
  const Bytes bytes = stored.get(ObjectType::body, hash);
  const Key key = Key::from(stored.body.key.key);
  REQUIRE(error_code([&] {
            open_reference_set({bytes, hash}, stored.repository, key);
          }) == Code::corrupt);
  REQUIRE(error_code([&] {
            open_body({bytes, hash}, stored.repository, test_key(1));
          }) == Code::corrupt);
}

TEST_CASE(
    "a key segment is opened by every slot, its sets by auditors, its rest by readers alone") {
  Sealing sealing;
  const Key index_key = test_key(7);
  const Key epoch_secret = test_key(8);
  const Key audit_secret = test_key(9);
  OpenKeySegment parts{.outer = sample_key_segment(),
                       .sets = sample_key_segment_sets(),
                       .inner = sample_key_segment_inner()};
  const KeySegmentInner& inner = parts.inner;
  const SealedObject object = seal_key_segment(sealing.author(),
                                               {.index_key = index_key,
                                                .audit_key = box_public_key(audit_secret),
                                                .epoch_key = box_public_key(epoch_secret)},
                                               parts);
  MemoryStore store;
  REQUIRE(put_sealed(store, ObjectType::key_segment, object) == 2 * object.bytes.size());
  const KeySegmentOuter opened = open_key_segment(
      {object.bytes, object.hash}, sealing.origin.repository, index_key, sealing.expected());
  REQUIRE(opened.groups == parts.outer.groups);
  REQUIRE(open_key_segment_sets(opened, object.hash, audit_secret) == parts.sets);
  REQUIRE(error_code([&] { open_key_segment_sets(opened, object.hash, epoch_secret); }) ==
          Code::corrupt);
  KeySegmentOuter fewer = opened;
  fewer.groups.front().reference_sets.pop_back();
  REQUIRE(error_code([&] { open_key_segment_sets(fewer, object.hash, audit_secret); }) ==
          Code::corrupt);
  REQUIRE(open_key_segment_inner(opened, object.hash, epoch_secret) == inner);
  REQUIRE(error_code([&] { open_key_segment_inner(opened, object.hash, index_key); }) ==
          Code::corrupt);
  KeySegmentOuter shorter = opened;
  shorter.groups.front().packs.pop_back();
  REQUIRE(error_code([&] { open_key_segment_inner(shorter, object.hash, epoch_secret); }) ==
          Code::corrupt);
}

TEST_CASE("an object that no client would read as large is not put") {
  Stored stored;
  SnapshotBody body = sample_body();
  body.paths.assign(5'000, std::string(4'000, 'p'));
  const std::size_t before = stored.store.objects().size();
  REQUIRE(error_code([&] { put_body(stored.store, stored.sealing.author(), body); }) ==
          Code::failed);
  REQUIRE(stored.store.objects().size() == before);
}
