#include "tests/support/samples.h"

#include "engine/rules/validate.h"
#include "tests/support/seeded_random.h"

namespace kist::test {

namespace {

KeyBytes sample_key(std::uint8_t first) {
  KeyBytes out;
  std::ranges::copy(sample_id<BlockId>(first).bytes, out.begin());
  return out;
}

}  // namespace

GearTable sample_gear_table(std::uint64_t seed) {
  SeededRandom random(seed);
  GearTable out{};
  for (std::uint64_t& word : out) {
    word = random.next();
  }
  return out;
}

SlotClear sample_slot_clear() {
  SlotClear out;
  out.signing_key = sample_id<SigningPublicKey>(1);
  out.box_key = sample_id<BoxPublicKey>(2);
  out.kind = SlotKind::passphrase;
  out.generation = 3;
  out.passes = 4;
  out.memory_kib = 65536;
  out.salt.fill(5);
  return out;
}

EpochBox sample_epoch_box() {
  return {.repository = sample_id<RepositoryId>(1),
          .epoch_number = 2,
          .epoch = sample_id<EpochId>(3),
          .slot = sample_id<SlotId>(4),
          .box = Bytes(epoch_secret_size + 48, 5)};
}

FrameList sample_frame_list() {
  return {.encoding = FrameEncoding::zstd,
          .blocks = {{sample_id<BlockId>(1), 1000}, {sample_id<BlockId>(2), 20}}};
}

FrameList sample_rewritten_list() {
  FrameList out = sample_frame_list();
  out.has_numbers = true;
  out.numbers = {{}, {7, 123'456'789'012}};
  return out;
}

Anchor sample_anchor() {
  return {.repository = sample_id<RepositoryId>(1),
          .epoch_number = 2,
          .epoch = sample_id<EpochId>(3),
          .share = sample_key(4)};
}

std::vector<FramePlace> sample_places() {
  return {{32, 500, 90}, {622, 17, 16}};
}

IndexSegment sample_index_segment() {
  IndexedFrame frame{.place = {32, 500, 90}, .encoding = FrameEncoding::zstd, .blocks = {}};
  frame.blocks.push_back({.tag = sample_id<BlockTag>(1), .size = 1000});
  frame.blocks.push_back({.tag = sample_id<BlockTag>(2), .size = 20});
  return {.has_numbers = false,
          .first_ordinal = 300,
          .packs = {{.hash = sample_id<ObjectHash>(3),
                     .kind = PackKind::meta,
                     .size = 65536,
                     .frames = {frame}}}};
}

IndexSegment sample_rewritten_segment() {
  IndexSegment out = sample_index_segment();
  out.has_numbers = true;
  out.first_ordinal = 0;
  out.packs.front().born = 17;
  out.packs.front().frames.front().numbers = sample_rewritten_list().numbers;
  out.packs.front().frames.front().blocks.front().tag = {};
  return out;
}

KeySegmentOuter sample_key_segment() {
  const KeyGroup first{.entry = 3,
                       .index_segments = {{sample_id<ObjectHash>(1), sample_key(2)}},
                       .reference_sets = {sample_id<ObjectHash>(3)},
                       .packs = {sample_id<ObjectHash>(5), sample_id<ObjectHash>(6)},
                       .bodies = {sample_id<ObjectHash>(7)},
                       .author_box = Bytes(80, 4)};
  const KeyGroup second{.entry = 7,
                        .index_segments = {},
                        .reference_sets = {sample_id<ObjectHash>(8)},
                        .packs = {},
                        .bodies = {sample_id<ObjectHash>(10)},
                        .author_box = {}};
  return {.groups = {first, second}, .audit_box = Bytes(50, 9), .inner_box = Bytes(60, 8)};
}

KeySegmentSets sample_key_segment_sets() {
  return {.groups = {{sample_key(4)}, {sample_key(9)}}};
}

KeySegmentInner sample_key_segment_inner() {
  return {.groups = {{.packs = {sample_key(1), sample_key(2)}, .bodies = {sample_key(3)}},
                     {.packs = {}, .bodies = {sample_key(4)}}}};
}

SnapshotBody sample_body() {
  return {.root = sample_id<BlockId>(1),
          .host = "host",
          .user = "ann",
          .program = "kist",
          .paths = {"/home/ann", "/etc"},
          .tags = {"nightly"},
          .description = "before the move",
          .is_selective = true,
          .problems = {{"home/ann/db", "it changed"}}};
}

ReferenceSet sample_reference_set() {
  ReferenceSet out;
  out.absolute.add_range(10, 5000);
  out.absolute.add(1'000'000);
  out.absolute.add(std::uint64_t{1} << 40U);
  out.relative.add_range(0, 3);
  out.statistics.finished_ms = 2000;
  out.statistics.files_new = 3;
  out.statistics.bytes_total = 400'000;
  return out;
}

namespace {

SlotIntroduction sample_introduction() {
  SlotIntroduction out;
  out.slot = sample_id<SlotId>(1);
  out.kind = SlotKind::key_file;
  out.capabilities = owner_capabilities;
  out.name = "owner";
  out.signing_key = sample_id<SigningPublicKey>(2);
  out.box_key = sample_id<BoxPublicKey>(3);
  out.grant = sample_id<ObjectHash>(4);
  out.epoch_box = sample_id<ObjectHash>(5);
  out.slot_object = sample_id<ObjectHash>(6);
  out.sources = {"mail"};
  return out;
}

}  // namespace

Genesis sample_genesis() {
  Genesis out;
  out.content.block_min = 32768;
  out.content.block_target = 131072;
  out.content.block_max = 524288;
  out.content.compression = 3;
  out.id_key = sample_id<KeyHash>(1);
  out.chunk_seed = sample_id<KeyHash>(2);
  out.beginning = sample_beginning(3);
  out.owner = sample_introduction();
  return out;
}

Policy sample_policy() {
  return {.name = "archive",
          .last = 3,
          .hourly = {.count = 24},
          .daily = {.count = 0, .window = {.months = 0, .seconds = 2'592'000}},
          .weekly = {.count = 5},
          .monthly = {.count = 0, .window = {.months = 18, .seconds = 60}},
          .quarterly = {.count = 4},
          .yearly = {.count = 10},
          .within = {.months = 1, .seconds = 0},
          .zone = "Europe/Vienna",
          .interval = {.months = 0, .seconds = 86'400},
          .tolerance_seconds = 21'600,
          .restore_seconds = 14'400,
          .minimum_seconds = 7 * std::uint64_t{31'622'400},
          .maximum_seconds = 10 * std::uint64_t{31'622'400},
          .grace_seconds = 604'800,
          .cooling_off_seconds = 259'200,
          .lock = LockMode::compliance,
          .dedup = Trust::all,
          .allows_redaction = true,
          .approvals = 2,
          .notice_seconds = 1'209'600};
}

EpochBeginning sample_beginning(std::uint8_t fill, std::uint64_t least) {
  const auto next = static_cast<std::uint8_t>(fill + 1);
  return {.least = least,
          .share = sample_key(fill),
          .anchor = sample_id<ObjectHash>(fill),
          .epoch_key = sample_id<BoxPublicKey>(fill),
          .audit_key = sample_id<BoxPublicKey>(next),
          .place = AnchorPlace::store,
          .place_label = {}};
}

SnapshotTaken sample_snapshot() {
  SnapshotTaken out;
  out.snapshot = sample_id<SnapshotId>(1);
  out.source = "host-12345678";
  out.policy = "default";
  out.minimum_seconds = 86400;
  out.started_ms = 1'699'999'990'000;
  out.is_suspicious = true;
  out.body = sample_id<ObjectHash>(2);
  out.reference_set = sample_id<ObjectHash>(3);
  out.numbers = reserve(0, 1000, 20);
  out.segments = {{sample_id<ObjectHash>(4), PackKind::data},
                  {sample_id<ObjectHash>(5), PackKind::meta}};
  out.key_segments = {sample_id<ObjectHash>(6)};
  return out;
}

SlotAdded sample_slot_added() {
  return {sample_introduction()};
}

EpochEnded sample_epoch_ended() {
  EpochEnded out;
  out.former.epoch = sample_id<EpochId>(1);
  out.former.begun = 7;
  out.former.journal_key.fill(2);
  out.beginning = sample_beginning(3, 40);
  out.beginning.place = AnchorPlace::apart;
  out.beginning.place_label = "the safe";
  out.revoked = {sample_id<SlotId>(4)};
  out.boxes = {{sample_id<SlotId>(5), sample_id<ObjectHash>(6)}};
  out.keys = {{.last = 30, .segments = {sample_id<ObjectHash>(7), sample_id<ObjectHash>(8)}},
              {.last = 41, .segments = {sample_id<ObjectHash>(9)}}};
  out.dropped_count = 3;
  out.ended = {.segments = {{sample_id<ObjectHash>(10), 300, 20}, {sample_id<ObjectHash>(11)}},
               .snapshots = {sample_id<SnapshotId>(12)},
               .forgotten = {sample_id<SnapshotId>(13)},
               .names = {sample_id<ObjectHash>(14), sample_id<ObjectHash>(15)}};
  return out;
}

namespace {

Entry base_entry(const std::string& path, EntryType type) {
  Entry out;
  out.path = path;
  out.type = type;
  out.mode = 0755;
  out.uid = 1000;
  out.gid = 100;
  out.user = "ann";
  out.group = "users";
  out.mtime = {-5, 6};
  out.ctime = {1'700'000'000, 999'999'999};
  out.inode = 77;
  return out;
}

}  // namespace

std::vector<Entry> sample_entries() {
  std::vector<Entry> out;
  out.push_back(base_entry("", EntryType::directory));
  out.push_back(base_entry("home", EntryType::directory));
  Entry small = base_entry("home/a", EntryType::file);
  small.size = 5;
  small.inline_content = Bytes{'h', 'e', 'l', 'l', 'o'};
  small.flags = flag_no_dump | flag_torn;
  small.xattrs = {{"user.a", Bytes{1, 2}}, {"user.b", Bytes{}}};
  out.push_back(small);
  Entry large = base_entry("home/a.big", EntryType::file);
  large.size = 3000;
  large.content = {{ItemType::block, 1000, sample_id<BlockId>(1)},
                   {ItemType::hole, 1500, {}},
                   {ItemType::node, 500, sample_id<BlockId>(2)}};
  large.xattrs_block = sample_id<BlockId>(3);
  out.push_back(large);
  Entry device = base_entry("home/device", EntryType::block_device);
  device.device_major = 259;
  device.device_minor = 1'048'575;
  out.push_back(device);
  Entry hard_link;
  hard_link.path = "home/hard";
  hard_link.type = EntryType::hard_link;
  hard_link.link_target = "home/a.big";
  out.push_back(hard_link);
  Entry link = base_entry("home/link", EntryType::symlink);
  link.link_target = "../else\xffwhere";
  out.push_back(link);
  out.push_back(base_entry("home/pipe", EntryType::fifo));
  return out;
}

IncidentsClosed sample_incidents_closed() {
  return {.first = 3,
          .last = 5,
          .note = "a bug of ours",
          .accepted = {sample_id<ObjectHash>(1), sample_id<ObjectHash>(2)}};
}

}  // namespace kist::test
