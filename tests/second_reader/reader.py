#!/usr/bin/env python3
"""A second reader of Kist repositories, written from docs/format.md alone.

It needs Python's standard library, libsodium and libzstd.  Owners, attributes and flags are read
and checked, but not restored; special files are skipped.
"""
import argparse
import itertools
import os
import sys
import time
from types import SimpleNamespace as Record

from examples import self_test
from journal import Journal, Store, find_way_in, note, read_key_file
from layouts import (
    BODY, CONTENTS, DATA, DIRECTORY, DIRECTORY_PART, FILE, GRANT, HARD_LINK, HOLE, INDEX, KEYS,
    KEY_FILE, KINDS, LIST, META, NODE, NO_NONCE, PASSPHRASE, REFS, SYMLINK, ZEROS, Envelope,
    Fault, aead_open, anchor, attributes, blake, body_payload, box_open, box_pair,
    frame_associated, frame_list, index_segment, items, kdf, key_segment, keys_box,
    manifest_block, marked, must, open_frame, order, pack_directory, pack_footer, pack_header,
    padded_payload, parse, reference_set, several, tag, unzstd, volume)
from validity import AUDIT, READ, WRITE

# --- Grants --------------------------------------------------------------------------------------

def open_grant(repo, slot):
    """id_key, if both secrets are what the slot's capabilities give it."""
    envelope = Envelope(repo.store.named("grants/" + slot.id.hex(), slot.grant), GRANT)
    must(envelope.repository == repo.id and envelope.author == slot.maker
         and envelope.signed_by(repo.state.slots[slot.maker].sign), "the grant is not its maker's")
    key = box_open(envelope.clear, repo.pair)
    payload = key and envelope.open(key)
    must(payload, "the grant does not open")
    id_key, chunk_seed = parse(several(32, 32), payload)
    genesis = repo.state.genesis
    for secret, capabilities, name in ((id_key, WRITE | READ, genesis.id_key_hash),
                                       (chunk_seed, WRITE, genesis.chunk_seed_hash)):
        must(blake(secret) == name if slot.capabilities & capabilities else secret == ZEROS,
             "the grant holds another secret than it must")
    return id_key

def derive_secrets(repo, box, begun, capabilities):
    """index_key, and the key pairs of ask and sk as far as the slot has the parts."""
    must(begun.place == 0, "the anchor is kept apart: %r" % begun.label)
    data = repo.store.named("anchors/%d-%s" % (box.number, box.epoch.hex()), begun.anchor,
                            (".1", ".2", ".3", ".4"))
    found = parse(anchor, data)
    must((found.number, found.repository, found.epoch) == (box.number, repo.id, box.epoch),
         "the anchor is another epoch's")
    shares = begun.share + found.share
    secrets = Record(index=blake(b"kist index" + shares, box.index_part), ask=None, sk=None)
    if capabilities & (READ | AUDIT):
        secrets.ask = box_pair(blake(b"kist audit" + shares, box.audit_part))
        must(secrets.ask[0] == begun.apk, "the epoch's ask does not yield its apk")
    if capabilities & READ:
        secrets.sk = box_pair(blake(b"kist epoch" + shares, box.read_part))
        must(secrets.sk[0] == begun.pk, "the epoch's sk does not yield its pk")
    return secrets

