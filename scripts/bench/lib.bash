# shellcheck shell=bash
# What the benchmark drivers share: where things are, one measurement, medians and ratios.

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$project/target}
installer=${INSTALLER:-$target/release/installer}
# With BENCH_SMALLEST set a driver runs once, with the smallest case and one pair, to see that it works: it says what it
# measured and judges nothing.
smallest=${BENCH_SMALLEST:-}
bench=${BENCH_DIR:-$target/bench${smallest:+/smallest}}

# either SMALLEST ORDINARY: the one that goes with the form of this run.
either() {
    if [[ -n $smallest ]]; then echo "$1"; else echo "$2"; fi
}
# A library and a program of a few lines.
# shellcheck disable=SC2034 # the drivers take it
small_case=$project/scripts/bench/small-case

die() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

# need PROGRAM PACKAGE: fails with what to install.
need() {
    command -v "$1" >/dev/null || die "$1 is missing: apt-get install $2"
}

prepare() {
    need hyperfine hyperfine
    need jq jq
    [[ -x $installer ]] || die "$installer is missing: cargo build --release --package xtask"
    mkdir -p "$bench"
}

# measure FILE COMMAND: runs the command once and appends "wall user+system" in seconds to FILE.
# A command that fails ends the benchmark, with its output in FILE.log.
measure() {
    local file=$1 command=$2 json
    json=$(mktemp)
    if ! hyperfine --runs 1 --style none --output "$file.log" --export-json "$json" "$command" >/dev/null; then
        tail -n 40 "$file.log" >&2
        die "failed: $command (log: $file.log)"
    fi
    jq -r '.results[0] | "\(.times[0]) \(.user + .system)"' "$json" >>"$file"
    rm -f "$json"
}

# median FILE COLUMN
median() {
    awk -v column="$2" '{ print $column }' "$1" | sort -g |
        awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# ratio A B: A divided by B.
ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a / b }'
}

# judge NAME VALUE at-most|at-least TARGET: one line with the verdict; `missed` remembers it for the exit status.
missed=0
# shellcheck disable=SC2034 # the drivers exit with it
judge() {
    local name=$1 value=$2 sense=$3 target=$4 verdict
    verdict=$(awk -v v="$value" -v t="$target" -v s="$sense" \
        'BEGIN { print (s == "at-most" ? v <= t : v >= t) ? "ok" : "MISSED" }')
    [[ -z $smallest ]] || verdict="not judged in the smallest form"
    [[ $verdict == ok || -n $smallest ]] || missed=1
    printf '%-44s %10s   target %s %s: %s\n' "$name" "$value" "${sense/-/ }" "$target" "$verdict"
}

# seconds VALUE: for tables.
seconds() {
    awk -v v="$1" 'BEGIN { if (v < 1) printf "%.1f ms", v * 1000; else printf "%.2f s", v }'
}

row() {
    printf '%-44s %12s %12s\n' "$@"
}

# directories BENCHMARK/RUN: the options that keep a run apart from everything else on the machine. A benchmark's runs
# have one directory for tools and Python environments: what compiles is the same for all.
directories() {
    local at=$bench/$1
    printf '%s ' --prefix "$at/prefix" --state-dir "$at/state" --cache-dir "$at/cache" --data-dir "$bench/${1%%/*}/data"
}

# case_at CASE: where a case of the project lies, so that what lies beside it is there before anything ran.
case_at() {
    local at=$project/cases/$1
    if [[ -d $at ]]; then echo "$at"; else echo "$1"; fi
}
