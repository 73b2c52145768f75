#!/usr/bin/env python3
"""everybody.py KIST [SECONDS [DATA]]: eight writers, two collectors (an owner's slot and an operator's) and two
readers, each a machine of its own, work on one repository at once for so many seconds; some are killed with -9.

Each writer changes its tree and backs it up, again and again: files come, change and go, and what one has dropped
another may have, or have again. The collectors forget older snapshots and give their space back. The readers restore,
list and verify meanwhile. What must hold:

- what was acknowledged and not forgotten restores as it was: some of it on the way, all that is left at the end;
- whoever is not killed succeeds: no writer fails, and no reader has to run again;
- nothing is damaged, missing or believed to be so, on any machine, and nothing is repaired by hand;
- a last collection leaves nothing dead, nothing unnamed, and nothing for verify to find.

A first tenth of the time is the writers' alone: what a backup takes there stands beside what it takes among all.
KIST_SEED makes it another run, and KIST_KEEP leaves its directory.
"""
import collections
import contextlib
import hashlib
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from trees import digest, environment

KIST = os.path.abspath(sys.argv[1])
# Under a sanitizer each command takes long: KIST_KILLS says that it is one.
SECONDS = 10 if "KIST_KILLS" in os.environ else float(sys.argv[2] if len(sys.argv) > 2 else "600")
DATA = sys.argv[3] if len(sys.argv) > 3 else "/usr/include"
SEED = int(os.environ.get("KIST_SEED", "1"))
WRITERS = 8
KILLED = 0.06  # of all commands
PAUSE_SECONDS = min(8, SECONDS / 10)  # of a writer between backups, at most
LEFT = 12  # snapshots of each writer that are restored at the end
PIECE_BYTES, PIECES = 256 << 10, 160  # of which the writers' new files are made
HANGS_SECONDS = 600
WORK = tempfile.mkdtemp(prefix="kist-everybody-", dir=os.environ.get("TMPDIR", "/var/tmp"))
# Of one line on stderr and the next these differ, and it is the same notice.
VARYING = re.compile(re.escape(WORK) + r"\S*|\b[0-9a-f]{8,}\S*|\d+")


class Fault(Exception):
    pass


Taken = collections.namedtuple("Taken", "writer number digest names file content")


class Ledger:
    """What was acknowledged, and what of it a collector has taken to forget. Nobody takes what is being read."""

    def __init__(self):
        self.lock = threading.Lock()
        self.taken = {}
        self.doomed = set()
        self.reading = collections.Counter()

    def acknowledge(self, snapshot, taken):
        with self.lock:
            self.taken[snapshot] = taken

    def kept(self):
        return {snapshot: taken for snapshot, taken in self.taken.items() if snapshot not in self.doomed}

    @contextlib.contextmanager
    def one_to_read(self, chance):
        with self.lock:
            snapshot, taken = chance.choice(sorted(self.kept().items()))
            self.reading[snapshot] += 1
        try:
            yield snapshot, taken
        finally:
            with self.lock:
                self.reading[snapshot] -= 1

    def some_to_forget(self, chance):
        """Older ones of some writers: the two newest of each stay."""
        out = []
        with self.lock:
            for writer in chance.sample(range(WRITERS), chance.randint(1, WRITERS)):
                own = sorted((t.number, s) for s, t in self.kept().items() if t.writer == writer)
                older = [snapshot for _, snapshot in own[:-2] if not self.reading[snapshot]]
                out += chance.sample(older, chance.randint(min(1, len(older)), len(older)))
            self.doomed.update(out)
        return out

    def all_but_the_newest(self, count):
        out = []
        for writer in range(WRITERS):
            own = sorted((t.number, s) for s, t in self.kept().items() if t.writer == writer)
            out += [snapshot for _, snapshot in own[:-count]]
        self.doomed.update(out)
        return out