class Packs:
    """Opens frames; keeps some of the last ones."""

    def __init__(self, repo):
        self.repo, self.seen, self.frames = repo, set(), {}

    def look_at(self, pack, path):
        """Once per pack: its hash, both ends and its directory.  What is amiss is only noted."""
        try:
            data = self.repo.store.read(path)
            must(data and len(data) == pack.size and blake(data) == pack.name, "is damaged or gone")
            header = parse(pack_header, data[:32])
            must((header.kind, header.repository) == (pack.kind, self.repo.id), "is another's")
            sealed = data[-16 - parse(pack_footer, data[-16:]).directory:-16]
            opened = aead_open(kdf(pack.key, 0, b"kistdire"), NO_NONCE, sealed,
                               frame_associated(self.repo.id, pack.kind, 0, DIRECTORY_PART))
            must(opened and [frame.place for frame in pack.frames] ==
                 parse(pack_directory, parse(padded_payload, opened)), "has another directory")
        except Fault as fault:
            note("%s %s" % (path, fault))

    def frame(self, pack, number):
        """The plaintext of a frame."""
        at, path = (pack.name, number), "packs/%s/%s" % (pack.name.hex()[:2], pack.name.hex())
        if at in self.frames:
            return self.frames[at]
        must(pack.key, "there is no key of " + path)
        if pack.name not in self.seen:
            self.seen.add(pack.name)
            self.look_at(pack, path)
        frame = pack.frames[number]
        offset, contents, listing = frame.place
        try:
            with open(os.path.join(self.repo.store.root, path), "rb") as file:
                file.seek(offset)
                parts = file.read(contents), file.read(listing)
        except OSError as error:
            raise Fault("%s: %s" % (path, error.strerror)) from error
        data = open_frame(pack.key, self.repo.id, pack.kind, number, CONTENTS, parts[0])
        size = sum(block.size for block in frame.blocks)
        data = unzstd(data, size) if frame.encoding else data
        must(len(data) == size, "a frame has another size than its blocks")
        try:
            found = parse(frame_list, open_frame(pack.key, self.repo.id, pack.kind, number, LIST,
                                                 parts[1]))
            must(found.encoding == frame.encoding and found.blocks == [
                (block, one.size, numbers) for (block, _, numbers), one in
                zip(found.blocks, frame.blocks)] and all(one.tag in (None, tag(block)) for (block, *_), one in
                        zip(found.blocks, frame.blocks)), "the index differs")
        except Fault as fault:
            note("%s: the list of frame %d: %s" % (path, number, fault))
        while len(self.frames) >= 8:
            del self.frames[next(iter(self.frames))]
        self.frames[at] = data
        return data

class Index:
    """Where each block is: tag -> places.  Only what segments list that are current.

    Those of numbering 1 say to whom a pack belongs, so they come first; then those of snapshots,
    in the order of the journal.
    """

    def __init__(self, repo):
        self.repo, self.places, self.owner, remade = repo, {}, {}, []
        state = repo.state
        for entry in state.reindexes:
            for name in entry.segments:
                self.attempt(entry, name, lambda: self.remake(entry, name, remade))
        self.owner.update((pack.name, None) for pack in remade if not pack.frames)
        made = {e.sequence: e for e in [*state.snapshots.values(), *state.reindexes]}
        keys = {born: repo.keys(made[born]).packs for born in {p.born for p in remade} & set(made)}
        for pack in remade:
            pack.key = keys.get(pack.born, {}).get(pack.name)
            if self.owner.setdefault(pack.name, pack.born) == pack.born and pack.key:
                self.add_blocks(pack, lambda block: block.numbers)
        for entry in state.snapshots.values():
            free = {DATA: 0, META: 0}          # the least ordinal that is nobody's
            for name, stream in entry.segments:
                free[stream] = max(free[stream], state.taken.get(name, 0))
                self.attempt(entry, name, lambda: self.add(entry, name, stream, free))

    def attempt(self, entry, name, what):
        try:
            if name in self.repo.state.current and self.counts(name, entry.sequence):
                what()
        except Fault as fault:
            note("index segment %s of entry %d: %s" % (name.hex(), entry.sequence, fault))

    def counts(self, name, sequence):
        """Whether an entry may introduce a segment: not one that an epoch's end has removed."""
        return sequence < self.repo.state.ended_names.get(name, sequence + 1)

    def remake(self, entry, name, out):
        """The packs of a rewritten segment; those born in 0 are its own entry's."""
        for pack in self.open(entry, name, 1).packs:
            pack.born = pack.born or entry.sequence
            if pack.name not in self.repo.state.ended_names:
                out.append(pack)

    def open(self, entry, name, numbering):
        keys = self.repo.keys(entry).index
        must(name in keys, "there is no key of it")
        segment = parse(index_segment, self.repo.open_object("index", INDEX, name, keys[name],
                                                             entry.author))
        must((segment.first is None) == numbering, "it has the other numbering")
        return segment

    def add(self, entry, name, stream, free):
        keys, segment = self.repo.keys(entry), self.open(entry, name, 0)
        must(all(pack.kind == stream for pack in segment.packs), "a pack is of another stream")
        end = segment.first + sum(len(f.blocks) for pack in segment.packs for f in pack.frames)
        must(free[stream] <= segment.first and end <= (entry.data, entry.meta)[stream == META],
             "it has ordinals that are not its own")
        free[stream], number = end, entry.first + segment.first + entry.data * (stream == META)
        for pack in segment.packs:
            pack.key = keys.packs.get(pack.name)
            ours = self.owner.get(pack.name, entry.sequence) == entry.sequence \
                and pack.name not in self.repo.state.ended_names
            if pack.key and ours:
                self.owner[pack.name] = entry.sequence
            if ours:
                numbers = itertools.count(number)
                self.add_blocks(pack, lambda block: [next(numbers)])
            number += sum(len(frame.blocks) for frame in pack.frames)

    def add_blocks(self, pack, numbers_of):
        for frame_number, frame in enumerate(pack.frames):
            offset = 0
            for block in frame.blocks:
                for number in numbers_of(block):
                    self.places.setdefault(block.tag, []).append(
                        (pack, frame_number, offset, block.size, number))
                offset += block.size

