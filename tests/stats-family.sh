# SPDX-License-Identifier: MIT
# stats under the malloc family of an unmodified program: no block has a header for it, what is
# resized where it is goes on to be, and the counts come out even.
set -eu
. "$srcdir/tests/lib.sh"
not_sanitized "it has a malloc of its own"
DISPATCHALLOC_INTERPOSER=$builddir/.libs/libdispatchalloc-preload.so
export DISPATCHALLOC_INTERPOSER
[ -e "$DISPATCHALLOC_INTERPOSER" ] || skip "the interposer was not built"
tool=$builddir/tools/dispatchalloc
# shellcheck disable=SC2086
$CC $CFLAGS -fno-builtin "$srcdir/tests/stats_family.c" -o "$work/program" -lpthread

# under SPEC ARGUMENT...: what the program prints.
under() {
    spec=$1
    shift
    "$tool" run -b "$spec" -- "$work/program" "$@"
}
# report FILE KEY: a number of a report.
report() { awk -v key="$2" '$0 ~ "^ *" key " " { print $3 }' "$1"; }

. "$srcdir/tests/modules/find.sh"
for backend in system $modules; do
    alone=$(under "$backend" 7)
    expect "blocks under stats+$backend" "$alone" "$(under "stats:print=off+$backend" 7)"
    # A second one has the header that it needs, and works.
    under "stats:print=off+stats:print=off+$backend" 7 >/dev/null || fail "stats+stats+$backend"

    under "stats:file=$work/none+$backend" 0 >/dev/null
    under "stats:file=$work/seven+$backend" 7 >/dev/null
    blocks=$(($(report "$work/seven" 'live blocks') - $(report "$work/none" 'live blocks')))
    bytes=$(($(report "$work/seven" 'live bytes') - $(report "$work/none" 'live bytes')))
    expect "blocks left, $backend" 7 "$blocks"
    expect "bytes left, $backend: what may be used of them" "${alone##* }" "$bytes"
    case $backend in
    system) [ "$(report "$work/seven" 'calls realloc')" -ge 2 ] 2>/dev/null ||
        grep -q 'calls *realloc *[2-9]' "$work/seven" || fail "realloc was not counted" ;;
    esac
    rm -f "$work/none" "$work/seven"
done

# What does not tell the sizes of its blocks serves with headers, as before.
under stats:print=off+arena:limit=512M 7 >/dev/null || fail "stats+arena"

# A block that is given back twice reaches the C library, which names it.
status=0
under stats+system 0 double >"$work/out" 2>&1 || status=$?
[ $status = 134 ] || fail "a double free ends with $status, not 134 (SIGABRT)"
grep -q 'double free' "$work/out" || fail "a double free is not named: $(cat "$work/out")"
finish
