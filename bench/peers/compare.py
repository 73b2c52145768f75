#!/usr/bin/env python3
"""Kist beside its peers on the same data, one after the other, the same way.

compare.py KIST DATA [RUNS]

For each run and each tool that is installed: a new repository, a first backup, an unchanged backup, a
restore to memory (/dev/shm), a verification of all content. Prints medians over the runs. The order of
the tools changes with each run. Needs room for the repositories below TMPDIR (default /var/tmp).
"""
import os
import shutil
import statistics
import subprocess
import sys
import time

KIST, DATA = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
RUNS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
WORK = os.path.join(os.environ.get("TMPDIR", "/var/tmp"), f"kist-compare-{os.getpid()}")
OUT = f"/dev/shm/kist-compare-{os.getpid()}"


def run(command, env, cwd=None):
    """Wall seconds, CPU seconds and peak MiB of a command; it must succeed."""
    started = time.monotonic()
    process = subprocess.Popen(command, env={**os.environ, **env}, cwd=cwd,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command}: status {status}\n{errors.decode()}")
    return (time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def kist(repo):
    env = {"KIST_REPO": repo, "KIST_STATE_DIR": repo + ".state", "KIST_PASSWORD": "secret"}
    return env, {
        "init": [KIST, "init"],
        "first": [KIST, "backup", DATA],
        "unchanged": [KIST, "backup", DATA],
        "restore": [KIST, "restore", "latest", "--target", OUT],
        "verify": [KIST, "verify", "--level", "content"],
    }


def restic(repo):
    env = {"RESTIC_REPOSITORY": repo, "RESTIC_PASSWORD": "secret",
           "RESTIC_CACHE_DIR": repo + ".cache"}
    return env, {
        "init": ["restic", "init"],
        "first": ["restic", "backup", DATA],
        "unchanged": ["restic", "backup", DATA],
        "restore": ["restic", "restore", "latest", "--target", OUT],
        "verify": ["restic", "check", "--read-data"],
    }


def borg(repo):
    env = {"BORG_REPO": repo, "BORG_PASSPHRASE": "secret", "BORG_BASE_DIR": repo + ".base",
           "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}
    return env, {
        "init": ["borg", "init", "-e", "repokey-blake2"],
        "first": ["borg", "create", "-C", "zstd,3", "::one", DATA],
        "unchanged": ["borg", "create", "-C", "zstd,3", "::two", DATA],
        "restore": ["borg", "extract", "::two"],
        "verify": ["borg", "check", "--verify-data"],
    }


TOOLS = {"kist": kist, "restic": restic, "borg": borg}
STEPS = ["first", "unchanged", "restore", "verify"]


def stored(repo):
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(repo) for f in files)


def warm():
    """Reads the data once, so that every tool finds it in memory: who goes first pays for nobody."""
    for directory, _, files in os.walk(DATA):
        for name in files:
            path = os.path.join(directory, name)
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as file:
                    while file.read(1 << 20):
                        pass


def main():
    names = [n for n in TOOLS if n == "kist" or shutil.which(n)]
    results = {n: {s: [] for s in STEPS} for n in names}
    sizes = {n: [] for n in names}
    for turn in range(RUNS):
        order = names[turn % len(names):] + names[:turn % len(names)]
        shutil.rmtree(WORK, ignore_errors=True)
        os.makedirs(WORK)
        tools = {n: TOOLS[n](os.path.join(WORK, n)) for n in order}
        for name, (env, commands) in tools.items():
            run(commands["init"], env)
        # Step by step, the tools in turn, so that a slow minute hits all alike.
        for step in STEPS:
            for name in order:
                env, commands = tools[name]
                shutil.rmtree(OUT, ignore_errors=True)
                os.makedirs(OUT)
                warm()
                subprocess.run(["sync"], check=True)
                results[name][step].append(run(commands[step], env, cwd=OUT))
                if step == "first":
                    sizes[name].append(stored(os.path.join(WORK, name)))
                shutil.rmtree(OUT, ignore_errors=True)
    shutil.rmtree(WORK, ignore_errors=True)
    print(f"\n{DATA}: medians of {RUNS}; seconds (CPU seconds, peak MiB)")
    print("| tool | stored MB | " + " | ".join(STEPS) + " |")
    print("| --- |" + " --- |" * (len(STEPS) + 1))
    for name in names:
        cells = []
        for step in STEPS:
            wall, cpu, peak = (statistics.median(v) for v in zip(*results[name][step]))
            cells.append(f"{wall:.2f} ({cpu:.1f}, {peak:.0f})")
        print(f"| {name} | {statistics.median(sizes[name]) / 1e6:.0f} | " + " | ".join(cells) + " |")
    if "restic" in names:
        ratios = [statistics.median(a[0] / b[0] for a, b in zip(results["kist"][s],
                                                                 results["restic"][s]))
                  for s in STEPS]
        print("kist / restic, wall: " + ", ".join(f"{s} {r:.2f}" for s, r in zip(STEPS, ratios)))


if __name__ == "__main__":
    try:
        main()
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
        shutil.rmtree(OUT, ignore_errors=True)
