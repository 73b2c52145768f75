#!/usr/bin/env python3
"""kill.py KIST [TIMES [DATA]]: kill -9 at random moments during backup and restore of real data.

Every time: the repository verifies, nothing acknowledged is lost, nothing needs repair, the next run
goes on. At the end: every acknowledged snapshot is restored and compared; what was stored and is
named by no entry (lost between a checkpoint and the kill) is counted. KIST_SEED makes it another run.
"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from trees import digest, environment

KIST = os.path.abspath(sys.argv[1])
TIMES = int(os.environ.get("KIST_KILLS", sys.argv[2] if len(sys.argv) > 2 else "20"))
DATA = sys.argv[3] if len(sys.argv) > 3 else "/usr/include"
SEED = int(os.environ.get("KIST_SEED", "1"))
chance = random.Random(SEED)
WORK = tempfile.mkdtemp(prefix="kist-kill-", dir=os.environ.get("TMPDIR", "/var/tmp"))
TREE, OUT = f"{WORK}/tree", f"{WORK}/out"
ENV = environment(f"{WORK}/repo", f"{WORK}/state", KIST_KEY_FILE=f"{WORK}/key")
BACKUP = [KIST, "--json", "backup", "--source", "kill", "--checkpoint", "4MiB", TREE]


def fail(text):
    sys.exit(f"kill.py, seed {SEED}: {text}")


def run(*arguments, expected=0):
    done = subprocess.run([KIST, *arguments], env=ENV, capture_output=True, text=True)
    if done.returncode != expected:
        fail(f"kist {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def change_tree():
    """Something new of 30 MB, some files edited, one removed."""
    with open(f"{TREE}/new-{chance.randrange(4)}", "wb") as file:
        for _ in range(30):
            file.write(chance.randbytes(1 << 20))
    files = [os.path.join(d, f) for d, _, names in os.walk(TREE) for f in names]
    for path in chance.sample(sorted(files), 20):
        if os.path.isfile(path) and not os.path.islink(path):
            with open(path, "ab") as file:
                file.write(chance.randbytes(1000))


def killed(command, longest):
    """Starts it, kills it at some moment; what it said if it was done before."""
    process = subprocess.Popen(command, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        out, errors = process.communicate(timeout=chance.uniform(0, longest))
    except subprocess.TimeoutExpired:
        process.kill()
        out, errors = process.communicate()
    if process.returncode not in (0, -9):
        fail(f"exit {process.returncode}: {errors.decode()}")
    # What was printed was acknowledged, even if the process was killed before it could end.
    return process.returncode, out


def timed(*arguments):
    started = time.monotonic()
    run(*arguments)
    return time.monotonic() - started


def restored_wrong(snapshot, expected):
    shutil.rmtree(OUT, ignore_errors=True)
    run("restore", f"{snapshot}:{TREE}", "--target", OUT)
    return digest(OUT) != expected


def main():
    shutil.copytree(DATA, TREE, symlinks=True)
    run("init")
    run("backup", "--source", "kill", TREE)
    acknowledged = {json.loads(run("--json", "snapshots"))["snapshots"][0]["id"]: digest(TREE)}
    change_tree()
    longest = 1.3 * timed("backup", "--source", "kill", TREE)
    acknowledged[json.loads(run("--json", "snapshots"))["snapshots"][-1]["id"]] = digest(TREE)
    longest_restore = 1.3 * timed("restore", f"latest:{TREE}", "--target", OUT)
    shutil.rmtree(OUT)
    kills = ends = resumed = 0
    for turn in range(TIMES):
        if turn % 3 != 2:
            if chance.random() < 0.5:
                change_tree()
            expected = digest(TREE)
            status, out = killed(BACKUP, longest)
            if out.strip():
                result = json.loads(out)
                acknowledged[result["snapshot"]] = expected
                resumed += result["resumed"]
            kills, ends = kills + (status == -9), ends + (status == 0)
        else:
            snapshot, expected = chance.choice(sorted(acknowledged.items()))
            restore = [KIST, "restore", f"{snapshot}:{TREE}", "--target", OUT]
            status, _ = killed(restore, longest_restore)
            kills, ends = kills + (status == -9), ends + (status == 0)
            run("restore", f"{snapshot}:{TREE}", "--target", OUT)
            if digest(OUT) != expected:
                fail(f"a restore that was cut off and run again is not {snapshot}")
            shutil.rmtree(OUT)
        text = run("verify", "--level", "content" if turn % 10 == 9 else "structure")
        if "no damage found" not in text:
            fail(text)
        listed = {s["id"] for s in json.loads(run("--json", "snapshots"))["snapshots"] if not s["pending"]}
        if set(acknowledged) - listed:
            fail(f"lost: {set(acknowledged) - listed}")
    last = json.loads(run("--json", "backup", "--source", "kill", TREE))
    acknowledged[last["snapshot"]] = digest(TREE)
    if [s for s in json.loads(run("--json", "snapshots"))["snapshots"] if s["pending"]]:
        fail("a pending snapshot is left after a complete one")
    for snapshot, expected in acknowledged.items():
        if restored_wrong(snapshot, expected):
            fail(f"{snapshot} is not restored as it was")
    run("verify", "--level", "content")
    packs = sum(os.path.getsize(os.path.join(d, f)) for d, _, names in os.walk(f"{WORK}/repo/packs") for f in names)
    named = json.loads(run("--json", "stats"))["pack_bytes"]
    print(f"{TIMES} times, seed {SEED}: {kills} killed, {ends} done before, {resumed} went on from a checkpoint; "
          f"{len(acknowledged)} acknowledged snapshots restored as they were; stored and named by nothing: "
          f"{(packs - named) / 1e6:.1f} MB of {packs / 1e6:.1f} MB")


try:
    main()
finally:
    shutil.rmtree(WORK, ignore_errors=True)
