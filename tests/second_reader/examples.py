"""The worked examples of docs/format.md, and what each must be read as."""
import re
import struct
from types import SimpleNamespace as Record

from journal import kist_repo
from acts import entry_payload, journal_clear, policy
from layouts import (
    BODY, CONTENTS, DATA, KIB, LIST, META, VARINT, Envelope, Fault, anchor, blake, body_payload,
    frame_associated, frame_list, index_segment, kdf, key_segment, keys_box, manifest_block,
    must, number_set, open_frame, pack_directory, pack_footer, pack_header, padded_payload,
    parse, sign_public, slot_clear, tag)

def run(first, size=32):
    return bytes(range(first, first + size))

REPOSITORY, EPOCH_ID, AUTHOR, NINE = run(16, 16), run(32, 16), run(48, 16), bytes([9]) * 32
ABC = blake(b"abc", bytes([3]) * 32)
GROUPS = [Record(sequence=3, packs=[1, 2], bodies=[3]), Record(sequence=7, packs=[], bodies=[4])]

def by(layout, *names):
    """Applies a layout; of some records only these values are compared."""
    return lambda data: (lambda found: [getattr(found, name) for name in names] or found)(
        parse(layout, data))

def envelope_example(data):
    e = Envelope(data, BODY)
    return e.signed_by(sign_public(bytes([2]) * 32)) and e.open(bytes([1]) * 32), \
        e.repository, e.epoch, e.author

def frame_example(data):
    return [open_frame(NINE, REPOSITORY, 1, 0, part, sealed)
            for part, sealed in ((CONTENTS, data[:19]), (LIST, data[19:]))]

def packs_example(data):
    """The packs of an index segment, each of one frame, and its first ordinal."""
    found = parse(index_segment, data)
    return [found.first] + [
        (p.name, p.kind, p.size, p.born, f.place, f.encoding,
         [(b.size, b.numbers, b.tag) for b in f.blocks]) for p in found.packs for f in p.frames]

def groups_example(data):
    found = parse(key_segment, data)
    return [(g.sequence, g.index, g.sets, g.packs, g.bodies, g.box) for g in found.groups], \
        found.audit, found.inner

NUMBERS, PLACE = [7, 123456789012], (32, 500, 90)

