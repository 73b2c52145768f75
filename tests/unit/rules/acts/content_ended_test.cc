// The rules of what ends with an epoch: index segments, snapshots and objects; and what they are
// to the state from then on.
#include "tests/unit/rules/retention_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

std::vector<ObjectHash> ended_hashes(const std::vector<std::uint8_t>& numbers) {
  std::vector<ObjectHash> out;
  out.reserve(numbers.size());
  for (const std::uint8_t number : numbers) {
    out.push_back(sample_id<ObjectHash>(number));
  }
  return out;
}

std::vector<SnapshotId> ended_ids(const std::vector<std::uint8_t>& numbers) {
  std::vector<SnapshotId> out;
  out.reserve(numbers.size());
  for (const std::uint8_t number : numbers) {
    out.push_back(snapshot_id(number));
  }
  return out;
}

// Ids or hashes that nothing has, ascending.
template <typename AnyId>
std::vector<AnyId> ended_many(std::size_t count) {
  std::vector<AnyId> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    out[i].bytes[0] = 1;
    out[i].bytes[1] = static_cast<std::uint8_t>(i >> 16U);
    out[i].bytes[2] = static_cast<std::uint8_t>((i >> 8U) & 0xffU);
    out[i].bytes[3] = static_cast<std::uint8_t>(i & 0xffU);
  }
  return out;
}

EndedContent ended_segments(const std::vector<std::uint8_t>& numbers) {
  EndedContent out;
  for (const ObjectHash& hash : ended_hashes(numbers)) {
    out.segments.push_back({.hash = hash});
  }
  return out;
}

EndedContent ended_snapshots(const std::vector<std::uint8_t>& numbers) {
  EndedContent out;
  out.snapshots = ended_ids(numbers);
  return out;
}

EndedContent ended_forgotten(const std::vector<std::uint8_t>& numbers) {
  EndedContent out;
  out.forgotten = ended_ids(numbers);
  return out;
}

EndedContent ended_names(const std::vector<std::uint8_t>& numbers) {
  EndedContent out;
  out.names = ended_hashes(numbers);
  return out;
}

// An epoch's end, a week after the last entry.
JournalEntry ending_with(const State& state,
                         const EndedContent& ended,
                         const SlotId& author = maintainer) {
  EpochEnded act = new_epoch(state);
  act.beginning =
      sample_beginning(static_cast<std::uint8_t>(10 + 7 * state.epoch_number), state.next_sequence);
  act.ended = ended;
  JournalEntry out = ending(state, act, author);
  out.time_ms = state.last_ms + 7 * law_day_ms;
  return out;
}

// The same, and it revokes the reader.
JournalEntry revoking_with(const State& state, const EndedContent& ended, const SlotId& author) {
  JournalEntry out = ending_with(state, ended, author);
  auto& act = std::get<EpochEnded>(out.act);
  act.revoked = {reader};
  std::erase_if(act.boxes, [](const NamedBox& box) { return box.slot == reader; });
  return out;
}

// Snapshots 1 of laptop and 2 of desk were retired with the last entry. The pending snapshot 3 was
// replaced by 6. Snapshots 4 and 5 have introduced the index segments 40 and 41, and 50; of these
// 40 and 50 stand condemned.
State with_ending_content() {
  State state = law_state();
  add_snapshot(state, writer, 1, "laptop");
  add_snapshot(state, second_writer, 2, "desk");
  add_act(state, writer, pending(snapshot(3)));
  add_act(state, writer, storing(4, 10, 10));
  add_act(state, writer, storing(5, 10));
  SnapshotTaken next = lawful_snapshot(state, writer, 6);
  next.replaces = snapshot_id(3);
  add_act(state, writer, next);
  add_act(state, owner, DeadCondemned{ended_hashes({40, 50})});
  add_time(state, owner, state.last_ms + 2 * law_day_ms);
  add_act(state, owner, retiring({1, 2}));
  return state;
}

// To the millisecond.
void require_restorable_until(const State& state,
                              std::int64_t until_ms,
                              std::uint8_t number = 1,
                              const SlotId& author = maintainer) {
  JournalEntry entry = ending_with(state, ended_snapshots({number}), author);
  entry.time_ms = until_ms - 1;
  require_void(state, entry, {96, "a snapshot that can still be restored"});
  entry.time_ms = until_ms;
  REQUIRE_FALSE(validate(state, entry));
}

