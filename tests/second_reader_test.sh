#!/bin/bash
# second_reader_test.sh KIST_BINARY FORMAT_MD: what kist stores, a reader that was written from the
# format's text alone gives back; and it finds the examples of the text to be what the text says.
# Prints what differs, and stops at the first failure.
set -u
here=$(cd "$(dirname "$0")" && pwd)
kist=$(realpath "${1:?usage: second_reader_test.sh KIST_BINARY FORMAT_MD}")
text=$(realpath "${2:?usage: second_reader_test.sh KIST_BINARY FORMAT_MD}")
export PYTHONDONTWRITEBYTECODE=1
unset "${!KIST_@}"
work=$(mktemp -d "${TMPDIR:-/tmp}/second-reader.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
umask 022
cd "$work" || exit 1

fail() { echo "second_reader_test: $*" >&2; exit 1; }

# Runs a command; its output is shown only if it fails.
quietly() { "$@" > out 2>&1 || { cat out >&2; fail "failed: $*"; }; }

repo=$work/repo
common=(-q --yes --repo "$repo" --state-dir "$work/state")

kist() { quietly "$kist" "${common[@]}" "${secret[@]}" "$@"; }

reader() { python3 "$here/second_reader/reader.py" "$repo" "${opens[@]}" "$@"; }

# same EXPECTED FOUND: types, modes, times, sizes, holes, links, targets and contents of two trees.
cat > same.py << 'END'
import filecmp, os, stat, sys
def scan(root):
    found = {}
    for at, below, files in os.walk(root):
        for path in [at] + [os.path.join(at, name) for name in below + files]:
            found[os.path.relpath(path, root)] = path, os.lstat(path)
    return found
def first_names(found):
    names = {}
    for name in sorted(found):
        names.setdefault(found[name][1].st_ino, name)
    return names
one, two = scan(os.fsencode(sys.argv[1])), scan(os.fsencode(sys.argv[2]))
links, differ = (first_names(one), first_names(two)), 0
for name in sorted(one.keys() | two.keys()):
    if name not in one or name not in two:
        print("only in %s: %s" % (sys.argv[1 if name in one else 2], os.fsdecode(name)))
        differ = 1
        continue
    (a, s), (b, t) = one[name], two[name]
    what = [text for text, same in (
        ("type or mode", s.st_mode == t.st_mode),
        ("time", s.st_mtime_ns == t.st_mtime_ns),
        ("hard link", links[0][s.st_ino] == links[1][t.st_ino]),
        ("size", not stat.S_ISREG(s.st_mode) or s.st_size == t.st_size),
        ("holes", abs(s.st_blocks - t.st_blocks) <= 64),
        ("target", not stat.S_ISLNK(s.st_mode) or os.readlink(a) == os.readlink(b)),
        ("content", not stat.S_ISREG(s.st_mode) or filecmp.cmp(a, b, False))) if not same]
    if what:
        print("%s differs: %s" % (os.fsdecode(name), ", ".join(what)))
        differ = 1
sys.exit(differ)
END
same() { python3 same.py "$1" "$2" || fail "$3"; }

# extracted NUMBER TREE WHAT: a snapshot, as the second reader extracts it, is that tree.
extracted() {
    rm -rf extracted
    reader extract "$1" extracted 2> notes || { cat notes >&2; fail "$3: extract failed"; }
    same "$2" "extracted$work/tree" "$3"
}

# damage OFFSET FILE...: flips bits of one byte of each.
damage() {
    python3 - "$@" << 'END' || fail "nothing to damage"
import sys
for path in sys.argv[2:]:
    with open(path, "r+b") as file:
        file.seek(int(sys.argv[1]))
        byte = file.read(1)[0]
        file.seek(int(sys.argv[1]))
        file.write(bytes([byte ^ 1]))
END
}

# A tree.
mkdir -p tree/many tree/deep/er "tree/with space"
python3 - << 'END'
import os, random
r = random.Random(7)
def put(name, data):
    with open("tree/" + name, "wb") as file:
        file.write(data)
put("text", b"".join(b"line %d of a text\n" % (n * n) for n in range(60000)))
put("random", r.randbytes(5 << 20))
put("empty", b"")
put("small", r.randbytes(512))
put("less small", r.randbytes(513))
for n in range(300):
    put("many/%d" % n, b"%d" % n * (n * 7 % 300))
with open("tree/sparse", "wb") as file:
    file.seek(3 << 20)
    file.write(b"in the middle" * 1000)
    file.seek(9 << 20)
    file.write(b"x")
    file.truncate(12 << 20)
put("with space/n\u00e4me \u65e5\u672c", b"utf-8")
put("a-b", b"sorts behind a/")
os.mkdir("tree/a")
put("a/x", b"1")
os.link("tree/text", "tree/deep/hard")
os.symlink("../text", "tree/deep/er/sym")
os.symlink("nowhere", "tree/dangling")
os.chmod("tree/small", 0o4750)
os.utime("tree/empty", ns=(0, -1500000001))
END
printf 'a pass phrase\n' > phrase
chmod 600 phrase
secret=(--key-file "$work/key") opens=("${secret[@]}")

# listed: the reader lists all snapshots, and notes nothing.
listed() {
    reader list > list 2> notes || { cat notes >&2; fail "list failed"; }
    [ -s notes ] && { cat notes >&2; fail "the reader notes something about a good repository"; }
    mapfile -t numbers < <(cut -d' ' -f1 list)
    [ "${#numbers[@]}" = "${#snapshots[@]}" ] || { cat list; fail "the list has another length"; }
}

# whole NUMBER TREE: the snapshot is that tree, and nothing is noted.
whole() {
    extracted "$1" "$2" "snapshot $1"
    [ -s notes ] && { cat notes >&2; fail "notes on snapshot $1"; }
}

# repaired TIMES: kist repairs; so many entries in all replace index segments; all snapshots are
# whole.
repaired() {
    kist verify --level content --repair
    entries
    [ "$(grep -o '"reindexed"' entries | wc -l)" = "$1" ] || fail "not reindexed: $1"
    listed
    for i in "${!snapshots[@]}"; do
        whole "${numbers[i]}" "${snapshots[i]}"
    done
}

entries() { "$kist" "${common[@]}" "${secret[@]}" --json journal list > entries; }

# proposed: the entry of the newest proposal.
proposed() {
    "$kist" "${common[@]}" "${secret[@]}" --json policy list | grep -o '"entry":[0-9]*' |
        tail -n 1 | cut -d: -f2
}

# condemned WHAT: kist sees that a pack is damaged or missing.
condemned() {
    "$kist" "${common[@]}" "${secret[@]}" verify --level content > out 2>&1 &&
        fail "kist verify does not see $1"
}

# Eight backups with changes between them, of two sources, and all that kist writes into a journal of
# its own accord: slots added, rewrapped and revoked, entries proved, packs condemned and cleared,
# index segments replaced and given up, sets proved and replaced, ends of epochs.
snapshots=()
backup() {          # SOURCE COPY
    kist backup --source "$1" "$work/tree"
    cp -a --sparse=always tree "$2"
    snapshots+=("$2")
}
quietly python3 "$here/second_reader/reader.py" --self-test "$text"
kist init
backup home first
echo changed >> tree/text
rm tree/many/1*
head -c 100000 /dev/urandom > tree/new
backup home second
kist key add --new-password-file "$work/phrase" --role reader --name reader
kist key add --new-key-file "$work/lost" --role writer --name lost
secret=(--key-file "$work/lost")
backup other third
secret=(--key-file "$work/key")
kist verify --level content
kist key revoke lost
kist policy set slow --monthly 12 --minimum 3d --maximum 1y
kist policy set locked --minimum 2d --lock compliance
kist policy assign slow --source home
kist policy assign locked --source other
kist policy ceiling 5y
kist hold place 2026-17 --source other --reason "a letter"
pack=$(find "$repo/packs" -type f -size +4M | head -n 1)
damage 100000 "$pack"
condemned "a damaged pack"
damage 100000 "$pack"
kist verify --level content
touch -d 2001-02-03 tree/random
echo more > tree/more
backup home fourth
kist key rotate --forget
secret=(--password-file "$work/phrase")
printf 'another pass phrase\n' > phrase2
chmod 600 phrase2
kist key passwd --new-password-file "$work/phrase2"
mv phrase2 phrase
secret=(--key-file "$work/key")
rm tree/more
backup home fifth
kist hold lift 2026-17 --reason settled
id=$("$kist" "${common[@]}" "${secret[@]}" --json snapshots | grep -o '"id":"[0-9a-f]*"' |
    tail -n 1 | cut -d'"' -f4)
kist forget "$id" --reason "a mistake"
kist unretire "$id"
kist policy set slow --minimum 1d --reason "too long"
kist policy set spare --daily 3
kist policy remove spare
kist policy cancel "$(proposed)"
kist source bind garden --slot-name owner --continues other
kist source end garden --reason "only a name"

# The first index segment is in no copy, and is made anew. Then the pack that it lists is gone: what
# that held is stored again, and its numbers move there, and stay there in the next epoch.
entries
segment=$(grep -o '"index_segment":"[0-9a-f]*"' entries | head -n 1 | cut -d'"' -f4)
rm "$repo/index/$segment" "$repo/index/$segment.2" || fail "there is no index segment $segment"
repaired 1
rm "$pack"
condemned "a missing pack"
cp -a first/many/1* tree/many
cp -a first/text tree/before
backup home sixth
repaired 2

# What the seventh backup has stored is lost, index segment and pack, and no machine knows what it
# was. The next backup stores it again, and a repair gives the seventh another reference set.
touch mark
head -c 300000 /dev/urandom > tree/newer
backup home seventh
entries
segment=$(grep -o '"index_segment":"[0-9a-f]*","stream":"data"' entries | tail -n 1 |
    cut -d'"' -f4)
rm "$repo/index/$segment" "$repo/index/$segment.2" || fail "there is no index segment $segment"
find "$repo/packs" -type f -size +200k -newer mark -delete
rm -rf state
"$kist" "${common[@]}" "${secret[@]}" verify --level content --repair --drop-unreadable > out 2>&1 &&
    fail "kist verify does not see what is lost"
backup home eighth
kist verify --level content --repair
listed
whole "${numbers[6]}" seventh

# A file that nobody needs any more shares its pack with one that stays: that one moves, and the
# rest ends. What no entry names is condemned.
kist policy set slow --minimum 0 --grace 0 --reason "space"
head -c 400000 /dev/urandom > tree/gone
head -c 50000 /dev/urandom > tree/stays
"$kist" "${common[@]}" "${secret[@]}" --json backup --source home "$work/tree" > out ||
    fail "backup of what is forgotten"
gone=$(grep -o '"snapshot":"[0-9a-f]*"' out | cut -d'"' -f4)
rm tree/gone
backup home ninth
kist forget "$gone" --reason "a mistake"
mkdir -p "$repo/packs/00"
cp "$(find "$repo/packs" -type f | head -n 1)" "$repo/packs/00/00$(printf '1%.0s' {1..62})"
kist collect --max-unused 0
listed
whole "${numbers[8]}" ninth
pack=$(find "$repo/packs" -type f -size +4M | head -n 1)
kist key rotate
entries
grep -q '"snapshots":\["'"$gone" entries || fail "the forgotten snapshot has not ended"
grep -q '"replaced":\[{' entries || fail "no reference set was replaced"
for act in "slot added" "slot rewrapped" "epoch ended" "state remade" "proved" \
    "packs condemned" "dead condemned" "unnamed condemned" "packs cleared" "reindexed" "index segments given up" "sets proved" \
    "policy set" "policy assigned" "policy removed" "proposal cancelled" "ceiling set" \
    "hold placed" "hold lifted" "minimum shortened" "retired" "unretired" "source bound" \
    "source ended"; do
    grep -q "\"$act\"" entries || fail "kist has written no entry \"$act\""
done

# What the reader lists.
listed
mapfile -t ids < <(awk '{print $2}' list)
mapfile -t theirs < <("$kist" "${common[@]}" "${secret[@]}" --json snapshots |
    grep -o '"id":"[0-9a-f]*"' | cut -d'"' -f4)
[ "${ids[*]}" = "${theirs[*]}" ] || { cat list; fail "kist lists other snapshots: ${theirs[*]}"; }
grep -q "  home  .*  $work/tree$" list || { cat list; fail "source or path are not in the list"; }

# Every snapshot, against the tree as it was, and against what kist restores.
for i in "${!snapshots[@]}"; do
    whole "${numbers[i]}" "${snapshots[i]}"
    [ "$i" = 1 ] || [ "$i" = 3 ] || continue
    reader ls "${ids[i]}" > files 2> notes || { cat notes >&2; fail "ls failed"; }
    (cd extracted && find . | sed 's/^\.//; s/^$/\//' | sort) > found
    sed 's/  [a-z ]*  [0-9]*$//' files | sort | diff - found || fail "ls ${ids[i]}"
    rm -rf restored
    kist restore "${ids[i]}" --target "$work/restored"
    same restored extracted "kist restore of ${numbers[i]}"
done

# With a passphrase, and with each first copy damaged, then each second one.
opens=(--passphrase-file "$work/phrase")
extracted "${numbers[2]}" third "with a passphrase"
mapfile -t twins < <(cd "$repo" && find kist.repo slots grants epochs keys index bodies refs \
    journal -type f ! -name '*.2' -printf "$repo/%p\n")
anchors=("$repo"/anchors/*.[12])
for suffix in "" .2; do
    damage 40 "${twins[@]/%/$suffix}" "${anchors[@]}"
    extracted "${numbers[1]}" second "with damaged copies '$suffix'"
    [ -s notes ] || fail "damaged copies '$suffix' are not noted"
    damage 40 "${twins[@]/%/$suffix}" "${anchors[@]}"
done
rm "${twins[@]/%/.2}"
extracted "${numbers[4]}" fifth "without second copies"

# What must fail, with one line that says why.
refused() {          # WORDS COMMAND...
    local words=$1
    shift
    reader "$@" > out 2> notes && fail "not refused: $words"
    tail -n 1 notes | grep -q "^second_reader: .*$words" || { cat notes >&2; fail "no '$words'"; }
}
refused "no snapshot" ls 999
printf 'another\n' > other
opens=(--passphrase-file "$work/other")
refused "no slot opens" list
opens=(--key-file "$work/key")
damage 100000 "$pack"
rm -rf extracted
refused "could not be extracted" extract "${numbers[0]}" extracted
damage 100000 "$pack"
damage 40 "$repo"/anchors/*
refused "damaged in every copy" list
