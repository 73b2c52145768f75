#!/usr/bin/env python3
"""clients.py KIST [ROUNDS [DATA [--speed] [--rotate]]]: eight clients, each with a writer's slot and a tree of its own, back
up into one repository at once, on one host and one local state; some are killed with -9 at random.

After every round: what was acknowledged is there, the repository verifies, nothing is repaired by hand.
At the end: a last backup of each goes through, and every acknowledged snapshot restores as it was. With
--speed, the bytes per second of eight at once stand beside those of one alone. With --rotate, the owner ends an epoch
in the midst of each round. KIST_SEED makes it another run.
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
ROUNDS = int(os.environ.get("KIST_KILLS", sys.argv[2] if len(sys.argv) > 2 else "5"))
DATA = sys.argv[3] if len(sys.argv) > 3 else "/usr/include"
SEED = int(os.environ.get("KIST_SEED", "1"))
CLIENTS = 8
chance = random.Random(SEED)
WORK = tempfile.mkdtemp(prefix="kist-clients-", dir=os.environ.get("TMPDIR", "/var/tmp"))
ENV = environment(f"{WORK}/repo", f"{WORK}/state")


def fail(text):
    sys.exit(f"clients.py, seed {SEED}: {text}")


def tree(client):
    return f"{WORK}/tree-{client}"


def key(client):
    return f"{WORK}/key-{client}"


def run(key_file, *arguments):
    done = subprocess.run([KIST, "--key-file", key_file, *arguments], env=ENV, capture_output=True, text=True)
    if done.returncode != 0:
        fail(f"kist {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def owner(*arguments):
    return run(f"{WORK}/owner", *arguments)


def start(client):
    command = [KIST, "--key-file", key(client), "--json", "backup", "--source", f"client {client}",
               "--checkpoint", "4MiB", tree(client)]
    return subprocess.Popen(command, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def add_news(client, megabytes):
    with open(f"{tree(client)}/new-{chance.randrange(3)}", "wb") as file:
        for _ in range(megabytes):
            file.write(chance.randbytes(1 << 20))


def finish(client, process, acknowledged, expected):
    out, errors = process.communicate()
    if process.returncode not in (0, -9):
        fail(f"client {client}: exit {process.returncode}: {errors.decode()}")
    if out.strip():
        acknowledged[json.loads(out)["snapshot"]] = (client, expected)
    return process.returncode == -9


def check(acknowledged, level):
    text = owner("verify", "--level", level)
    if "no damage found" not in text:
        fail(text)
    listed = {s["id"] for s in json.loads(owner("--json", "snapshots"))["snapshots"]}
    if set(acknowledged) - listed:
        fail(f"lost: {set(acknowledged) - listed}")


def one_round(number, longest, acknowledged):
    for client in range(CLIENTS):
        add_news(client, chance.randrange(1, 8))
    expected = [digest(tree(client)) for client in range(CLIENTS)]
    started = time.monotonic()
    processes = [start(client) for client in range(CLIENTS)]
    victims = {client: chance.uniform(0, longest) for client in range(CLIENTS) if chance.random() < 0.5}
    for client, moment in sorted(victims.items(), key=lambda victim: victim[1]):
        time.sleep(max(0, started + moment - time.monotonic()))
        processes[client].kill()
    if "--rotate" in sys.argv:
        owner("key", "rotate")
    killed = sum(finish(c, p, acknowledged, expected[c]) for c, p in enumerate(processes))
    took = time.monotonic() - started
    check(acknowledged, "content" if number == ROUNDS - 1 else "structure")
    return killed, took


def megabytes_per_second(clients, megabytes):
    """New data of all of them, stored at once."""
    for client in clients:
        add_news(client, megabytes)
    started = time.monotonic()
    for client, process in [(client, start(client)) for client in clients]:
        finish(client, process, {}, None)
    return len(clients) * megabytes / (time.monotonic() - started)


def main():
    owner("init")
    for client in range(CLIENTS):
        shutil.copytree(DATA, tree(client), symlinks=True)
        owner("key", "add", "--role", "writer", "--name", f"client {client}", "--new-key-file", key(client))
    acknowledged = {}
    started = time.monotonic()
    for client, process in enumerate([start(client) for client in range(CLIENTS)]):
        finish(client, process, acknowledged, digest(tree(client)))
    took = time.monotonic() - started
    killed = 0
    for number in range(ROUNDS):
        more, took = one_round(number, 0.7 * took, acknowledged)
        killed += more
    for client in range(CLIENTS):
        finish(client, start(client), acknowledged, digest(tree(client)))
    if [s for s in json.loads(owner("--json", "snapshots"))["snapshots"] if s["pending"]]:
        fail("a pending snapshot is left after a complete one")
    for snapshot, (client, expected) in acknowledged.items():
        shutil.rmtree(f"{WORK}/out", ignore_errors=True)
        owner("restore", f"{snapshot}:{tree(client)}", "--target", f"{WORK}/out")
        if digest(f"{WORK}/out") != expected:
            fail(f"{snapshot} is not restored as it was")
    print(f"{ROUNDS} rounds of {CLIENTS} clients, seed {SEED}: {killed} killed; {len(acknowledged)} acknowledged "
          f"snapshots restored as they were")
    if "--speed" in sys.argv:
        alone = megabytes_per_second([0], 64)
        together = megabytes_per_second(range(CLIENTS), 64)
        print(f"new data: {alone:.0f} MiB/s alone, {together:.0f} MiB/s together")


try:
    main()
finally:
    shutil.rmtree(WORK, ignore_errors=True)
