#!/usr/bin/env bash
# bench/run.sh [DATA [RUNS]]: the stages; then, if DATA is a directory, Kist beside restic and borg
# (as far as they are installed) on it, interleaved, RUNS times (default 3): medians.
# What is measured: wall and CPU seconds and peak memory of the whole process, bytes in the repository.
set -euo pipefail
cd "$(dirname "$0")/.."
build/bench/bench/stages --benchmark_min_time=0.5
[ -n "${1:-}" ] || exit 0
exec bench/peers/compare.py "$PWD/build/bench/cli/kist" "$1" "${2:-3}"
