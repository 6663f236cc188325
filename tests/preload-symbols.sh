# SPDX-License-Identifier: MIT
# The list of the interposer's functions, its map, and what it exports are the same; it needs
# the C library alone; and malloc is one jump through memory.
set -eu
object=$builddir/.libs/libdispatchalloc-preload.so
[ -e "$object" ] || { echo "the interposer was not built"; exit 77; }
work=$builddir/tests/preload-symbols.dir
rm -rf "$work"
mkdir -p "$work"
$SED -n 's/^ *X(\([A-Za-z_0-9]*\)).*/\1/p' "$srcdir/preload/interposed_names.h" | sort >"$work/list"
$SED -n 's/^	\([A-Za-z_0-9]*\);$/\1/p' "$srcdir/preload/preload.map" | sort >"$work/map"
$NM -D --defined-only "$object" | $SED 's/.* //' | sort >"$work/exported"
[ -s "$work/list" ]
diff "$work/list" "$work/map"
diff "$work/list" "$work/exported"
case "$CC $CFLAGS" in *-fsanitize=*) rm -rf "$work"; exit 0 ;; esac
if command -v readelf >/dev/null 2>&1; then
    needed=$(readelf -d "$object" | $SED -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | tr '\n' ' ')
    [ "$needed" = "libc.so.6 " ] || { echo "needs $needed"; exit 1; }
fi
if [ -n "$OBJDUMP" ] && [ "$(uname -m)" = x86_64 ]; then
    case $CFLAGS in *-O[123s]*)
        for name in malloc:1 calloc:1 free:7 realloc:12; do
            count=$($OBJDUMP -d --no-show-raw-insn --disassemble="${name%:*}" "$object" |
                grep -E '^ +[0-9a-f]+:' | grep -vcE 'nop|endbr64|xchg +%ax,%ax|data16|cs nopw')
            [ "$count" -le "${name#*:}" ] ||
                { echo "${name%:*} has $count instructions, not at most ${name#*:}"; exit 1; }
        done ;;
    esac
fi
rm -rf "$work"
