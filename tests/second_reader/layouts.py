"""The layouts of docs/format.md, and its cryptography through libsodium and libzstd.

Written from that text alone, in its order, so that it tells whether the text suffices.

A layout is a function that takes a cursor; parse() applies one to bytes and lets nothing be left.
"""
import ctypes
import hashlib
import os
import struct
from types import SimpleNamespace as Record

class Fault(Exception):
    """What is wrong, in one line."""

class Absent(Fault):
    """An object is in no copy."""

class Damaged(Fault):
    """An object is there, but no copy has the bytes of its name."""

def must(condition, text):
    if not condition:
        raise Fault(text)

# --- Conventions ---------------------------------------------------------------------------------

def whole(size, signed=False):
    return lambda c: int.from_bytes(c.take(size), "little", signed=signed)

class Cursor:
    """Takes values from bytes, in order, and refuses what is not canonical."""
    u8, u16, u32, u64, i64 = whole(1), whole(2), whole(4), whole(8), whole(8, True)

    def __init__(self, data):
        self.data, self.at = bytes(data), 0

    def left(self):
        return len(self.data) - self.at

    def take(self, size):
        must(size <= self.left(), "ends too early")
        self.at += size
        return self.data[self.at - size:self.at]

    def rest(self):
        return self.take(self.left())

    def varint(self, most=2**64 - 1):
        value = shift = 0
        byte = 128
        while byte > 127:
            must(shift < 70, "a varint is too long")
            byte = self.u8()
            value |= (byte & 127) << shift
            shift += 7
        must(byte or shift == 7, "a varint is not in its shortest form")
        must(value <= most, "a number is too great")
        return value

    def zigzag(self):
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def get(self, kind):
        """A value: of so many bytes, or what a function takes."""
        return self.take(kind) if isinstance(kind, int) else kind(self)

def fields(**kinds):
    """A layout of named values, in this order."""
    return lambda c: Record(**{name: c.get(kind) for name, kind in kinds.items()})

def parse(layout, data):
    c = Cursor(data)
    value = c.get(layout)
    must(not c.left(), "%d bytes are left over" % c.left())
    return value

def sized(most=2**32):
    return lambda c: c.take(c.varint(most))

def among(kind, *allowed):
    """A value that is one of a few: a magic word, a version, reserved bytes, a choice."""
    def take(c):
        value = c.get(kind)
        must(value in allowed, "%r stands where only %s may" % (value, allowed))
        return value
    return take

def listed(count, element, least=1):
    """A count and so many elements; `least` is the size of the smallest, checked beforehand."""
    def take(c):
        size = c.get(count)
        must(size * least <= c.left(), "a count exceeds what follows")
        return [c.get(element) for _ in range(size)]
    return take

def several(*kinds):
    return lambda c: tuple(c.get(kind) for kind in kinds)

def nothing(c):
    """Takes nothing: a value that is not there."""

U8, U16, U32, U64, I64 = Cursor.u8, Cursor.u16, Cursor.u32, Cursor.u64, Cursor.i64
VARINT, TEXT, BIT = Cursor.varint, sized(4096), among(Cursor.u8, 0, 1)
TEXTS, HASHES = listed(VARINT, TEXT), listed(U32, 32, 32)

def ascending(values):
    return all(a < b for a, b in zip(values, values[1:]))

SODIUM, ZSTD = ctypes.CDLL("libsodium.so.23"), ctypes.CDLL("libzstd.so.1")
SODIUM.sodium_init()
ZSTD.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong
ZSTD.ZSTD_findFrameCompressedSize.restype = ZSTD.ZSTD_decompress.restype = ctypes.c_size_t
KIB, MIB = 1024, 1024 * 1024
LONG, SIZE, ZEROS, NO_NONCE = ctypes.c_ulonglong, ctypes.c_size_t, bytes(32), bytes(24)

def blake(data, key=b"", size=32):
    return hashlib.blake2b(data, digest_size=size, key=key).digest()

def tag(block):
    return blake(block, size=24)

def sodium(function, size, *arguments):
    """Calls a function that writes so many bytes; None where it fails."""
    out = ctypes.create_string_buffer(max(size, 1))
    return None if size < 0 or function(out, *arguments) else out.raw[:size]

def aead_open(key, nonce, sealed, associated):
    return sodium(SODIUM.crypto_aead_xchacha20poly1305_ietf_decrypt, len(sealed) - 16, None, None,
                  sealed, LONG(len(sealed)), associated, LONG(len(associated)), nonce, key)

def box_open(box, pair):
    return sodium(SODIUM.crypto_box_seal_open, len(box) - 48, box, LONG(len(box)), *pair)

def verified(signature, data, public):
    return not SODIUM.crypto_sign_verify_detached(signature, data, LONG(len(data)), public)

