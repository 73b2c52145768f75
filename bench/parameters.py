#!/usr/bin/env python3
"""What the chunk size and the compression level buy, on given data.

parameters.py KIST BEFORE AFTER [RUNS]

For each average chunk size (level 3), then for each level (default chunk size): a new repository, a
backup of BEFORE, one of AFTER. Prints medians of seconds, the bytes stored by the first, the bytes the
second added, the number of blocks, the bytes of the index in the store and on the client. Needs room for
two copies below TMPDIR (default /var/tmp).
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

KIST, BEFORE, AFTER = (os.path.abspath(a) for a in sys.argv[1:4])
RUNS = int(sys.argv[4]) if len(sys.argv) > 4 else 3
WORK = os.path.join(os.environ.get("TMPDIR", "/var/tmp"), f"kist-parameters-{os.getpid()}")
SIZES = ["16K", "32K", "64K", "128K", "256K", "512K", "1M"]
LEVELS = [1, 2, 3, 4, 5]


def size_of(directory):
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(directory) for f in files)


def measure(init):
    shutil.rmtree(WORK, ignore_errors=True)
    os.makedirs(WORK)
    repo = os.path.join(WORK, "repo")
    env = {**os.environ, "KIST_REPO": repo, "KIST_STATE_DIR": repo + ".state", "KIST_PASSWORD": "secret"}

    def kist(*arguments):
        started = time.monotonic()
        out = subprocess.run([KIST, *arguments], env=env, check=True, capture_output=True)
        return time.monotonic() - started, out.stdout

    kist("init", *init)
    first, _ = kist("backup", BEFORE)
    stored = size_of(repo)
    second, _ = kist("backup", AFTER)
    info = json.loads(kist("--json", "catalog", "info")[1])
    return {"first s": first, "stored MB": stored / 1e6, "second s": second,
            "grown MB": (size_of(repo) - stored) / 1e6, "blocks": info["blocks"],
            "index MB": size_of(os.path.join(repo, "index")) / 1e6,
            "local index MB": info["index_bytes"] / 1e6}


def table(title, settings):
    rows = {name: [] for name, _ in settings}
    for turn in range(RUNS):  # in turn, so that a slow minute hits all alike
        for name, init in settings[turn % len(settings):] + settings[:turn % len(settings)]:
            rows[name].append(measure(init))
    columns = list(rows[settings[0][0]][0])
    print(f"\n| {title} | " + " | ".join(columns) + " |")
    print("| --- |" + " --- |" * len(columns))
    for name, runs in rows.items():
        medians = [statistics.median(run[c] for run in runs) for c in columns]
        print(f"| {name} | " + " | ".join(f"{m:.0f}" if m >= 100 else f"{m:.2f}" for m in medians) + " |",
              flush=True)


def main():
    print(f"{BEFORE}, then {AFTER}; medians of {RUNS}")
    table("chunk", [(s, ["--chunk-size", s]) for s in SIZES])
    table("level", [(str(level), ["--compression", str(level)]) for level in LEVELS])


if __name__ == "__main__":
    try:
        main()
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
