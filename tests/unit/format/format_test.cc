#include <set>

#include "engine/crypto/hash.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"

using namespace kist;        // NOLINT(google-build-using-namespace)
using namespace kist::test;  // NOLINT(google-build-using-namespace)

namespace {

// What every layout promises: what was encoded decodes to itself; anything cut, lengthened or
// changed is refused or stands for exactly its own bytes.
template <typename Value, typename Encode, typename Decode>
void require_codec(const Value& value, const Encode& encode, const Decode& decode) {
  const Bytes encoded = encode(value);
  REQUIRE(decode(View(encoded)) == value);
  require_strict(encoded, decode);
  require_canonical(encoded, decode, encode);
}

}  // namespace

TEST_CASE("a key segment of more packs than one may hold is refused") {
  KeySegmentOuter outer;
  outer.packs.resize(key_segment_packs_max);
  REQUIRE_NOTHROW(decode_key_segment(encode_key_segment(outer), "keys"));
  outer.packs.emplace_back();
  REQUIRE(error_code([&] {
            static_cast<void>(decode_key_segment(encode_key_segment(outer), "keys"));
          }) == Code::corrupt);
}

TEST_CASE("kist.repo keeps its promises as a layout") {
  const RepositoryFile file{.repository = sample_id<RepositoryId>(1), .features = 0};
  const Bytes encoded = encode_repository_file(file, &hash_object);
  REQUIRE(encoded.size() == repository_file_size);
  const auto decode = [](View bytes) { return decode_repository_file(bytes, &hash_object); };
  REQUIRE(decode(encoded) == file);
  require_strict(encoded, decode);
}

TEST_CASE("kist.repo of a newer version or with unknown features is unsupported, not damaged") {
  const RepositoryFile file{.repository = sample_id<RepositoryId>(1), .features = 4};
  const Bytes featured = encode_repository_file(file, &hash_object);
  REQUIRE(error_code([&] { decode_repository_file(featured, &hash_object); }) == Code::unsupported);
  Bytes newer = featured;
  newer[8] = 2;
  REQUIRE(error_code([&] { decode_repository_file(newer, &hash_object); }) == Code::unsupported);
}

TEST_CASE("a slot's clear section keeps its promises as a layout") {
  require_codec(sample_slot_clear(), &encode_slot_clear,
                [](View bytes) { return decode_slot_clear(bytes, "slot"); });
}

TEST_CASE("an epoch box keeps its promises as a layout") {
  require_codec(sample_epoch_box(), &encode_epoch_box,
                [](View bytes) { return decode_epoch_box(bytes, "epoch box"); });
}

TEST_CASE("a frame's list keeps its promises as a layout") {
  require_codec(sample_frame_list(), &encode_frame_list,
                [](View bytes) { return decode_frame_list(bytes, "list"); });
}

TEST_CASE("a pack's directory keeps its promises as a layout") {
  require_codec(sample_places(), &encode_pack_directory,
                [](View bytes) { return decode_pack_directory(bytes, "directory"); });
}

TEST_CASE("an index segment keeps its promises as a layout") {
  const auto decode = [](View bytes) { return decode_index_segment(bytes, "index"); };
  require_codec(sample_index_segment(), &encode_index_segment, decode);
  IndexSegment empty = sample_index_segment();
  empty.packs.front().frames.front().blocks.front().size = 0;
  REQUIRE(error_code([&] { decode(encode_index_segment(empty)); }) == Code::corrupt);
  FrameList list = sample_frame_list();
  list.blocks.front().size = 0;
  REQUIRE(error_code([&] { decode_frame_list(encode_frame_list(list), "list"); }) == Code::corrupt);
  IndexSegment rewritten = sample_index_segment();
  rewritten.has_numbers = true;
  rewritten.packs[0].frames[0].blocks[1].number = 123456789012;
  require_codec(rewritten, &encode_index_segment, decode);
}

TEST_CASE("a key segment keeps its promises as a layout") {
  require_codec(sample_key_segment(), &encode_key_segment,
                [](View bytes) { return decode_key_segment(bytes, "keys"); });
  require_codec(sample_key_segment_inner(), &encode_key_segment_inner,
                [](View bytes) { return decode_key_segment_inner(bytes, "keys"); });
}