def open_key_segment(repo, name, author):
    """Per group of one segment: index, sets, packs, bodies, each name -> key."""
    segment = parse(key_segment, repo.open_object("keys", KEYS, name, repo.secrets.index, author,
                                                  repo.state.epoch))
    opened = {}
    for pair, box, kinds in ((repo.secrets.ask, segment.audit, ("sets",)),
                             (repo.secrets.sk, segment.inner, ("packs", "bodies"))):
        try:
            inside = box_open(box, pair)
            must(inside is not None, "a box of keys does not open")
            opened.update(parse(keys_box(segment.groups, *kinds), inside))
        except Fault as fault:
            note("keys/%s: %s" % (name.hex(), fault))
    return {group.sequence: {"index": dict(group.index), **{
        kind: opened.get((group.sequence, kind), {}) for kind in ("sets", "packs", "bodies")}}
        for group in segment.groups}

def walk_manifest(read, block, first=None, before=None, above=13):
    """All entries in order.  `read` gives a block by its id."""
    level, found = parse(manifest_block, read(block))
    must(level < above and first in (None, found[0].path)
         and (before is None or order(found[-1].path) < order(before)), "a child is not in place")
    for here, after in zip(found, found[1:] + [Record(path=before)]):
        if level:
            yield from walk_manifest(read, here.block, here.path, after.path, level)
        else:
            yield here

def checked_entries(read, root):
    """The entries, if each stands in a directory, and a hard link behind its first name."""
    directories, others = set(), set()
    for entry in walk_manifest(read, root):
        must(not entry.path or entry.path.rpartition(b"/")[0] in directories,
             "%r stands in no directory" % entry.path)
        if entry.kind == HARD_LINK:
            must(entry.first in others, "%r is a link to nothing before it" % entry.path)
        elif entry.apart:
            entry.attributes = parse(marked(0x41, attributes), read(entry.attributes))
            must(volume(entry.attributes) > 4096, "attributes apart that fit into their entry")
        if entry.kind != HARD_LINK:
            (directories if entry.kind == DIRECTORY else others).add(entry.path)
        yield entry

def walk_content(read, found, depth=0):
    """The blocks (bytes) and holes (None) of a file, each with its size."""
    must(depth <= 12, "content nodes too deep")
    for kind, size, block in found:
        data = None if kind == HOLE else read(block)
        if kind == NODE:
            below = parse(marked(0x40, items), data)
            must(len(below) <= 512 and sum(size for _, size, _ in below) == size,
                 "a content node is not what it is said to be")
            yield from walk_content(read, below, depth + 1)
        else:
            must(data is None or len(data) == size, "a block has another size than stated")
            yield size, data

# --- Reading a block, and what leads there -------------------------------------------------------