// Snapshot 1 of laptop, under a policy of that lock and a grace of ten days, retired with the last
// entry, two days after it was taken.
State with_long_grace(LockMode lock) {
  State state = law_state();
  Policy policy = policy_of_days("archive", 2, 0, lock);
  policy.grace_seconds = 10 * law_day;
  impose(state, "laptop", policy);
  add_snapshot(state, writer, 1);
  add_time(state, owner, state.last_ms + 2 * law_day_ms);
  add_act(state, owner, retiring({1}));
  return state;
}

const Violation without_maintain{50, "what ends by the word of a slot without maintain"};
const Violation not_condemned{92, "index segments that do not stand condemned"};
const Violation no_list_to_end{93,
                               "snapshots that are too many or not in order, or a doubted time"};
const Violation nothing_to_end{94, "a snapshot that is not there, or not retired"};
const Violation held_yet{95, "a snapshot that is held"};
const Violation restorable_yet{96, "a snapshot that can still be restored"};
const Violation not_ended_yet{97, "snapshots that are forgotten and have not ended"};
const Violation no_list_of_names{98, "names of objects that are too many or not in order"};

}  // namespace

TEST_CASE("what ends with an epoch ends by who maintains, and not by an owner that does not") {
  State state = with_ending_content();
  const auto bare_owner = sample_id<SlotId>(110);
  add_act(state, owner, slot(bare_owner, can_own));
  const Violation lacks_maintain{9, "its author lacks the capability maintain"};
  REQUIRE_FALSE(validate(state, revoking_with(state, {}, bare_owner)));
  for (const EndedContent& ended :
       {ended_segments({40}), ended_snapshots({1}), ended_forgotten({3}), ended_names({7})}) {
    require_void(state, revoking_with(state, ended, bare_owner), without_maintain);
    require_void(state, revoking_with(state, ended, maintainer),
                 {9, "its author lacks the capability own"});
    for (const SlotId& author : {bare_owner, writer, reader}) {
      require_void(state, ending_with(state, ended, author), lacks_maintain);
    }
    REQUIRE_FALSE(validate(state, revoking_with(state, ended, owner)));
    REQUIRE_FALSE(validate(state, ending_with(state, ended)));
  }
}

TEST_CASE("of several rules that what ends breaks, the first one is the reason") {
  State state = with_ending_content();
  const auto bare_owner = sample_id<SlotId>(110);
  add_act(state, owner, slot(bare_owner, can_own));
  add_act(state, maintainer, holding("17", {.snapshots = {snapshot_id(1)}, .sources = {}}));
  EndedContent ended = ended_segments({41});
  ended.snapshots = ended_ids({2, 1});
  ended.forgotten = ended_ids({6});
  ended.names = ended_hashes({7, 7});
  require_void(state, revoking_with(state, ended, bare_owner), without_maintain);
  const auto require_next = [&](const Violation& violation) {
    JournalEntry entry = ending_with(state, ended);
    entry.time_ms -= 1;
    require_void(state, entry, violation);
  };
  require_next(not_condemned);
  ended.segments = {};
  require_next(no_list_to_end);
  // Of snapshots, each is asked about on its own.
  ended.snapshots = ended_ids({1, 9});
  require_next(held_yet);
  ended.snapshots = ended_ids({2, 9});
  require_next(restorable_yet);
  ended.snapshots = {};
  require_next(not_ended_yet);
  ended.forgotten = {};
  require_next(no_list_of_names);
  ended.names = {};
  REQUIRE_FALSE(validate(state, ending_with(state, ended)));
}

TEST_CASE("index segments end that stand condemned, in order and each once") {
  const State state = with_ending_content();
  REQUIRE_FALSE(validate(state, ending_with(state, ended_segments({40, 50}))));
  for (const std::vector<std::uint8_t>& wrong :
       {std::vector<std::uint8_t>{41}, {40, 41}, {99}, {50, 40}, {40, 40}}) {
    require_void(state, ending_with(state, ended_segments(wrong)), not_condemned);
  }
}

