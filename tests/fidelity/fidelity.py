#!/usr/bin/env python3
"""A tree of hard cases, backed up and restored, compared by code that shares nothing with the engine.

fidelity.py test KIST            as root: what is restored is what was there; as nobody: a clear report
fidelity.py peers KIST [TOOL..]  the same tree through tar, restic and borg as well: a table of losses
fidelity.py make DIR             just the tree
fidelity.py compare A B          just the comparison

Everything goes by directory descriptors: paths are longer than the system takes in one piece.
"""
import array
import ctypes
import errno
import fcntl
import hashlib
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile

FLAGS = {"append": 0x20, "immutable": 0x10, "no dump": 0x40, "no atime": 0x80}
GETFLAGS, SETFLAGS = 0x80086601, 0x40086602
DEEP = b"d" * 240
DEEP_LEVELS = 26  # 6,266 bytes
skipped = []


def get_flags(fd):
    value = array.array("i", [0])
    try:
        fcntl.ioctl(fd, GETFLAGS, value)
    except OSError:
        return 0
    return value[0] & sum(FLAGS.values())


def set_flags(fd, flags):
    value = array.array("i", [0])
    fcntl.ioctl(fd, GETFLAGS, value)
    value[0] = value[0] & ~sum(FLAGS.values()) | flags
    fcntl.ioctl(fd, SETFLAGS, value)


def attempt(what, work):
    """Not every file system takes everything: what cannot be made is said."""
    try:
        work()
    except OSError as error:
        skipped.append(f"{what}: {error.strerror}")


def write(path, content=b"content\n", mode=0o644):
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, mode)


def acl(entries):
    return b"\x02\0\0\0" + b"".join(
        tag.to_bytes(2, "little") + perm.to_bytes(2, "little") + who.to_bytes(4, "little")
        for tag, perm, who in entries)