def kdf(key, subkey, context):
    return sodium(SODIUM.crypto_kdf_derive_from_key, 32, SIZE(32), LONG(subkey), context, key)

def sign_public(seed):
    return sodium(SODIUM.crypto_sign_seed_keypair, 32, ctypes.create_string_buffer(64), seed)

def box_pair(seed):
    secret = ctypes.create_string_buffer(32)
    return sodium(SODIUM.crypto_box_seed_keypair, 32, secret, seed), secret.raw

def argon2id(passphrase, slot):
    return sodium(SODIUM.crypto_pwhash, 32, LONG(32), passphrase, LONG(len(passphrase)), slot.salt,
                  LONG(slot.passes), SIZE(slot.memory * 1024), 2)

def unzstd(data, size):
    length = SIZE(len(data))
    must(ZSTD.ZSTD_getFrameContentSize(data, length) == size
         and ZSTD.ZSTD_findFrameCompressedSize(data, length) == len(data),
         "a frame is not one zstd frame of the stated size")
    out = ctypes.create_string_buffer(size)
    must(ZSTD.ZSTD_decompress(out, SIZE(size), data, length) == size, "a frame does not decompress")
    return out.raw

# --- Envelope ------------------------------------------------------------------------------------

SLOT, GRANT, KEYS, INDEX, BODY, REFS, ENTRY = range(1, 8)
CLEAR = {SLOT: 96, GRANT: 80, ENTRY: 40}

class Envelope:
    """The outside of an object, and what it takes to open it."""

    def __init__(self, data, kind):
        c = Cursor(data)
        several(among(8, b"KISTENVL"), among(U16, 1), among(U16, kind))(c)
        self.number, self.repository, self.epoch, self.author = several(U32, 16, 16, 16)(c)
        size, self.nonce, self.clear = several(U64, 24, CLEAR.get(kind, 0))(c)
        self.associated, self.sealed = data[:c.at], c.take(size)
        self.signed, self.signature = data[:c.at], c.take(64)
        must(not c.left(), "bytes are left over")

    def signed_by(self, public):
        return verified(self.signature, self.signed, public)

    def open(self, key):
        """The payload, or None where the key does not open it."""
        padded = aead_open(key, self.nonce, self.sealed, self.associated)
        return None if padded is None else parse(padded_payload, padded)

