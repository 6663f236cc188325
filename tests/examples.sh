# SPDX-License-Identifier: MIT
# The example programs print what they promise, under every backend, on real text and on
# bad input. The words of the text are counted a second time by sort and uniq.
set -eu
. "$srcdir/tests/lib.sh"
programs=$builddir/examples
text=$srcdir/examples/constitution.txt

# prints WHAT STATUS TEXT COMMAND...: its status, and all that it prints (both streams).
prints() {
    what=$1 wanted="$2: $3" got=0
    shift 3
    printed=$("$@" 2>&1 </dev/null) || got=$?
    expect "$what" "$wanted" "$got: $printed"
}

backend() { spec=$1; shift; DISPATCHALLOC_BACKEND=$spec "$@"; }

# ---- the two programs of Rust's documentation ----
prints first 0 42 "$programs/first"
prints 'first, arena' 0 42 backend arena "$programs/first"
prints simple_allocator 0 'allocated so far: 20' "$programs/simple_allocator"
prints 'simple_allocator, overridden' 0 'allocated so far: 0' \
    backend system "$programs/simple_allocator"

# ---- a test with each allocation failing ----
prints fail_each 0 'careful: nothing is wrong
forgetful: with allocation 2 of 4 failing, blocks were not given back: 1, of 6 bytes' \
    env "ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0" "$programs/fail_each"

# ---- the custom allocator, in all three ways ----
[ "$(wc -l <"$srcdir/examples/pool.c")" -lt 60 ] || fail "pool.c is no longer under 60 lines"
prints 'at start-up' 0 'pool served "chosen at start-up"' "$programs/pool_startup"
prints 'at start-up, overridden' 0 'arena served "chosen at start-up"' \
    backend arena "$programs/pool_startup"
prints 'registered only' 0 'system served "chosen by name"' "$programs/pool_named"
prints 'by name' 0 'pool served "chosen by name"' backend pool "$programs/pool_named"

# ---- wordfreq: the answer ----
LC_ALL=C tr 'A-Z' 'a-z' <"$text" | LC_ALL=C tr -cs 'a-z\200-\377' '\n' | grep . >"$work/words"
LC_ALL=C sort "$work/words" | uniq -c | LC_ALL=C sort -k1,1nr -k2 |
    awk '{ printf "%8d %s\n", 3 * $1, $2 }' >"$work/expected"
echo "$(wc -l <"$work/words") $(wc -l <"$work/expected")" |
    awk '{ printf "%8d words, %d different\n", 3 * $1, $2 }' >>"$work/expected"

# counted NAME PROGRAM: the answer is right, and NAME served.
counted() {
    "$programs/$2" -n 100000 -r 3 "$text" >"$work/answer" 2>"$work/report" ||
        fail "$2 under $1: $(cat "$work/report")"
    cmp "$work/expected" "$work/answer" || fail "$2 under $1: another answer"
    sed 's/[0-9][0-9]* calls for [0-9][0-9]* bytes$/N calls for N bytes/' "$work/report" |
        grep -Fxq "$1 served N calls for N bytes" ||
        fail "$2: '$(cat "$work/report")' does not say that $1 served"
}
counted system wordfreq
counted pool wordfreq_pool
for spec in system arena arena:chunk=64K fixed-arena:capacity=64M stats:print=off+system \
            stats:print=off+arena stats:print=off+fixed-arena:capacity=64M; do
    name=$(echo "$spec" | sed 's/:[^+]*//g')
    DISPATCHALLOC_BACKEND=$spec
    export DISPATCHALLOC_BACKEND
    counted "$name" wordfreq
    counted "$name" wordfreq_pool
    unset DISPATCHALLOC_BACKEND
done
# The layer alone watches what the program itself chose.
DISPATCHALLOC_BACKEND=stats:print=off
export DISPATCHALLOC_BACKEND
counted stats+pool wordfreq_pool
unset DISPATCHALLOC_BACKEND

# What it counts is what the layer counts: no call is lost or made twice, nothing is left.
DISPATCHALLOC_BACKEND=stats:file=$work/stats "$programs/wordfreq" "$text" \
    >/dev/null 2>"$work/report"