TEST_CASE("a snapshot's body keeps its promises as a layout") {
  require_codec(sample_body(), &encode_body, [](View bytes) { return decode_body(bytes, "body"); });
}

TEST_CASE("a reference set keeps its promises as a layout") {
  require_codec(sample_reference_set(), &encode_reference_set,
                [](View bytes) { return decode_reference_set(bytes, "set"); });
}

TEST_CASE("journal entries keep their promises as layouts") {
  const auto encode = [](const std::pair<std::int64_t, Act>& value) {
    return encode_journal_payload(value.first, value.second);
  };
  const auto decode = [](View bytes) {
    JournalPayload payload = decode_journal_payload(bytes, "entry");
    return std::pair(payload.time_ms, std::move(payload.act));
  };
  const std::vector<Act> acts = {
      sample_genesis(),
      sample_snapshot(),
      sample_slot_added(),
      SlotRewrapped{
          .generation = 2, .kind = SlotKind::passphrase, .slot_object = sample_id<ObjectHash>(9)},
      sample_epoch_ended(),
      StateRemade{sample_id<ClientId>(3)},
      sample_incidents_closed(),
      SegmentsProved{{sample_id<ObjectHash>(1), sample_id<ObjectHash>(2)}}};
  for (const Act& act : acts) {
    INFO(act_name(act));
    require_codec(std::pair(std::int64_t{1234}, act), encode, decode);
  }
}

TEST_CASE("an act of a type that is not known is kept as it is") {
  const Act act = UnknownAct{.type = 999, .payload = {1, 2, 3}};
  const JournalPayload decoded = decode_journal_payload(encode_journal_payload(5, act), "entry");
  REQUIRE(decoded.act == act);
}

TEST_CASE("a leaf of a manifest keeps its promises as a layout") {
  require_codec(sample_entries(), &encode_leaf,
                [](View bytes) { return decode_leaf(bytes, "leaf"); });
}

TEST_CASE("an inner node of a manifest keeps its promises as a layout") {
  const Node node{.level = 2,
                  .children = {{"", sample_id<BlockId>(1)},
                               {"home/a", sample_id<BlockId>(2)},
                               {"home/a.big", sample_id<BlockId>(3)}}};
  require_codec(
      node, [](const Node& n) { return encode_node(n.level, n.children); },
      [](View bytes) { return decode_node(bytes, "node"); });
}

TEST_CASE("content nodes and blocks of attributes keep their promises as layouts") {
  const std::vector<ContentItem> items = {{ItemType::block, 10, sample_id<BlockId>(1)},
                                          {ItemType::hole, 99, {}}};
  require_codec(items, &encode_content_node,
                [](View bytes) { return decode_content_node(bytes, "node"); });
  const std::vector<Xattr> xattrs = {{"user.a", Bytes(4000, 1)}, {"user.b", Bytes(200, 2)}};
  const auto decode = [](View bytes) { return decode_xattr_block(bytes, "attributes"); };
  REQUIRE(decode(encode_xattr_block(xattrs)) == xattrs);
}

TEST_CASE("entries that could lead out of a target are refused") {
  for (const std::string path : {"..", "a/../b", "a//b", "/a", "a/", ".", "a/.", "a/./b"}) {
    Entry entry = sample_entries()[1];
    entry.path = path;
    INFO(path);
    REQUIRE(error_code([&] { decode_leaf(encode_leaf({entry}), "leaf"); }) == Code::corrupt);
  }
  Entry nul = sample_entries()[1];
  nul.path = std::string("a\0b", 3);
  REQUIRE(error_code([&] { decode_leaf(encode_leaf({nul}), "leaf"); }) == Code::corrupt);
  Entry long_name = sample_entries()[1];
  long_name.path = std::string(256, 'x');
  REQUIRE(error_code([&] { decode_leaf(encode_leaf({long_name}), "leaf"); }) == Code::corrupt);
}

TEST_CASE("a hard link that does not point back is refused") {
  Entry link = sample_entries()[5];
  link.link_target = "home/later";
  REQUIRE(error_code([&] { decode_leaf(encode_leaf({link}), "leaf"); }) == Code::corrupt);
}

TEST_CASE("content that does not add up to the file's size is refused") {
  Entry entry = sample_entries()[3];
  ++entry.size;
  REQUIRE(error_code([&] { decode_leaf(encode_leaf({entry}), "leaf"); }) == Code::corrupt);
}

