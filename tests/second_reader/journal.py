"""From a secret to the state at the journal's end: the store, slots, epoch boxes, and the entries.

It writes nothing to the repository and has no memory of a journal, so it cannot notice that it is
shown an old one.
"""
import os
import re
import struct
import sys
from types import SimpleNamespace as Record

from acts import CLOSED, EPOCH, GENESIS, entry_payload, journal_clear
from layouts import (
    ENTRY, KIB, MIB, NO_NONCE, PASSPHRASE, SLOT, ZEROS, Absent, Damaged, Envelope, Fault,
    aead_open, argon2id, blake, box_content, box_open, box_pair, epoch_box, kdf, must, parse,
    several, sign_public, slot_clear)
from validity import OWN, State, Void

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
