"""From a secret to the state at the journal's end: the store, slots, epoch boxes, and the entries.

It writes nothing to the repository and has no memory of a journal, so it cannot notice that it is
shown an old one.
"""
import os
import re
import struct
import sys
from types import SimpleNamespace as Record

from layouts import (
    ADDED, CLEARED, CLOCK, CLOSED, CONDEMNED, DATA, ENTRY, EPOCH, FEATURES, GENESIS, GIVEN_UP, KIB,
    META, MIB, NO_NONCE, OPENED, PASSPHRASE, PROVED, RECIPIENT, REINDEXED, REMADE, REWRAPPED, SLOT,
    SNAPSHOT, ZEROS, Absent, Damaged, Envelope, Fault, aead_open, argon2id, ascending, blake,
    box_content, box_open, box_pair, entry_payload, epoch_box, journal_clear, kdf, must, padme,
    parse, several, sign_public, slot_clear)

NOTES = set()

def note(text):
    """Says once what was found amiss and did not stop the reader."""
    if text not in NOTES:
        NOTES.add(text)
        print("second_reader: note: " + text, file=sys.stderr)

# --- Store layout --------------------------------------------------------------------------------

LIMITS = {"keys": 16 * MIB, "bodies": 16 * MIB, "journal": 16 * MIB, "index": 64 * MIB,
          "refs": 256 * MIB, "packs": 32 * MIB}          # all others: 4 KiB

class Store:
    """A directory of objects."""

    def __init__(self, root):
        self.root = root

    def read(self, path):
        """The bytes of an object; None where it is missing, unreadable or over its limit."""
        limit = LIMITS.get(path.split("/")[0], 4 * KIB)
        try:
            with open(os.path.join(self.root, path), "rb") as file:
                data = file.read(limit + 1)
        except OSError as error:
            if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
                note("%s: %s" % (path, error.strerror))
            return None
        return data if len(data) <= limit else None

    def copies(self, path, suffixes=("", ".2")):
        """The different bytes under the names of an object's copies, the first name first."""
        found = []
        for suffix in suffixes:
            data = self.read(path + suffix)
            if data is None:
                note("%s is missing or cannot be read" % (path + suffix))
            elif data not in found:
                found.append(data)
        return found

    def named(self, path, name, suffixes=("", ".2")):
        """The copy that has this hash."""
        copies = self.copies(path, suffixes)
        if len(copies) > 1:
            note("%s: a copy is damaged" % path)
        for data in copies:
            if blake(data) == name:
                return data
        raise Damaged(path + " is damaged in every copy") if copies else \
            Absent(path + " is in no copy")

    def has(self, path):
        return os.path.lexists(os.path.join(self.root, path))

    def names(self, folder):
        path = os.path.join(self.root, folder)
        return sorted(os.listdir(path)) if os.path.isdir(path) else []

def kist_repo(data):
    """The repository id."""
    must(len(data) == 64 and data[:8] == b"KISTREPO" and blake(data[:32]) == data[32:],
         "kist.repo is damaged")
    if data[8:16] != struct.pack("<II", 1, 0):
        sys.exit("second_reader: kist.repo has a version or a feature that is not supported")
    return data[16:32]

# --- Slots ---------------------------------------------------------------------------------------

WORK = 128 * MIB          # the bound of Argon2id over all slots: passes times KiB

def read_key_file(data):
    text = b"".join(data.split())
    must(re.fullmatch(rb"kist-key-1:[0-9a-fA-F]{64}", text), "that is not a key file")
    return bytes.fromhex(text[11:].decode())

def first_entries(store):
    """The copies of the first entry, as far as they have an envelope."""
    found = []
    for data in store.copies("journal/0000000000"):
        try:
            found.append(Envelope(data, ENTRY))
        except Fault:
            note("a copy of the first entry is damaged")
    return found

