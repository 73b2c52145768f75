#!/usr/bin/env bash
# Checks the models with spin: `check.sh` within small bounds and with every rule taken out once,
# `check.sh deep` within larger bounds. What is expected of each run stands in its line below.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mode=${1:-small}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

count=0
failed=0

# run EXPECTED MODEL SWITCH... prints a line. EXPECTED: what the violated assertion names, or
# `holds` (every state was visited), or `sampled` (no violation; two states may share a bit).
run() {
  local expected=$1 model=$2 got=unclear states started=$SECONDS
  local build=(-O0 -DCOLLAPSE) bound=(-m10000) complete=holds
  shift 2
  case $expected in
    holds) build=(-O2 -DCOLLAPSE) ;;
    sampled) build=(-O2 -DBITSTATE) bound+=(-w32) complete=sampled ;;
  esac
  rm -f ./*
  cp "$here/$model.pml" .
  spin -a "$@" "$model.pml" > spin.out 2>&1 || true
  if [ -f pan.c ] && "${CC:-cc}" "${build[@]}" -w -DSAFETY -DMEMLIM=1400 -o pan pan.c; then
    ./pan "${bound[@]}" > pan.out 2>&1 || true
    if grep -q 'errors: 0$' pan.out && ! grep -qE 'not completed|too small' pan.out; then
      got=$complete
    elif grep -q 'assertion violated' pan.out; then
      got=$(sed -n 's/.*assertion violated //p' pan.out | grep -oE '[a-z_]+' | head -n 1)
    fi
    states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' pan.out)
  fi
  count=$((count + 1))
  local verdict=ok
  if [ "$got" != "$expected" ]; then
    verdict=FAILED
    failed=$((failed + 1))
    cat spin.out pan.out >&2 2> /dev/null || true
  fi
  printf '%-6s %-11s %9s states %4d s  %s %s\n' \
    "$verdict" "$got" "${states:-?}" $((SECONDS - started)) "$model" "${*//-D/}"
}

case $mode in
  small)
    run holds commit -DWRITERS=2 -DENTRIES=3 -DEPOCHS=2
    run holds commit -DENDERS=2 -DENTRIES=4
    run holds commit -DREADERS=1 -DENTRIES=3 -DPACKS=2
    run holds commit -DPOWER=1 -DPACKS=2
    run holds twin

    run holds commit -DENDERS=2 -DLATE -DDISPOSED_FOR_EVER
    run opened commit -DENDERS=2 -DLATE -DDISPOSED_FOR_EVER -DNO_ANCHOR
    run opened commit -DENDERS=2 -DDISPOSED_FOR_EVER -DANCHOR_LAST
    run opened commit -DENDERS=2 -DLATE -DDISPOSED_FOR_EVER -DANCHOR_AGAIN

    run lost commit -DENTRIES=3 -DNO_REPLAN
    run lost commit -DENTRIES=3 -DCONDEMNED_IS_ENOUGH
    run opened commit -DENTRIES=3 -DKEEP_OVER_ALL
    run lost commit -DABANDON_REMOVES
    run lost commit -DCLEAN_GREATER
    run opened commit -DENTRIES=3 -DCLEAN_COMMITTED_ONLY
    run lost commit -DREMOVE_UNNAMED
    run lost commit -DWRITERS=2 -DEPOCHS=2 -DADOPT_UNNAMED
    run repeated commit -DNO_READ_BACK
    run lost commit -DNO_REFERENCE_CHECK
    run opened commit -DENTRIES=3 -DNO_OWN_CHECK
    run lost commit -DNO_RESEAL
    run misjudged commit -DREADERS=1 -DNO_READER_RETRY
    run lost commit -DPOWER=1 -DEPOCHS=1 -DENTRY_BEFORE_BARRIER
    run lost commit -DPOWER=1 -DEND_BEFORE_BARRIER
    run undone commit -DPOWER=1 -DREPORT_BEFORE_BARRIER
    run lost commit -DPOWER=1 -DCLEAN_BEFORE_BARRIER
    run copy twin -DLIST_ONCE
    run copy twin -DNO_SECOND_LOOK

    # What the rules do not give, and what would.
    run is_finished twin -DDISPOSED_FOR_EVER
    run undone commit -DPOWER=1 -DPACKS=2 -DEPOCHS=2 -DNO_FALSE_ALARM
    run holds commit -DPOWER=1 -DPACKS=2 -DEPOCHS=2 -DNO_FALSE_ALARM -DREPLAY_AFTER_BARRIER
    ;;
  deep)
    run holds commit -DWRITERS=2
    run holds commit -DWRITERS=2 -DENTRIES=3
    run holds commit -DREADERS=1 -DENDERS=2 -DENTRIES=3
    run holds commit -DPOWER=1
    run holds commit -DPOWER=1 -DENTRIES=3 -DEPOCHS=2
    run holds commit -DENDERS=2 -DENTRIES=3 -DEPOCHS=4 -DPACKS=4
    run holds commit -DWRITERS=2 -DENDERS=2 -DPACKS=2
    run holds commit -DWRITERS=2 -DREADERS=1 -DENTRIES=3 -DEPOCHS=2 -DPACKS=2
    run sampled commit -DWRITERS=2 -DENDERS=2
    ;;
  *)
    echo "usage: check.sh [deep]" >&2
    exit 2
    ;;
esac

echo "$count runs, $failed not as expected, $SECONDS s"
[ "$failed" -eq 0 ]
