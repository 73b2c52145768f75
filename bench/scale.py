#!/usr/bin/env python3
"""scale.py KIST [DIR]: what is large in number, in size or in its names, and what memory it takes.

Prints a table for docs/scale.md: seconds and peak memory of backup, unchanged backup, content verify and
restore, for 10,000, 100,000 and 1,000,000 files in one directory, for a sparse file of 100 GiB with 1 GiB
of data, for a stream of 20 GiB that repeats itself, and for names that are long, alike and nested so that
'/' sorts among them. DIR (default /var/tmp) needs room for 15 GB and two million inodes.
"""
import multiprocessing
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time

KIST = os.path.abspath(sys.argv[1])
WORK = tempfile.mkdtemp(prefix="kist-scale-", dir=sys.argv[2] if len(sys.argv) > 2 else "/var/tmp")
GIB = 1 << 30
ENV = {**os.environ, "KIST_REPO": f"{WORK}/repo", "KIST_STATE_DIR": f"{WORK}/state", "KIST_KEY_FILE": f"{WORK}/key"}
for name in ("KIST_PASSWORD", "KIST_PASSWORD_FILE", "KIST_PASSWORD_COMMAND"):
    ENV.pop(name, None)


def run(*arguments):
    """Seconds and peak MiB of one command."""
    started = time.monotonic()
    process = subprocess.Popen([KIST, "--quiet", *arguments], env=ENV, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"scale.py: kist {' '.join(arguments)}: exit {process.returncode}")
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if own >= usage.ru_maxrss and own > 32 << 10:
        sys.exit(f"scale.py: it has grown to {own >> 10} MiB itself, and would take that for kist's")
    return time.monotonic() - started, usage.ru_maxrss / 1024


def apart(work, *arguments):
    """In a process of its own: what this one has ever held would count as held by the commands it starts."""
    process = multiprocessing.get_context("fork").Process(target=work, args=arguments)
    process.start()
    process.join()
    if process.exitcode != 0:
        sys.exit(1)


def many_files(root, count):
    """In one directory, each with content of its own, made in no order."""
    os.makedirs(root)
    numbers = list(range(count))
    random.Random(1).shuffle(numbers)
    for number in numbers:
        with open(f"{root}/file-{number:07}", "wb") as file:
            file.write(b"content of file %d\n" % number)


def sparse_file(root):
    os.makedirs(root)
    chance = random.Random(2)
    with open(f"{root}/disk.img", "wb") as file:
        file.truncate(100 * GIB)
        for region in range(64):  # of 16 MiB
            file.seek(region * 100 * GIB // 64)
            file.write(chance.randbytes(16 << 20))


def awkward_names(root):
    """200,000 paths whose names differ at their end only, or where '/' sorts between them."""
    prefix = "n" * 200
    for number in range(100_000):
        outer = f"{root}/{number % 100:02}"
        if number < 100:
            os.makedirs(outer)
        inner = f"{outer}/{prefix}{number // 100:03}"
        os.mkdir(inner)  # "x", "x-" and "x0" with "x/f": bytewise, '/' lies between '-' and '0'
        open(f"{inner}/f", "wb").close()
        open(f"{inner}{'-0'[number % 2]}", "wb").close()


def rows(what, source, backup=("backup",)):
    """One case: what each command took."""
    for path in ("repo", "state"):
        apart(shutil.rmtree, f"{WORK}/{path}", True)
    run("init")
    arguments = [*backup, source] if source else [*backup]
    taken = [run(*arguments), run(*arguments), run("verify", "--level", "content")]
    if source:
        taken.append(run("restore", f"latest:{source}", "--target", f"{WORK}/out"))
        apart(compare, source, f"{WORK}/out")
        apart(shutil.rmtree, f"{WORK}/out")
        apart(shutil.rmtree, source)
    cells = [f"{seconds:.1f} s, {peak:.0f} MiB" for seconds, peak in taken] + ["-"] * (4 - len(taken))
    print(f"| {what} | {' | '.join(cells)} |", flush=True)


def compare(a, b):
    """By name, size and, of what is not sparse, content."""
    if subprocess.run(["rsync", "-aHSxn", "--delete", "--itemize-changes", f"{a}/", f"{b}/"],
                      capture_output=True, text=True, check=True).stdout:
        sys.exit(f"scale.py: {b} is not {a}")
    if os.path.exists(f"{a}/disk.img"):
        with open(f"{a}/disk.img", "rb") as one, open(f"{b}/disk.img", "rb") as other:
            for region in range(64):
                at = region * 100 * GIB // 64
                one.seek(at), other.seek(at)
                if one.read(17 << 20) != other.read(17 << 20):
                    sys.exit(f"scale.py: the restored image differs at {at}")
        if os.stat(f"{b}/disk.img").st_blocks * 512 > 2 * GIB:
            sys.exit("scale.py: the restored image has lost its holes")


def main():
    print("| what | first backup | unchanged | content verify | restore |")
    print("| --- | --- | --- | --- | --- |")
    for count in (10_000, 100_000, 1_000_000):
        apart(many_files, f"{WORK}/source", count)
        rows(f"{count:,} files in a directory", f"{WORK}/source")
    apart(awkward_names, f"{WORK}/source")
    rows("200,000 paths, names of 203 bytes that differ at their end", f"{WORK}/source")
    apart(sparse_file, f"{WORK}/source")
    rows("a sparse file of 100 GiB, 1 GiB of it data", f"{WORK}/source")
    generate = "import sys; piece = bytes(range(256)) * 4096\nfor _ in range(20 << 10): sys.stdout.buffer.write(piece)"
    rows("a stream of 20 GiB that repeats itself", None,
         ("backup", "--stdin", "stream", "--stdin-from-command", "--", sys.executable, "-c", generate))


try:
    main()
finally:
    shutil.rmtree(WORK, ignore_errors=True)