# Name: what takes the example, and what must come out.
EXAMPLES = {
    "varint-300": (by(VARINT), 300),
    "kist.repo": (kist_repo, REPOSITORY),
    "padded": (by(padded_payload), b"abc"),
    "envelope": (envelope_example, (b"payload", REPOSITORY, EPOCH_ID, AUTHOR)),
    "slot-clear": (by(slot_clear, "sign", "box", "kind", "generation", "passes", "memory", "salt"),
                   [run(1), run(2), 1, 3, 4, 64 * KIB, bytes([5]) * 16]),
    "key-file-wrapping-key": (bytes, kdf(bytes([7]) * 32, 1, b"kistkeyf")),
    "anchor": (by(anchor, "number", "repository", "epoch", "share"),
               [7, REPOSITORY, EPOCH_ID, b"0" * 32]),
    "block-id": (bytes, ABC),
    "tag": (bytes, tag(ABC)),
    "pack-header": (by(pack_header, "kind", "repository"), [1, REPOSITORY]),
    "pack-footer": (by(pack_footer, "directory"), [48]),
    "frame-secret-0": (bytes, kdf(NINE, 0, b"kistfram")),
    "directory-key": (bytes, kdf(NINE, 0, b"kistdire")),
    "frame-associated": (bytes, frame_associated(REPOSITORY, 1, 0, CONTENTS)),
    "frame-list": (by(frame_list, "encoding", "blocks"), [0, [(ABC, 3, None)]]),
    "frame-list-rewritten": (by(frame_list, "encoding", "blocks"),
                             [1, [(run(1), 1000, []), (run(2), 20, NUMBERS)]]),
    "frame": (frame_example, [b"abc", struct.pack("<BBI32sI", 0, 0, 1, ABC, 3)]),
    "pack-directory": (by(pack_directory), [(32, 19, 57)]),
    "index-segment": (packs_example, [300, (run(3), META, 64 * KIB, None, PLACE, 1, [
        (1000, None, run(1, 24)), (20, None, run(2, 24))])]),
    "index-segment-rewritten": (packs_example, [None, (run(3), META, 64 * KIB, 17, PLACE, 1, [
        (1000, [], None), (20, NUMBERS, run(2, 24))])]),
    "key-segment": (groups_example, (
        [(3, [(run(1), run(2))], [run(3)], [run(5), run(6)], [run(7)], bytes([4]) * 80),
         (7, [], [run(8)], [], [run(10)], b"")], bytes([9]) * 50, bytes([8]) * 60)),
    "key-segment-inner": (by(keys_box(GROUPS, "packs", "bodies")), {
        (3, "packs"): {1: run(1), 2: run(2)}, (3, "bodies"): {3: run(3)}, (7, "packs"): {},
        (7, "bodies"): {4: run(4)}}),
    "number-set": (by(number_set), {*range(5, 15), 1000000}),
    "body": (by(body_payload, "root", "host", "user", "program", "paths", "tags", "description",
                "selective", "problems"), [
        run(1), b"host", b"ann", b"kist", [b"/home/ann", b"/etc"], [b"nightly"],
        b"before the move", 1, [(b"home/ann/db", b"it changed")]]),
    "leaf": (lambda data: [(e.kind, e.path, e.size) for e in parse(manifest_block, data)[1]],
             [(2, b"", 0), (1, b"a", 5), (1, b"big", 3000), (4, b"hard", 0), (3, b"link", 0)]),
    "node": (by(manifest_block), (1, [Record(path=b"", block=run(1)),
                                      Record(path=b"home/ann", block=run(2))])),
    "journal-clear": (by(journal_clear), (7, run(64))),
    "policy": (by(policy, "name", "fields"), [b"default", {13: 86400, 15: 604800, 16: 259200,
                                                           18: 1}]),
    "journal-snapshot": (
        by(entry_payload, "type", "doubt", "id", "pending", "replaces", "source", "policy",
           "retention", "marks", "body", "refs", "first", "data", "meta", "segments", "keys"),
        [2, 0, run(1, 16), 0, bytes(16), b"host-12345678", b"default", (86400, 0, 0), 2, run(2),
         run(3), 0, 1024, 64, [(run(4), DATA), (run(5), META)], [run(6)]]),
    "journal-proved": (by(entry_payload, "type", "ranges"), [10, [(0, 41), (43, 300000)]]),
    "journal-retired": (by(entry_payload, "type", "snapshots", "planned", "reason"), [
        21, [(run(1, 16), 1), (run(2, 16), 3)], 1700000000000, b"an error"]),
    "journal-hold-placed": (by(entry_payload, "type", "matter", "reason", "snapshots", "sources"), [
        24, b"2026-17", b"", [], [b"desk", b"mail"]]),
    "journal-policy-assigned": (by(entry_payload, "type", "to_slot", "slot_id", "policy", "reason"),
                                [19, 1, run(1, 16), b"archive", b""]),
    "journal-sets-proved": (by(entry_payload, "type", "equal", "replaced", "keys"), [
        17, [(run(1, 16), run(3))], [(run(2, 16), run(4), run(5))], [run(6)]]),
    "journal-reindexed": (by(entry_payload, "type", "doubt", "replaced", "segments", "keys"),
                          [11, 0, [(run(4), 300, 20), (run(5), 0, 0)], [run(6)], [run(7)]]),
    "journal-epoch-ended": (
        by(entry_payload, "type", "epoch", "began", "journal_key", "beginning", "forget", "revoked",
           "boxes", "ranges", "dropped", "segments", "ended", "forgotten", "names"),
        [5, run(1, 16), 7, bytes([2]) * 48,
         Record(least=40, share=run(3), anchor=run(3), pk=run(3), apk=run(4), place=1,
                label=b"the safe"), 0, [run(4, 16)], [(run(5, 16), run(6))],
         [(30, [run(7), run(8)]), (41, [run(9)])], 3,
         [(run(10), 300, 20), (run(11), 0, 0)], [run(12, 16)], [run(13, 16)], [run(14), run(15)]])}

def self_test(document):
    """Compares each example; also, it must be refused if a byte of it is lost or too much."""
    def outcome(read, data):
        try:
            return read(data)
        except Fault as fault:
            return fault

    failed = 0
    with open(document, encoding="utf-8") as file:
        blocks = dict(re.findall(r"^```hex (\S+)\n([0-9a-f\s]*)^```$", file.read(), re.M))
    for name in [*blocks, *(EXAMPLES.keys() - blocks.keys())]:
        if name not in EXAMPLES or name not in blocks:
            failed += 1
            print(name, "is not implemented" if name in blocks else "is not in the text")
            continue
        (read, expected), data = EXAMPLES[name], bytes.fromhex(blocks[name])
        if outcome(read, data) != expected:
            failed += 1
            print("%s differs: %s" % (name, outcome(read, data)))
        elif expected in (outcome(read, data[:-1]), outcome(read, data + b"\0")):
            failed += 1
            print(name, "may lose a byte or have one too much")
    must(blocks and not failed, "%d of %d examples failed" % (failed, len(blocks)))
    print("%d examples hold" % len(blocks))
