#!/usr/bin/env bash
# Checks the models with spin: `check.sh` within small bounds and with every rule taken out once,
# `check.sh deep` within larger bounds. What is expected of each run stands in its line below.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mode=${1:-small}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

at_once=${JOBS:-2}
memory=1400  # MB a run may take
[ "$mode" = deep ] && memory=8000
count=0

# check EXPECTED MODEL SWITCH... prints a line, in a directory of its own. EXPECTED: what the
# violated assertion names, or `holds` (every state was visited), or `sampled` (no violation; two
# states may share a bit).
check() {
  local expected=$1 model=$2 got=unclear states started=$SECONDS
  local build=(-O0 -DCOLLAPSE) bound=(-m10000) complete=holds
  shift 2
  case $expected in
    holds) build=(-O2 -DCOLLAPSE) ;;
    sampled) build=(-O2 -DBITSTATE) bound+=(-w32) complete=sampled ;;
  esac
  cp "$here/$model.pml" .
  spin -a "$@" "$model.pml" > spin.out 2>&1 || true
  if [ -f pan.c ] && "${CC:-cc}" "${build[@]}" -w -DSAFETY -DMEMLIM="$memory" -o pan pan.c; then
    ./pan "${bound[@]}" > pan.out 2>&1 || true
    if grep -q 'errors: 0$' pan.out && ! grep -qE 'not completed|too small' pan.out; then
      got=$complete
    elif grep -q 'assertion violated' pan.out; then
      got=$(sed -n 's/.*assertion violated //p' pan.out | grep -oE '[a-z_]+' | head -n 1)
    fi
    states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' pan.out)
  fi
  local verdict=ok
  if [ "$got" = "$expected" ]; then
    touch "$work/ok.${PWD##*/}"
  else
    verdict=FAILED
    cat spin.out pan.out >&2 2> /dev/null || true
  fi
  printf '%-6s %-11s %9s states %4d s  %s %s\n' \
    "$verdict" "$got" "${states:-?}" $((SECONDS - started)) "$model" "${*//-D/}"
}

# run EXPECTED MODEL SWITCH... checks beside the others, at most JOBS at once.
run() {
  while [ "$(jobs -rp | wc -l)" -ge "$at_once" ]; do wait -n || true; done
  count=$((count + 1))
  mkdir "$count"
  (
    cd "$count"
    check "$@"
    cd ..
    rm -rf "$OLDPWD"
  ) &
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

    run holds late
    run holds late -DFIXED
    run lost late -DFIXED -DFRESH_BYTES
    run repeated late -DFORGETS
    run repeated late -DOWN_IS_ANOTHERS
    run lost late -DGIVE_UP_REMOVES
    run lost late -DNO_ANSWER_IS_DONE
    run lost late -DREUSE_NAME
    run lost late -DEND_WITHOUT_ANSWER

    run holds entry
    run holds entry -DHOSTILE=1
    run holds entry -DLAST_LOST -DLOSSES=2
    run forked entry -DLOSSES=2 -DNO_HOLE_LOOK
    run gap entry -DLOSSES=2 -DOVER_THE_HOLE
    run gone entry -DNO_COMPLETION
    run aside entry -DTWIN_FIRST -DNO_COMPARE
    run aside entry -DHOSTILE=1 -DNO_COMPARE
    run aside entry -DHOSTILE=1 -DLOSSES=0 -DSECOND_FIRST
    run aside entry -DHOSTILE=1 -DLOSSES=0 -DSECOND_IS_ENOUGH
    run unnoticed entry -DLAST_LOST -DLOSSES=2 -DNO_MEMORY -DNO_COMPARE

    run holds walk
    run lost walk -DCHECK_ONCE
    run lost walk -DCHECK_AT_FIRST_TRY
    run lost walk -DABSOLUTE_UNCHECKED
    run lost walk -DADOPTED_UNCHECKED
    run lost walk -DCACHE_UNCHECKED
    run stuck walk -DWALK_BY_CACHE
    run lost walk -DNEWEST_ONLY

    run holds condemn
    run holds condemn -DREADERS=2
    run relied condemn -DINDEX_UNCHECKED
    run relied condemn -DCACHE_UNCHECKED
    run relied condemn -DSINCE_THE_LAST
    run unhealed condemn -DBAR
    run lost condemn -DCOLLECTORS=1 -DKEEP_COPIES -DOVER_CONDEMNED

    run holds reindex
    run holds reindex -DREPAIRERS=1 -DWRITERS=1
    run holds reindex -DREPAIRERS=1 -DREADERS=1
    run places reindex -DNO_CURRENT_CHECK
    run worse reindex -DLATER_WINS
    run lost reindex -DSEAL_ONCE
    run opened reindex -DKEEP_OVER_REINDEX
    run lost reindex -DEND_OVER_REINDEX
    run misjudged reindex -DREPAIRERS=1 -DREADERS=1 -DNO_READER_RETRY

    # What the rules do not give, and what would.
    run is_finished twin -DDISPOSED_FOR_EVER
    run undone commit -DPOWER=1 -DPACKS=2 -DEPOCHS=2 -DNO_FALSE_ALARM
    run holds commit -DPOWER=1 -DPACKS=2 -DEPOCHS=2 -DNO_FALSE_ALARM -DREPLAY_AFTER_BARRIER
    run lost condemn -DCOLLECTORS=1
    run holds condemn -DCOLLECTORS=1 -DKEEP_COPIES
    run aside entry -DLOST_UNDER_WAY
    run holds entry -DLOST_UNDER_WAY -DLOOK_BEFORE_PUT
    run holds entry -DLOST_UNDER_WAY -DCOMPARE_ALL
    run forked entry -DCLIENTS=2 -DRUNS=4 -DENTRIES=4 -DLOSSES=6 -DWARM
    run holds entry -DCLIENTS=2 -DRUNS=4 -DENTRIES=4 -DLOSSES=6
    ;;
  deep)
    run holds commit -DWRITERS=2
    run holds commit -DWRITERS=2 -DENTRIES=3
    run holds commit -DREADERS=1 -DENDERS=2 -DENTRIES=3
    run holds commit -DPOWER=1
    run holds commit -DPOWER=1 -DENTRIES=3 -DEPOCHS=2
    run sampled commit -DENDERS=2 -DENTRIES=3 -DEPOCHS=4 -DPACKS=4
    run holds commit -DWRITERS=2 -DENDERS=2 -DPACKS=2
    run holds commit -DWRITERS=2 -DREADERS=1 -DENTRIES=3 -DEPOCHS=2 -DPACKS=2
    run sampled commit -DWRITERS=2 -DENDERS=2
    run holds late -DCLIENTS=2 -DENTRIES=2 -DATTEMPTS=3
    run holds entry -DENTRIES=3 -DLOSSES=2
    run holds walk -DENTRIES=5
    run holds walk -DENTRIES=5 -DPACKS=4 -DRUNS=3
    run holds condemn -DWRITERS=2 -DENTRIES=3 -DRUNS=1
    run holds condemn -DREADERS=2 -DDAMAGES=2
    run holds condemn -DCOLLECTORS=1 -DKEEP_COPIES -DENTRIES=5
    run holds reindex -DWRITERS=1
    run holds reindex -DWRITERS=1 -DREADERS=1 -DSEGMENTS=4
    ;;
  *)
    echo "usage: check.sh [deep]" >&2
    exit 2
    ;;
esac

wait
failed=$((count - $(find . -name 'ok.*' | wc -l)))
echo "$count runs, $failed not as expected, $SECONDS s"
[ "$failed" -eq 0 ]