class Repository:
    """An opened repository."""

    def __init__(self, store, kind, secret):
        self.store = store
        self.id, way = find_way_in(store, kind, secret)
        self.pair = way.pair
        journal = Journal(store, self.id, way)
        self.state = journal.replay()
        slot = self.state.slots.get(way.id)
        must(slot and not slot.revoked and (slot.sign, slot.box) == (way.sign, way.box),
             "the slot is not in the journal, or was revoked")
        must(way.generation >= slot.generation, "that passphrase or key file was replaced")
        box = [b for b in journal.boxes if b.hash == slot.epoch_box]
        must(box, "the epoch box that the journal names is missing or damaged")
        must(box[0].least == self.state.begun.least, "the epoch box states another least")
        must(slot.capabilities & READ, "this slot may not read")
        self.secrets = derive_secrets(self, box[0], self.state.begun, slot.capabilities)
        self.id_key = open_grant(self, slot)
        self.segments, self.packs, self.index = {}, Packs(self), None

    def open_object(self, folder, kind, name, key, author=None, epoch=None):
        """The payload of an object of that name; by that author and of that epoch, if given."""
        path = "%s/%s" % (folder, name.hex())
        envelope = Envelope(self.store.named(path, name), kind)
        must(envelope.repository == self.id and epoch in (None, envelope.epoch)
             and (author is None or author == envelope.author
                  and envelope.signed_by(self.state.slots[author].sign)),
             path + " is not of its entry's author, or of another epoch")
        payload = envelope.open(key)
        must(payload is not None, path + " does not open")
        return payload

    def keys(self, entry):
        """The keys of an entry: those in its own group."""
        names, author, group = entry.keys, entry.author, 0
        if entry.sequence < self.state.began:
            names = next(names for last, names in self.state.ranges if entry.sequence <= last)
            author, group = self.state.begun_by, entry.sequence
        found = Record(index={}, sets={}, packs={}, bodies={}, fault=None)
        for name in names:
            try:
                if name not in self.segments:
                    self.segments[name] = open_key_segment(self, name, author)
                for kind, keys in self.segments[name].get(group, {}).items():
                    getattr(found, kind).update(keys)
            except Fault as fault:
                note(str(fault))
                found.fault = fault
        return found

    def open_snapshot(self, entry):
        """The body, with the block numbers.  Absent, Damaged, or another Fault: it is invalid."""
        keys = self.keys(entry)
        of_set = keys if entry.set_entry is entry else self.keys(entry.set_entry)
        if entry.body not in keys.bodies or entry.refs not in of_set.sets:
            raise keys.fault or of_set.fault or Fault(
                "there is no key of its body or of its reference set")
        body = parse(body_payload, self.open_object("bodies", BODY, entry.body,
                                                    keys.bodies[entry.body]))
        refs = parse(reference_set, self.open_object("refs", REFS, entry.refs,
                                                     of_set.sets[entry.refs]))
        body.numbers = refs.numbers | {entry.first + n for n in refs.ordinals}
        body.unread = set(body.numbers)
        return body

    def block(self, body, block):
        """The bytes of a block of a snapshot, from whichever copy is good."""
        self.index = self.index or Index(self)
        places = self.index.places.get(tag(block), [])
        found = {number for *_, number in places} & body.numbers
        body.unread -= found
        if not found:
            note("block %s is not in the snapshot's reference set" % block.hex())
        for pack, frame, offset, size, _ in places:
            try:
                data = self.packs.frame(pack, frame)[offset:offset + size]
                must(blake(data, self.id_key) == block, "it is another block")
                return data
            except Fault as fault:
                note("block %s: %s" % (block.hex(), fault))
        raise Fault("block %s: %s" % (block.hex(), "no copy of it opens" if places
                                      else "it is not in the index"))

# --- Commands ------------------------------------------------------------------------------------

