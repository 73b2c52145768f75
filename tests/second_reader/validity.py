"""Which entries are valid, and what each changes: docs/format.md, "Validity"."""
from acts import (
    ADDED, CLEARED, CLOCK, CLOSED, CONDEMNED, DEAD, EPOCH, FEATURES, GENESIS, GIVEN_UP, HELD, LAW,
    OPENED, PROVED, REINDEXED, REMADE, RETIRED, REWRAPPED, SETS_PROVED, SNAPSHOT, UNNAMED, UNRETIRED,
    entry_payload)
from layouts import DATA, META, MIB, RECIPIENT, ZEROS, Fault, ascending, must, padme, parse
from retention import Retention

WRITE, READ, AUDIT, MAINTAIN, OWN = 1, 2, 4, 8, 16

class Void(Exception):
    """A reason, and the author if it is known."""

    def __init__(self, reason, author=None):
        super().__init__(reason)
        self.reason, self.author = reason, author

def rules(**named):
    """Raises for the first that does not hold; a function is called only if all before it do."""
    for name, holds in named.items():
        if not (holds() if callable(holds) else holds):
            raise Void(name)

# Capabilities of which the author has one.
NEEDED = {GENESIS: OWN, SNAPSHOT: WRITE, ADDED: OWN, CLOSED: OWN, FEATURES: OWN, CLOCK: OWN,
          PROVED: READ, SETS_PROVED: READ, REINDEXED: MAINTAIN, GIVEN_UP: MAINTAIN,
          **dict.fromkeys(LAW, OWN), **dict.fromkeys((RETIRED, UNRETIRED, HELD), MAINTAIN),
          DEAD: MAINTAIN, UNNAMED: MAINTAIN, CONDEMNED: READ | MAINTAIN,
          CLEARED: READ | MAINTAIN, EPOCH: MAINTAIN}
KNOWN = {*NEEDED, REWRAPPED, REMADE, OPENED}

