#!/usr/bin/env python3
"""long_journal.py KIST DIR [COUNT]: whether an epoch ends in a repository with a long journal while others commit.

Makes, below DIR, a repository of COUNT (300,000) synthetic snapshots by 20 slots (bench/long_journal.cc), and adds a
real snapshot of a small tree. Then `kist key rotate` and `kist key revoke` run while a client commits a small backup
about every second. Checks that both work, that no client opens an unchanged file after them nor reads an index segment
that it had read before, that the real tree is restored as it was, and that the revoked slot is out. Prints the tables
for docs/scale.md. 300,000 need 14 GB and three million inodes. Needs strace.
"""
import filecmp
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

KIST = os.path.abspath(sys.argv[1])
MAKE = os.path.join(os.path.dirname(KIST), "../bench/long_journal")
COUNT = int(sys.argv[3]) if len(sys.argv) > 3 else 300_000
SLOTS = 20
WORK = tempfile.mkdtemp(prefix="kist-long-", dir=sys.argv[2])
REPOSITORY = f"{WORK}/made/repository"
TREE = f"{WORK}/tree"
ENV = {name: value for name, value in os.environ.items() if not name.startswith("KIST_")} | {"KIST_REPO": REPOSITORY}
files_of_tree = 200


def fail(text):
    sys.exit(f"long_journal.py: {text}")


class Client:
    """A slot's key on a machine, which has a state directory of its own."""

    def __init__(self, slot, machine):
        self.command = [KIST, "--quiet", "--yes", "--json", "--key-file", f"{WORK}/made/{slot}.key",
                        "--state-dir", f"{WORK}/state-{machine}"]

    def run(self, *arguments, traced=""):
        return Run([*self.command, *arguments], traced)


class Run:
    """One command: its seconds, its peak memory in MiB (all of it, and without mapped files), what it printed, and
    the lines of the system calls that were traced."""

    def __init__(self, command, traced):
        self.anonymous = 0
        with tempfile.NamedTemporaryFile("r") as trace, tempfile.TemporaryFile("w+") as out, \
                tempfile.TemporaryFile("w+") as errors:
            if traced:
                command = ["strace", "-f", "-qq", "--seccomp-bpf", "-s", "256", "-e", f"trace={traced}",
                           "-o", trace.name, *command]
            started = time.monotonic()
            process = subprocess.Popen(command, env=ENV, stdout=out, stderr=errors)
            done = threading.Event()
            watcher = threading.Thread(target=self.watch, args=(process.pid, done))
            watcher.start()
            _, status, usage = os.wait4(process.pid, 0)
            self.seconds = time.monotonic() - started
            done.set()
            watcher.join()
            process.returncode = self.code = os.waitstatus_to_exitcode(status)
            self.peak = usage.ru_maxrss / 1024
            self.cpu = usage.ru_utime + usage.ru_stime
            out.seek(0), errors.seek(0)
            self.out, self.errors = out.read(), errors.read()
            self.trace = trace.read().splitlines()
        self.command = " ".join(command)

    def watch(self, pid, done):
        while not done.wait(0.1):
            for process in [pid, *children_of(pid)]:
                self.anonymous = max(self.anonymous, anonymous_mib(process))

    def require_done(self):
        if self.code != 0:
            fail(f"{self.command}: exit {self.code}\n{self.out[-2000:]}{self.errors[-2000:]}")
        return self

    def json(self):
        return json.loads(self.require_done().out)

    def opened(self, folder):
        """The objects of that folder that were opened."""
        return {name for line in self.trace for name in re.findall(rf'"{REPOSITORY}/{folder}/([^"]+)".*= \d+$', line)}

    def row(self, what):
        print(f"| {what} | {self.seconds:.1f} s | {self.cpu:.1f} s | {self.peak:.0f} MiB, {self.anonymous:.0f} |",
              flush=True)


def children_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return file.read().split()
    except OSError:
        return []


def anonymous_mib(pid):
    try:
        with open(f"/proc/{pid}/status") as file:
            found = re.search(r"RssAnon:\s+(\d+)", file.read())
    except OSError:
        return 0
    return int(found[1]) / 1024 if found else 0


class BusyClient(threading.Thread):
    """Commits a small backup about every second, until it is told to stop."""

    def __init__(self, client):
        super().__init__()
        self.client = client
        self.tree = f"{WORK}/busy"
        self.runs = []  # each with when it began
        self.told = threading.Event()
        make_tree(self.tree)
        self.backup(True)

    def backup(self, is_first=False):
        with open(f"{self.tree}/news", "wb") as file:
            file.write(os.urandom(2000))
        begun = time.monotonic()
        run = self.client.run("backup", "--source", "busy", self.tree)
        result = run.json()
        if not is_first:
            self.runs.append((begun, run.seconds, result))

    def run(self):
        while not self.told.is_set():
            begun = time.monotonic()
            self.backup()
            time.sleep(max(0.0, begun + 1 - time.monotonic()))

    def stop(self):
        self.told.set()
        self.join()


def make_tree(root):
    for number in range(files_of_tree):
        folder = f"{root}/{number % 10}"
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/{number}", "wb") as file:
            file.write(os.urandom(200 * number))
    time.sleep(3)  # files that changed less than two seconds before a backup are read again


