# SPDX-License-Identifier: MIT
# The first allocation is told as FILE+0xOFFSET, and addr2line finds its function by that,
# however the program is linked, and also in a library of the program.
set -eu
. "$srcdir/tests/lib.sh"
command -v addr2line >/dev/null 2>&1 || skip "there is no addr2line"
case $(echo __i386__ __powerpc__ __powerpc64__ | $CC -E -P -xc -) in
1\ * | *\ 1\ __powerpc64__) skip "the front calls here and does not jump: the place is not told" ;;
esac
not_sanitized "its run-time's frames are in between"
case " $CFLAGS " in
*" -O0 "*) skip "the front is a frame of its own with -O0" ;;
*" -O"*) ;;
*) skip "the front is a frame of its own without -O" ;;
esac

cat >"$work/first.c" <<'END'
#include <dispatchalloc.h>
/* Not a tail call, and not the compiler's to put elsewhere. */
__attribute__((noinline)) int the_first_allocation(void);
int the_first_allocation(void)
{
    char *volatile block = dal_alloc(24, 8);
    dal_dealloc(block, 24, 8);
    return block == 0;
}
END
cat >"$work/main.c" <<'END'
#include <dispatchalloc.h>
int the_first_allocation(void);
int main(void)
{
    return the_first_allocation() || dal_global_set_spec("system") != DAL_ERR_SEALED;
}
END

echo 'int main(void) { return 0; }' >"$work/trivial.c"

check() { # WHAT COMMAND...
    what=$1
    shift
    "$@" >"$work/said" 2>&1 || fail "$what: exit $?"
    place=$(sed -n 's/^dispatchalloc: dal_global_set_spec("system") comes too late: "system" serves since an allocation of 24 bytes at alignment 8 from \(.*\)$/\1/p' "$work/said")
    # -i: a compiler may name the front there, and whom it was inlined into only then.
    expect "$what ($(cat "$work/said"))" the_first_allocation \
        "$(addr2line -i -f -e "${place%+0x*}" "0x${place##*+0x}" | grep -x the_first_allocation)"
}

for flags in "-fPIE -pie" "-fno-pie -no-pie" "-fPIE -pie -fuse-ld=lld" "-fno-pie -no-pie -fuse-ld=lld" \
    "-fno-pie -no-pie -fuse-ld=gold"; do
    for library in "$shared" "$archive" "${archive:+-static $archive}"; do
        [ -n "$library" ] || continue
        # shellcheck disable=SC2086
        $CC -O2 -g $flags $include "$work/first.c" "$work/main.c" -o "$work/program" $library \
            >"$work/said" 2>&1 || { echo "not here: $flags $library"; continue; }
        # Static ones of lld do not start with every C library.
        case $library in -static*) static=-static ;; *) static='' ;; esac
        # shellcheck disable=SC2086
        $CC $flags $static "$work/trivial.c" -o "$work/trivial" && (ulimit -c 0; "$work/trivial") ||
            { echo "not here: $flags $static makes no program that runs"; continue; }
        check "$flags $library" "$work/program"
    done
done
if [ -n "$shared" ]; then
    # shellcheck disable=SC2086
    quietly $CC -O2 -g -shared -fPIC $include "$work/first.c" -o "$work/libfirst.so" $shared &&
        quietly $CC -O2 $include "$work/main.c" -o "$work/program" -L"$work" -lfirst \
            -Wl,-rpath,"$work" $shared || fail "does not build"
    check "in a library" "$work/program"
fi
finish
