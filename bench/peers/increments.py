#!/usr/bin/env python3
"""What small backups cost: a hundred days, each of which adds some files, in Kist and its peers.

increments.py KIST DATA [DAYS]

Every day files of DATA that were not taken before are added until they make 0.1 to 20 MiB (evenly on a
logarithmic scale, from a fixed seed), and each tool that is installed backs the directory up. Prints
what the repositories have grown by. Needs room for the repositories below TMPDIR (default /var/tmp).
"""
import os
import random
import shutil
import subprocess
import sys

KIST, DATA = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
DAYS = int(sys.argv[3]) if len(sys.argv) > 3 else 100
WORK = os.path.join(os.environ.get("TMPDIR", "/var/tmp"), f"kist-increments-{os.getpid()}")
TREE = os.path.join(WORK, "tree")


def tools():
    """Per tool its environment, and the commands that make a repository and back the tree up."""
    at = {name: os.path.join(WORK, name) for name in ("kist", "restic", "borg")}
    out = {
        "kist": ({"KIST_REPO": at["kist"], "KIST_STATE_DIR": at["kist"] + ".state",
                  "KIST_PASSWORD": "secret"},
                 [KIST, "init"], lambda day: [KIST, "backup", TREE]),
        "restic": ({"RESTIC_REPOSITORY": at["restic"], "RESTIC_PASSWORD": "secret",
                    "RESTIC_CACHE_DIR": at["restic"] + ".cache"},
                   ["restic", "init"], lambda day: ["restic", "backup", TREE]),
        "borg": ({"BORG_REPO": at["borg"], "BORG_PASSPHRASE": "secret",
                  "BORG_BASE_DIR": at["borg"] + ".base"},
                 ["borg", "init", "-e", "repokey-blake2"],
                 lambda day: ["borg", "create", "-C", "zstd,3", f"::{day}", TREE]),
    }
    return {name: tool for name, tool in out.items() if shutil.which(tool[1][0])}, at


def run(env, command):
    done = subprocess.run(command, env={**os.environ, **env}, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(f"{command}: status {done.returncode}\n{done.stderr.decode()}")


def stored(repo):
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(repo) for f in files)


def main():
    draw = random.Random(1)
    files = sorted(os.path.join(d, f) for d, _, names in os.walk(DATA) for f in names)
    files = [f for f in files if os.path.isfile(f) and not os.path.islink(f)]
    draw.shuffle(files)
    every, at = tools()
    os.makedirs(TREE)
    for env, init, _ in every.values():
        run(env, init)
    before = {name: stored(at[name]) for name in every}
    added = 0
    for day in range(DAYS):
        target = 0.1 * 200 ** draw.random() * 2**20
        size = 0
        while size < target and files:
            path = files.pop()
            to = os.path.join(TREE, f"{day}", f"{len(files)}")
            os.makedirs(os.path.dirname(to), exist_ok=True)
            shutil.copy(path, to)
            size += os.path.getsize(path)
        added += size
        for env, _, backup in every.values():
            run(env, backup(day))
    print(f"{DAYS} days, {added / 1e6:.1f} MB added")
    for name in every:
        print(f"{name}: {(stored(at[name]) - before[name]) / 1e6:.1f} MB stored")


if __name__ == "__main__":
    try:
        main()
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
