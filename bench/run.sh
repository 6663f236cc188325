# SPDX-License-Identifier: MIT
# `make bench`: this library side by side with its peers on this machine.
#
#     BENCH=NAME       one case or one group of cases of bench/cases, such as pair; all
#                      otherwise
#     BENCH_ROUNDS=N   rounds of the measurements in time, 5 otherwise
#     BENCH_PEERS=...  the peers to measure, separated by spaces, besides the first of each
#                      case, which the others are held against; all otherwise
#     BENCH_QUICK=yes  hardly any operations, and one case of each work: does it run?
#     BENCH_RESULTS=DIRECTORY   where the reports go, bench/results in the build directory
#
# Every round runs every case, and within it every peer, each in a process of its own; so
# what else the machine does falls on neighbours alike. Every other round goes through the
# peers backwards. Instructions are counted by callgrind apart from that, once for each peer.
# Leaves table.txt, results.json, doc/performance.md with new tables, and with gnuplot chart.png
# and chart.svg in bench/results.
set -eu
. "$srcdir/tests/lib.sh"
not_sanitized "what is measured is not what is installed"
out=$builddir/bench/programs
results=${BENCH_RESULTS:-$builddir/bench/results}
report=$srcdir/bench/report
rounds=${BENCH_ROUNDS:-5}
mkdir -p "$results"

say() { echo "bench: $*" >&2; }

say "building"
. "$srcdir/bench/build.sh"
while read -r name package; do
    say "$name is left out: it is not here (Debian's package: $package)"
done <"$out/absent"

# ---- What is to be measured ------------------------------------------------------------------
# "CASE PEER COUNTED PROGRAM WORK SIZE EXTRA COUNT [VARIABLE=VALUE]..." in their order.
awk -v only="${BENCH-}" -v some="${BENCH_PEERS-}" -v quick="${BENCH_QUICK-}" '
    BEGIN { some_count = split(some, list); for (i in list) wanted[list[i]] }
    /^#/ || NF == 0 { next }
    FILENAME == ARGV[1] {
        name[++peers] = $1; class[peers] = $2; program[peers] = $4
        $1 = $2 = $3 = $4 = ""; sub(/^ */, ""); variables[peers] = $0
        next
    }
    quick != "" {
        if (seen[$4, $3 ~ /any/ ? "any" : $3]++) next
        $7 = $7 < 100 ? $7 : 100
        $8 = "-"
    }
    only == "" || only == $1 || only == $2 {
        first = 1
        for (i = 1; i <= peers; i++) {
            if (index("," $3 ",", "," class[i] ",") == 0) continue
            if (first || !some_count || name[i] in wanted)
                print $1, name[i], $8, program[i], $4, $5, $6, $7, variables[i]
            first = 0
        }
    }' "$out/peers" "$srcdir/bench/cases" >"$work/plan"
[ -s "$work/plan" ] || { say "there is no case or group called ${BENCH-}"; exit 1; }
sed '1!G;h;$!d' "$work/plan" >"$work/plan-backwards"

# ---- Times ---------------------------------------------------------------------------------------
measure() { # ROUND, the plan on standard input
    while read -r name peer _ program work_name size extra count variables; do
        # shellcheck disable=SC2086 # words
        if got=$(env $variables "$out/$program" "$work_name" "$size" "$extra" "$count"); then
            echo "ns $1 $name $peer $got"
        elif [ $? -ne 3 ]; then # 3: not applicable
            say "$peer failed in $name"
            return 1
        fi
    done
}
: >"$work/raw"
round=1
while [ "$round" -le "$rounds" ]; do
    say "round $round of $rounds"
    case $((round % 2)) in
    1) measure "$round" <"$work/plan" ;;
    *) measure "$round" <"$work/plan-backwards" ;;
    esac >>"$work/raw"
    round=$((round + 1))
done

