# SPDX-License-Identifier: MIT
# What the front costs: instructions of an alloc(32)+dealloc pair over malloc+free, counted by
# callgrind, exact and repeatable. Both sides are called in the same way, by a PLT or without.
set -eu
. "$srcdir/tests/lib.sh"
[ -n "$VALGRIND" ] || skip "there is no valgrind to count with"
[ -n "$shared" ] || skip "no shared library was built"
not_sanitized "what is counted is not what is installed"
case " $CFLAGS " in
*" -O0 "*) skip "built with -O0" ;;
*" -O"*) ;;
*) skip "built without -O" ;;
esac

front_limit=16
stats_limit=40

# count SPEC PROGRAM WAY N: instructions of a run.
count() {
    # shellcheck disable=SC2086
    DISPATCHALLOC_BACKEND=$1 $LIBTOOL --mode=execute $VALGRIND --tool=callgrind \
        --callgrind-out-file=/dev/null "$builddir/bench/$2" "$3" "$4" >"$work/said" 2>&1 ||
        { cat "$work/said"; return 1; }
    sed -n 's/^==[0-9]*== Collected : \([0-9]*\)$/\1/p' "$work/said"
}

# pair SPEC PROGRAM WAY: instructions of one pair.
pair() {
    few=$(count "$1" "$2" "$3" 1000) || return 1
    many=$(count "$1" "$2" "$3" 11000) || return 1
    echo $(((many - few) / 10000))
}

count '' pair direct 1 >/dev/null || skip "callgrind does not run here: $(tail -n 1 "$work/said")"
echo "instructions of a pair of alloc(32) and dealloc"
echo
echo "caller        malloc+free    front   over    stats   over"
for program in pair pair_no_plt; do
    direct=$(pair '' $program direct)
    front=$(pair '' $program front)
    stats=$(pair stats:print=off $program front)
    case $program in
    pair) caller="by a PLT" ;;
    *) caller="-fno-plt" ;;
    esac
    printf '%-12s %12d %8d %+6d %8d %+6d\n' "$caller" "$direct" "$front" $((front - direct)) \
        "$stats" $((stats - front))
    [ "$direct" -ge 10 ] || fail "$caller: $direct instructions cannot be"
    [ $((front - direct)) -le $front_limit ] ||
        fail "$caller: the front costs more than $front_limit instructions a pair"
    [ "$stats" -gt "$front" ] || fail "$caller: stats does not count"
    [ $((stats - front)) -le $stats_limit ] ||
        fail "$caller: stats costs more than $stats_limit instructions a pair"
done
finish
