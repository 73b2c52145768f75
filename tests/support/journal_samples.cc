#include <type_traits>

#include "engine/rules/validate.h"
#include "tests/support/samples.h"

namespace kist::test {

namespace {

// One overload for every kind of act, for sample_acts().
Genesis sample_of(std::type_identity<Genesis> /*kind*/) {
  return sample_genesis();
}

SnapshotTaken sample_of(std::type_identity<SnapshotTaken> /*kind*/) {
  return sample_snapshot();
}

SlotAdded sample_of(std::type_identity<SlotAdded> /*kind*/) {
  return sample_slot_added();
}

SlotRewrapped sample_of(std::type_identity<SlotRewrapped> /*kind*/) {
  return {.generation = 2, .kind = SlotKind::passphrase, .slot_object = sample_id<ObjectHash>(9)};
}

EpochEnded sample_of(std::type_identity<EpochEnded> /*kind*/) {
  return sample_epoch_ended();
}

StateRemade sample_of(std::type_identity<StateRemade> /*kind*/) {
  return {sample_id<ClientId>(3)};
}

IncidentsClosed sample_of(std::type_identity<IncidentsClosed> /*kind*/) {
  return sample_incidents_closed();
}

EntriesProved sample_of(std::type_identity<EntriesProved> /*kind*/) {
  return {{{0, 3}, {7, 300'000}}};
}

FeaturesRequired sample_of(std::type_identity<FeaturesRequired> /*kind*/) {
  return {{"certificates", "retention"}};
}

Reindexed sample_of(std::type_identity<Reindexed> /*kind*/) {
  return {.replaced = {{sample_id<ObjectHash>(4), 300, 20}, {sample_id<ObjectHash>(5)}},
          .segments = {sample_id<ObjectHash>(6)},
          .key_segments = {sample_id<ObjectHash>(7)}};
}

SegmentsGivenUp sample_of(std::type_identity<SegmentsGivenUp> /*kind*/) {
  return {{sample_id<ObjectHash>(4), sample_id<ObjectHash>(5)}};
}

PacksCondemned sample_of(std::type_identity<PacksCondemned> /*kind*/) {
  return {{sample_id<ObjectHash>(6), sample_id<ObjectHash>(7)}};
}

DeadCondemned sample_of(std::type_identity<DeadCondemned> /*kind*/) {
  return {{sample_id<ObjectHash>(4), sample_id<ObjectHash>(5)}};
}

UnnamedCondemned sample_of(std::type_identity<UnnamedCondemned> /*kind*/) {
  return {{sample_id<ObjectHash>(8), sample_id<ObjectHash>(9)}};
}

PacksCleared sample_of(std::type_identity<PacksCleared> /*kind*/) {
  return {{sample_id<ObjectHash>(6)}};
}

SetsProved sample_of(std::type_identity<SetsProved> /*kind*/) {
  return {.equal = {{sample_id<SnapshotId>(1), sample_id<ObjectHash>(3)},
                    {sample_id<SnapshotId>(2), sample_id<ObjectHash>(4)}},
          .replaced = {{{sample_id<SnapshotId>(5), sample_id<ObjectHash>(6)},
                        sample_id<ObjectHash>(7)}},
          .key_segments = {sample_id<ObjectHash>(8)}};
}

PolicySet sample_of(std::type_identity<PolicySet> /*kind*/) {
  return {.policy = sample_policy(), .reason = "the law asks for it"};
}

PolicyAssigned sample_of(std::type_identity<PolicyAssigned> /*kind*/) {
  return {.subject = "laptop", .policy = "archive", .reason = "its books"};
}

SourceBound sample_of(std::type_identity<SourceBound> /*kind*/) {
  return {.source = "desk",
          .slot = sample_id<SlotId>(50),
          .continues = "laptop",
          .is_ended = true,
          .reason = "given away"};
}

SnapshotsRetired sample_of(std::type_identity<SnapshotsRetired> /*kind*/) {
  return {.snapshots = {{sample_id<SnapshotId>(1), RetireCause::rule},
                        {sample_id<SnapshotId>(2), RetireCause::junk}},
          .planned_ms = 1'700'000'000'000,
          .reason = "not what was meant"};
}

MinimumsShortened sample_of(std::type_identity<MinimumsShortened> /*kind*/) {
  return {.snapshots = {sample_id<SnapshotId>(1), sample_id<SnapshotId>(2)},
          .minimum_seconds = 3'600,
          .reason = "the wrong directory"};
}

SnapshotsUnretired sample_of(std::type_identity<SnapshotsUnretired> /*kind*/) {
  return {.snapshots = {sample_id<SnapshotId>(1)},
          .keep_until_ms = 1'700'000'000'000,
          .reason = "needed after all"};
}

HoldPlaced sample_of(std::type_identity<HoldPlaced> /*kind*/) {
  return {.matter = "2026-17",
          .reason = "a letter of 3 May",
          .parts = {.snapshots = {sample_id<SnapshotId>(1)}, .sources = {"desk", "mail"}}};
}

HoldLifted sample_of(std::type_identity<HoldLifted> /*kind*/) {
  return {.matter = "2026-17",
          .reason = "settled",
          .parts = {.snapshots = {sample_id<SnapshotId>(1)}, .sources = {"mail"}}};
}

CeilingSet sample_of(std::type_identity<CeilingSet> /*kind*/) {
  return {.seconds = 30ULL * 31'622'400, .reason = "records of pensions"};
}

ProposalCancelled sample_of(std::type_identity<ProposalCancelled> /*kind*/) {
  return {.sequence = 12, .reason = "a mistake"};
}

PolicyRemoved sample_of(std::type_identity<PolicyRemoved> /*kind*/) {
  return {.policy = "archive", .reason = "not used"};
}

IncidentOpened sample_of(std::type_identity<IncidentOpened> /*kind*/) {
  return {{sample_id<ObjectHash>(8)}};
}

ClockReset sample_of(std::type_identity<ClockReset> /*kind*/) {
  return {"the clock of a laptop said 2040"};
}

constexpr std::int64_t seven_days_ms = 7LL * 86'400'000;

const SlotId journal_owner = sample_id<SlotId>(1);
const SlotId journal_writer = sample_id<SlotId>(50);

JournalEntry next_entry(const State& state, const SlotId& author, Act act) {
  const bool is_first = state.next_sequence == 0;
  return {.sequence = state.next_sequence,
          .previous = state.head,
          .author = author,
          .epoch_number = state.epoch_number,
          .epoch = is_first ? sample_id<EpochId>(9) : state.epoch,
          .time_ms = state.last_ms + 1,
          .act = std::move(act)};
}

// The writer's, of one source; introduces a segment of 100 blocks and a key segment.
SnapshotTaken writers_snapshot(const State& state, std::uint8_t first) {
  SnapshotTaken out = sample_snapshot();
  out.snapshot = sample_id<SnapshotId>(first);
  out.started_ms = 0;
  out.numbers = reserve(state.next_number, 100);
  out.segments = {{sample_id<ObjectHash>(first), PackKind::data}};
  out.key_segments = {sample_id<ObjectHash>(static_cast<std::uint8_t>(first + 1))};
  return out;
}

}  // namespace

EntryNumbers reserve(std::uint64_t first, std::uint64_t data, std::uint64_t meta) {
  return {.first_number = first,
          .data = static_cast<std::uint32_t>(reserved_count(data)),
          .meta = static_cast<std::uint32_t>(reserved_count(meta))};
}

std::vector<Act> sample_acts() {
  std::vector<Act> out;
  for_each_kind_of_act([&](auto kind) { out.emplace_back(sample_of(kind)); });
  return out;
}

ObjectHash sample_hash(std::uint64_t sequence) {
  return sample_id<ObjectHash>(static_cast<std::uint8_t>(100 + sequence));
}

void replay_sample(State& state, const JournalEntry& entry) {
  if (const auto violation = validate(state, entry)) {
    apply_void(state, violation->reason, sample_hash(state.next_sequence), entry.author);
  } else {
    apply(state, entry, sample_hash(state.next_sequence));
  }
}

std::vector<JournalEntry> sample_journal() {
  std::vector<JournalEntry> out;
  State state;
  const auto add = [&](const JournalEntry& entry) {
    replay_sample(state, entry);
    out.push_back(entry);
  };
  add(next_entry(state, journal_owner, sample_genesis()));
  SlotAdded writer = sample_slot_added();
  writer.slot.slot = journal_writer;
  writer.slot.capabilities = writer_capabilities;
  writer.slot.sources = {"calendar"};
  add(next_entry(state, journal_owner, writer));
  SnapshotTaken pending = writers_snapshot(state, 60);
  pending.is_pending = true;
  pending.minimum_seconds = 0;
  pending.policy = "";
  add(next_entry(state, journal_writer, pending));
  add(next_entry(state, journal_writer, UnknownAct{.type = 99, .payload = {1}}));
  add(next_entry(state, journal_owner, PacksCondemned{{sample_id<ObjectHash>(20)}}));
  add(next_entry(state, journal_writer, writers_snapshot(state, 64)));
  add(next_entry(state, journal_writer, writers_snapshot(state, 66)));
  Policy spare = sample_genesis().policy;
  spare.name = "spare";
  add(next_entry(state, journal_owner, PolicySet{.policy = spare, .reason = ""}));
  add(next_entry(state, journal_owner, CeilingSet{state.ceiling_seconds + 1, ""}));
  add(next_entry(state, journal_owner,
                 HoldPlaced{.matter = "17",
                            .reason = "",
                            .parts = {.snapshots = {sample_id<SnapshotId>(64)}, .sources = {}}}));
  const SnapshotState first = state.snapshots.at(sample_id<SnapshotId>(60));
  JournalEntry retired = next_entry(
      state, journal_owner,
      SnapshotsRetired{.snapshots = {{first.taken.snapshot, RetireCause::by_hand}}, .reason = ""});
  retired.time_ms += seven_days_ms;
  add(retired);
  return out;
}

JournalEntry valid_entry(const State& state, std::type_identity<Genesis> /*kind*/) {
  return next_entry(state, journal_owner, sample_genesis());
}

JournalEntry valid_entry(const State& state, std::type_identity<SnapshotTaken> /*kind*/) {
  SnapshotTaken act = writers_snapshot(state, 70);
  act.replaces = sample_id<SnapshotId>(60);
  return next_entry(state, journal_writer, act);
}

JournalEntry valid_entry(const State& state, std::type_identity<SlotAdded> /*kind*/) {
  SlotAdded act = sample_slot_added();
  act.slot.slot = sample_id<SlotId>(80);
  act.slot.kind = SlotKind::recipient;
  act.slot.slot_object = {};
  act.slot.sources = {"photos"};
  return next_entry(state, journal_owner, act);
}

JournalEntry valid_entry(const State& state, std::type_identity<SlotRewrapped> kind) {
  return next_entry(state, journal_writer, sample_of(kind));
}

JournalEntry valid_entry(const State& state, std::type_identity<EpochEnded> kind) {
  EpochEnded act = sample_of(kind);
  act.former.epoch = state.epoch;
  act.former.begun = state.epoch_begun;
  act.beginning = sample_beginning(90, state.next_sequence);
  act.revoked = {journal_writer};
  act.boxes = {{journal_owner, sample_id<ObjectHash>(91)}};
  act.keys = {{.last = state.next_sequence - 1, .segments = {sample_id<ObjectHash>(92)}}};
  act.ended = {.names = {sample_id<ObjectHash>(94)}};
  JournalEntry entry = next_entry(state, journal_owner, act);
  ++entry.epoch_number;
  entry.epoch = sample_id<EpochId>(93);
  return entry;
}

JournalEntry valid_entry(const State& state, std::type_identity<StateRemade> kind) {
  return next_entry(state, journal_owner, sample_of(kind));
}

JournalEntry valid_entry(const State& state, std::type_identity<IncidentsClosed> kind) {
  IncidentsClosed act = sample_of(kind);
  act.accepted = {sample_id<ObjectHash>(94), state.head};
  return next_entry(state, journal_owner, act);
}

JournalEntry valid_entry(const State& state, std::type_identity<EntriesProved> /*kind*/) {
  return next_entry(state, journal_owner, EntriesProved{{{0, 0}, {2, 2}}});
}

JournalEntry valid_entry(const State& state, std::type_identity<FeaturesRequired> kind) {
  return next_entry(state, journal_owner, sample_of(kind));
}

JournalEntry valid_entry(const State& state, std::type_identity<Reindexed> /*kind*/) {
  return next_entry(state, journal_owner,
                    Reindexed{.replaced = {{sample_id<ObjectHash>(60), 0, 100}},
                              .segments = {sample_id<ObjectHash>(80)},
                              .key_segments = {sample_id<ObjectHash>(81)}});
}

JournalEntry valid_entry(const State& state, std::type_identity<DeadCondemned> /*kind*/) {
  return next_entry(state, journal_owner, DeadCondemned{{sample_id<ObjectHash>(60)}});
}

JournalEntry valid_entry(const State& state, std::type_identity<UnnamedCondemned> kind) {
  return next_entry(state, journal_owner, sample_of(kind));
}

JournalEntry valid_entry(const State& state, std::type_identity<SegmentsGivenUp> /*kind*/) {
  return next_entry(state, journal_owner, SegmentsGivenUp{{sample_id<ObjectHash>(60)}});
}

JournalEntry valid_entry(const State& state, std::type_identity<PacksCondemned> kind) {
  return next_entry(state, journal_owner, sample_of(kind));
}

JournalEntry valid_entry(const State& state, std::type_identity<PacksCleared> /*kind*/) {
  return next_entry(state, journal_owner, PacksCleared{{sample_id<ObjectHash>(20)}});
}

JournalEntry valid_entry(const State& state, std::type_identity<SetsProved> /*kind*/) {
  const auto snapshot = sample_id<SnapshotId>(64);
  const ObjectHash set = state.snapshots.at(snapshot).set.hash;
  return next_entry(state, journal_owner,
                    SetsProved{.equal = {},
                               .replaced = {{{snapshot, set}, sample_id<ObjectHash>(82)}},
                               .key_segments = {sample_id<ObjectHash>(83)}});
}

JournalEntry valid_entry(const State& state, std::type_identity<PolicySet> kind) {
  PolicySet act = sample_of(kind);
  act.policy.minimum_seconds = 86'400;
  return next_entry(state, journal_owner, act);
}

JournalEntry valid_entry(const State& state, std::type_identity<PolicyAssigned> kind) {
  PolicyAssigned act = sample_of(kind);
  act.policy = "spare";
  return next_entry(state, journal_owner, act);
}

JournalEntry valid_entry(const State& state, std::type_identity<SourceBound> kind) {
  SourceBound act = sample_of(kind);
  act.continues = writers_snapshot(state, 1).source;
  return next_entry(state, journal_owner, act);
}

JournalEntry valid_entry(const State& state, std::type_identity<SnapshotsRetired> kind) {
  SnapshotsRetired act = sample_of(kind);
  act.snapshots = {{sample_id<SnapshotId>(66), RetireCause::junk}};
  return next_entry(state, journal_owner, act);
}

JournalEntry valid_entry(const State& state, std::type_identity<MinimumsShortened> kind) {
  MinimumsShortened act = sample_of(kind);
  act.snapshots = {sample_id<SnapshotId>(64)};
  return next_entry(state, journal_owner, act);
}

JournalEntry valid_entry(const State& state, std::type_identity<SnapshotsUnretired> kind) {
  SnapshotsUnretired act = sample_of(kind);
  act.snapshots = {sample_id<SnapshotId>(60)};
  return next_entry(state, journal_owner, act);
}

JournalEntry valid_entry(const State& state, std::type_identity<HoldPlaced> kind) {
  HoldPlaced act = sample_of(kind);
  act.parts.snapshots = {};
  return next_entry(state, journal_owner, act);
}

JournalEntry valid_entry(const State& state, std::type_identity<HoldLifted> /*kind*/) {
  return next_entry(state, journal_owner,
                    HoldLifted{.matter = "17", .reason = "settled", .parts = {}});
}

JournalEntry valid_entry(const State& state, std::type_identity<CeilingSet> kind) {
  CeilingSet act = sample_of(kind);
  act.seconds = state.ceiling_seconds - 1;
  return next_entry(state, journal_owner, act);
}

JournalEntry valid_entry(const State& state, std::type_identity<ProposalCancelled> kind) {
  ProposalCancelled act = sample_of(kind);
  act.sequence = state.proposals.front().sequence;
  return next_entry(state, journal_owner, act);
}

JournalEntry valid_entry(const State& state, std::type_identity<PolicyRemoved> kind) {
  PolicyRemoved act = sample_of(kind);
  act.policy = "spare";
  return next_entry(state, journal_owner, act);
}

JournalEntry valid_entry(const State& state, std::type_identity<IncidentOpened> kind) {
  return next_entry(state, journal_owner, sample_of(kind));
}

JournalEntry valid_entry(const State& state, std::type_identity<ClockReset> kind) {
  return next_entry(state, journal_owner, sample_of(kind));
}

State sample_state() {
  State out;
  Genesis genesis = sample_genesis();
  genesis.policy.name = "default";
  const SlotId owner = genesis.owner.slot;
  apply(out, {.sequence = 0, .author = owner, .epoch = sample_id<EpochId>(1), .act = genesis},
        sample_id<ObjectHash>(1));
  SnapshotTaken taken = sample_snapshot();
  taken.is_pending = true;
  apply(out, {.sequence = 1, .author = owner, .epoch = out.epoch, .time_ms = 5, .act = taken},
        sample_id<ObjectHash>(2));
  apply_void(out, "a reason", sample_id<ObjectHash>(3));
  apply(out,
        {.sequence = 3,
         .author = owner,
         .epoch = out.epoch,
         .act = StateRemade{sample_id<ClientId>(4)}},
        sample_id<ObjectHash>(4));
  return out;
}

}  // namespace kist::test
