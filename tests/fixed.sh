# SPDX-License-Identifier: MIT
# A fixed global allocator: what the front is compiled to, whom it refuses, that two do not go
# together, and that the hook serves the same blocks.
set -eu
. "$srcdir/tests/lib.sh"
not_sanitized "the program is built without it"
[ -n "$archive" ] || skip "no static library was built"
unset DISPATCHALLOC_BACKEND DISPATCHALLOC_STRICT DISPATCHALLOC_VERBOSE

line=$(sed -n '/^FIX(/=' "$srcdir/tests/fixed/main.c")

# code FUNCTION PROGRAM: its instructions, without addresses. (That of the twins which comes last
# may be followed by padding.)
code() {
    $OBJDUMP -d --no-show-raw-insn "$2" | awk -v name="<$1>:" '
        $2 == name { on = 1; next }
        on && (NF == 0 || /nop|xchg +%ax,%ax/) { exit }
        on { sub(/^[^\t]*\t/, ""); gsub(/[0-9a-f]+ </, "<"); print }'
}

has() { echo "#include <$1>" | $CC -E - >/dev/null 2>&1; }

# build COMPILER NAME FLAGS...: with the choice of the variables of use().
build() {
    compiler=$1 name=$2
    shift 2
    # shellcheck disable=SC2086
    $compiler -Wall -Wextra -Wshadow -Wconversion -Werror "$@" $include "-DHEADER=<dispatchalloc/allocator/$header>" \
        "-DCHOICE=dal_${allocator}_allocator" $direct "$srcdir/tests/fixed/main.c" \
        "$srcdir/tests/fixed/other.c" -o "$work/$name" $link
}

# runs NAME: it serves, refuses the program's choice, and serves the same blocks by every way.
runs() {
    expect "$1" "dal_${allocator}_allocator source 1 sealed 1 set refused, blocks fine" \
        "$("$work/$1" 2>"$work/said")"
    expect "$1, on standard error" \
        "dispatchalloc: dal_global_set_spec(\"arena\") is refused: \"dal_${allocator}_allocator\" serves, fixed by DAL_GLOBAL_ALLOCATOR_FIXED(dal_${allocator}_allocator) at $srcdir/tests/fixed/main.c:$line" \
        "$(cat "$work/said")"
}

is_one_code() {
    # The arena of a library that was compiled for it is put in line as well, here and there in other
    # words.
    [ "$allocator" != arena ] || case $CFLAGS in *-flto*) return 0 ;; esac
    code other_pair "$work/$1" >"$work/pair"
    code other_direct "$work/$1" >"$work/direct"
    [ "$(wc -l <"$work/direct")" -ge 4 ] || fail "$1: no code was found"
    echo "$1:"
    sed 's/^/    /' "$work/pair"
    cmp -s "$work/pair" "$work/direct" || {
        echo "  and directly:"
        sed 's/^/    /' "$work/direct"
        fail "$1: dal_alloc is not the allocator's own call"
    }
}

# use ALLOCATOR DIRECT-FLAGS LIBRARIES
use() {
    allocator=$1 header=$1.h direct=$2 link="$archive $3"
    for compiler in $(compilers); do
        # (clang takes its own plug-in for the linker, which may not be there.)
        if build "$compiler" "$1-$compiler-lto" -O2 -flto 2>"$work/said"; then
            runs "$1-$compiler-lto"
            [ -z "$OBJDUMP" ] || is_one_code "$1-$compiler-lto"
        elif [ "$compiler" = "$CC" ]; then
            cat "$work/said"
            fail "$1-$compiler-lto does not build"
        else
            echo "$compiler cannot link with -flto: $(tail -n 1 "$work/said")"
        fi
        build "$compiler" "$1-$compiler" -O2 || fail "$1-$compiler does not build"
        runs "$1-$compiler"
        build "$compiler" "$1-$compiler-O0" -O0 || fail "$1-$compiler-O0 does not build"
        runs "$1-$compiler-O0"
    done
}

use system '' ''
[ ! -e "$srcdir/include/dispatchalloc/allocator/arena.h" ] ||
    use arena '-DDIRECT_HEADER=<dispatchalloc/allocator/arena.h> -DDIRECT_ALLOC(s)=dal_arena_process_alloc(s,8) -DDIRECT_FREE(p)=dal_arena_process_dealloc(p,32,8)' ''
! has jemalloc/jemalloc.h || use jemalloc '' -ljemalloc
! has mimalloc.h ||
    use mimalloc '-DDIRECT_HEADER=<mimalloc.h> -DDIRECT_ALLOC=mi_malloc -DDIRECT_FREE=mi_free' -lmimalloc