def reserved(count):
    """Whether a stream of some size reserves so many numbers."""
    return count == 0 or -(-padme(count) // 64) * 64 == count

class State:
    """What the entries so far have yielded.  check() judges the next, apply() takes it."""

    def __init__(self):
        self.slots, self.snapshots, self.law = {}, {}, Retention(self)
        self.segments, self.current = set(), set()          # all index segments; the current ones
        self.taken = {}           # of segments that were replaced or ended: where ordinals end
        self.dead, self.forgotten = set(), set()            # condemned segments; snapshots
        self.ended_names = {}     # of objects: by which entry
        self.reindexes, self.next_number, self.features = [], 0, []
        self.current_keys, self.ranges, self.epochs, self.incidents = set(), [], set(), {}
        self.sequence, self.head, self.number, self.epoch = 0, ZEROS, 0, None
        self.condemned = set()      # packs, by slots with `maintain`
        self.doubted = {}           # pack -> the slot without it that has condemned it

    def check(self, copy, keys):
        """The entry that these bytes are, or raises Void.  `keys`: the epochs' journal keys."""
        envelope, first = copy.envelope, self.epoch is None
        rules(V1=envelope)
        slot, at = self.slots.get(envelope.author), (envelope.number, envelope.epoch)
        rules(V6=first or slot)
        rules(V1=first or envelope.signed_by(slot.sign))
        foreign = not first and at != (self.number, self.epoch)
        rules(V8=not foreign or envelope.number == self.number + 1 and not slot.revoked
              and envelope.epoch not in self.epochs and slot.capabilities & (MAINTAIN | OWN))
        payload = envelope.open(keys.get(at, ZEROS))
        if foreign and payload is None:
            must(any(number == envelope.number for number, _ in keys),
                 "entry %d begins an epoch that this slot cannot open: it was revoked, or its box "
                 "is lost or forged" % self.sequence)
            raise Void("V8")
        try:
            e = parse(entry_payload, payload or b"")
            must(copy.sequence == self.sequence, "another number")
        except Fault as fault:
            raise Void("V1") from fault
        e.author, e.sequence, e.envelope = envelope.author, copy.sequence, envelope
        try:
            self.check_any(e, copy.before, slot)
            getattr(self, "check_%d" % e.type, lambda e: None)(e)
            if e.type in LAW:
                rules(**self.law.checks(e))
        except Void as void:
            raise Void("V8") if foreign else Void(void.reason, e.author)
        return e

    def check_any(self, e, before, slot):
        rules(V3=before == self.head)
        if slot is None:
            return rules(V5=e.type == GENESIS, V1=lambda: e.envelope.signed_by(e.slot.sign))
        needed = OWN if e.type == EPOCH and e.revoked else NEEDED.get(e.type, 31)
        rules(V4=e.type == CLOCK or e.time >= self.least_time(slot), V7=not slot.revoked,
              V8=(e.type == EPOCH) == (e.envelope.epoch != self.epoch),
              **{"V9 %d" % needed: slot.capabilities & needed, "V10": e.type in KNOWN})

    def least_time(self, author):
        """The least time that a slot may use."""
        lead = MAINTAIN | OWN
        alive = [slot for slot in self.slots.values() if not slot.revoked]
        times = [slot.come_to for slot in alive if slot.capabilities & lead]
        plain = sorted(slot.come_to for slot in alive if not slot.capabilities & lead)
        return max([author.come_to] + times +
                   ([] if author.capabilities & lead else plain[-2:-1]))

    def apply(self, e, head):
        getattr(self.law if e.type in LAW else self, "apply_%d" % e.type, lambda e: None)(e)
        slot = self.slots[e.author]
        slot.has_written = True
        if not e.doubt:
            slot.come_to, slot.peak = max(e.time, slot.come_to), max(e.time, slot.peak)
            self.law.advance(e)
        self.sequence, self.head = self.sequence + 1, head

    def apply_void(self, void, head):
        self.open_incident((void.author, void.reason))
        self.sequence, self.head = self.sequence + 1, head

    def open_incident(self, which):
        """Of an author and a reason: its first and last entry."""
        self.incidents[which] = self.incidents.get(which, [self.sequence])[0], self.sequence

    def check_beginning(self, e):
        b, old = e.beginning, ()
        if self.epoch:
            old = self.begun.pk, self.begun.apk, self.begun.anchor
        rules(V39=not {b.pk, b.apk, b.anchor} & {ZEROS, *old}
              and b.least <= e.sequence <= b.least + 4096)

    def begin_epoch(self, e):
        self.number, self.epoch, self.begun = e.envelope.number, e.envelope.epoch, e.beginning
        self.began, self.begun_by = e.sequence, e.author
        self.epochs.add(self.epoch)

    def check_introduction(self, slot):
        rules(V16=slot.id not in self.slots, 
              V17=all(self.law.owner(source) == bytes(16) for source in slot.sources))

    def introduce(self, slot, maker):
        slot.maker, slot.revoked, slot.come_to = maker.author, False, -2**63
        slot.added, slot.policy, slot.peak, slot.has_written = maker.sequence, b"", 0, False
        slot.generation = 0 if slot.kind == RECIPIENT else 1
        self.slots[slot.id] = slot
        for source in slot.sources:
            self.law.bind(source, slot.id)

    def check_1(self, e):
        algorithm, least, target, most = e.chunking
        rules(V11=self.sequence == 0,
              V12=algorithm == 1 and 4096 <= least < target < most <= 16 * MIB
              and not target & (target - 1),
              V13=ascending(e.features) and len(e.features) <= 256,
              V14=e.author == e.slot.id, V15=e.slot.capabilities == 31)
        self.check_beginning(e)
        rules(**self.law.checks_of_policy(e.policy))

    def apply_1(self, e):
        self.begin_epoch(e)
        self.introduce(e.slot, e)
        self.genesis, self.features = e, e.features
        self.law.policies[e.policy.name], self.law.default = e.policy, e.policy.name

    def check_2(self, e):
        old, mine = self.snapshots.get(e.replaces), self.law.policy(e.source, e.author)
        rules(V20=any(e.id), V21=e.id not in self.snapshots, V22=e.policy == (b"" if e.pending else mine.name),
              V23=e.retention == ((0, 0, 0) if e.pending else mine.retention),
              V24=self.law.owner(e.source) in (e.author, bytes(16)), V63=self.law.may_begin(e),
              V25=not any(e.replaces) or old and old.live and old.pending
              and (old.author, old.source) == (e.author, e.source),
              V27=e.of <= e.time, V26=len(e.keys) <= 128, V36=len(set(e.keys)) == len(e.keys),
              V37=not self.current_keys & set(e.keys), V28=len(e.segments) <= 1024)
        names, streams = set(), {stream for _, stream in e.segments}
        for name, _ in e.segments:
            rules(V29=name not in names, V32=name not in self.segments)
            names.add(name)
        rules(V30=reserved(e.data) and reserved(e.meta)
              and (e.data > 0, e.meta > 0) == (DATA in streams, META in streams),
              V31=e.first == self.next_number, V33=e.data + e.meta <= 2**22)

    def apply_2(self, e):
        e.live, e.set_entry = True, e    # refs is its set, which an entry 17 may replace
        e.retired, e.shortened, e.from_time = None, None, self.law.age_start(e)
        e.ended, e.lifted = False, 0
        if any(e.replaces):
            self.snapshots[e.replaces].live = False
        self.next_number += e.data + e.meta
        self.add_segments([name for name, _ in e.segments], e.keys)
        self.law.takes_source(e)
        self.snapshots[e.id] = e

    def add_segments(self, segments, keys):
        self.segments.update(segments)
        self.current.update(segments)
        self.current_keys.update(keys)

    def check_3(self, e):
        rules(V18=e.slot.kind != RECIPIENT or e.slot.object == ZEROS,
              V19=e.slot.kind == RECIPIENT or e.slot.object != ZEROS)
        self.check_introduction(e.slot)

    def apply_3(self, e):
        self.introduce(e.slot, e)

    def check_4(self, e):
        rules(V34=e.generation > self.slots[e.author].generation, V35=e.kind in (1, 2))

    def apply_4(self, e):
        self.slots[e.author].generation = e.generation

    def check_5(self, e):
        stay, lasts = [slot for slot, _ in e.boxes], [last for last, _ in e.ranges]
        names = [name for _, names in e.ranges for name in names]
        alive = sorted(slot.id for slot in self.slots.values() if not slot.revoked)
        rules(V38=(e.epoch, e.began) == (self.epoch, self.began))
        self.check_beginning(e)
        rules(V40=ascending(e.revoked) and ascending(stay), V41=sorted(e.revoked + stay) == alive,
              V42=e.author not in e.revoked,
              V43=ascending(lasts) and lasts[-1:] == [e.sequence - 1],
              V36=len(set(names)) == len(names))
        ends = e.segments or e.ended or e.forgotten or e.names
        rules(V50=not ends or self.slots[e.author].capabilities & MAINTAIN,
              V92=ascending([name for name, *_ in e.segments])
              and self.dead >= {name for name, *_ in e.segments})
        rules(**self.law.checks_of_ended(e))
        gone = {id for id, s in self.snapshots.items() if not s.live} | set(e.ended)
        rules(V97=self.are_parts(e.forgotten) and gone >= set(e.forgotten)
              and not self.forgotten & set(e.forgotten), V98=self.are_parts(e.names))

    @staticmethod
    def are_parts(names):
        return len(names) <= 65536 and ascending(names)

    def apply_5(self, e):
        self.begin_epoch(e)
        for slot, box in e.boxes:
            self.slots[slot].epoch_box = box
        for slot in e.revoked:
            self.slots[slot].revoked = True
            self.law.free(slot)
            self.law.drop_proposals_of(slot)
        self.doubted = {p: o for p, o in self.doubted.items() if o not in e.revoked}
        self.current_keys = {name for _, names in e.ranges for name in names}
        self.ranges = e.ranges
        self.retire(e.segments)
        for id in e.ended:
            self.snapshots[id].live, self.snapshots[id].ended = False, True
        self.forgotten.update(e.forgotten)
        for name in e.names:
            self.doubted.pop(name, None)
            self.condemned.discard(name)
        for name in e.names:
            self.ended_names.setdefault(name, e.sequence)

    def retire(self, segments):
        """Index segments that count no more; their ordinals stay taken."""
        for name, first, count in segments:
            self.current.remove(name)
            self.dead.discard(name)
            self.taken[name] = first + count

    def named_incidents(self, e):
        return [which for which, (first, last) in self.incidents.items()
                if e.first <= first and last <= e.last]

    def check_7(self, e):
        rules(V44=self.named_incidents(e), V45=not e.accepted or len(e.accepted) <= 1024
              and e.accepted[-1] == self.head)

    def apply_7(self, e):
        for which in self.named_incidents(e):
            del self.incidents[which]

    def check_9(self, e):
        rules(V48=e.features,
              V13=ascending(e.features) and len(self.features + e.features) <= 256,
              V47=not set(self.features) & set(e.features))

    def apply_9(self, e):
        self.features = self.features + e.features

    def check_10(self, e):
        ends = [-1] + [last for _, last in e.ranges]
        rules(V46=1 <= len(e.ranges) <= 4096 and ends[-1] < e.sequence and all(
            end < first <= last for end, (first, last) in zip(ends, e.ranges)))

    def are_current(self, segments):
        return 1 <= len(segments) <= 1024 and ascending(segments) and self.current >= set(segments)

    def check_11(self, e):
        made = set(e.segments)
        rules(V56=self.are_current([name for name, *_ in e.replaced]),
              V57=1 <= len(e.segments) <= 1024 and len(made) == len(e.segments)
              and not self.segments & made, V26=len(e.keys) <= 128,
              V36=len(set(e.keys)) == len(e.keys), V37=not self.current_keys & set(e.keys))

    def apply_11(self, e):
        self.retire(e.replaced)
        self.add_segments(e.segments, e.keys)
        self.reindexes.append(e)

    def check_12(self, e):
        rules(V58=self.are_current(e.segments))

    def apply_12(self, e):
        self.current.difference_update(e.segments)
        self.dead.difference_update(e.segments)

    def check_packs(self, e):
        """V51, V53 and V55, which are one reason; whether the author has `maintain`."""
        rules(V51=1 <= len(e.packs) <= 16384 and ascending(e.packs))
        return self.slots[e.author].capabilities & MAINTAIN

    def check_13(self, e):
        if not self.check_packs(e):
            rules(V52=len(self.doubted.keys() | (set(e.packs) - self.condemned)) <= 4096)

    def apply_13(self, e):
        for pack in e.packs:
            if self.check_packs(e):
                self.doubted.pop(pack, None)
                self.condemned.add(pack)
            elif pack not in self.condemned:
                self.doubted.setdefault(pack, e.author)

    def check_14(self, e):
        rules(V99=len(e.segments) <= 4096 and ascending(e.segments)
              and self.current >= set(e.segments))

    def apply_14(self, e):
        self.dead = set(e.segments)

    def check_15(self, e):
        rules(V100=self.are_parts(e.names))

    def check_16(self, e):
        judges = self.check_packs(e)
        rules(V54=all(self.doubted.get(pack) == e.author or judges and (
            pack in self.doubted or pack in self.condemned) for pack in e.packs))

    def apply_16(self, e):
        for pack in e.packs:
            self.doubted.pop(pack, None)
            self.condemned.discard(pack)

    def check_17(self, e):
        judged, made = e.equal + [r[:2] for r in e.replaced], [r[2] for r in e.replaced]
        equal, replaced = [id for id, _ in e.equal], [id for id, *_ in e.replaced]
        finished = {id: s for id, s in self.snapshots.items() if not s.pending and not s.ended}
        rules(V59=ascending(equal) and ascending(replaced) and not set(equal) & set(replaced)
              and 1 <= len(judged) <= 4096,
              V60=all(id in finished and finished[id].refs == old for id, old in judged),
              V61=not e.replaced or self.slots[e.author].capabilities & MAINTAIN,
              V62=len(set(made)) == len(made) and all(old != new for _, old, new in e.replaced)
              and len(e.keys) == bool(e.replaced), V26=len(e.keys) <= 128,
              V36=len(set(e.keys)) == len(e.keys), V37=not self.current_keys & set(e.keys))

    def apply_17(self, e):
        for id, _, made in e.replaced:
            self.open_incident((self.snapshots[id].set_entry.author, "sets"))
            self.snapshots[id].refs, self.snapshots[id].set_entry = made, e
        self.current_keys.update(e.keys)

    def check_28(self, e):
        self.check_packs(e)

    def apply_28(self, e):
        self.open_incident((e.author, "packs"))

    def check_30(self, e):
        rules(V49=not e.doubt)

    def apply_30(self, e):
        for slot in self.slots.values():
            slot.come_to = min(slot.come_to, e.time)
        self.law.take_back(e.time)