class Figures:
    """What is counted; all threads share it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.phase = "alone"
        self.seconds = {phase: collections.defaultdict(list) for phase in ("alone", "everybody", "end")}
        self.read_again = collections.Counter()
        self.killed = collections.Counter()
        self.notices = collections.Counter()
        self.freed_bytes = self.stored_again = 0

    def count(self, command, done):
        with self.lock:
            if done.killed:
                self.killed[command] += 1
            else:
                self.seconds[self.phase][command].append(done.seconds)
            self.read_again[self.phase] += done.errors.count("the source is read again")
            self.notices.update(f"{command}: {VARYING.sub('…', line)}" for line in done.errors.splitlines())


ledger, figures, stop, faults = Ledger(), Figures(), threading.Event(), []
Done = collections.namedtuple("Done", "out errors killed seconds")


class Machine:
    def __init__(self, name):
        self.name = name
        self.key = f"{WORK}/key-{name}"
        self.environment = environment(f"{WORK}/repo", f"{WORK}/state-{name}", KIST_KEY_FILE=self.key)
        self.chance = random.Random(f"{SEED} {name}")
        self.longest = {}

    def start(self, *arguments, may_be_killed, exits=(0,)):
        """Runs a command, and may kill it at some moment of the time that it takes."""
        command = next(a for a in arguments if not a.startswith("-"))
        kills = may_be_killed and self.chance.random() < KILLED
        limit = self.chance.uniform(0, self.longest.get(command, 0.2)) if kills else HANGS_SECONDS
        started = time.monotonic()
        process = subprocess.Popen([KIST, *arguments], env=self.environment, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        try:
            out, errors = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            out, errors = process.communicate()
        seconds = time.monotonic() - started
        killed = kills and process.returncode == -9
        done = Done(out, errors.decode("utf-8", "replace"), killed, seconds)
        if not killed:
            self.longest[command] = seconds
            if process.returncode not in exits:
                raise Fault(f"{self.name}: kist {' '.join(arguments)}: exit {process.returncode} after {seconds:.1f} s"
                            f"\n{out.decode('utf-8', 'replace')[-4000:]}{done.errors}")
        figures.count(command, done)
        return done

    def run(self, *arguments, exits=(0,)):
        return self.start(*arguments, may_be_killed=False, exits=exits).out.decode("utf-8", "replace")

    def ask(self, *arguments, exits=(0,)):
        return json.loads(self.run("--json", *arguments, exits=exits))


owner, operator = Machine("owner"), Machine("operator")
readers = [Machine(f"reader-{number}") for number in range(2)]
writers = [Machine(f"writer-{number}") for number in range(WRITERS)]


def tree(writer):
    return f"{WORK}/tree-{writer}"


def names_digest(names):
    return hashlib.sha256("\0".join(sorted(names)).encode("utf-8", "replace")).hexdigest()


def paths_below(root):
    return [os.path.join(d, name) for d, directories, files in os.walk(root) for name in directories + files]


def regular_files(root):
    return sorted(path for path in paths_below(root) if os.path.isfile(path) and not os.path.islink(path))


def file_digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


# Writers


def write_pieces(chance, path):
    """A file of pieces that others have too, or had: so what is dead comes to be needed again."""
    with open(path, "wb") as file:
        for _ in range(chance.randint(1, 8)):
            file.write(random.Random(f"{SEED} piece {chance.randrange(PIECES)}").randbytes(PIECE_BYTES))


def change_tree(chance, root):
    for _ in range(chance.randint(1, 3)):
        directory = f"{root}/new-{chance.randrange(4)}"
        os.makedirs(directory, exist_ok=True)
        write_pieces(chance, f"{directory}/{chance.randrange(6)}")
    files = regular_files(root)
    for path in chance.sample(files, min(len(files), 6)):
        with open(path, "ab") as file:
            file.write(chance.randbytes(chance.randint(1, 3000)))
    moved = chance.choice(files)
    os.rename(moved, f"{moved}.{chance.randrange(10)}")
    if chance.random() < 0.5:
        shutil.copyfile(chance.choice(regular_files(root)), f"{root}/copy-{chance.randrange(20)}")
    if chance.random() < 0.5:
        os.remove(chance.choice(regular_files(root)))
    if chance.random() < 0.2:
        shutil.rmtree(f"{root}/new-{chance.randrange(4)}", ignore_errors=True)


def back_up(writer, number, may_be_killed=True):
    machine = writers[writer]
    file = machine.chance.choice(regular_files(tree(writer)))
    taken = Taken(writer, number, digest(tree(writer)), names_digest(paths_below(tree(writer))), file,
                  file_digest(file))
    done = machine.start("--json", "backup", "--source", f"source {writer}", "--checkpoint", "4MiB", tree(writer),
                         may_be_killed=may_be_killed)
    # What was printed was acknowledged, even if the process was killed before it could end.
    if not done.out.strip():
        return
    result = json.loads(done.out)
    ledger.acknowledge(result["snapshot"], taken)
    with figures.lock:
        figures.stored_again += result["blocks_stored_again"]
    if result["lost_packs"] or result["problems"]:
        raise Fault(f"{machine.name}: a backup found something lost or damaged: {done.out.decode()}{done.errors}")


def write_all_along(writer):
    number = 0
    while not stop.is_set():
        number += 1
        change_tree(writers[writer].chance, tree(writer))
        back_up(writer, number)
        stop.wait(writers[writer].chance.uniform(0, PAUSE_SECONDS))


# Collectors


def freed(done):
    """The bytes that a collection says it has freed, in the last line of what it printed."""
    lines = done.out.decode().splitlines()
    if done.killed or not lines:
        return
    with figures.lock:
        figures.freed_bytes += json.loads(lines[-1]).get("freed_bytes", 0)


def collect_all_along(machine):
    chance = machine.chance
    while not stop.is_set():
        snapshots = ledger.some_to_forget(chance)
        collects = ["--collect"] if chance.random() < 0.3 else []
        if snapshots:
            freed(machine.start("--json", "forget", *snapshots, *collects, may_be_killed=True))
        if not collects:
            grace = ["--grace", "0s"] if chance.random() < 0.3 else []
            freed(machine.start("--json", "collect", "--max-unused", chance.choice(["0", "5"]), *grace,
                                may_be_killed=True))
        if chance.random() < 0.1:
            machine.start("--json", "key", "rotate", may_be_killed=True)
        stop.wait(chance.uniform(0, 1))


# Readers


def restore_and_compare(machine, snapshot, taken, may_be_killed=True):
    target = f"{WORK}/out-{machine.name}"
    arguments = ["restore", f"{snapshot}:{tree(taken.writer)}", "--target", target]
    shutil.rmtree(target, ignore_errors=True)
    if machine.start(*arguments, may_be_killed=may_be_killed).killed:
        machine.run(*arguments)
    if digest(target) != taken.digest:
        raise Fault(f"{machine.name}: {snapshot} of writer {taken.writer} is not restored as it was")
    shutil.rmtree(target)


def restore_all(machine, left):
    for snapshot, taken in left:
        restore_and_compare(machine, snapshot, taken, may_be_killed=False)


def list_and_compare(machine, snapshot, taken):
    done = machine.start("--json", "ls", "-R", f"{snapshot}:{tree(taken.writer)}", may_be_killed=True)
    if done.killed:
        return
    names = [json.loads(line)["path"] for line in done.out.splitlines()]
    if names_digest(name for name in names if name != tree(taken.writer)) != taken.names:
        raise Fault(f"{machine.name}: the names in {snapshot} of writer {taken.writer} are not those that it had")


def read_and_compare(machine, snapshot, taken):
    done = machine.start("cat", f"{snapshot}:{taken.file}", may_be_killed=True)
    if not done.killed and hashlib.sha256(done.out).hexdigest() != taken.content:
        raise Fault(f"{machine.name}: {taken.file} in {snapshot} of writer {taken.writer} is not what it was")


def verify(machine, may_be_killed):
    """A command that was killed leaves what is to be removed, and what may still come to be needed: nothing else."""
    done = machine.start("--json", "verify", "--level", "content", may_be_killed=may_be_killed, exits=(0, 4))
    if done.killed:
        return
    report = json.loads(done.out)
    wrong = [finding for finding in report["findings"] if finding["remedy"] not in ("remove", "wait")]
    if wrong or report["hurt_count"]:
        raise Fault(f"{machine.name}: verify finds damage: {json.dumps(wrong + report['hurt'], indent=1)}")


def read_all_along(machine):
    while not stop.is_set():
        what = machine.chance.random()
        if what < 0.1:
            verify(machine, may_be_killed=True)
            continue
        action = restore_and_compare if what < 0.7 else list_and_compare if what < 0.85 else read_and_compare
        with ledger.one_to_read(machine.chance) as (snapshot, taken):
            action(machine, snapshot, taken)


# All of them


def begin(work, *arguments):
    def body():
        try:
            work(*arguments)
        except Exception as fault:
            faults.append(fault if isinstance(fault, Fault) else f"{work.__name__}: {fault!r}")
            stop.set()

    thread = threading.Thread(target=body)
    thread.start()
    return thread


def finish(threads):
    for thread in threads:
        thread.join()
    if faults:
        raise Fault("\n".join(str(fault) for fault in faults))


def listed_snapshots():
    """What the repository lists, when all is there that was acknowledged and not forgotten."""
    listed = {s["id"]: s for s in owner.ask("snapshots")["snapshots"]}
    lost = [f"{snapshot} of writer {taken.writer}" for snapshot, taken in ledger.kept().items()
            if snapshot not in listed or listed[snapshot]["openness"] != "opens"]
    if lost:
        raise Fault(f"{len(lost)} were acknowledged, not forgotten, and are not there: {', '.join(lost[:8])}")
    if any(s["pending"] for s in listed.values()):
        raise Fault("a pending snapshot is left after a complete one")
    return listed


def forget_all_but(count):
    if snapshots := ledger.all_but_the_newest(count):
        owner.run("forget", *snapshots)


def check_what_is_left():
    """Returns how many snapshots were restored."""
    verify(owner, may_be_killed=False)
    listed = listed_snapshots()
    left = {snapshot: taken for snapshot, taken in ledger.taken.items() if snapshot in listed}
    parts = [list(left.items())[number::len(readers)] for number in range(len(readers))]
    finish([begin(restore_all, machine, part) for machine, part in zip(readers, parts)])
    for machine in [owner, operator, *readers, *writers]:
        told = machine.ask("incident", "list")
        if told["incident"] or told["damage"]:
            raise Fault(f"{machine.name} has incidents: {told}")
        differences = machine.ask("catalog", "check")["differences"]
        if differences:
            raise Fault(f"{machine.name}: its catalog differs from the store: {differences}")
    return len(left)


def collect_the_rest():
    """The newest of each writer stay: nothing else is to be left of anything, and they are still whole."""
    forget_all_but(1)
    # What no entry names is condemned by the first, and removed by the second.
    for _ in range(2):
        owner.run("collect", "--max-unused", "0", "--grace", "0s")
    text = owner.run("verify", "--level", "content")
    space = owner.ask("stats")["space"]
    if "no damage found" not in text or space["dead_bytes"] + space["retired_bytes"] + space["unnamed_bytes"] > 0:
        raise Fault(f"the last collection left something: {space}\n{text}")
    return space["live_bytes"]


def first_backups():
    owner.run("init")
    owner.run("policy", "set", "default", "--minimum", "0", "--grace", "0", "--reason", "a test")
    for machine, role in [(operator, "operator"), *((r, "reader") for r in readers), *((w, "writer") for w in writers)]:
        owner.run("key", "add", "--role", role, "--name", machine.name, "--new-key-file", machine.key)
    for writer in range(WRITERS):
        shutil.copytree(DATA, tree(writer), symlinks=True)
    finish([begin(back_up, writer, 0, False) for writer in range(WRITERS)])
    figures.seconds["alone"].clear()


def print_figures(restored, live_bytes):
    for phase, title in [("alone", "writers alone"), ("everybody", "everybody at once")]:
        for command, seconds in sorted(figures.seconds[phase].items()):
            print(f"{title}: {len(seconds)} × {command}: median {statistics.median(seconds):.2f} s, "
                  f"longest {max(seconds):.2f} s")
        print(f"{title}: sources read again: {figures.read_again[phase]}")
    print(f"blocks stored again, for what has them was condemned: {figures.stored_again}")
    print(f"killed: {', '.join(f'{number} × {command}' for command, number in sorted(figures.killed.items()))}")
    print(f"ends of epochs: {owner.ask('journal', 'list')['journal'][-1]['epoch']}")
    print(f"bytes freed: {figures.freed_bytes / 1e6:.1f} MB, as far as collections lived to say so")
    print(f"acknowledged snapshots: {len(ledger.taken)}; at the end {restored} were left, and restored as they were")
    print(f"stored at the end: {live_bytes / 1e6:.1f} MB, all of it live")
    for notice, count in sorted(figures.notices.items()):
        print(f"notice, {count} ×: {notice}")


def main():
    first_backups()
    threads = [begin(write_all_along, writer) for writer in range(WRITERS)]
    stop.wait(SECONDS / 10)
    figures.phase = "everybody"
    threads += [begin(collect_all_along, machine) for machine in (owner, operator)]
    threads += [begin(read_all_along, machine) for machine in readers]
    stop.wait(SECONDS * 9 / 10)
    stop.set()
    finish(threads)
    figures.phase = "end"
    number = 1 + max(taken.number for taken in ledger.taken.values())
    for writer in range(WRITERS):
        back_up(writer, number, may_be_killed=False)
    listed_snapshots()
    forget_all_but(LEFT)
    restored = check_what_is_left()
    live_bytes = collect_the_rest()
    check_what_is_left()
    print(f"everybody for {SECONDS:.0f} s, seed {SEED}: all rules held")
    print_figures(restored, live_bytes)


try:
    main()
except Fault as fault:
    sys.exit(f"everybody.py, seed {SEED}: {fault}")
finally:
    if "KIST_KEEP" not in os.environ:
        shutil.rmtree(WORK, ignore_errors=True)