def slot_objects(store, repository, kind):
    """The slot objects of a repository id that such a secret may open, in good order."""
    found, oldest, first = {}, {}, first_entries(store)
    for file in store.names("slots"):
        try:
            data = store.read("slots/" + file) or b""
            envelope = Envelope(data, SLOT)
            slot = parse(slot_clear, envelope.clear)
            slot.id, slot.envelope, slot.hash = envelope.author, envelope, blake(data)
            must(re.sub(r"\.2$", "", file) == "%s-%d" % (slot.id.hex(), slot.generation),
                 "it has the name of another")
            must(envelope.signed_by(slot.sign), "its signature does not verify")
            must(3 <= slot.passes <= 16 and 64 * KIB <= slot.memory <= 4 * MIB
                 if slot.kind == PASSPHRASE else slot.passes == slot.memory == 0,
                 "a cost out of bounds")
        except Fault as fault:
            note("slots/%s: %s" % (file, fault))
            continue
        if (envelope.repository, slot.kind) == (repository, kind):
            found[slot.hash], at = slot, (slot.id, slot.sign)
            oldest[at] = min(oldest.get(at, slot.generation), slot.generation)
    return sorted(found.values(), key=lambda slot: (
        not any(e.author == slot.id and e.signed_by(slot.sign) for e in first),
        slot.passes * slot.memory, slot.id, oldest[slot.id, slot.sign], -slot.generation))

def open_slot(store, repository, kind, secret):
    """The first slot that the secret opens; None where there is none."""
    spent = untried = 0
    for slot in slot_objects(store, repository, kind):
        work = slot.passes * slot.memory
        if spent + work > WORK:
            untried += 1
            continue
        spent += work
        key = argon2id(secret, slot) if kind == PASSPHRASE else kdf(secret, 1, b"kistkeyf")
        must(key, "Argon2id failed: not enough memory?")
        payload = slot.envelope.open(key)
        if payload is None:
            continue
        seed, slot.fingerprint = parse(several(32, 32), payload)
        slot.pair = box_pair(kdf(seed, 2, b"kistslot"))
        if (sign_public(kdf(seed, 1, b"kistslot")), slot.pair[0]) == (slot.sign, slot.box):
            return slot
        note("slot %s: its seed does not yield its keys" % slot.id.hex())
    must(not untried, "%d slots were left untried: too much work" % untried)
    return None

def find_way_in(store, kind, secret):
    """Repository id and slot: by kist.repo, or else by the id that the first entry says."""
    ids = []
    for data in store.copies("kist.repo"):
        try:
            ids.append(kist_repo(data))
        except Fault as fault:
            note(str(fault))
    ids += [envelope.repository for envelope in first_entries(store)]
    must(ids, "this is no repository: neither kist.repo nor a first entry is whole")
    for repository in dict.fromkeys(ids):
        slot = open_slot(store, repository, kind, secret)
        if slot:
            return repository, slot
    raise Fault("no slot opens with this " + ("passphrase" if kind == PASSPHRASE else "key file"))

def open_box(data, repository, slot):
    """An epoch box and its content in one."""
    box = parse(epoch_box, data)
    must((box.repository, box.slot) == (repository, slot.id), "another's epoch box")
    content = box_open(box.sealed, slot.pair)
    must(content, "an epoch box does not open")
    return Record(number=box.number, epoch=box.epoch, hash=blake(data),
                  **vars(parse(box_content, content)))

# --- Validity ------------------------------------------------------------------------------------

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
          PROVED: READ, REINDEXED: MAINTAIN, GIVEN_UP: MAINTAIN, CONDEMNED: READ | MAINTAIN,
          CLEARED: READ | MAINTAIN, EPOCH: MAINTAIN}
KNOWN = {*NEEDED, REWRAPPED, REMADE, OPENED}

