#!/usr/bin/env bash
# The main job once through, on real files: ./dev demo [DIR] builds Kist and runs this.
#   demo.sh KIST DIR
set -euo pipefail
kist=$(realpath "$1")
original=$(realpath "$2")
[ -d "$original" ] || { echo "demo: $2 is not a directory" >&2; exit 2; }

work=$(mktemp -d "${TMPDIR:-/tmp}/kist-demo-XXXXXX")
trap 'rm -rf "$work"' EXIT
source=$work/source
export KIST_REPO=$work/repository KIST_STATE_DIR=$work/state KIST_PASSWORD_FILE=$work/password
(umask 077; head -c 18 /dev/urandom | base64 > "$work/password")

step() { printf '\n== %s\n' "$*"; }
same() { # a b: rsync, which knows nothing of Kist, compares content and metadata
  local differences
  differences=$(rsync -aHAXScn --delete --itemize-changes "$1/" "$2/")
  [ -z "$differences" ] || { printf 'DIFFERENT\n%s\n' "$differences"; exit 1; }
  echo "rsync -aHAXScn finds no difference"
}

step "A copy of $original to play with"
mkdir "$source"
cp -a "$original/." "$source/"
sleep 3  # files touched less than two seconds before a backup would be read twice
echo "$(find "$source" -type f | wc -l) files, $(du -sh --apparent-size "$source" | cut -f1)"

step "kist init"
"$kist" init | head -2

step "kist backup: the first reads everything"
"$kist" backup --source demo "$source"
cp -a "$source" "$work/before"

step "Some files change"
cd "$source"
find . -type f -size +1k | sort | awk 'NR % 50 == 0 && n++ < 40' | while read -r file; do
  echo "changed on $(date)" >> "$file"
done
find . -type f | sort | awk 'NR % 97 == 0 && n++ < 20' | while read -r file; do rm -f "$file"; done
mkdir -p new && head -c 300000 /dev/urandom > new/random && ln -s random new/link
cd - > /dev/null

step "kist backup: the second opens only what changed"
sleep 2
"$kist" backup --source demo "$source"

step "kist snapshots"
"$kist" snapshots

step "kist restore: the newest, and the first as it was"
first=$("$kist" snapshots --json | grep -o '"id":"[0-9a-f]*"' | cut -d'"' -f4 | sed -n 1p)
"$kist" restore "latest:$source" --target "$work/newest"
same "$source" "$work/newest"
"$kist" restore "$first:$source" --target "$work/first"
same "$work/before" "$work/first"

step "kist verify: every frame opened, every block hashed"
"$kist" verify --level content

step "What the storage sees"
echo "$(find "$KIST_REPO" -type f | wc -l) objects, $(du -sh "$KIST_REPO" | cut -f1); pack sizes:" \
  "$(find "$KIST_REPO/packs" -type f -printf '%s\n' | sort -nu | tr '\n' ' ')"
name=$(find "$source" -type f -printf '%f\n' | awk 'length >= 12 && !n++')
if grep -rqaF -- "$name" "$KIST_REPO"; then echo "FOUND the name $name"; exit 1; fi
echo "no object holds the name \"$name\""

printf '\nAll of it held. Try it on your own files:\n'
printf '  %s init --repo DIR\n  %s backup --repo DIR PATH\n' "$1" "$1"