asked=$(sed -n 's/^.* served \([0-9]*\) calls .*/\1/p' "$work/report")
awk -v asked="$asked" '
    $1 == "live" && $3 != 0 { print "left: " $0; bad = 1 }
    $1 == "calls" { calls[$2] = $3; failed += $4 }
    END {
        got = calls["alloc"] + calls["alloc_zeroed"] + calls["realloc"]
        if (got != asked || got == 0) { print "wordfreq made " asked " calls, stats saw " got; bad = 1 }
        if (calls["dealloc"] == 0 || failed) bad = 1
        exit bad
    }' "$work/stats" || fail "stats: $(cat "$work/stats")"

# ---- wordfreq: bad input ----
wordfreq=$programs/wordfreq
none="       0 words, 0 different"
served="system served 2 calls for $((64 * $(pointer_bytes "$CC"))) bytes"
prints 'no file' 2 'usage: wordfreq [-n TOP] [-r REPEAT] FILE...' "$wordfreq"
prints 'bad number' 2 'wordfreq: -1: not a number of words to print' "$wordfreq" -n -1 "$text"
# One stream at a time: their order is not part of the promise.
silently() { "$@" >/dev/null; }
prints 'missing file' 1 "wordfreq: $work/absent: No such file or directory
$served" silently "$wordfreq" -r 5 "$work/absent"
"$wordfreq" "$work" >"$work/answer" 2>"$work/report" && fail "a directory is not refused"
grep -Fxq "wordfreq: $work: Is a directory" "$work/report" || fail "directory: $(cat "$work/report")"
[ "$(cat "$work/answer")" = "$none" ] || fail "directory: $(cat "$work/answer")"
# What can be read is counted all the same, but the status tells.
"$wordfreq" "$work/absent" "$text" >"$work/answer" 2>&1 && fail "half a result looks like a whole one"
grep -q ' 722 the' "$work/answer" || fail "a bad file hides the good one"
: >"$work/empty"
prints 'empty file' 0 "$none" sh -c '"$1" "$2" 2>/dev/null' sh "$wordfreq" "$work/empty"
# A binary file, a word of 3 MB, and no newline at the end.
{ printf 'Word\0word\377\001'; head -c 3000000 /dev/zero | tr '\0' Q; } >"$work/odd"
prints 'binary' 0 '3 words, 3 different' \
    sh -c '"$1" "$2" 2>/dev/null | tail -n 1 | sed "s/^ *//"' sh "$wordfreq" "$work/odd"
[ "$("$wordfreq" - <"$text" 2>/dev/null)" = "$("$wordfreq" "$text" 2>/dev/null)" ] ||
    fail "standard input is counted otherwise"
got=0
printed=$(DISPATCHALLOC_BACKEND=fixed-arena:capacity=100K "$wordfreq" "$text" 2>&1 >/dev/null) || got=$?
[ $got -eq 1 ] || fail "exhausted: exit status $got"
case $printed in
'wordfreq: out of memory: "fixed-arena" has no '*) ;;
*) fail "exhausted: $printed" ;;
esac
if [ -c /dev/full ]; then
    got=0
    "$wordfreq" "$text" >/dev/full 2>"$work/report" || got=$?
    [ $got -eq 1 ] || fail "full disk: exit status $got"
    grep -q 'cannot write the result' "$work/report" || fail "full disk: $(cat "$work/report")"
fi

# ---- everything is given back ----
# A sanitizer looks for leaks itself, and does not mix with valgrind, which may not know this kind of
# program either.
if [ -n "$sanitized" ] || [ -z "$VALGRIND" ] ||
    ! $LIBTOOL --mode=execute "$VALGRIND" -q "$programs/first" >/dev/null 2>&1; then
    echo "not run under valgrind"
    finish
fi
for program in first wordfreq; do
    $LIBTOOL --mode=execute "$VALGRIND" -q --error-exitcode=9 --leak-check=full \
        --show-leak-kinds=all --errors-for-leak-kinds=all "$programs/$program" "$text" \
        >/dev/null 2>"$work/report" && continue
    # Of clang, by a valgrind before 3.20.
    ! grep -q 'Possibly corrupted debuginfo file' "$work/report" ||
        { echo "valgrind cannot read the debug information of $CC"; continue; }
    fail "$program under valgrind: $(cat "$work/report")"
done
finish
