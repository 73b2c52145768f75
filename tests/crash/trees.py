"""What the tests that kill the program share: its surroundings, and whether two trees are the same."""
import hashlib
import os


def environment(repository, state, **more):
    out = {**os.environ, "KIST_REPO": repository, "KIST_STATE_DIR": state, **more}
    for name in ("KIST_PASSWORD", "KIST_PASSWORD_FILE", "KIST_PASSWORD_COMMAND"):
        out.pop(name, None)
    return out


def digest(root):
    hasher = hashlib.sha256()
    for directory, names, files in os.walk(root):
        names.sort()
        for name in sorted(files + [n for n in names if os.path.islink(os.path.join(directory, n))]):
            path = os.path.join(directory, name)
            status = os.lstat(path)
            hasher.update(f"{path[len(root):]} {status.st_mode} {status.st_mtime_ns}\n".encode("utf-8", "replace"))
            if os.path.islink(path):
                hasher.update(os.fsencode(os.readlink(path)))
            elif os.path.isfile(path):
                with open(path, "rb") as file:
                    hasher.update(file.read())
    return hasher.hexdigest()
