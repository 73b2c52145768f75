#!/bin/bash
# check.sh [NAME...]: takes each rule out of the engine, in a copy, and expects a test to turn red.
# check.sh --apply: only that each patch still applies.
#
# A patch NAME.patch begins with the rule that it takes out, and the test program that must fail:
#   Rule: a committer checks that no copy it references was ended
#   Red: simulation [seeds]
# What follows the program is which of its cases. KIST_SEEDS is "1 2000", unless it is given.
# KIST_PLANTED is the directory of the copy, which is
# kept for the next time; without it, one is made and removed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

if [ "${1:-}" = --apply ]; then
  failed=0
  for patch in "$here"/*.patch; do
    if ! (cd "$root" && patch --dry-run -s -f -p1 < "$patch" > /dev/null); then
      echo "$patch does not apply"
      failed=1
    fi
  done
  exit $failed
fi

if [ -n "${KIST_PLANTED:-}" ]; then
  copy=$KIST_PLANTED
  mkdir -p "$copy" || exit 1
else
  copy=$(mktemp -d) || exit 1
  trap 'rm -rf "$copy"' EXIT
fi
names=("$@")
if [ $# -eq 0 ]; then
  for patch in "$here"/*.patch; do names+=("$(basename "$patch" .patch)"); done
fi

# Copies what has changed, so that what has not is not built again.
restore() {
  mkdir -p "$copy/source" || exit 1
  (cd "$root" && git ls-files -z --cached --others --exclude-standard) \
    | (cd "$root" && rsync -rlp --delete --checksum --from0 --files-from=- ./ "$copy/source/")
}

build() { # program
  [ -f "$copy/build/build.ninja" ] || cmake -S "$copy/source" -B "$copy/build" -G Ninja \
    -DCMAKE_BUILD_TYPE=Debug -DKIST_DEVELOPER_MODE=ON -DCMAKE_UNITY_BUILD=ON \
    "-DCMAKE_CXX_FLAGS_DEBUG=-O1 -D_GLIBCXX_ASSERTIONS" >"$copy/log" 2>&1 || return 1
  cmake --build "$copy/build" --target "$1" >"$copy/log" 2>&1
}

missed=0
for name in "${names[@]}"; do
  patch=$here/$name.patch
  read -r _ program cases < <(grep '^Red: ' "$patch")
  restore
  if ! patch -s -p1 -d "$copy/source" <"$patch"; then
    echo "$name: DOES NOT APPLY"
    missed=1
  elif ! build "${program}_test"; then
    echo "$name: DOES NOT BUILD ($copy/log)"
    missed=1
  elif KIST_STOP=1 KIST_SEEDS="${KIST_SEEDS:-1 2000}" timeout 1800 \
      "$copy/build/tests/${program}_test" ${cases:+"$cases"} >"$copy/log" 2>&1; then
    echo "$name: NOT FOUND by $program"
    missed=1
  else
    echo "$name: found: $(grep -m1 -oE 'seed [0-9]+: .*' "$copy/log" || echo "by $program")"
  fi
done
exit $missed