def reserved(count):
    """Whether a stream of some size reserves so many numbers."""
    return count == 0 or -(-padme(count) // 64) * 64 == count

class State:
    """What the entries so far have yielded.  check() judges the next, apply() takes it."""

    def __init__(self):
        self.slots, self.sources, self.policies, self.snapshots = {}, {}, {}, {}
        self.segments, self.current = set(), set()          # all index segments; the current ones
        self.taken = {}           # of segments that were replaced: where their ordinals end
        self.reindexes, self.next_number, self.features = [], 0, []
        self.current_keys, self.ranges, self.epochs, self.incidents = set(), [], set(), {}
        self.sequence, self.head, self.number, self.epoch = 0, ZEROS, 0, None
        self.verdicts = {}          # pack -> what a slot with `maintain` has said last
        self.doubted = {}          # pack -> the slot without it that has condemned it

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
              **{"V9 %d" % needed: slot.capabilities & needed, "V10 %d" % e.type: e.type in KNOWN})

    def least_time(self, author):
        """The least time that a slot may use."""
        lead = MAINTAIN | OWN
        alive = [slot for slot in self.slots.values() if not slot.revoked]
        times = [slot.come_to for slot in alive if slot.capabilities & lead]
        plain = sorted(slot.come_to for slot in alive if not slot.capabilities & lead)
        return max([author.come_to] + times +
                   ([] if author.capabilities & lead else plain[-2:-1]))

    def apply(self, e, head):
        getattr(self, "apply_%d" % e.type, lambda e: None)(e)
        slot = self.slots[e.author]
        if not e.doubt:
            slot.come_to = max(e.time, slot.come_to)
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
        rules(V16=slot.id not in self.slots, V17=not self.sources.keys() & set(slot.sources))

    def introduce(self, slot, maker):
        slot.maker, slot.revoked, slot.come_to = maker, False, -2**63
        slot.generation = 0 if slot.kind == RECIPIENT else 1
        self.slots[slot.id] = slot
        self.sources.update(dict.fromkeys(slot.sources, slot.id))

    def check_1(self, e):
        algorithm, least, target, most = e.chunking
        rules(V11=self.sequence == 0,
              V12=algorithm == 1 and 4096 <= least < target < most <= 16 * MIB
              and not target & (target - 1),
              V13=ascending(e.features) and len(e.features) <= 256,
              V14=e.author == e.slot.id, V15=e.slot.capabilities == 31)
        self.check_beginning(e)

    def apply_1(self, e):
        self.begin_epoch(e)
        self.introduce(e.slot, e.author)
        self.genesis, self.policies[e.policy.name], self.features = e, e.policy, e.features

    def check_2(self, e):
        old, mine = self.snapshots.get(e.replaces), self.policies.get(e.policy)
        rules(V20=any(e.id), V21=e.id not in self.snapshots, V22=mine,
              V23=lambda: e.retention == ((0, 0, 0) if e.pending else mine.retention),
              V24=self.sources.get(e.source, e.author) == e.author,
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
        e.live = True
        if any(e.replaces):
            self.snapshots[e.replaces].live = False
        self.next_number += e.data + e.meta
        self.add_segments([name for name, _ in e.segments], e.keys)
        self.sources[e.source], self.snapshots[e.id] = e.author, e

    def add_segments(self, segments, keys):
        self.segments.update(segments)
        self.current.update(segments)
        self.current_keys.update(keys)

    def check_3(self, e):
        rules(V18=e.slot.kind != RECIPIENT or e.slot.object == ZEROS,
              V19=e.slot.kind == RECIPIENT or e.slot.object != ZEROS)
        self.check_introduction(e.slot)

    def apply_3(self, e):
        self.introduce(e.slot, e.author)

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
              V36=len(set(names)) == len(names),
              V50=not e.rewritten and not e.ended and e.lists == (ZEROS, ZEROS))

    def apply_5(self, e):
        self.begin_epoch(e)
        for slot, box in e.boxes:
            self.slots[slot].epoch_box = box
        for slot in e.revoked:
            self.slots[slot].revoked = True
        self.sources = {s: o for s, o in self.sources.items() if o not in e.revoked}
        self.doubted = {p: o for p, o in self.doubted.items() if o not in e.revoked}
        self.current_keys = {name for _, names in e.ranges for name in names}
        self.ranges = e.ranges

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
        rules(V57=self.are_current([name for name, *_ in e.replaced]),
              V58=1 <= len(e.segments) <= 1024 and len(made) == len(e.segments)
              and not self.segments & made, V26=len(e.keys) <= 128,
              V36=len(set(e.keys)) == len(e.keys), V37=not self.current_keys & set(e.keys))

    def apply_11(self, e):
        for name, first, count in e.replaced:
            self.current.remove(name)
            self.taken[name] = first + count
        self.add_segments(e.segments, e.keys)
        self.reindexes.append(e)

    def check_12(self, e):
        rules(V59=self.are_current(e.segments))

    def apply_12(self, e):
        self.current.difference_update(e.segments)

    def check_packs(self, e):
        """V51, V54 and V56, which are one reason; whether the author has `maintain`."""
        rules(V51=1 <= len(e.packs) <= 16384 and ascending(e.packs))
        return self.slots[e.author].capabilities & MAINTAIN

    def check_13(self, e):
        if not self.check_packs(e):
            rules(V52=not any(self.verdicts.get(pack) == CLEARED for pack in e.packs),
                  V53=len(self.doubted.keys() | (set(e.packs) - self.verdicts.keys())) <= 4096)

    def apply_13(self, e):
        for pack in e.packs:
            if self.check_packs(e):
                self.doubted.pop(pack, None)
                self.verdicts[pack] = CONDEMNED
            elif pack not in self.verdicts:
                self.doubted.setdefault(pack, e.author)

    def check_16(self, e):
        judges = self.check_packs(e)
        rules(V55=all(self.doubted.get(pack) == e.author or judges and (
            pack in self.doubted or self.verdicts.get(pack) == CONDEMNED) for pack in e.packs))

    def apply_16(self, e):
        for pack in e.packs:
            self.doubted.pop(pack, None)
            if self.check_packs(e):
                self.verdicts[pack] = CLEARED

    def check_28(self, e):
        self.check_packs(e)

    def apply_28(self, e):
        self.open_incident((e.author, "packs"))

    def check_30(self, e):
        rules(V49=not e.doubt)

    def apply_30(self, e):
        for slot in self.slots.values():
            slot.come_to = min(slot.come_to, e.time)

