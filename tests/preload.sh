# SPDX-License-Identifier: MIT
# Unmodified programs under the interposer, with each backend that is built in.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool

$CC -O1 -fno-builtin -Wno-deprecated-declarations "$srcdir/tests/preload/family.c" -o "$work/family" -lpthread
programs=$work/family
if [ -n "$CXX" ]; then
    $CXX -std=c++17 -O1 -fno-builtin -fsized-deallocation "$srcdir/tests/preload/operators.cpp" \
        -o "$work/operators" -lpthread
    $CXX -std=c++17 -O1 -fno-builtin -fsized-deallocation -DOWN_OPERATORS -w \
        "$srcdir/tests/preload/operators.cpp" -o "$work/own-operators" -lpthread
    $CXX -std=c++17 -O1 -fno-builtin -fsized-deallocation -DOWN_ARRAY_OPERATORS -w \
        "$srcdir/tests/preload/operators.cpp" -o "$work/own-array-operators" -lpthread
    $CXX -std=c++17 -O1 -fno-builtin -w "$srcdir/tests/preload/own_malloc.cpp" -o "$work/own-malloc"
    programs="$programs $work/operators $work/own-operators $work/own-array-operators $work/own-malloc"
fi

# run SPEC PROGRAM...: standard output and error in $work/out.
run() {
    spec=$1
    shift
    # Not with the system's programs, which may be for other bits.
    timeout 120 env LD_PRELOAD="$DISPATCHALLOC_INTERPOSER" DISPATCHALLOC_MALLOC="$spec" DISPATCHALLOC_VERBOSE=1 \
        "$@" >"$work/out" 2>&1
}

for program in $programs; do
    "$program" || fail "$program without the interposer"
    for spec in system arena:limit=2G fixed-arena:capacity=1G stats:print=off+system \
                stats:print=off+arena:limit=2G; do
        case $spec in fixed-arena*) limit=4096 ;; *) limit= ;; esac
        # shellcheck disable=SC2086
        run "$spec" "$program" $limit || fail "$program under $spec: $? $(cat "$work/out")"
        grep -q "^dispatchalloc: .* serves? (DISPATCHALLOC_MALLOC=$spec)" "$work/out" ||
            grep -q "^dispatchalloc: .* serves (DISPATCHALLOC_MALLOC=$spec)" "$work/out" ||
            fail "$program under $spec does not say who serves: $(cat "$work/out")"
    done
done

# What follows starts programs of the system's, too.
if is_foreign; then
    echo "the rest is left out: the system's programs are of another kind than the interposer"
    finish
fi

# The modules, which have to be in the program from its start.
. "$srcdir/tests/modules/find.sh"
for module in $("$tool" list --names); do
    case $module in jemalloc | mimalloc | tcmalloc | tbb) ;; *) continue ;; esac
    # Debian's jemalloc can be opened where it is there from the start only, as here.
    for program in $programs; do
        # By a shell, since a program with its own malloc is not run else.
        timeout 120 "$tool" run -v -b "$module" sh -c "$program" >"$work/out" 2>&1 ||
            fail "$program under $module: $? $(cat "$work/out")"
        grep -q "^dispatchalloc: $module .* serves (DISPATCHALLOC_MALLOC=$module)" "$work/out" ||
            grep -q 'is refused' "$work/out" ||
            fail "$program under $module does not say who serves: $(cat "$work/out")"
    done
done
unset DISPATCHALLOC_MODULE_PATH

# Nobody chose, and a choice that is none: the C library serves, and says so.
LD_PRELOAD=$DISPATCHALLOC_INTERPOSER "$work/family" >"$work/out" 2>&1 || fail "no choice: $(cat "$work/out")"
[ -s "$work/out" ] && fail "no choice is not silent: $(cat "$work/out")"
run nonsense "$work/family" || fail "unknown backend: $(cat "$work/out")"
grep -q 'DISPATCHALLOC_MALLOC=nonsense: no backend or layer is called "nonsense".*"system" serves' \
    "$work/out" || fail "an unknown backend is silent: $(cat "$work/out")"
DISPATCHALLOC_STRICT=1 run nonsense "$work/family" && fail "strict mode does not stop an unknown backend"

# Switched off, it says nothing and looks nothing up, in a child neither; nothing is checked.
off() { LD_PRELOAD=$DISPATCHALLOC_INTERPOSER DISPATCHALLOC_OFF=$1 DISPATCHALLOC_MALLOC=nonsense DISPATCHALLOC_STRICT=1 \
    DISPATCHALLOC_VERBOSE=${2-} sh -c "$work/family; exit" >"$work/out" 2>&1; }
