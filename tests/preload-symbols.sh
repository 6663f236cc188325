# SPDX-License-Identifier: MIT
# The list of the interposer's functions, its map, and what it exports are the same; it needs
# the C library alone; and malloc is one jump through memory.
set -eu
. "$srcdir/tests/lib.sh"
object=$builddir/.libs/libdispatchalloc-preload.so
[ -e "$object" ] || skip "the interposer was not built"
$SED -n 's/^ *X(\([A-Za-z_0-9]*\)).*/\1/p' "$srcdir/lib/shared/interposed_names.h" | sort >"$work/list"
$SED -n 's/^	\([A-Za-z_0-9?]*\);$/\1/p' "$srcdir/preload/preload.map" | sort >"$work/map"
$NM -D --defined-only "$object" | $SED 's/.* //' | sort >"$work/exported"
[ -s "$work/list" ] || fail "no function was found in interposed_names.h"
# The letter of size_t, which is a ? in the map.
letter=m
[ "$(echo __SIZEOF_SIZE_T__ | $CC -E -P -xc -)" != 4 ] || letter=j
spelled() { $SED "s/^\(_Zn[wa]\|_Zd[la]Pv\)m/\1$1/" "$work/list" | sort; }
spelled '?' | diff - "$work/map" || fail "the list (<) is not the map (>)"
spelled $letter | diff - "$work/exported" || fail "the list (<) is not what is exported (>)"
[ -z "$sanitized" ] || finish
if command -v readelf >/dev/null 2>&1; then
    needed=$(readelf -d "$object" | $SED -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | tr '\n' ' ')
    is_glibc && libc=libc.so.6 || libc=libc.so
    expect "the libraries that it needs" "$libc " "$needed"
fi
if [ -n "$OBJDUMP" ] && [ "$(echo __x86_64__ | $CC -E -P -xc -)" = 1 ]; then
    case $CFLAGS in *-O[123s]*)
        # clang loads the pointer before it jumps.
        jump=1
        # shellcheck disable=SC2086 # a compiler is words
        case $($CC --version) in *clang*) jump=2 ;; esac
        # realloc tests for what is too large; clang jumps there by one more.
        for name in malloc:$jump calloc:$jump free:$jump realloc:$((jump * 2 + 1)); do
            # Of two names of a function objdump knows the first.
            count=$($OBJDUMP -d --no-show-raw-insn --disassemble="__libc_${name%:*}" "$object" |
                grep -E '^ +[0-9a-f]+:' | grep -vcE 'nop|endbr64|xchg +%ax,%ax|data16|cs nopw') || :
            expect "instructions of ${name%:*}" "${name#*:}" "$count"
        done ;;
    esac
fi
finish