# --- Copies of an entry --------------------------------------------------------------------------

class Journal:
    """Walks the entries: which copy counts, what opens it, and where it ends."""

    def __init__(self, store, repository, way):
        self.store, self.repository, self.way = store, repository, way
        self.seen, self.state = {}, State()
        must(any(c.hash == way.fingerprint for c in self.copies(0)),
             "the first entry is damaged, in no copy, or not the one that the slot names")
        self.boxes = self.open_boxes()
        self.keys = self.find_keys()

    def copies(self, sequence):
        """The different copies of an entry, that without .2 first."""
        if sequence not in self.seen:
            found = self.seen[sequence] = []
            for suffix in ("", ".2"):
                data = self.store.read("journal/%010d%s" % (sequence, suffix))
                if data is None or found and found[0].data == data:
                    continue
                found.append(Record(data=data, hash=blake(data), suffix=suffix, envelope=None,
                                    judged=None))
                try:
                    envelope = Envelope(data, ENTRY)
                    must(envelope.repository == self.repository, "another's entry")
                    found[-1].envelope = envelope
                    found[-1].sequence, found[-1].before = parse(journal_clear, envelope.clear)
                except Fault as fault:
                    note("journal/%010d%s: %s" % (sequence, suffix, fault))
        return self.seen[sequence]

    def is_signed(self, copy, sequence=None, capabilities=0):
        """Whether a slot has signed it: for this number; with one of these and not revoked."""
        slot = copy.envelope and self.state.slots.get(copy.envelope.author)
        return bool(slot and copy.envelope.signed_by(slot.sign)
                    and sequence in (None, copy.sequence) and (not capabilities or
                    slot.capabilities & capabilities and not slot.revoked))

    def judge(self, copy):
        """What a copy is as the next entry: that entry, or Void."""
        if copy.judged is None:
            try:
                copy.judged = self.state.check(copy, self.keys)
            except Void as void:
                copy.judged = void
        return copy.judged

    def choose(self, sequence):
        """The copy that counts; None where the journal ends."""
        copies = self.copies(sequence)
        if sequence == 0:
            return next(c for c in copies if c.hash == self.way.fingerprint)
        if copies and not copies[0].suffix and not isinstance(self.judge(copies[0]), Void):
            return copies[0]
        signed = [c for c in copies if self.is_signed(c)]
        of_number = [c for c in signed if c.sequence == sequence]
        signers = {c.envelope.author for c in of_number}
        after = [c for c in self.copies(sequence + 1) if self.is_signed(c, sequence + 1)]
        named = [c.before for c in after if c.envelope.author not in signers]
        if named:
            found = [c for c in copies if c.hash == named[0]]
        else:
            found = [c for c in of_number if c.before == self.state.head] or of_number or signed \
                or self.accepted(sequence)
        if found and found[0].suffix and not self.store.has("journal/%010d" % sequence) and all(
                c.before != found[0].hash for c in after):
            note("entry %d has only its second copy, and nothing names it" % sequence)
            return None
        return found[0] if found else None

    def accepted(self, sequence):
        """The bytes that an owner has accepted in the place of a damaged entry."""
        at, copies = (self.state.number, self.state.epoch), self.copies(sequence)
        for ahead in range(1, 1025) if copies else ():
            for copy in self.copies(sequence + ahead):
                if self.is_signed(copy, sequence + ahead, OWN):
                    e = self.read_entry(copy, at, self.keys[at], CLOSED)
                    if e and len(e.accepted) >= ahead:
                        return [c for c in copies if c.hash == e.accepted[-ahead]]
        return []

    def replay(self):
        """The state at the end."""
        state, copy = self.state, self.choose(0)
        must(not isinstance(self.judge(copy), Void), "the first entry is void")
        while copy:
            if len(self.copies(state.sequence)) > 1:
                note("entry %d: its copies differ" % state.sequence)
            judged = self.judge(copy)
            if isinstance(judged, Void):
                note("entry %d is void: %s" % (state.sequence, judged.reason))
                state.apply_void(judged, copy.hash)
            else:
                state.apply(judged, copy.hash)
            must(not state.features, "the repository requires features that are unknown")
            copy = self.choose(state.sequence)
        self.look_beyond(state.sequence)
        return state

    def look_beyond(self, sequence):
        later = [int(file[:10]) for file in self.store.names("journal")
                 if re.fullmatch(r"[0-9]{10}(\.2)?", file) and int(file[:10]) > sequence]
        if self.copies(sequence):
            note("entry %d cannot be read: what is before it is" % sequence)
        elif any(self.is_signed(c, n, 31) for n in later for c in self.copies(n)):
            note("entry %d is missing, and later ones are there" % sequence)

    # Epochs

    def open_boxes(self):
        """The slot's, the newest first."""
        found = []
        for folder in self.store.names("epochs"):
            for suffix in ("", ".2"):
                path = "epochs/%s/%s%s" % (folder, self.way.id.hex(), suffix)
                data = self.store.read(path)
                try:
                    found += [open_box(data, self.repository, self.way)] if data else []
                except Fault as fault:
                    note("%s: %s" % (path, fault))
        return sorted(found, key=lambda box: -box.number)

    def read_entry(self, copy, at, key, kind):
        """An entry, if it is of this epoch and this type, and opens; else None."""
        envelope = copy.envelope
        if envelope and (envelope.number, envelope.epoch) == at:
            try:
                e = parse(entry_payload, envelope.open(key) or b"")
                return e if e.type == kind else None
            except Fault:
                pass
        return None

    def find_keys(self):
        """(number, epoch) -> journal key: from the newest box that leads to the first entry."""
        for box in self.boxes:
            at, key, keys = (box.number, box.epoch), box.journal_key, {}
            places = range(box.least, box.least + 4097) if box.number else [0]
            while True:
                kind = EPOCH if at[0] else GENESIS
                e = next(filter(None, (self.read_entry(c, at, key, kind)
                                       for n in places for c in self.copies(n))), None)
                if not e:
                    break
                keys[at] = key
                if not at[0]:
                    return keys
                key = aead_open(kdf(key, 1, b"kistjrnl"), NO_NONCE, e.journal_key, b"") or ZEROS
                at, places = (at[0] - 1, e.epoch), [e.began]
        raise Fault("no epoch box of this slot leads to the first entry: it was revoked, or its "
                    "box is lost")