# ---- Instructions -------------------------------------------------------------------------------
# callgrind PROGRAM ARGUMENT...: with $options and $variables; the words of it in $said.
callgrind() {
    # shellcheck disable=SC2086 # words
    env $variables "$VALGRIND" --tool=callgrind $options "$@" >"$said" 2>&1 ||
        { say "$peer failed under callgrind"; cat "$said" >&2; return 1; }
}
# counted PEER: all its works in one run, each with its dumps; a program that is started as a
# whole in one of its own.
counted() {
    peer=$1 said=$work/$1.said dump=$work/$1.dump
    variables=$(awk -v peer="$peer" '$2 == peer { print; exit }' "$work/plan" | cut -d ' ' -f 9-)
    program=$out/$(awk -v peer="$peer" '$2 == peer { print $4; exit }' "$work/plan")
    # shellcheck disable=SC2046 # words
    set -- $(awk -v peer="$peer" '$2 == peer && $3 ~ /^[0-9]+$/ { print $5, $6, $7, $3 }' "$work/plan")
    if [ $# -gt 0 ]; then
        options="--collect-atstart=no --callgrind-out-file=$dump"
        callgrind "$program" count "$@" || return 1
        awk -f "$report/dumps.awk" "$dump".* | awk -v peer="$peer" '
            FILENAME == "-" { count[$1] = $2; next }
            $2 == peer && ($5 ":" $6 ":" $7) in count { print "ir", $1, peer, count[$5 ":" $6 ":" $7] / $3 }
            ' - "$work/plan" >"$work/$peer.counts"
        rm -f "$dump"*
    fi
    case $(awk -v peer="$peer" '$2 == peer && $3 == "whole" { print $1 }' "$work/plan") in
    '') ;;
    *)
        options=--callgrind-out-file=/dev/null
        callgrind "$(echo "$variables" | sed -n 's/.*BENCH_PROGRAM=\([^ ]*\).*/\1/p')" || return 1
        sed -n "s/^==[0-9]*== Collected : \([0-9]*\)\$/ir start $peer \1/p" "$said" \
            >>"$work/$peer.counts" ;;
    esac
}
if awk '$3 != "-" { exit 1 }' "$work/plan"; then
    : # nothing to count
elif [ -z "$VALGRIND" ] || [ -z "$callgrind_flag" ]; then
    say "no instructions are counted: there is no valgrind (Debian's package: valgrind)"
else
    say "counting instructions"
    jobs=0
    for peer in $(awk '!seen[$2]++ { print $2 }' "$work/plan"); do
        counted "$peer" &
        jobs=$((jobs + 1))
        [ $((jobs % 2)) -ne 0 ] || wait
    done
    wait
    cat "$work"/*.counts >>"$work/raw" 2>/dev/null || :
fi

# ---- Reports --------------------------------------------------------------------------------------
LC_ALL=C
export LC_ALL
cp "$work/raw" "$results/raw.txt"
awk -f "$report/summary.awk" "$out/peers" "$work/raw" >"$results/summary.txt"
machine=$(awk -F ': *' '/^model name/ { name = $2 } /^processor/ { count++ }
    END { print name ", " count " processors" }' /proc/cpuinfo 2>/dev/null || uname -m)
libc=$(ldd --version 2>/dev/null | head -n 1 || :)
awk -f "$report/json.awk" -v version="$VERSION" -v machine="$machine" -v libc="$libc" \
    -v compiler="$($CC --version | head -n 1)" -v rounds="$rounds" \
    "$srcdir/bench/cases" "$out/absent" "$results/summary.txt" >"$results/results.json"
{
    echo "$machine; $($CC --version | head -n 1); ${libc:-unknown C library}; $rounds rounds"
    awk -f "$report/table.awk" "$srcdir/bench/cases" "$results/summary.txt"
} | tee "$results/table.txt"
awk -f "$report/page.awk" "$results/summary.txt" "$srcdir/doc/performance.md" \
    >"$results/performance.md"
. "$report/chart.sh"
say "in $results: table.txt, results.json, performance.md${charts:+, $charts}"