def make_deep(root):
    """A path of more than 6,000 bytes, built from the top by descriptors."""
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    for level in range(DEEP_LEVELS):
        os.mkdir(DEEP, dir_fd=fd)
        below = os.open(DEEP, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd = below
    file = os.open(b"at the bottom", os.O_CREAT | os.O_WRONLY, 0o640, dir_fd=fd)
    os.write(file, b"deep")
    os.close(file)
    os.symlink(b"at the bottom", b"link", dir_fd=fd)
    os.close(fd)


def make(root, sparse_gib=200):
    os.makedirs(root)
    at = lambda name: os.path.join(os.fsencode(root), name if isinstance(name, bytes) else name.encode())
    # Links of every type.
    write(at("file"))
    os.link(at("file"), at("file again"))
    os.symlink("file", at("symlink"))
    os.link(at("symlink"), at("symlink again"), follow_symlinks=False)
    os.symlink("nowhere/at/all", at("dangling"))
    os.mkfifo(at("fifo"), 0o620)
    os.link(at("fifo"), at("fifo again"))
    attempt("devices", lambda: os.mknod(at("char"), stat.S_IFCHR | 0o600, os.makedev(300, 70000)))
    attempt("devices", lambda: os.link(at("char"), at("char again")))
    attempt("devices", lambda: os.mknod(at("block"), stat.S_IFBLK | 0o640, os.makedev(259, 1048575)))
    with socket.socket(socket.AF_UNIX) as sock:
        here = os.getcwd()
        os.chdir(root)
        sock.bind("socket")
        os.chdir(here)
    # Names.
    for name in [b"new\nline", b"\x01\x1b[31m", b"\xff\xfe not utf-8", b"-rf", b" spaces ", b"back\\slash",
                 b"*?[a]", b"x" * 255, "ünïcödé".encode(), b"...", b"\"quotes'"]:
        write(at(name))
    make_deep(root)
    # Owners and modes.
    for name, mode in [("setuid", 0o4755), ("setgid", 0o2755), ("mode 0", 0), ("all", 0o7777)]:
        write(at(name))
        attempt("owners", lambda: os.chown(at(name), 12345, 54321))
        os.chmod(at(name), mode)
    write(at("no name"))
    attempt("owners", lambda: os.chown(at("no name"), 4000000000, 4000000001))
    attempt("owners", lambda: os.chown(at("symlink"), 12345, 54321, follow_symlinks=False))
    os.mkdir(at("sticky"))
    os.chmod(at("sticky"), 0o1777)
    os.mkdir(at("closed"))
    write(at("closed/inside"))
    os.chmod(at("closed"), 0)
    os.mkdir(at("empty"))
    # Extended attributes, capabilities, ACLs.
    for name in ["file", "empty"]:
        attempt("user attributes", lambda: os.setxattr(at(name), "user.text", b"value"))
        attempt("user attributes", lambda: os.setxattr(at(name), "user.empty", b""))
        attempt("user attributes", lambda: os.setxattr(at(name), "user.large", bytes(range(256)) * 12))
    for name in ["file", "empty", "symlink", "fifo", "char", "block", "socket"]:
        attempt("trusted attributes", lambda: os.setxattr(at(name), "trusted.kist", name.encode(),
                                                          follow_symlinks=False))
    write(at("capable"), mode=0o755)
    attempt("owners", lambda: os.chown(at("capable"), 12345, 54321))
    cap = (0x02000001).to_bytes(4, "little") + (1 << 10).to_bytes(4, "little") + bytes(12)
    attempt("capabilities", lambda: os.setxattr(at("capable"), "security.capability", cap))
    named = [(1, 6, 0xffffffff), (2, 7, 12345), (4, 4, 0xffffffff), (8, 5, 54321), (16, 7, 0xffffffff),
             (32, 0, 0xffffffff)]
    write(at("acl"))
    attempt("ACLs", lambda: os.setxattr(at("acl"), "system.posix_acl_access", acl(named)))
    os.mkdir(at("acl directory"))
    attempt("ACLs", lambda: os.setxattr(at("acl directory"), "system.posix_acl_default", acl(named)))
    attempt("ACLs", lambda: os.setxattr(at("acl directory"), "system.posix_acl_access", acl(named)))
    # Sparse.
    with open(at("sparse"), "wb") as file:
        file.write(b"start")
        file.seek((sparse_gib << 30) // 2 + 12345)
        file.write(b"middle")
        file.truncate(sparse_gib << 30)
    with open(at("all hole"), "wb") as file:
        file.truncate(5 << 30)
    write(at("zeros"), bytes(3 << 20))
    # Times; the directories' last.
    write(at("before 1970"))
    write(at("after 2106"))
    for name, when in [("before 1970", -1_000_000_000_123_456_789), ("after 2106", 4_400_000_000_987_654_321),
                       ("symlink", 1_000_000_000_000_000_001), ("fifo", 999_999_999_999_999_999),
                       ("empty", -1), ("acl directory", 1_234_567_890_123_456_789)]:
        os.utime(at(name), ns=(when, when), follow_symlinks=False)
    # Flags, last of all.
    for name, flags in [("flag append", 0x20), ("flag immutable", 0x10), ("flag nodump", 0x40),
                        ("flag noatime", 0x80), ("flag all", 0xf0)]:
        write(at(name))
        fd = os.open(at(name), os.O_RDONLY)
        attempt("flags", lambda: set_flags(fd, flags))
        os.close(fd)
    os.mkdir(at("flag directory"))
    write(at("flag directory/file"))
    os.link(at("flag directory/file"), at("zz other name of a flagged file"))
    for name in ["flag directory/file", "flag directory"]:
        fd = os.open(at(name), os.O_RDONLY)
        attempt("flags", lambda: set_flags(fd, 0x10))
        os.close(fd)
    attempt("owners", lambda: os.chown(at(""), 12345, 54321))
    os.chmod(at(""), 0o1751)
    attempt("user attributes", lambda: os.setxattr(at(""), "user.root", b"of the tree"))
    os.utime(at(""), ns=(1_111_111_111_111_111_111,) * 2)


def digest(name, parent, size):
    """Of a file's data, where it lies and what it is; holes are not read."""
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NOATIME, dir_fd=parent)
    hasher = hashlib.sha256()
    try:
        offset = 0
        while offset < size:
            try:
                start = os.lseek(fd, offset, os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:
                    break
                raise
            end = os.lseek(fd, start, os.SEEK_HOLE)
            while start < end:
                piece = os.pread(fd, min(1 << 20, end - start), start)
                # Zeros that are stored and zeros that are not read the same.
                for i in range(0, len(piece), 4096):
                    part = piece[i:i + 4096]
                    if part.strip(b"\0"):
                        hasher.update(b"%d:" % (start + i) + part)
                start += len(piece)
            offset = end
        return hasher.hexdigest(), get_flags(fd)
    finally:
        os.close(fd)


def xattrs(name, parent):
    path = f"/proc/self/fd/{parent}/".encode() + name
    out = {}
    for key in os.listxattr(path, follow_symlinks=False):
        out[key] = os.getxattr(path, key, follow_symlinks=False)
    return out


def describe(root):
    """path → facts, and the groups of names that are one file."""
    facts, groups = {}, {}
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo",
             stat.S_IFSOCK: "socket", stat.S_IFCHR: "char", stat.S_IFBLK: "block"}

    def visit(path, name, parent):
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        kind = kinds[stat.S_IFMT(status.st_mode)]
        fact = {"type": kind, "mode": oct(status.st_mode & 0o7777), "owner": (status.st_uid, status.st_gid),
                "time": status.st_mtime_ns, "attributes": xattrs(name, parent)}
        fact["ACL"] = {k: fact["attributes"].pop(k) for k in list(fact["attributes"]) if "posix_acl" in k}
        fact["capability"] = fact["attributes"].pop("security.capability", None)
        fact["attributes"].pop("security.selinux", None)
        if kind == "file":
            fact["size"] = status.st_size
            fact["content"], fact["flags"] = digest(name, parent, status.st_size)
            fact["holes"] = status.st_blocks * 512 < max(status.st_size // 2, 1 << 20)
        if kind == "symlink":
            fact["target"] = os.readlink(name, dir_fd=parent)
        if kind in ("char", "block"):
            fact["device"] = status.st_rdev
        if kind != "directory" and status.st_nlink > 1:
            groups.setdefault(status.st_ino, []).append(path)
        facts[path] = fact
        if kind == "directory":
            fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
            fact["flags"] = get_flags(fd)
            for child in sorted(os.listdir(fd)):
                child = os.fsencode(child)
                visit(path + b"/" + child, child, fd)
            os.close(fd)

    top = os.open("/", os.O_RDONLY)
    visit(b".", os.fsencode(os.path.abspath(root)), top)
    os.close(top)
    for names in groups.values():
        for path in names:
            facts[path]["one file with"] = sorted(names)
    return facts


def compare(a, b):
    """Lines: what differs, and where."""
    left, right = describe(a), describe(b)
    lines = []
    for path in sorted(left.keys() | right.keys()):
        if path not in left or path not in right:
            kind = (left.get(path) or right[path])["type"]
            lines.append(("absent" if path not in right else "too much", kind, path))
            continue
        for key in sorted(left[path].keys() | right[path].keys()):
            if left[path].get(key) != right[path].get(key):
                lines.append((key, left[path]["type"], path))
    return lines


def shown(lines):
    return "\n".join(f"{what} of {kind} {path[:80]!r}" for what, kind, path in lines)


def run(command, expected=(0,), **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    if done.returncode not in expected:
        sys.exit(f"{command}: exit {done.returncode}\n{done.stdout.decode(errors='replace')}")
    return done.stdout.decode(errors="replace")


def clear_flags(root):
    for directory, names, files, fd in os.fwalk(root, follow_symlinks=False):
        for name in files + names + ["."]:
            try:
                if not stat.S_ISREG(os.lstat(name, dir_fd=fd).st_mode) and \
                        not stat.S_ISDIR(os.lstat(name, dir_fd=fd).st_mode):
                    continue
                one = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=fd)
            except OSError:
                continue
            try:
                set_flags(one, 0)
            except OSError:
                pass
            os.close(one)


def remove(root):
    if os.path.exists(root):
        clear_flags(root)
        subprocess.run(["chattr", "-R", "-ia", root], stderr=subprocess.DEVNULL, check=False)
        subprocess.run(["rm", "-rf", root], check=False)


def kist_env(work):
    return {**os.environ, "KIST_REPO": f"{work}/kist", "KIST_STATE_DIR": f"{work}/kist.state",
            "KIST_PASSWORD": "secret"}


def by_kist(kist, work, tree, out):
    env = kist_env(work)
    run([kist, "init"], env=env)
    run([kist, "backup", tree], env=env)
    run([kist, "restore", f"latest:{tree}", "--target", out], env=env)
    return out


def by_tar(_, work, tree, out):
    keep = ["--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "--format=posix"]
    # A path that is too long for it, and a socket, make tar say 1 or 2; what it has, it has.
    run(["tar", *keep, "--sparse", "-C", tree, "-cf", f"{work}/tar", "."], (0, 1, 2))
    os.makedirs(out)
    run(["tar", *keep, "-p", "--same-owner", "-C", out, "-xf", f"{work}/tar"], (0, 1, 2))
    return out


def by_restic(_, work, tree, out):
    env = {**os.environ, "RESTIC_REPOSITORY": f"{work}/restic", "RESTIC_PASSWORD": "secret",
           "RESTIC_CACHE_DIR": f"{work}/restic.cache"}
    run(["restic", "init"], env=env)
    run(["restic", "backup", tree], (0, 1, 3), env=env)
    run(["restic", "restore", "latest", "--target", out], (0, 1, 3), env=env)
    return out + tree


def by_borg(_, work, tree, out):
    env = {**os.environ, "BORG_REPO": f"{work}/borg", "BORG_PASSPHRASE": "secret", "BORG_BASE_DIR": f"{work}/borg.base"}
    run(["borg", "init", "-e", "repokey-blake2"], env=env)
    run(["borg", "create", "--sparse", "--noctime", "::one", "."], (0, 1), env=env, cwd=tree)
    os.makedirs(out)
    run(["borg", "extract", "--sparse", "--numeric-ids", "::one"], (0, 1, 2), env=env, cwd=out)
    return out


TOOLS = {"kist": by_kist, "tar": by_tar, "restic": by_restic, "borg": by_borg}


def test_as_nobody(kist, work, tree):
    """Everything but owners, devices and what only root sets comes back; the rest is reported by kind."""
    env = kist_env(work)
    home = f"{work}/nobody"
    os.makedirs(home)
    shutil.copytree(f"{work}/kist", f"{home}/repo")
    run(["chown", "-R", "65534:65534", home])
    os.chmod(work, 0o755)
    env.update(KIST_REPO=f"{home}/repo", KIST_STATE_DIR=f"{home}/state", HOME=home)
    text = run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", kist, "restore", f"latest:{tree}",
                "--target", f"{home}/out"], (3,), env=env)
    for needed in ["owner: not set on ", "setuid and setgid: not set on ", "char: ", "entries could not be restored"]:
        if needed not in text:
            sys.exit(f"as nobody, the report lacks {needed!r}:\n{text}")
    for name in ["setuid", "setgid", "all"]:
        if os.path.exists(f"{home}/out/{name}") and os.lstat(f"{home}/out/{name}").st_mode & 0o6000:
            sys.exit(f"as nobody, {name} became setuid of another owner")
    lines = text.strip().split("\n")
    if len(lines) > 30:
        sys.exit(f"as nobody, the report has {len(lines)} lines:\n{text}")
    remove(home)


def test_mounts(kist, work):
    """--one-file-system stops where another one begins; --delete takes nothing of what is mounted in the target,
    be it the same file system."""
    if ctypes.CDLL(None).unshare(0x00020000) != 0 or subprocess.call(["mount", "--make-rprivate", "/"]) != 0:
        print("cannot be made here: mounts")
        return
    env = {**kist_env(work), "KIST_REPO": f"{work}/mounts.repo"}
    tree, out, other = f"{work}/mounts", f"{work}/mounts.out", f"{work}/mounts.other"
    for path in (f"{tree}/below", f"{out}/below", other):
        os.makedirs(path)
    for path in (f"{tree}/file", f"{tree}/below/own", f"{out}/stray", f"{other}/foreign"):
        write(path)
    run([kist, "init"], env=env)
    run(["mount", "-t", "tmpfs", "below", f"{tree}/below"])
    write(f"{tree}/below/foreign")
    run([kist, "backup", "--one-file-system", tree], env=env)
    listed = run([kist, "ls", "-R", "latest"], env=env)
    if "mounts/below" not in listed or "foreign" in listed:
        sys.exit(f"with --one-file-system there is:\n{listed}")
    run(["umount", f"{tree}/below"])
    run(["mount", "--bind", other, f"{out}/below"])
    run([kist, "restore", f"latest:{tree}", "--target", out, "--delete", "--delete-excluded", "--yes"], (0, 3), env=env)
    kept = os.path.exists(f"{out}/below/foreign")
    run(["umount", f"{out}/below"])
    if not kept or os.path.exists(f"{out}/stray"):
        sys.exit("--delete took what is mounted in the target, or left what is not")


def main(arguments):
    command = arguments[0]
    if command == "make":
        make(arguments[1])
        print("\n".join(sorted(set(skipped))))
        return
    if command == "compare":
        lines = compare(arguments[1], arguments[2])
        print(shown(lines))
        sys.exit(1 if lines else 0)
    if os.geteuid() != 0:
        print("only root can make and restore such a tree: nothing was tested")
        return
    kist = os.path.abspath(arguments[1])
    work = tempfile.mkdtemp(prefix="kist-fidelity-", dir=os.environ.get("TMPDIR", "/var/tmp"))
    tree = f"{work}/tree"
    try:
        make(tree, 200 if command == "test" else 2)
        for line in sorted(set(skipped)):
            print(f"cannot be made here: {line}")
        names = ["kist"] if command == "test" else \
            (arguments[2:] or [n for n in TOOLS if n == "kist" or shutil.which(n)])
        lost = {}
        for name in names:
            restored = TOOLS[name](kist, work, tree, f"{work}/out.{name}")
            lost[name] = compare(tree, restored)
            print(f"\n{name}: {len(lost[name])} differences\n{shown(lost[name])}")
        if command == "test":
            if lost["kist"]:
                sys.exit("what was restored is not what was there")
            # Again, over itself: nothing changes, flags and all, but the time of the target itself, which
            # exists now and is left alone.
            text = run([kist, "restore", f"latest:{tree}", "--target", f"{work}/out.kist"], env=kist_env(work))
            again = [line for line in compare(tree, f"{work}/out.kist") if line[2] != b"."]
            if "were right already" not in text or again:
                sys.exit(f"a second restore over the first changed it\n{shown(again)}")
            test_as_nobody(kist, work, tree)
            test_mounts(kist, work)
            print("fidelity: all as it was")
        else:
            print_table(lost)
    finally:
        remove(work)


def print_table(lost):
    whats = sorted({(what, kind) for lines in lost.values() for what, kind, _ in lines})
    print("\n| what | of | " + " | ".join(lost) + " |\n| --- |" + " --- |" * (len(lost) + 1))
    for what, kind in whats:
        counts = [sum(1 for w, k, _ in lines if (w, k) == (what, kind)) for lines in lost.values()]
        print(f"| {what} | {kind} | " + " | ".join(str(c) if c else "–" for c in counts) + " |")


if __name__ == "__main__":
    main(sys.argv[1:])
