# SPDX-License-Identifier: MIT
# stats under the malloc family of an unmodified program: no block has a header for it, what is
# resized where it is goes on to be, and the counts come out even.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool
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
    expect "blocks that are followed, $backend" "$alone" "$(under "stats:print=off,lifetimes=on+$backend" 7)"
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

# Of some thousand blocks that live for no time some are followed to their end.
under "stats:file=$work/lives,lifetimes=on+system" 0 >/dev/null
grep -q '^ *lifetimes [0-9]* to [0-9]* ns *[1-9]' "$work/lives" || fail "no lifetimes: $(cat "$work/lives")"

# However often a stack is made before one serves, that one counts, and no block has a header.
cat >"$work/chooses.c" <<'END'
#include <dispatchalloc.h>
#include <stdio.h>

/* chooses SPEC...: sets one after the other. */
int main(int argc, char **argv)
{
    struct dal_stats stats = DAL_STATS_INIT;
    void *block, *plain = dal_instance_unsized_malloc(dal_system(), 100);
    size_t plainly = dal_instance_unsized_usable_size(dal_system(), plain);

    for (int i = 1; i < argc; i++) {
        if (dal_global_set_spec(argv[i]) != 0)
            return 1;
    }
    block = dal_unsized_malloc(100);
    if (dal_stats_read(NULL, &stats) != 0)
        return 2;
    printf("%s header, %d block, %d bytes more\n",
           dal_unsized_usable_size(block) == plainly ? "no" : "a", (int)stats.live_blocks,
           (int)(stats.live_bytes - dal_unsized_usable_size(block)));
    dal_instance_unsized_free(dal_system(), plain);
    return 0;
}
END
# shellcheck disable=SC2086
if [ -n "$shared" ]; then
    $CC $CFLAGS $include "$work/chooses.c" -o "$work/chooses" $shared
    chooses() { # ENVIRONMENT SPEC...
        wanted="no header, 1 block, 0 bytes more" environment=$1
        shift
        expect "of '$environment' and $*" "$wanted" \
            "$(DISPATCHALLOC_BACKEND=$environment "$work/chooses" "$@")"
    }
    chooses stats:print=off
    chooses stats:print=off system
    chooses stats:print=off system system
    chooses '' stats:print=off+system
    chooses '' stats:print=off+system stats:print=off+system
    chooses stats:print=off+system stats:print=off+arena:limit=64M
fi

# What does not tell the sizes of its blocks serves with headers, as before.
under stats:print=off+arena:limit=512M 7 >/dev/null || fail "stats+arena"

# A block that is given back twice reaches the C library, which names it.
is_glibc || finish # musl only ends the program
status=0
under stats+system 0 double >"$work/out" 2>&1 || status=$?
[ $status = 134 ] || fail "a double free ends with $status, not 134 (SIGABRT)"
grep -q 'double free' "$work/out" || fail "a double free is not named: $(cat "$work/out")"
finish