def end_epoch(owner, busy, what, *arguments):
    """One end, while the other client commits: a row for the table."""
    begun = time.monotonic()
    run = owner.run("key", *arguments, traced="linkat")
    result = run.json()
    ended = time.monotonic()
    failed = [line for line in run.trace if "EEXIST" in line and "/journal/" in line and '.2"' not in line]
    attempts = {name for line in run.trace for name in re.findall(r'/anchors/(\d+-[0-9a-f]+)\.1"', line)}
    meanwhile = [seconds for start, seconds, _ in busy.runs if begun <= start <= ended]
    entry = os.path.getsize(f"{REPOSITORY}/journal/{result['entry']:010}")
    keys = len([name for name in os.listdir(f"{REPOSITORY}/keys") if not name.endswith(".2")])
    print(f"| {what} | {run.seconds:.1f} s | {run.cpu:.1f} s | {run.peak:.0f} MiB, {run.anonymous:.0f} | {entry:,} | "
          f"{len(failed)} of {len(failed) + 1} | {len(attempts)} | {keys} | {result['removed']:,} | "
          f"{len(meanwhile)}, {worst(meanwhile):.1f} s |", flush=True)
    if result["dropped"] or result["given_up"]:
        fail(f"{what} gave something up")


def worst(seconds):
    return max(seconds, default=0.0)


def index_segments(owner, first):
    """Those that entries from that number on have introduced."""
    out = set()
    while os.path.exists(f"{REPOSITORY}/journal/{first:010}"):
        entry = owner.run("journal", "show", str(first)).json()
        out |= {segment["index_segment"] for segment in entry.get("segments", [])}
        first += 1
    return out


def require_unchanged(owner, client, last):
    """A backup of the unchanged tree opens no file, and reads the index segments that came with the client's `last`
    entry and later, and no others. The sequence of its entry."""
    due = index_segments(owner, last)
    run = client.run("backup", "--source", "tree", TREE, traced="openat")
    result = run.json()
    if result["files_opened"] != 0:
        fail(f"an unchanged backup has opened {result['files_opened']} files")
    if run.opened("index") != due:
        fail(f"an unchanged backup has read {len(run.opened('index'))} index segments; {len(due)} are new")
    print(f"| {run.seconds:.1f} s | {result['files_opened']} | {len(due)} | {len(run.opened('journal'))} | "
          f"{len(run.opened('keys'))} |", flush=True)
    return result["sequence"]


def make():
    before = os.statvfs(WORK)
    started = time.monotonic()
    subprocess.run([MAKE, f"{WORK}/made", str(COUNT), str(SLOTS)], check=True)
    after = os.statvfs(WORK)
    gib = (before.f_bfree - after.f_bfree) * before.f_frsize / (1 << 30)
    print(f"{COUNT:,} snapshots by {SLOTS} slots, made in {time.monotonic() - started:.0f} s: "
          f"{before.f_ffree - after.f_ffree:,} files, {gib:.1f} GiB\n")


def restore(owner, snapshot):
    run = owner.run("restore", f"{snapshot}:{TREE}", "--target", f"{WORK}/out").require_done()
    run.row("restore of the real tree")
    names = [os.path.join(number, name) for number in os.listdir(TREE) for name in os.listdir(f"{TREE}/{number}")]
    _, differing, missing = filecmp.cmpfiles(TREE, f"{WORK}/out", names, shallow=False)
    if len(names) != files_of_tree or differing or missing:
        fail(f"the tree is not restored as it was: {differing} {missing}")


def main():
    make()
    make_tree(TREE)
    owner, sleeper = Client("owner", "owner"), Client("writer-00", "laptop")
    to_revoke = f"writer-{SLOTS - 1:02}"
    revoked = Client(to_revoke, "laptop")
    print("| what | wall | CPU | peak memory, of it no mapped files |\n| --- | --- | --- | --- |")
    owner.run("key", "list").require_done().row("first replay")
    again = [owner.run("key", "list").require_done().seconds for _ in range(20)]
    print(f"| opening again, median of 20 | {1000 * statistics.median(again):.0f} ms | | |")
    owner.run("catalog", "info").require_done().row("loading the block index")
    revoked.run("backup", TREE).require_done().row("first backup of a new machine: replay, index, 200 files")
    real = sleeper.run("backup", "--source", "tree", TREE).json()["snapshot"]
    unchanged = sleeper.run("backup", "--source", "tree", TREE)
    last = unchanged.json()["sequence"]
    unchanged.row("unchanged backup of 200 files")
    busy = BusyClient(Client("writer-01", "busy"))
    print("\n| end | wall | CPU | peak memory, of it no mapped files | bytes of the ending entry | tries lost | attempts "
          "| key segments then | objects removed | backups meanwhile, the slowest |\n" + "| --- " * 10 + "|")
    busy.start()
    end_epoch(owner, busy, "rotate", "rotate")
    end_epoch(owner, busy, "revoke", "revoke", to_revoke)
    busy.stop()
    opened = [result["files_opened"] for _, _, result in busy.runs]
    seconds = [seconds for _, seconds, _ in busy.runs]
    print(f"\nThe busy client committed {len(busy.runs)} backups, median {statistics.median(seconds):.2f} s; "
          f"files opened by one: {max(opened)} at the most\n")
    print("| unchanged backup after both ends | files opened | index segments read: all new | journal entries read "
          "| key segments read |\n| --- | --- | --- | --- | --- |")
    for _ in range(2):
        last = require_unchanged(owner, sleeper, last)
    if max(opened) > 2:
        fail("the busy client has opened unchanged files")
    refused = revoked.run("backup", TREE)
    if refused.code == 0 or "no slot of the repository opens with it" not in refused.errors:
        fail(f"the revoked slot is not out: {refused.errors}")
    print("\n| what | wall | CPU | peak memory, of it no mapped files |\n| --- | --- | --- | --- |")
    restore(owner, real)
    listed = owner.run("snapshots")
    if len(listed.json()["snapshots"]) != COUNT + len(busy.runs) + 6:
        fail("not all snapshots are listed")
    listed.row("kist snapshots")


try:
    main()
finally:
    shutil.rmtree(WORK, ignore_errors=True)