# ---- Who else would choose -----------------------------------------------------------------------
allocator=system header=system.h direct='' link=$archive
build "$CC" plain -O2
place="DAL_GLOBAL_ALLOCATOR_FIXED(dal_system_allocator) at $srcdir/tests/fixed/main.c:$line"
refused="DISPATCHALLOC_BACKEND=arena: refused, since the program was built with $place"
DISPATCHALLOC_BACKEND=arena "$work/plain" 2>&1 >/dev/null | head -n 1 >"$work/said"
expect "the environment" "dispatchalloc: $refused; \"dal_system_allocator\" serves" "$(cat "$work/said")"
code=0
DISPATCHALLOC_BACKEND=arena DISPATCHALLOC_STRICT=1 "$work/plain" >"$work/said" 2>&1 || code=$?
expect "the environment in strict mode" "134: dispatchalloc: $refused
dispatchalloc: strict mode: aborting" "$code: $(cat "$work/said")"
DISPATCHALLOC_VERBOSE=1 "$work/plain" 2>&1 >/dev/null | head -n 1 >"$work/said"
expect "verbose" "dispatchalloc: dal_system_allocator serves ($place)" "$(cat "$work/said")"

# ---- Two choices ---------------------------------------------------------------------------------
cat >"$work/second.c" <<'END'
#include <dispatchalloc.h>
#include <dispatchalloc/allocator/system.h>
DAL_GLOBAL_ALLOCATOR_FIXED(dal_system_allocator);
END
sed 's/_FIXED//' "$work/second.c" >"$work/overridable.c"
for second in second overridable; do
    link="$work/$second.c $archive"
    ! build "$CC" two -O2 2>"$work/said" || fail "two choices in one link go together ($second)"
    grep -q 'multiple definition' "$work/said" || fail "two choices: $(cat "$work/said")"
done

if [ -n "$shared" ]; then
    # In the shared library's company the choice holds as well, and what was compiled into
    # another object comes to it.
    link=$shared
    build "$CC" with-shared -O2
    runs with-shared

    # shellcheck disable=SC2086
    $CC -O2 -shared -fPIC $include "$work/second.c" -o "$work/libsecond.so" $shared
    link="-Wl,--no-as-needed $work/libsecond.so $shared"
    build "$CC" beside -O2
    code=0
    "$work/beside" >"$work/said" 2>&1 || code=$?
    expect "two choices in two objects" \
        "134: dispatchalloc: DAL_GLOBAL_ALLOCATOR_FIXED(dal_system_allocator) at $work/second.c:3: a process has one, and it is $place; aborting" \
        "$code: $(cat "$work/said")"
fi

# ---- C++, and an allocator of the program's own ----------------------------------------------------
for compiler in $(cxx_compilers); do
    # shellcheck disable=SC2086
    $CC -O2 $include -c "$srcdir/tests/fixed/other.c" -o "$work/other.o"
    # shellcheck disable=SC2086
    $compiler -std=c++11 -Wall -Wextra -Werror -O2 $include '-DHEADER=<dispatchalloc/allocator/system.h>' \
        -DCHOICE=dal_system_allocator -xc++ "$srcdir/tests/fixed/main.c" -xnone "$work/other.o" \
        -o "$work/cxx" $archive || { fail "$compiler"; continue; }
    allocator=system
    runs cxx
done

cat >"$work/own.c" <<'END'
#include <dispatchalloc.h>
#include <stdio.h>
#include <stdlib.h>
static unsigned calls;
static void *own_alloc(size_t size, size_t align, void *ctx)
{
    ++*(unsigned *)ctx;
    return aligned_alloc(align, (size + align - 1) / align * align);
}
static void own_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)size;
    (void)align;
    (void)ctx;
    free(ptr);
}
static const struct dal_allocator own = {
    DAL_ALLOCATOR_HEADER(&calls), .alloc = own_alloc, .dealloc = own_dealloc
};
DAL_GLOBAL_ALLOCATOR_FIXED(own);
int main(void)
{
    char *a = dal_alloc_zeroed(64, 16);
    char *b = dal_realloc(a, 64, 16, 256);
    dal_dealloc(b, 256, 16);
    dal_instance_dealloc(dal_global(), dal_instance_alloc(dal_global(), 16, 16), 16, 16);
    printf("%s %u\n", dal_global_name(), calls);
    return 0;
}
END
# shellcheck disable=SC2086
$CC -O2 -Wall -Werror $include "$work/own.c" -o "$work/own" $archive
expect "an allocator of the program's own" "own 3" "$("$work/own")"
finish
