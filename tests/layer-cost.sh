# SPDX-License-Identifier: MIT
# What a layer costs, in instructions: nothing for what it leaves alone, however many there are;
# and for what it only watches, its own work and at most three instructions a call, four as clang
# makes it, which loads the next function before it jumps. The layers are those of
# bench/peers/layers.h.
set -eu
. "$srcdir/tests/lib.sh"
[ -n "$VALGRIND" ] || skip "there is no valgrind to count with"
[ -n "$shared" ] || skip "no shared library was built"
not_sanitized "what is counted is not what is installed"
[ "$(uname -m)" = x86_64 ] || skip "instructions are counted for x86-64"
case " $CFLAGS " in
*" -O2 "* | *" -O3 "*) ;;
*) skip "built without optimisation" ;;
esac
echo '#include <valgrind/callgrind.h>' | $CC -E - >/dev/null 2>&1 ||
    skip "there is no header of valgrind's to count with"

# shellcheck disable=SC2086
$CC -O2 -DBENCH_CALLGRIND -Wl,-z,now $include "$srcdir/bench/peers/instance.c" \
    "$srcdir/bench/harness/main.c" "$srcdir/bench/harness/works.c" \
    "$srcdir/bench/harness/process.c" -o "$work/instance" $shared -lpthread

limit=3
! $CC --version | grep -q clang || limit=4
operations=1000
# count LAYER NUMBER: a line a work, with the instructions of all its operations.
count() {
    spec=system
    for _ in $(seq "$2"); do spec=$1+$spec; done
    BENCH_SPEC=$spec $VALGRIND --tool=callgrind --collect-atstart=no \
        --callgrind-out-file="$work/dump" "$work/instance" count constant 32 0 $operations \
        pair 64 8 $operations batch 64 0 $operations grow 4096 0 100 zeroed 64 0 $operations \
        >"$work/said" 2>&1 || { cat "$work/said"; return 1; }
    awk -f "$srcdir/bench/report/dumps.awk" "$work"/dump.[0-9]* | sort
    rm -f "$work"/dump*
}

count none 0 >"$work/none" || skip "callgrind does not run here: $(tail -n 1 "$work/none")"
[ "$(wc -l <"$work/none")" -eq 5 ] || fail "works were not counted: $(cat "$work/none")"

# ---- What is left alone ------------------------------------------------------------------------
for layers in 'pass 1' 'pass 15' 'size 1' 'size 15'; do
    # shellcheck disable=SC2086 # words
    expect "$layers, over no layer at all" "$(cat "$work/none")" "$(count $layers)"
done

# ---- What is watched: one instruction of its own a call ------------------------------------------
pair() { awk -v each=$operations '/^constant:/ { print $2 / each }' "$@"; }
none=$(pair "$work/none")
for number in 1 2 4 8 15; do
    count watch "$number" >"$work/watch"
    over=$(pair "$work/watch" | awk -v none="$none" '{ printf "%.0f", $1 - none }')
    echo "watch, $number times: $over instructions a pair, of which $((2 * number)) are its work"
    [ "$over" -ge $((2 * number)) ] || fail "the layer was not there"
    [ "$over" -le $((2 * number * (1 + limit))) ] || fail "more than $limit instructions a call"
done
finish