def shown(data):
    """Bytes as one line of text."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1]
                   for c in data.decode("utf-8", "backslashreplace"))

def list_snapshots(repo):
    for entry in repo.state.snapshots.values():
        if not entry.live:
            continue
        try:
            body = repo.open_snapshot(entry)
            said = "%s  %s" % (shown(body.host), " ".join(map(shown, body.paths)))
        except Fault as fault:
            case = {Fault: "invalid"}.get(type(fault), type(fault).__name__.lower())
            said = "(%s: %s)" % (case, fault)
        print("%d  %s  %s  %s%s  %s" % (
            entry.sequence, entry.id.hex(), time.strftime("%FT%TZ", time.gmtime(entry.of // 1000)),
            shown(entry.source), " (pending)" if entry.pending else "", said))

def find_snapshot(repo, wanted):
    found = [e for e in repo.state.snapshots.values() if wanted == str(e.sequence)
             or len(wanted) > 5 and e.id.hex().startswith(wanted)]
    must(len(found) == 1, "no snapshot, or more than one, is called " + wanted)
    return found[0]

def list_files(repo, snapshot):
    body = repo.open_snapshot(snapshot)
    for entry in checked_entries(lambda block: repo.block(body, block), body.root):
        print("/%s  %s  %d" % (shown(entry.path), KINDS[entry.kind], entry.size))

def make(read, root, entry, path):
    """Makes anything but a directory."""
    if entry.kind == HARD_LINK:
        os.link(os.path.join(root, entry.first), path, follow_symlinks=False)
    elif entry.kind == SYMLINK:
        os.symlink(entry.target, path)
    elif entry.kind == FILE:
        with open(path, "xb") as file:
            for size, data in walk_content(read, entry.content) if entry.in_items \
                    else [(entry.size, entry.content)]:
                file.seek(size, 1) if data is None else file.write(data)
            file.truncate(entry.size)
        os.chmod(path, entry.mode)
    else:
        return note("/%s: skipped, a %s" % (shown(entry.path), KINDS[entry.kind]))
    if entry.kind != HARD_LINK:
        stamp(entry, path)

def stamp(entry, path):
    at = entry.modified[0] * 10**9 + entry.modified[1]
    os.utime(path, ns=(at, at), follow_symlinks=False)

def extract(repo, snapshot, target):
    body, root = repo.open_snapshot(snapshot), os.fsencode(target)
    os.makedirs(root, exist_ok=True)
    must(not os.listdir(root), target + " is not empty")
    failed, directories = 0, []
    read = lambda block: repo.block(body, block)
    for entry in checked_entries(read, body.root):
        path = os.path.join(root, entry.path)
        try:
            if entry.kind == DIRECTORY:
                os.makedirs(path, 0o700, exist_ok=True)
                directories.append((entry, path))
            else:
                make(read, root, entry, path)
        except (Fault, OSError) as fault:
            failed += 1
            note("/%s: %s" % (shown(entry.path), fault))
    for entry, path in reversed(directories):
        os.chmod(path, entry.mode)
        stamp(entry, path)
    must(not failed, "%d entries could not be extracted" % failed)
    if body.unread and not snapshot.pending:
        note("the reference set has %d numbers of blocks that nothing needs" % len(body.unread))

def main():
    sys.stdout.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(description="A second reader of Kist repositories.")
    parser.add_argument("repository", nargs="?")
    parser.add_argument("command", nargs="?", choices=("list", "ls", "extract"))
    parser.add_argument("snapshot", nargs="?", help="its number or the beginning of its id")
    parser.add_argument("target", nargs="?")
    for name in ("--passphrase-file", "--key-file", "--self-test"):
        parser.add_argument(name, metavar="FILE")
    args = parser.parse_intermixed_args()
    secret = args.passphrase_file or args.key_file
    try:
        if args.self_test:
            return self_test(args.self_test)
        if not {"list": secret, "ls": secret and args.snapshot,
                "extract": secret and args.target}.get(args.command):
            parser.error("something is missing")
        with open(secret, "rb") as file:
            data = file.read()
        repo = Repository(Store(args.repository), PASSPHRASE if args.passphrase_file else KEY_FILE,
                          data.rstrip(b"\r\n") if args.passphrase_file else read_key_file(data))
        if args.command == "list":
            return list_snapshots(repo)
        snapshot = find_snapshot(repo, args.snapshot)
        return list_files(repo, snapshot) if args.command == "ls" else \
            extract(repo, snapshot, args.target)
    except (Fault, OSError) as error:
        sys.exit("second_reader: %s" % error)

if __name__ == "__main__":
    main()