TEST_CASE("a segment that was condemned once and stands so no longer does not end") {
  const State state = with_ending_content();
  const std::vector<ObjectHash> made = ended_hashes({60});
  for (const Act& act : {Act(Reindexed{{{.hash = sample_id<ObjectHash>(40)}}, made, {}}),
                         Act(SegmentsGivenUp{ended_hashes({40})}),
                         Act(DeadCondemned{ended_hashes({50})}), Act(DeadCondemned{})}) {
    State later = state;
    add_act(later, maintainer, act);
    require_void(later, ending_with(later, ended_segments({40})), not_condemned);
  }
}

TEST_CASE("snapshots end in order, each once, and at most 65,536") {
  const State state = with_ending_content();
  REQUIRE_FALSE(validate(state, ending_with(state, ended_snapshots({1, 2}))));
  require_void(state, ending_with(state, ended_snapshots({2, 1})), no_list_to_end);
  require_void(state, ending_with(state, ended_snapshots({1, 1})), no_list_to_end);
  EndedContent many;
  many.snapshots = ended_many<SnapshotId>(65'537);
  require_void(state, ending_with(state, many), no_list_to_end);
  many.snapshots.pop_back();
  require_void(state, ending_with(state, many), nothing_to_end);
}

TEST_CASE("who doubts its own time ends no snapshot, and may end all else") {
  const State state = with_ending_content();
  require_void(state, doubted(ending_with(state, ended_snapshots({1}))), no_list_to_end);
  EndedContent others = ended_segments({40, 50});
  others.forgotten = ended_ids({3});
  others.names = ended_hashes({7});
  REQUIRE_FALSE(validate(state, doubted(ending_with(state, others))));
}

TEST_CASE("only a snapshot ends that is there, was retired, and was not replaced") {
  State state = with_ending_content();
  add_act(state, writer, pending(snapshot(7)));
  add_time(state, owner, state.last_ms + 8 * law_day_ms);
  add_act(state, owner, retiring({7}));
  SnapshotTaken next = lawful_snapshot(state, writer, 8);
  next.replaces = snapshot_id(7);
  add_act(state, writer, next);
  for (const std::uint8_t wrong : std::initializer_list<std::uint8_t>{3, 4, 7, 8, 9}) {
    require_void(state, ending_with(state, ended_snapshots({wrong})), nothing_to_end);
    require_void(state, ending_with(state, ended_snapshots({1, wrong})), nothing_to_end);
  }
  commit(state, ending_with(state, ended_snapshots({1})));
  require_void(state, ending_with(state, ended_snapshots({1})), nothing_to_end);
  require_void(state, ending_with(state, ended_snapshots({1, 2})), nothing_to_end);
  commit(state, ending_with(state, ended_snapshots({2})));
}

TEST_CASE("a snapshot does not end while a hold covers it, and its grace begins anew then") {
  State state = with_ending_content();
  add_snapshot(state, writer, 8, "tablet");
  add_act(state, owner, SourceBound{.source = "desk", .slot = writer, .continues = "tablet"});
  add_act(state, owner, SourceBound{.source = "laptop", .slot = writer, .continues = "desk"});
  const std::int64_t until_ms = state.last_ms + 7 * law_day_ms;
  require_restorable_until(state, until_ms);
  for (const HoldParts& parts : {HoldParts{.snapshots = {snapshot_id(1)}, .sources = {}},
                                 HoldParts{.snapshots = {}, .sources = {"laptop"}},
                                 HoldParts{.snapshots = {}, .sources = {"desk"}},
                                 HoldParts{.snapshots = {}, .sources = {"tablet"}}, HoldParts()}) {
    State held = state;
    add_act(held, maintainer, holding("17", parts));
    require_void(held, ending_with(held, ended_snapshots({1})), held_yet);
    require_void(held, ending_with(held, ended_snapshots({1}), owner), held_yet);
    add_act(held, owner, lifting("17"), 5 * law_day_ms);
    require_restorable_until(held, until_ms + 5 * law_day_ms);
  }
  add_act(state, maintainer, holding("17", {.snapshots = {}, .sources = {"laptop"}}));
  require_void(state, ending_with(state, ended_snapshots({1, 2})), held_yet);
  REQUIRE_FALSE(validate(state, ending_with(state, ended_snapshots({2}))));
}

TEST_CASE("a snapshot ends once its grace is over, which a new name of its source begins anew") {
  State state = with_ending_content();
  const std::int64_t until_ms = state.last_ms + 7 * law_day_ms;
  require_restorable_until(state, until_ms);
  require_restorable_until(state, until_ms, 2, owner);
  add_act(state, owner, SourceBound{.source = "laptop", .slot = writer, .continues = "desk"},
          law_day_ms);
  require_restorable_until(state, until_ms + law_day_ms);
  require_restorable_until(state, until_ms, 2);
  // A retirement that was taken back and said anew begins a grace of its own.
  add_act(state, maintainer, SnapshotsUnretired{.snapshots = ended_ids({2}), .reason = ""});
  require_void(state, ending_with(state, ended_snapshots({2})), nothing_to_end);
  add_act(state, maintainer, retiring({2}), law_day_ms);
  require_restorable_until(state, until_ms + 2 * law_day_ms, 2);
}

TEST_CASE("a minimum that was lengthened after the retirement is waited for too") {
  State state = with_ending_content();
  const std::int64_t taken_ms = state.last_ms - 2 * law_day_ms;
  set_policy(state, policy_of_days("archive", 30));
  assign_policy(state, "laptop", "archive");
  const JournalEntry both = ending_with(state, ended_snapshots({1, 2}));
  require_void(state, both, restorable_yet);
  REQUIRE_FALSE(validate(state, ending_with(state, ended_snapshots({2}))));
  add_time(state, owner, taken_ms + 23 * law_day_ms);
  require_restorable_until(state, taken_ms + 30 * law_day_ms);
}

TEST_CASE("under governance a snapshot ends at most a week after what who retires has seen") {
  State state = with_long_grace(LockMode::governance);
  const std::int64_t retired_ms = state.last_ms;
  const auto require_early = [&] {
    for (const std::int64_t days : {10, 11, 36'600}) {
      JournalEntry entry = ending_with(state, ended_snapshots({1}));
      entry.time_ms = retired_ms + days * law_day_ms;
      require_void(state, entry, restorable_yet);
    }
  };
  require_early();
  add_time(state, writer, retired_ms + 9 * law_day_ms);
  add_time(state, second_writer, retired_ms + 9 * law_day_ms);
  require_early();
  add_time(state, maintainer, retired_ms + 3 * law_day_ms - 1);
  require_early();
  add_time(state, maintainer, retired_ms + 3 * law_day_ms);
  require_restorable_until(state, retired_ms + 10 * law_day_ms);
}

TEST_CASE("under compliance a snapshot ends by what others have seen, not by its ender's word") {
  const State state = with_long_grace(LockMode::compliance);
  const std::int64_t retired_ms = state.last_ms;
  const auto seen = [&](std::int64_t others_ms) {
    State out = state;
    add_time(out, writer, retired_ms + others_ms);
    add_time(out, second_writer, retired_ms + others_ms);
    add_time(out, maintainer, retired_ms + 40 * law_day_ms);
    return out;
  };
  const State early = seen(3 * law_day_ms - 1);
  require_void(early, ending_with(early, ended_snapshots({1})), restorable_yet);
  // To the owner, the maintainer is one of the others.
  REQUIRE_FALSE(validate(early, ending_with(early, ended_snapshots({1}), owner)));
  const State late = seen(3 * law_day_ms);
  REQUIRE_FALSE(validate(late, ending_with(late, ended_snapshots({1}))));
}

TEST_CASE("compliance that began after the retirement asks others for the minimum too") {
  State state = with_ending_content();
  impose(state, "laptop", policy_of_days("vault", 30, 0, LockMode::compliance));
  add_time(state, maintainer, state.last_ms + 100 * law_day_ms);
  REQUIRE(lock_of(state, 1) == LockMode::compliance);
  require_void(state, ending_with(state, ended_snapshots({1})), restorable_yet);
  REQUIRE_FALSE(validate(state, ending_with(state, ended_snapshots({2}))));
  REQUIRE_FALSE(validate(state, ending_with(state, ended_snapshots({1}), owner)));
}

TEST_CASE("what was replaced, has ended or ends is forgotten, once; nothing that is live") {
  State state = with_ending_content();
  for (const std::uint8_t wrong : std::initializer_list<std::uint8_t>{1, 4, 6, 9}) {
    require_void(state, ending_with(state, ended_forgotten({wrong})), not_ended_yet);
    require_void(state, ending_with(state, ended_forgotten({3, wrong})), not_ended_yet);
  }
  require_void(state, ending_with(state, ended_forgotten({3, 3})), not_ended_yet);
  EndedContent both = ended_snapshots({1, 2});
  both.forgotten = ended_ids({2, 1});
  require_void(state, ending_with(state, both), not_ended_yet);
  both.forgotten = ended_ids({2, 3});
  commit(state, ending_with(state, both));
  REQUIRE(snapshot_row(state, 2).is_forgotten);
  REQUIRE(snapshot_row(state, 3).is_forgotten);
  REQUIRE_FALSE(snapshot_row(state, 1).is_forgotten);
  require_void(state, ending_with(state, ended_forgotten({1, 2})), not_ended_yet);
  require_void(state, ending_with(state, ended_forgotten({3})), not_ended_yet);
  commit(state, ending_with(state, ended_forgotten({1})));
  REQUIRE(snapshot_row(state, 1).is_forgotten);
  require_void(state, ending_with(state, ended_forgotten({1})), not_ended_yet);
}

TEST_CASE("at most 65,536 snapshots are forgotten with an epoch") {
  State state = with_ending_content();
  EndedContent many;
  many.forgotten = ended_many<SnapshotId>(65'537);
  for (const SnapshotId& id : many.forgotten) {
    state.snapshots.put(id, {.is_live = false});
  }
  require_void(state, ending_with(state, many), not_ended_yet);
  many.forgotten.pop_back();
  REQUIRE_FALSE(validate(state, ending_with(state, many)));
}

TEST_CASE("objects are removed in order, each once, and at most 65,536") {
  const State state = with_ending_content();
  REQUIRE_FALSE(validate(state, ending_with(state, ended_names({7, 8}))));
  require_void(state, ending_with(state, ended_names({8, 7})), no_list_of_names);
  require_void(state, ending_with(state, ended_names({7, 7})), no_list_of_names);
  EndedContent many;
  many.names = ended_many<ObjectHash>(65'537);
  require_void(state, ending_with(state, many), no_list_of_names);
  many.names.pop_back();
  REQUIRE_FALSE(validate(state, ending_with(state, many)));
}

TEST_CASE("a segment that has ended is current no more, keeps its ordinals, and is never again") {
  State state = with_ending_content();
  const auto row = [&](std::uint8_t number) {
    return *state.segments.find(sample_id<ObjectHash>(number));
  };
  const SegmentState before = row(40);
  const SegmentState other = row(41);
  const SegmentState condemned = row(50);
  EndedContent ended;
  ended.segments = {{.hash = sample_id<ObjectHash>(40), .first_ordinal = 3, .count = 7}};
  commit(state, ending_with(state, ended));
  SegmentState after = before;
  after.is_current = false;
  after.first_ordinal = 3;
  after.count = 7;
  REQUIRE(row(40) == after);
  REQUIRE(row(41) == other);
  REQUIRE(row(50) == condemned);
  REQUIRE(state.changed == std::set{before.sequence});
  REQUIRE_FALSE(state.dead.contains(sample_id<ObjectHash>(40)));
  REQUIRE(state.dead.contains(sample_id<ObjectHash>(50)));
  REQUIRE(state.given_up == 0);
  const auto refuse = [&](const Act& act, const Violation& violation) {
    require_void(state, entry_at(state, owner, act, state.last_ms), violation);
  };
  require_void(state, ending_with(state, ended_segments({40})), not_condemned);
  const std::string reason = "index segments that are none, too many, not in order or not current";
  refuse(Reindexed{{{.hash = sample_id<ObjectHash>(40)}}, ended_hashes({60}), {}}, {56, reason});
  refuse(SegmentsGivenUp{ended_hashes({40})}, {58, reason});
  refuse(DeadCondemned{ended_hashes({40})},
         {99, "index segments that are too many, not in order or not current"});
  SnapshotTaken again = storing(4, 10);
  again.snapshot = snapshot_id(9);
  require_void(state, entry_at(state, writer, again, state.last_ms),
               {32, "a segment that exists already"});
}

TEST_CASE("a snapshot that has ended is not live, and neither comes back nor ends anew") {
  State state = with_ending_content();
  const SnapshotState before = snapshot_row(state, 1);
  const std::uint64_t sequence = state.next_sequence;
  commit(state, ending_with(state, ended_snapshots({1})));
  SnapshotState after = before;
  after.is_live = false;
  after.ended_by = sequence;
  REQUIRE(snapshot_row(state, 1) == after);
  REQUIRE(snapshot_row(state, 1).has_ended());
  REQUIRE(snapshot_row(state, 2).is_live);
  REQUIRE_FALSE(snapshot_row(state, 2).has_ended());
  const auto is_first = [](const SnapshotPtr& each) {
    return each->taken.snapshot == snapshot_id(1);
  };
  REQUIRE(std::ranges::none_of(state.live_snapshots(), is_first));
  REQUIRE(std::ranges::any_of(state.all_snapshots(), is_first));
  const auto refuse = [&](const Act& act, const Violation& violation) {
    require_void(state, entry_at(state, owner, act, state.last_ms), violation);
  };
  refuse(SnapshotsUnretired{.snapshots = ended_ids({1}), .reason = ""},
         {83, "a snapshot that is not retired, or has ended"});
  refuse(retiring({1}), {75, "a snapshot that is not there, or retired already"});
  refuse(holding("17", {.snapshots = ended_ids({1}), .sources = {}}),
         {85, "a hold on what is not there, or of another kind than before"});
  SnapshotTaken again = lawful_snapshot(state, owner, 1, "attic");
  refuse(again, {21, "a snapshot that exists already"});
  refuse(SetsProved{.equal = {{snapshot_id(1), before.set.hash}}},
         {60, "a set that is not that of a finished snapshot, or one that has ended"});
}

TEST_CASE("a pending snapshot ends like any other, and nobody replaces it then") {
  State state = law_state();
  add_act(state, writer, pending(snapshot(1)));
  add_time(state, owner, state.last_ms + 7 * law_day_ms);
  add_act(state, maintainer, retiring({1}));
  require_restorable_until(state, state.last_ms + 7 * law_day_ms);
  commit(state, ending_with(state, ended_snapshots({1})));
  REQUIRE_FALSE(state.pending.contains(snapshot_id(1)));
  SnapshotTaken next = lawful_snapshot(state, writer, 2);
  next.replaces = snapshot_id(1);
  require_void(state, entry_at(state, writer, next, state.last_ms),
               {25, "it replaces what is not its own pending snapshot"});
}

TEST_CASE("objects that are removed stand condemned no more, and others stay as they are") {
  State state = with_ending_content();
  add_act(state, maintainer, UnnamedCondemned{ended_hashes({30, 31, 32})});
  add_act(state, reader, PacksCondemned{ended_hashes({160, 161})});
  add_act(state, maintainer, PacksCondemned{ended_hashes({162, 163})});
  const Condemnation stays = *state.unnamed.find(sample_id<ObjectHash>(31));
  commit(state, ending_with(state, ended_names({30, 32, 160, 162, 180})));
  const std::vector<ObjectHash> others = ended_hashes({31, 161, 163});
  REQUIRE(state.unnamed.all() == std::map<ObjectHash, Condemnation>{{others[0], stays}});
  REQUIRE(state.condemned_packs() == std::set{others[1], others[2]});
  REQUIRE(state.doubted_packs == std::map<ObjectHash, SlotId>{{others[1], reader}});
  REQUIRE_FALSE(state.condemned.contains(sample_id<ObjectHash>(180)));
  // An end that removes nothing leaves all of it.
  commit(state, ending_with(state, ended_segments({40})));
  REQUIRE(state.unnamed.all() == std::map<ObjectHash, Condemnation>{{others[0], stays}});
  REQUIRE(state.condemned_packs() == std::set{others[1], others[2]});
}