for word in 1 on true yes; do
    off $word || fail "OFF=$word: $? $(cat "$work/out")"
    [ ! -s "$work/out" ] || fail "OFF=$word is not silent: $(cat "$work/out")"
done
off 1 1 || fail "OFF=1 VERBOSE=1: $? $(cat "$work/out")"
line='dispatchalloc: system [0-9.]* serves (nobody may choose, since DISPATCHALLOC_OFF is on)'
# The shell's, the program's, and that of what the program becomes in a child.
[ "$(grep -cx "$line" "$work/out")" = 3 ] && [ "$(wc -l <"$work/out")" = 3 ] ||
    fail "OFF=1 VERBOSE=1 says: $(cat "$work/out")"
for word in 0 off false no ''; do
    ! off "$word" || fail "OFF=$word switches off"
done
! off perhaps || fail "OFF=perhaps switches off"
grep -q 'DISPATCHALLOC_OFF=perhaps is ignored: accepted is on or off' "$work/out" ||
    fail "OFF=perhaps is silent: $(cat "$work/out")"

# What comes next serves then if it has all; a mixture of it and the C library would not do.
cat >"$work/partial.c" <<'END'
#include <stdlib.h>
#include <string.h>
static char heap[1 << 22];
static size_t used;
static void *take(size_t align, size_t size)
{
    used = (used + 8 + align - 1) / align * align;
    memcpy(heap + used - 8, "of mine.", 8);
    used += size;
    return heap + used - size;
}
void *malloc(size_t size) { return take(16, size); }
void *calloc(size_t count, size_t size) { return take(16, count * size); }
void *realloc(void *old, size_t size)
{
    void *moved = take(16, size);
    return old ? memmove(moved, old, size) : moved;
}
void free(void *ptr)
{
    if (ptr && memcmp((char *)ptr - 8, "of mine.", 8) != 0)
        abort();
}
int posix_memalign(void **out, size_t align, size_t size)
{
    *out = take(align, size);
    return 0;
}
END
cat >"$work/aligned.c" <<'END'
#include <stdlib.h>
int main(void)
{
    void *ptr = NULL;
    int error = posix_memalign(&ptr, 64, 100);
    free(ptr);
    free(malloc(3));
    return error;
}
END
$CC -fno-builtin -fPIC -shared "$work/partial.c" -o "$work/libpartial.so"
$CC -fno-builtin "$work/aligned.c" -o "$work/aligned"
LD_PRELOAD="$DISPATCHALLOC_INTERPOSER:$work/libpartial.so" DISPATCHALLOC_OFF=on "$work/aligned" ||
    fail "switched off, two allocators are mixed: $?"

# Memory that is out is the program's to see.
cat >"$work/exhaust.c" <<'END'
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    int count = 0;
    while (malloc(1000) && count < 100000)
        count++;
    if (errno != ENOMEM || count == 0)
        return 1;
    fputs("exhausted\n", stderr);
    return count < 2000 ? 0 : 2;
}
END
$CC -O0 -fno-builtin "$work/exhaust.c" -o "$work/exhaust"
run fixed-arena:capacity=1M "$work/exhaust" || fail "exhaustion: $? $(cat "$work/out")"

# A program that links the library keeps its own chain, whose system allocator then goes
# through the interposer.
cat >"$work/both.c" <<'END'
#include <dispatchalloc.h>
#include <stdlib.h>
int main(void)
{
    void *ptr = dal_alloc(100000, 16);
    void *other = malloc(5);
    dal_dealloc(ptr, 100000, 16);
    free(other);
    return ptr && other ? 0 : 1;
}
END
$CC -O0 -fno-builtin -I"$builddir/include" -I"$srcdir/include" "$work/both.c" -o "$work/both" \
    -L"$builddir/.libs" -ldispatchalloc
LD_LIBRARY_PATH=$builddir/.libs DISPATCHALLOC_BACKEND=stats run stats "$work/both" ||
    fail "both: $(cat "$work/out")"
grep -q 'stats .* serve.*(DISPATCHALLOC_MALLOC=stats' "$work/out" || fail "both, interposer: $(cat "$work/out")"
grep -q 'stats .* serve.*(DISPATCHALLOC_BACKEND=stats' "$work/out" || fail "both, library: $(cat "$work/out")"
grep -q 'copies of libdispatchalloc' "$work/out" && fail "the interposer counts as a second copy"
finish
