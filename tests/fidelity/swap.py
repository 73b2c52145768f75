#!/usr/bin/env python3
"""Restores by root while a user of the target swaps names in his directory as fast as he can.

swap.py KIST RESTORES      as root: nothing of his gets rights that it had not, nor he what is root's

The user owns a directory in which root keeps a setuid tool and a file of its own. He has a file of
his own as long and as old as each, and a directory beside one of root's.
"""
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
from trees import environment

ANN = 1000
EXCHANGE = 2
PAIRS = [("tool", "evil"), ("mine", "root-file"), ("open", "private"), ("pipe", "evil-pipe")]
libc = ctypes.CDLL(None, use_errno=True)


def own(path, owner, mode):
    os.chown(path, owner, owner, follow_symlinks=False)
    os.chmod(path, mode)


def make_file(path, content, owner, mode):
    with open(path, "w") as file:
        file.write(content)
    own(path, owner, mode)
    os.utime(path, (1_500_000_000, 1_500_000_000))


def make_directory(path, owner, mode):
    os.mkdir(path)
    own(path, owner, mode)


def make_fifo(path, owner, mode):
    os.mkfifo(path)
    own(path, owner, mode)


def make_tree(at):
    make_directory(f"{at}/ann", ANN, 0o755)
    make_file(f"{at}/ann/mine", "what Ann has", ANN, 0o644)
    make_directory(f"{at}/ann/open", ANN, 0o755)
    make_fifo(f"{at}/ann/pipe", 0, 0o622)
    make_file(f"{at}/ann/tool", "of root's", 0, 0o4755)


def make_hers(at):
    make_file(f"{at}/ann/evil", "of Ann's.", ANN, 0o755)
    make_file(f"{at}/ann/root-file", "root's text.", 0, 0o600)
    make_directory(f"{at}/ann/private", 0, 0o700)
    make_fifo(f"{at}/ann/evil-pipe", ANN, 0o600)


def rights(descriptor):
    status = os.fstat(descriptor)
    return status.st_uid, status.st_gid, status.st_mode


class Swapper(threading.Thread):
    def __init__(self, at):
        super().__init__(daemon=True)
        self.at = at
        self.is_done = False
        self.swaps = 0

    def run(self):
        paths = [(f"{self.at}/ann/{a}".encode(), f"{self.at}/ann/{b}".encode()) for a, b in PAIRS]
        while not self.is_done:
            for a, b in paths:
                libc.renameat2(-100, a, -100, b, EXCHANGE)
                self.swaps += 1


def main(kist, restores):
    if os.geteuid() != 0:
        print("only root can give files to others: nothing was tested")
        return
    work = tempfile.mkdtemp(prefix="kist-swap-", dir=os.environ.get("TMPDIR", "/var/tmp"))
    env = environment(f"{work}/repository", f"{work}/state", KIST_KEY_FILE=f"{work}/key")

    def run(*arguments, codes=(0,)):
        done = subprocess.run([kist, *arguments], env=env, capture_output=True, text=True)
        if done.returncode not in codes:
            sys.exit(f"kist {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}")

    try:
        source, target = f"{work}/source", f"{work}/target"
        os.mkdir(source)
        os.chmod(work, 0o755)
        make_tree(source)
        run("init")
        run("backup", source)
        swapper = Swapper(target)
        swapper.start()
        for count in range(restores):
            prepared = f"{work}/prepared"
            os.mkdir(prepared)
            make_tree(prepared)
            make_hers(prepared)
            held = {name: os.open(f"{prepared}/ann/{name}", os.O_PATH | os.O_NOFOLLOW)
                    for name in ("evil", "root-file", "private", "evil-pipe")}
            before = {name: rights(descriptor) for name, descriptor in held.items()}
            os.rename(prepared, target)
            run("restore", f"latest:{source}", "--target", target, codes=(0, 3))
            for name, descriptor in held.items():
                if rights(descriptor) != before[name]:
                    sys.exit(f"restore {count}: {name} was {before[name]}, is {rights(descriptor)}")
                os.close(descriptor)
            os.rename(target, f"{work}/done")
            shutil.rmtree(f"{work}/done")
        swapper.is_done = True
        swapper.join()
        print(f"{restores} restores beside {swapper.swaps} swaps: nothing changed hands")
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(os.path.abspath(sys.argv[1]), int(sys.argv[2]))
