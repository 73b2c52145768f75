#!/usr/bin/env python3
"""full.py KIST: a file system without room, at every amount that is left, during every kind of work.

A small tmpfs holds the repository, the local state or the target; ballast leaves so many KiB, or so many
files that can still be made.
Each time: a clear error and no crash; with room again, the same command works, every snapshot that was
acknowledged is there, verify finds nothing once a repair has cleared what is left, and what is
restored is what was backed up.
Needs root (it mounts); without, it says so and exits with 77.
"""
import ctypes
import filecmp
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

KIST = os.path.abspath(sys.argv[1])
WORK = tempfile.mkdtemp(prefix="kist-full-", dir=os.environ.get("TMPDIR", "/var/tmp"))
SMALL = f"{WORK}/small"
BALLAST = f"{SMALL}/ballast"
SIZE, FILES = 48 << 20, 1000
# What is left when a command starts, in KiB: each page at first, then wider steps up to what suffices.
STEPS = sorted({*range(0, 200, 12 * int(os.environ.get("KIST_STRIDE", "1"))), *(int(200 * 1.5 ** i) for i in range(12))})
CLEAR = ("No space left on device", "make room there", "nothing was written: free some")


def fail(text):
    sys.exit(f"full.py: {text}")


def mount():
    """In a mount namespace of this process alone, gone with it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x00020000) != 0:
        return False
    os.makedirs(SMALL)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return (subprocess.run(["mount", "--make-rprivate", "/"], **quiet).returncode == 0
            and subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},nr_inodes={FILES}", "small", SMALL], **quiet).returncode == 0)


def leave(left, unit):
    """Fills the file system up to so many KiB or files."""
    make_room()
    os.makedirs(BALLAST)
    room = os.statvfs(SMALL)
    if unit == "KiB":
        with open(f"{BALLAST}/large", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, room.f_bavail * room.f_frsize - (left << 10)))
    else:
        for number in range(room.f_favail - left):
            open(f"{BALLAST}/{number}", "wb").close()


def make_room():
    shutil.rmtree(BALLAST, ignore_errors=True)


def make_tree(root, chance):
    for number in range(60):
        directory = f"{root}/{number % 7}/{number % 3}"
        os.makedirs(directory, exist_ok=True)
        with open(f"{directory}/{number}", "wb") as file:
            file.write(chance.randbytes(chance.randrange(1, 150_000)))
    with open(f"{root}/large", "wb") as file:
        file.write(chance.randbytes(3_000_000))


def same(a, b):
    """Whether two directories hold the same files with the same bytes."""
    names = sorted(os.listdir(a))
    if names != sorted(os.listdir(b)):
        return False
    return all(same(f"{a}/{n}", f"{b}/{n}") if os.path.isdir(f"{a}/{n}")
               else filecmp.cmp(f"{a}/{n}", f"{b}/{n}", shallow=False) for n in names)


class Place:
    """A repository with a snapshot of each tree that was backed up; one of its parts lies where there is no room."""

    def __init__(self, small):
        self.parts = {part: SMALL + "/" + part if part == small else f"{WORK}/wide/{part}"
                      for part in ("repo", "state", "target")}
        self.tree, self.key = f"{WORK}/wide/tree", f"{WORK}/wide/key"
        self.acknowledged = set()
        for path in (f"{WORK}/wide", *(f"{SMALL}/{n}" for n in os.listdir(SMALL))):
            shutil.rmtree(path, ignore_errors=True)
        make_room()
        os.makedirs(self.tree)

    def run(self, *arguments):
        environment = {**os.environ, "KIST_REPO": self.parts["repo"], "KIST_STATE_DIR": self.parts["state"],
                       "KIST_KEY_FILE": self.key}
        for name in ("KIST_PASSWORD", "KIST_PASSWORD_FILE", "KIST_PASSWORD_COMMAND"):
            environment.pop(name, None)
        return subprocess.run([KIST, "--json", *arguments], env=environment, capture_output=True, text=True)

    def must(self, *arguments):
        done = self.run(*arguments)
        if done.returncode != 0:
            fail(f"kist {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def back_up(self):
        self.acknowledged.add(json.loads(self.must("backup", "--source", "full", self.tree))["snapshot"])

    def check(self):
        """Everything that was acknowledged is there and whole."""
        listed = {s["id"] for s in json.loads(self.must("snapshots"))["snapshots"]}
        if self.acknowledged - listed:
            fail(f"lost: {self.acknowledged - listed}")
        self.must("verify", "--repair")  # what commands that were cut off have left goes
        self.must("verify", "--level", "content")
        out = f"{WORK}/wide/out"
        shutil.rmtree(out, ignore_errors=True)
        self.must("restore", f"latest:{self.tree}", "--target", out)
        if not same(self.tree, out):
            fail("what is restored is not what was backed up")


def attempt(place, left, what, arguments, unit):
    """Runs it with so little room; whether it went through all the same."""
    leave(left, unit)
    done = place.run(*arguments)
    make_room()
    if done.returncode == 0:
        return True
    said = done.stdout + done.stderr
    if done.returncode not in (1, 3) or not any(words in said for words in CLEAR):
        fail(f"{what}, {left} {unit} left: exit {done.returncode}, not a clear error:\n{said}")
    return False


def try_steps(what, prepare, arguments, afterwards, unit="KiB"):
    """More room step by step, until there is enough. `prepare` makes the place for a step; `afterwards`, when
    there is room again, does what must work now."""
    refused = 0
    for left in STEPS:
        place = prepare(left)
        done = attempt(place, left, what, arguments(place), unit)
        refused += not done
        afterwards(place, done)
        place.check()
        if done:
            break
    if refused == 0:
        fail(f"{what}: never refused, so nothing was tried")
    print(f"{what}: {refused} times too little room, {left} {unit} were enough", flush=True)


def with_snapshot(small):
    """A repository with a snapshot of a tree."""
    place = Place(small)
    make_tree(place.tree, random.Random(1))
    place.must("init")
    place.back_up()
    return place


def try_init(small):
    def afterwards(place, done):
        # From its first entry on it is one: what kist.repo says stands there too.
        is_made = any(os.path.exists(f"{place.parts['repo']}/{name}")
                      for name in ("kist.repo", "journal/0000000000"))
        state = place.parts["state"]
        if not is_made and os.path.isdir(state) and os.listdir(state):
            fail("an init that made nothing left a local state")
        if not done and not is_made:
            place.must("init")  # the leftovers of the one before are not in its way
        make_tree(place.tree, random.Random(1))
        place.back_up()

    try_steps(f"init, full: {small}", lambda left: Place(small), lambda place: ["init"], afterwards)


def try_backup(small):
    place = with_snapshot(small)

    def prepare(left):
        nonlocal place
        if shutil.disk_usage(SMALL).free < SIZE // 2:
            place = with_snapshot(small)
        if small == "state":
            shutil.rmtree(place.parts["state"])
        shutil.rmtree(place.tree)
        make_tree(place.tree, random.Random(left + 2))
        return place

    try_steps(f"backup, full: {small}", prepare, lambda place: ["backup", "--source", "full", place.tree],
              lambda place, done: place.back_up())


def try_restore(small, unit="KiB"):
    """Too few KiB are said before anything is written; too few files end it midway."""
    place = with_snapshot(small)

    def restore(place):
        return ["restore", f"latest:{place.tree}", "--target", place.parts["target"]]

    def prepare(left):
        shutil.rmtree(place.parts["target"], ignore_errors=True)
        if small == "state":
            shutil.rmtree(place.parts["state"])
        return place

    def afterwards(place, done):
        place.must(*restore(place))
        if not same(place.tree, place.parts["target"]):
            fail("a restore that was run again is not the tree")

    try_steps(f"restore, full: {small}, {unit}", prepare, restore, afterwards, unit)


def try_rebuild(small):
    place = with_snapshot(small)

    def prepare(left):
        shutil.rmtree(place.parts["state"])
        return place

    rebuild = ["catalog", "rebuild"]
    try_steps(f"catalog rebuild, full: {small}", prepare, lambda place: rebuild,
              lambda place, done: place.must(*rebuild))


def main():
    if os.geteuid() != 0 or not mount():
        print("full.py: cannot mount a small file system here (root is needed)")
        return 77
    try_init("repo")
    try_init("state")
    try_backup("repo")
    try_backup("state")
    try_restore("target")
    try_restore("target", "files")
    try_restore("state")
    try_rebuild("state")
    return 0


try:
    status = main()
finally:
    subprocess.run(["umount", SMALL], stderr=subprocess.DEVNULL)
    shutil.rmtree(WORK, ignore_errors=True)
sys.exit(status)
