// The worked examples of docs/format.md are what the code writes, byte for byte. An example there
// is a fenced block that begins with ```hex NAME.
#include <fstream>
#include <map>
#include <sstream>

#include "engine/blocks/frame.h"
#include "engine/content/chunker.h"
#include "engine/crypto/hash.h"
#include "engine/crypto/kdf.h"
#include "engine/crypto/seal.h"
#include "engine/format/manifest_tree.h"
#include "engine/keys/epoch_secrets.h"
#include "engine/keys/sealed_object.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

Key key_of(std::uint8_t fill) {
  return Key::from(Bytes(32, fill));
}

template <typename AnyId>
Bytes bytes_of(const AnyId& id) {
  return {id.bytes.begin(), id.bytes.end()};
}

// The small manifest of the example: a directory, an inline file, a file of one block, a link.
std::vector<Entry> example_entries() {
  std::vector<Entry> all = sample_entries();
  std::vector<Entry> out = {all[0], all[2], all[3], all[5], all[6]};
  out[1].path = "a";
  out[2].path = "big";
  out[2].xattrs_block.reset();
  out[3].path = "hard";
  out[3].link_target = "big";
  out[4].path = "link";
  out[4].link_target = "a";
  return out;
}

Bytes example_envelope() {
  const ObjectOrigin origin{.repository = sample_id<RepositoryId>(0x10),
                            .epoch_number = 0,
                            .epoch = sample_id<EpochId>(0x20),
                            .author = sample_id<SlotId>(0x30)};
  SeededRandom random(1);
  return seal_object({.type = ObjectType::body, .origin = origin}, key_of(1), key_of(2), random,
                     as_view("payload"));
}

void add_retention_examples(std::map<std::string, Bytes>& out) {
  out["journal-retired"] = encode_journal_payload(
      {.time_ms = 1'700'000'000'000,
       .act = SnapshotsRetired{.snapshots = {{sample_id<SnapshotId>(1), RetireCause::rule},
                                             {sample_id<SnapshotId>(2), RetireCause::by_hand}},
                               .planned_ms = 1'700'000'000'000,
                               .reason = "an error"}});
  out["journal-hold-placed"] = encode_journal_payload(
      {.time_ms = 1'700'000'000'000,
       .act = HoldPlaced{.matter = "2026-17",
                         .reason = "",
                         .parts = {.snapshots = {}, .sources = {"desk", "mail"}}}});
  out["journal-policy-assigned"] = encode_journal_payload(
      {.time_ms = 1'700'000'000'000,
       .act = PolicyAssigned{.subject = sample_id<SlotId>(1), .policy = "archive", .reason = ""}});
}