def padme(size):
    e = size.bit_length() - 1
    unit = 1 << (e - e.bit_length())
    return -(-size // unit) * unit

def padded_payload(c):
    payload = c.take(c.u64())
    must(len(c.data) == padme(8 + len(payload)) and not any(c.rest()), "the padding is wrong")
    return payload

# --- Slots, epochs -------------------------------------------------------------------------------

PASSPHRASE, KEY_FILE, RECIPIENT, SHEET = range(1, 5)
slot_clear = fields(sign=32, box=32, kind=among(U8, PASSPHRASE, KEY_FILE),
                    reserved=among(3, bytes(3)), generation=U32, passes=U32, memory=U32, salt=16)

# What genesis and type 5 say of the epoch that begins.
beginning = fields(least=U64, share=32, anchor=32, pk=32, apk=32, place=BIT, label=sized(255))
anchor = fields(magic=among(8, b"KISTANCH"), version=among(U32, 1), number=U32, repository=16,
                epoch=16, share=32)
epoch_box = fields(magic=among(8, b"KISTEPOC"), version=among(U32, 1), number=U32, repository=16,
                   epoch=16, slot=16, sealed=184)
box_content = fields(journal_key=32, index_part=32, audit_part=32, read_part=32, least=U64)

# --- Blocks, packs, frames, directory ------------------------------------------------------------

CONTENTS, LIST, DIRECTORY_PART = range(3)
DATA, META = 1, 2          # kinds of packs, and streams of blocks

pack_header = fields(magic=among(8, b"KISTPACK"), version=among(U16, 1),
                     kind=among(U16, DATA, META), reserved=among(4, bytes(4)), repository=16)
pack_footer = fields(magic=among(8, b"KISTPEND"), reserved=among(4, bytes(4)), directory=U32)

def block_numbers(following):
    """Reads the numbers of one block after another of a rewritten frame; `following`: [0] at first."""
    def number(c):
        value = VARINT(c)
        difference = -(value + 1) // 2 if value & 1 else value // 2
        found = (following[0] + difference) % 2**64
        following[0] = found + 1
        return found

    def numbers(c):
        found = listed(VARINT, number, 1)(c)
        must(ascending(found), "block numbers do not ascend")
        return found
    return numbers

def frame_list(c):
    """Encoding, and per block its id, its size and its numbers; None: its entry tells them."""
    encoding, numbering = BIT(c), BIT(c)
    block = several(32, U32, block_numbers([0]) if numbering else nothing)
    return Record(encoding=encoding, blocks=listed(U32, block, 36)(c))

def frame_associated(repository, kind, number, part):
    return b"KISTFRAM" + repository + struct.pack("<HIB", kind, number, part)

def open_frame(pack_key, repository, kind, number, part, sealed):
    """The contents or the list of a frame."""
    secret = kdf(pack_key, number, b"kistfram")
    opened = aead_open(kdf(secret, part + 1, b"kistpart"), NO_NONCE, sealed,
                       frame_associated(repository, kind, number, part))
    must(opened is not None, "a frame does not open")
    return opened

def pack_directory(c):
    """Offset, size of the contents and of the list, per frame."""
    frames, at = listed(U32, several(U32, U32, U32), 12)(c), 32
    for offset, contents, listing in frames:
        must(offset == at, "frames do not follow each other")
        at += contents + listing
    return frames

# --- Index segments ------------------------------------------------------------------------------

def index_segment(c):
    """First ordinal (None: each block has numbers of its own), and the packs."""
    numbering = BIT(c)
    first = None if numbering else U32(c)

    def blocks(c):
        numbers_of = block_numbers([0]) if numbering else lambda c: None

        def block(c):
            size, numbers = U32(c), numbers_of(c)
            return Record(size=size, numbers=numbers, tag=None if numbers == [] else c.take(24))
        return listed(U32, block, 5)(c)

    frame = fields(place=several(U32, U32, U32), encoding=BIT, blocks=blocks)
    pack = fields(name=32, kind=among(U16, 1, 2), size=U64, born=U64 if numbering else nothing,
                  frames=listed(U32, frame, 17))          # none: it is no more
    packs = listed(U32, pack, 46)(c)
    must(packs, "a segment without packs")
    for one in packs:
        must((one.frames or numbering) and one.size <= 32 * MIB,
             "a pack without frames, or too great")
        for frame in one.frames:
            sizes = [block.size for block in frame.blocks]
            must(0 < len(sizes) <= 65536 and all(sizes) and sum(sizes) <= 16 * MIB,
                 "a frame of no or too many blocks, or too great, or an empty block")
    return Record(first=first, packs=packs)

# --- Key segments --------------------------------------------------------------------------------

PAIRS, BOX = listed(U32, several(32, 32), 64), lambda c: c.take(c.u32())
group_layout = fields(sequence=U64, index=PAIRS, sets=HASHES, packs=HASHES, bodies=HASHES,
                      box=sized(80))

def key_segment(c):
    found = fields(groups=listed(U32, group_layout, 25), audit=BOX, inner=BOX)(c)
    must(ascending([group.sequence for group in found.groups]), "groups do not ascend")
    must(all(len(group.box) in (0, 80) for group in found.groups), "a box of another size")
    must(sum(len(group.packs) for group in found.groups) <= 4096, "too many packs")
    return found

def keys_box(groups, *kinds):
    """The audit box (of sets) or the inner box (of packs, bodies), in the order of the groups."""
    def take(c):
        among(U32, len(groups))(c)
        found = {}
        for group in groups:
            for kind in kinds:
                names, keys = getattr(group, kind), HASHES(c)
                must(len(keys) == len(names), "a box has another count of keys")
                found[group.sequence, kind] = dict(zip(names, keys))
        return found
    return take

# --- Number sets ---------------------------------------------------------------------------------

def bitmap(c):
    """One 32-bit Roaring bitmap in its portable form, as a set."""
    start, cookie = c.at, c.u32()
    must(cookie == 12346 or cookie & 0xffff == 12347, "not a Roaring bitmap")
    count = c.u32() if cookie == 12346 else (cookie >> 16) + 1
    flags = 0 if cookie == 12346 else int.from_bytes(c.take((count + 7) // 8), "little")
    must(0 < count <= 65536 and flags >> count == 0 and (flags or cookie == 12346),
         "an empty Roaring bitmap, or flags that mean nothing")
    heads = [(c.u16(), c.u16() + 1) for _ in range(count)]
    must(ascending([key for key, _ in heads]), "containers do not ascend")
    offsets = [c.u32() for _ in heads] if not flags or count >= 4 else None
    numbers = set()
    for i, (key, size) in enumerate(heads):
        must(not offsets or offsets[i] == c.at - start, "a container is elsewhere")
        if flags >> i & 1:
            pairs = [(c.u16(), c.u16()) for _ in range(c.u16())]
            must(all(a + m <= 65535 for a, m in pairs), "a run is too long")
            found = [value for a, m in pairs for value in range(a, a + m + 1)]
            must(len(pairs) == sum(a + m + 1 != b for (a, m), (b, _) in zip(pairs, pairs[1:])) + 1,
                 "runs that are one")
        elif size <= 4096:
            found = [c.u16() for _ in range(size)]
        else:
            bits = int.from_bytes(c.take(8192), "little")
            found = [value for value in range(65536) if bits >> value & 1]
        must(len(found) == size and ascending(found), "a container of another cardinality or order")
        runs = 1 + sum(a + 1 != b for a, b in zip(found, found[1:]))
        must(flags >> i & 1 == (2 + 4 * runs <= min(2 * size, 8192)),
             "not the smallest encoding")
        numbers.update(key << 16 | value for value in found)
    return numbers

def number_set(c):
    numbers, last = set(), -1
    for _ in range(c.u64()):
        high = c.u32()
        must(high > last, "bitmaps do not ascend")
        last = high
        numbers.update(high << 32 | low for low in bitmap(c))
    return numbers

# --- Reference sets, bodies ----------------------------------------------------------------------

SET = lambda c: parse(number_set, sized()(c))
reference_set = fields(finished=I64, counts=several(*[VARINT] * 11), numbers=SET, ordinals=SET)
body_payload = fields(
    root=32, host=TEXT, user=TEXT, program=TEXT, paths=listed(VARINT, sized(65536)), tags=TEXTS,
    description=TEXT, selective=BIT,
    problems=listed(lambda c: c.varint(1024), several(sized(65536), TEXT), 2))

# --- Manifest ------------------------------------------------------------------------------------

FILE, DIRECTORY, SYMLINK, HARD_LINK, FIFO, SOCKET, CHARACTER, BLOCK = range(1, 9)
KINDS = ("", "file", "directory", "symlink", "hard link", "fifo", "socket", "character device",
         "block device")
AS_BLOCK, HOLE, NODE = range(3)

def order(path):
    """A key that sorts paths component by component."""
    return path.replace(b"/", b"\0")

def take_path(c, before):
    shared = c.varint(len(before))
    path = before[:shared] + sized(65536)(c)
    must(shared == len(os.path.commonprefix([before, path])), "a path shares more than it says")
    must(len(path) <= 65536 and b"\0" not in path and (not path or all(
        1 <= len(part) <= 255 and part not in (b".", b"..") for part in path.split(b"/"))),
        "a path is too long, or has a component that it must not have")
    return path

def attributes(c):
    found = listed(VARINT, several(sized(255), sized(65536)), 2)(c)
    must(ascending([name for name, _ in found]), "attributes out of order")
    return found

def volume(found):
    return sum(len(name) + len(value) for name, value in found)

def items(c):
    """Type, size and block of each stretch of a file."""
    def item(c):
        kind, size = several(among(U8, AS_BLOCK, HOLE, NODE), VARINT)(c)
        return kind, size, None if kind == HOLE else c.take(32)
    return listed(VARINT, item, 2)(c)

def entry_layout(c, before):
    kind = among(U8, *range(1, 9))(c)
    head = Record(kind=kind, path=take_path(c, before), size=0)
    if kind == HARD_LINK:
        head.first = sized(65536)(c)
        return head
    stamp = several(Cursor.zigzag, lambda c: c.varint(999999999))
    entry = fields(mode=lambda c: c.varint(0o7777), owner=VARINT, group=VARINT,
                   owner_name=sized(255), group_name=sized(255), modified=stamp, changed=stamp,
                   inode=VARINT, flags=U8, apart=BIT)(c)
    vars(entry).update(vars(head))
    must(not entry.flags & ~{FILE: 31, DIRECTORY: 15}.get(kind, 0), "a flag out of place")
    entry.attributes = c.take(32) if entry.apart else attributes(c)
    must(entry.apart or volume(entry.attributes) <= 4096, "too many attributes")
    if kind == FILE:
        entry.size, entry.in_items = several(VARINT, BIT)(c)
        must(entry.in_items or entry.size <= 512, "too much content in an entry")
        entry.content = items(c) if entry.in_items else c.take(entry.size)
        must(not entry.in_items or len(entry.content) <= 64
             and sum(size for _, size, _ in entry.content) == entry.size, "items do not add up")
    elif kind == SYMLINK:
        entry.target = sized(65536)(c)
    elif kind in (CHARACTER, BLOCK):
        entry.device = several(VARINT, VARINT)(c)
    return entry

def manifest_block(c):
    """Level, and the entries of a leaf (0) or the children of a node."""
    level, found, before = among(U8, *range(13))(c), [], b""
    for _ in range(c.varint(512)):
        found.append(Record(path=take_path(c, before), block=c.take(32)) if level
                     else entry_layout(c, before))
        before = found[-1].path
    must(found and ascending([order(f.path) for f in found]), "paths are none or out of order")
    return level, found

def marked(mark, layout):
    return lambda c: (among(U8, mark)(c), layout(c))[1]