TEST_CASE("an envelope shows its parts and refuses every other size") {
  const EnvelopeHeader header{.type = ObjectType::journal_entry,
                              .repository = sample_id<RepositoryId>(1),
                              .epoch_number = 2,
                              .epoch = sample_id<EpochId>(3),
                              .author = sample_id<SlotId>(4),
                              .nonce = sample_id<Nonce>(5)};
  const Bytes clear = encode_journal_clear({.sequence = 6, .previous = sample_id<ObjectHash>(7)});
  Bytes bytes = encode_envelope_start(header, clear, 20);
  bytes.resize(bytes.size() + 20 + Signature::size, 8);
  const Envelope envelope = decode_envelope(bytes, "x");
  REQUIRE(envelope.header == header);
  REQUIRE(equal(envelope.clear, clear));
  REQUIRE(envelope.sealed.size() == 20);
  REQUIRE(decode_journal_clear(envelope.clear, "x").sequence == 6);
  require_strict(bytes, [](View b) { decode_envelope(b, "x"); });
}

TEST_CASE("an envelope that claims an absurd size is refused before anything is allocated") {
  const EnvelopeHeader header{.type = ObjectType::body};
  const Bytes bytes = encode_envelope_start(header, {}, std::uint64_t{1} << 63U);
  REQUIRE(error_code([&] { decode_envelope(bytes, "x"); }) == Code::corrupt);
}

TEST_CASE("padding hides the size within twelve per cent and must be zero") {
  for (std::uint64_t size = 1; size < 100'000; size += 37) {
    const Bytes payload(size, 3);
    const Bytes padded = pad_payload(payload);
    REQUIRE(padded.size() >= size + 8);
    REQUIRE(static_cast<double>(padded.size()) <= 1.13 * static_cast<double>(size + 8));
    REQUIRE(unpad_payload(padded, "x").size() == size);
  }
  Bytes padded = pad_payload(Bytes(1000, 3));
  padded.back() = 1;
  REQUIRE(error_code([&] { unpad_payload(padded, "x"); }) == Code::corrupt);
  padded.back() = 0;
  padded.resize(padded.size() + 100);
  REQUIRE(error_code([&] { unpad_payload(padded, "x"); }) == Code::corrupt);
}

TEST_CASE("packs come in ten sizes") {
  std::set<std::uint64_t> sizes;
  for (std::uint64_t end = 32; end < (32U << 20U) - 1000; end = end * 3 / 2 + 1) {
    sizes.insert(padded_pack_size(end, 10));
  }
  for (const std::uint64_t size : sizes) {
    REQUIRE((size & (size - 1)) == 0);
    REQUIRE(size >= 65536);
    REQUIRE(size <= 33554432);
  }
  REQUIRE(sizes.size() <= 10);
}

TEST_CASE("the names of slots and entries parse back, and nothing else does") {
  const auto slot = sample_id<SlotId>(1);
  const auto parsed = parse_slot_name(slot_name(slot, 12).substr(6));
  REQUIRE(parsed);
  REQUIRE(parsed->slot == slot);
  REQUIRE(parsed->generation == 12);
  REQUIRE_FALSE(parse_slot_name("abc-1"));
  REQUIRE_FALSE(parse_slot_name(hex(slot) + "-1.2"));
  REQUIRE_FALSE(parse_slot_name(hex(slot) + "-012"));
  REQUIRE(journal_name(7) == "journal/0000000007");
  REQUIRE(parse_journal_name("0000000007") == 7U);
  REQUIRE_FALSE(parse_journal_name("0000000007.2"));
  REQUIRE_FALSE(parse_journal_name("000000007"));
}

TEST_CASE("a number set in another encoding of the same numbers is refused") {
  NumberSet set;
  set.add_range(0, 100);
  const Bytes canonical = set.encode();
  REQUIRE(NumberSet::decode(canonical, "set") == set);
  // The same hundred numbers as an array container instead of a run.
  ByteWriter other;
  other.u64(1);
  other.u32(0);
  other.u32(12346);
  other.u32(1);
  other.u16(0);
  other.u16(99);
  other.u32(16);
  for (std::uint16_t i = 0; i < 100; ++i) {
    other.u16(i);
  }
  REQUIRE(error_code([&] { NumberSet::decode(other.view(), "set"); }) == Code::corrupt);
}
