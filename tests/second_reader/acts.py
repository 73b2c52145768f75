"""The layouts of the journal's entries and of policies: docs/format.md, "Journal", "Policies"."""
from layouts import (
    BIT, DATA, HASHES, I64, META, TEXT, TEXTS, U16, U32, U64, U8, VARINT, Cursor, Record, among,
    ascending, beginning, fields, listed, must, parse, several, sized)

# --- Journal -------------------------------------------------------------------------------------

GENESIS, SNAPSHOT, ADDED, REWRAPPED, EPOCH, REMADE, CLOSED = range(1, 8)
FEATURES, PROVED, REINDEXED, GIVEN_UP, CONDEMNED, DEAD, UNNAMED = range(9, 16)
CLEARED, SETS_PROVED, OPENED, CLOCK = 16, 17, 28, 30
POLICY, ASSIGNED, BOUND, RETIRED, SHORTENED, UNRETIRED, HELD, LIFTED, CEILING = range(18, 27)
CANCELLED, REMOVED = 33, 39
LAW = {*range(18, 27), CANCELLED, REMOVED}     # of retention
journal_clear = several(U64, 32)

introduction = fields(
    id=16, kind=among(U8, 1, 2, 3, 4), capabilities=among(U8, *range(1, 32)), label=TEXT, sign=32,
    box=32, grant=32, epoch_box=32, object=32, sources=TEXTS)

def entry_payload(c):
    """An entry's payload; of an unknown type the rest is not parsed."""
    head = fields(type=U16, time=I64, doubt=BIT)(c)
    layout = {
        GENESIS: dict(chunking=several(U16, U32, U32, U32), frame=U32, level=U8, id_key_hash=32,
                      chunk_seed_hash=32, beginning=beginning, slot=introduction, policy=policy,
                      features=TEXTS),
        SNAPSHOT: dict(id=16, pending=BIT, replaces=16, source=TEXT, policy=TEXT,
                       retention=several(VARINT, VARINT, BIT), of=I64, marks=among(U8, 0, 1, 2, 3),
                       body=32, refs=32, first=U64, data=U32, meta=U32,
                       segments=listed(U32, several(32, among(U8, DATA, META)), 33), keys=HASHES),
        ADDED: dict(slot=introduction),
        REWRAPPED: dict(generation=U32, kind=among(U8, 1, 2, 3, 4), object=32),
        EPOCH: dict(epoch=16, began=U64, journal_key=48, beginning=beginning, forget=BIT,
                    revoked=listed(U32, 16, 16), boxes=listed(U32, several(16, 32), 48),
                    ranges=listed(U32, several(U64, HASHES), 12), dropped=U64,
                    segments=listed(U32, several(32, U32, U32), 40), ended=listed(U32, 16, 16),
                    forgotten=listed(U32, 16, 16), names=HASHES),
        REMADE: dict(client=16),
        CLOSED: dict(first=U64, last=U64, note=TEXT, accepted=HASHES),
        FEATURES: dict(features=listed(lambda c: c.varint(256), sized(255))),
        PROVED: dict(ranges=listed(U32, several(U64, U64), 16)),
        REINDEXED: dict(replaced=listed(U32, several(32, U32, U32), 40), segments=HASHES,
                        keys=HASHES),
        GIVEN_UP: dict(segments=HASHES),
        CONDEMNED: dict(packs=HASHES), DEAD: dict(segments=HASHES), UNNAMED: dict(names=HASHES),
        CLEARED: dict(packs=HASHES),
        SETS_PROVED: dict(equal=listed(U32, several(16, 32), 48),
                          replaced=listed(U32, several(16, 32, 32), 80), keys=HASHES),
        OPENED: dict(about=among(U8, 1), packs=HASHES),
        CLOCK: dict(reason=TEXT), POLICY: dict(policy=policy, reason=TEXT),
        BOUND: dict(source=TEXT, slot=16, continues=TEXT, ended=BIT, reason=TEXT),
        RETIRED: dict(snapshots=listed(U32, several(16, among(U8, 1, 2, 3, 4)), 17), planned=I64,
                      reason=TEXT),
        SHORTENED: dict(snapshots=listed(U32, 16, 16), minimum=VARINT, reason=TEXT),
        UNRETIRED: dict(snapshots=listed(U32, 16, 16), until=I64, reason=TEXT),
        HELD: dict(matter=TEXT, reason=TEXT, snapshots=listed(U32, 16, 16), sources=TEXTS),
        LIFTED: dict(matter=TEXT, reason=TEXT, snapshots=listed(U32, 16, 16), sources=TEXTS),
        CEILING: dict(seconds=VARINT, reason=TEXT), CANCELLED: dict(proposal=U64, reason=TEXT),
        REMOVED: dict(name=TEXT, reason=TEXT), ASSIGNED: {}}.get(head.type, dict(unknown=Cursor.rest))
    found = Record(**vars(head), **vars(fields(**layout)(c)))
    if head.type == ASSIGNED:
        found = Record(**vars(found), **vars(assignment(c)))
    return found

def assignment(c):
    """A policy that is assigned: to a source by name, or to a slot."""
    to_slot = BIT(c)
    subject = c.take(16) if to_slot else TEXT(c)
    return Record(to_slot=to_slot, slot_id=subject if to_slot else None,
                  source=None if to_slot else subject, policy=TEXT(c), reason=TEXT(c))

# --- Policies ------------------------------------------------------------------------------------

def positive(c):
    count = c.varint()
    must(count, "a field that says no more than its absence")
    return count

def period(c):
    return c.varint(12000), c.varint(100 * 2**32)

def keep_rule(c):
    return period(c) if BIT(c) else positive(c)

FIELDS = {1: positive, **dict.fromkeys(range(2, 8), keep_rule), 8: period, 9: Cursor.rest,
          10: period, 11: VARINT, 12: VARINT, **dict.fromkeys(range(13, 17), positive),
          17: among(U8, 1), 18: among(U8, 1, 2), 19: among(U8, 1), 20: positive, 21: positive}

def policy(c):
    """Name, and the value of each field that is there."""
    found = fields(name=TEXT, inside=sized())(c)
    pairs = parse(lambda c: [(c.u8(), sized()(c)) for _ in iter(c.left, 0)], found.inside)
    must(ascending([0] + [n for n, _ in pairs]) and all(n in FIELDS for n, _ in pairs),
         "fields of a policy are out of order, or belong to a feature")
    found.fields = {number: parse(FIELDS[number], value) for number, value in pairs}
    found.retention = tuple(found.fields.get(number, 0) for number in (13, 14, 17))
    return found

