# SPDX-License-Identifier: MIT
# The list of the interposer's functions, its map, and what it exports are the same; it needs
# the C library alone; and malloc is one jump through memory.
set -eu
. "$srcdir/tests/lib.sh"
object=$builddir/.libs/libdispatchalloc-preload.so
[ -e "$object" ] || skip "the interposer was not built"
$SED -n 's/^ *X(\([A-Za-z_0-9]*\)).*/\1/p' "$srcdir/lib/shared/interposed_names.h" | sort >"$work/list"
$SED -n 's/^	\([A-Za-z_0-9]*\);$/\1/p' "$srcdir/preload/preload.map" | sort >"$work/map"
$NM -D --defined-only "$object" | $SED 's/.* //' | sort >"$work/exported"
[ -s "$work/list" ] || fail "no function was found in interposed_names.h"
diff "$work/list" "$work/map" || fail "the list (<) is not the map (>)"
diff "$work/list" "$work/exported" || fail "the list (<) is not what is exported (>)"
[ -z "$sanitized" ] || finish
if command -v readelf >/dev/null 2>&1; then
    needed=$(readelf -d "$object" | $SED -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | tr '\n' ' ')
    expect "the libraries that it needs" "libc.so.6 " "$needed"
fi
# What is written at the start lies together; link-time optimisation has an order of its own.
case $CFLAGS in *-flto*) ;; *)
    last=$($NM -n "$object" 2>/dev/null | awk '$2 == "b" { last = $3 } END { print last }')
    [ -z "$last" ] || expect "the last of what is zero" dal_early_region_ "$last" ;;
esac
if [ -n "$OBJDUMP" ] && [ "$(uname -m)" = x86_64 ]; then
    case $CFLAGS in *-O[123s]*)
        # clang loads the pointer before it jumps.
        jump=1
        # shellcheck disable=SC2086 # a compiler is words
        case $($CC --version) in *clang*) jump=2 ;; esac
        for name in malloc:$jump calloc:$jump free:7 realloc:12; do
            count=$($OBJDUMP -d --no-show-raw-insn --disassemble="${name%:*}" "$object" |
                grep -E '^ +[0-9a-f]+:' | grep -vcE 'nop|endbr64|xchg +%ax,%ax|data16|cs nopw')
            [ "$count" -le "${name#*:}" ] ||
                fail "${name%:*} has $count instructions, not at most ${name#*:}"
        done ;;
    esac
fi
finish