std::map<std::string, Bytes> examples() {
  std::map<std::string, Bytes> out;
  out["varint-300"] = {0xac, 0x02};
  out["kist.repo"] =
      encode_repository_file({.repository = sample_id<RepositoryId>(0x10)}, &hash_object);
  out["padded"] = pad_payload(as_view("abc"));
  out["envelope"] = example_envelope();
  out["anchor"] = make_anchor({.repository = sample_id<RepositoryId>(0x10),
                               .epoch_number = 7,
                               .epoch = sample_id<EpochId>(0x20),
                               .author = {}},
                              key_of(0x30));
  out["slot-clear"] = encode_slot_clear(sample_slot_clear());
  out["key-file-wrapping-key"] = Bytes(32);
  std::ranges::copy(derive_key(key_of(7), KeyUse::key_file_wrapping).view(),
                    out["key-file-wrapping-key"].begin());
  const Key pack_key = key_of(9);
  const Key secret = derive_frame_secret(pack_key, 0);
  out["frame-secret-0"] = Bytes(secret.view().begin(), secret.view().end());
  const Key directory = derive_directory_key(pack_key);
  out["directory-key"] = Bytes(directory.view().begin(), directory.view().end());
  const FramePosition position{sample_id<RepositoryId>(0x10), PackKind::data, 0};
  const FrameList list{.encoding = FrameEncoding::raw,
                       .blocks = {{hash_block(key_of(3), as_view("abc")), 3}}};
  out["frame-associated"] =
      frame_associated(position.repository, position.kind, 0, FramePart::contents);
  out["frame-list"] = encode_frame_list(list);
  out["frame-list-rewritten"] = encode_frame_list(sample_rewritten_list());
  out["frame"] = seal_frame(secret, position, as_view("abc"), list);
  out["pack-header"] = encode_pack_header(PackKind::data, position.repository);
  out["pack-footer"] = encode_pack_footer(48);
  out["pack-directory"] = encode_pack_directory({{32, 19, 57}});
  out["block-id"] = bytes_of(hash_block(key_of(3), as_view("abc")));
  out["tag"] = bytes_of(tag_of(hash_block(key_of(3), as_view("abc"))));
  out["index-segment"] = encode_index_segment(sample_index_segment());
  out["index-segment-rewritten"] = encode_index_segment(sample_rewritten_segment());
  out["key-segment"] = encode_key_segment(sample_key_segment());
  out["key-segment-inner"] = encode_key_segment_inner(sample_key_segment_inner());
  NumberSet numbers;
  numbers.add_range(5, 10);
  numbers.add(1'000'000);
  out["number-set"] = numbers.encode();
  out["leaf"] = encode_leaf(example_entries());
  out["node"] = encode_node(1, {{"", sample_id<BlockId>(1)}, {"home/ann", sample_id<BlockId>(2)}});
  out["journal-clear"] =
      encode_journal_clear({.sequence = 7, .previous = sample_id<ObjectHash>(0x40)});
  ByteWriter policy;
  Policy().encode(policy);
  out["policy"] = policy.take();
  out["journal-snapshot"] =
      encode_journal_payload({.time_ms = 1'700'000'000'000, .act = sample_snapshot()});
  out["journal-proved"] = encode_journal_payload(
      {.time_ms = 1'700'000'000'000, .act = EntriesProved{{{0, 41}, {43, 300'000}}}});
  add_retention_examples(out);
  out["journal-sets-proved"] = encode_journal_payload(
      {.time_ms = 1'700'000'000'000,
       .act = SetsProved{.equal = {{sample_id<SnapshotId>(1), sample_id<ObjectHash>(3)}},
                         .replaced = {{{sample_id<SnapshotId>(2), sample_id<ObjectHash>(4)},
                                       sample_id<ObjectHash>(5)}},
                         .key_segments = {sample_id<ObjectHash>(6)}}});
  out["journal-reindexed"] = encode_journal_payload(
      {.time_ms = 1'700'000'000'000,
       .act =
           Reindexed{.replaced = {{sample_id<ObjectHash>(4), 300, 20}, {sample_id<ObjectHash>(5)}},
                     .segments = {sample_id<ObjectHash>(6)},
                     .key_segments = {sample_id<ObjectHash>(7)}}});
  out["journal-epoch-ended"] =
      encode_journal_payload({.time_ms = 1'700'000'000'000, .act = sample_epoch_ended()});
  out["body"] = encode_body(sample_body());
  return out;
}

std::string to_lines(const Bytes& bytes) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 32) {
    out += to_hex(bytes.data() + at, std::min<std::size_t>(32, bytes.size() - at));
    out += '\n';
  }
  return out;
}

std::map<std::string, std::string> documented() {
  std::ifstream in(concat(KIST_SOURCE_DIR, "/docs/format.md"));
  std::map<std::string, std::string> out;
  std::string name;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("```hex ")) {
      name = line.substr(7);
      out[name];
    } else if (line == "```") {
      name.clear();
    } else if (!name.empty()) {
      out[name] += line;
      out[name] += '\n';
    }
  }
  return out;
}

}  // namespace

TEST_CASE("the worked examples of docs/format.md are what the code writes") {
  const auto expected = examples();
  const auto found = documented();
  for (const auto& [name, bytes] : expected) {
    INFO("```hex " << name << "\n" << to_lines(bytes) << "```");
    REQUIRE(found.contains(name));
    CHECK(found.at(name) == to_lines(bytes));
  }
  REQUIRE(found.size() == expected.size());
}
