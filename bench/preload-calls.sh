# SPDX-License-Identifier: MIT
# What the interposer costs: instructions of a call of the malloc family of an unmodified program
# over those of the same build of the allocator preloaded by itself.
set -eu
. "$srcdir/tests/lib.sh"
. "$srcdir/tests/modules/lib.sh"
. "$srcdir/bench/budget.sh"
interposer=$builddir/.libs/libdispatchalloc-preload.so
[ -e "$interposer" ] || skip "the interposer was not built"

# shellcheck disable=SC2086
$CC $CFLAGS -fno-builtin "$srcdir/bench/preload_calls.c" -o "$work/calls"
try "$work/calls" malloc
# What valgrind cannot read of this compiler is no fault of the interposer's; all else is.
LD_PRELOAD=$interposer count "$work/calls" malloc 1 >/dev/null ||
    { ! grep -q debuginfo "$work/said" || skip "valgrind cannot read what this compiler writes"; }
hold_to_libc

. "$srcdir/bench/direct.sh"

# calls PRELOAD WHICH: instructions of one.
calls() { LD_PRELOAD=$1 slope "$work/calls" "$2"; }

# system is held against nothing preloaded.
hold_heading "over the same, preloaded"
for module in system stats limit fail guard profile $modules; do
    case $module in
    system | stats | limit | fail | guard | profile) library= ;;
    jemalloc | mimalloc | tcmalloc) library=$(direct "$module") ;;
    *) continue ;;
    esac
    DISPATCHALLOC_MALLOC=$module DISPATCHALLOC_VERBOSE=1
    case $module in
    stats) DISPATCHALLOC_MALLOC=stats:print=off+system ;;
    limit) DISPATCHALLOC_MALLOC=limit:bytes=1G+system ;;
    fail) DISPATCHALLOC_MALLOC=fail+system ;;
    guard) DISPATCHALLOC_MALLOC=guard:every=16777216+system ;;
    profile) DISPATCHALLOC_MALLOC=profile:every=1024G+system ;;
    esac
    export DISPATCHALLOC_MALLOC DISPATCHALLOC_VERBOSE
    ours=$interposer
    [ -z "$library" ] || ours=$ours:$(loaded "$module")
    budgeted=$(budgeted "$module")
    for which in malloc calloc pair realloc usable; do
        over=$(($(calls "$ours" $which) - $(calls "$library" $which)))
        grep -q "^dispatchalloc: $module .* serves" "$work/said" && fail "$library is not what serves"
        case $which in
        malloc) over_malloc=$over; hold "preload.$budgeted.malloc" "$over" ;;
        pair) hold "preload.$budgeted.free" $((over - over_malloc)) ;;
        *) hold "preload.$budgeted.$which" "$over" ;;
        esac
    done
    calls "$ours" pair >/dev/null
    grep -q "^dispatchalloc: $module.* serves" "$work/said" || fail "$module does not serve: $(cat "$work/said")"
    unset DISPATCHALLOC_MALLOC DISPATCHALLOC_VERBOSE
done
finish
