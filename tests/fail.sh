# SPDX-License-Identifier: MIT
# The layer `fail` under the malloc family of an unmodified program: which call fails, errno, the old
# block of a realloc, what is left to the allocator below, and programs that go on.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool
cat >"$work/program.c" <<'END'
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *used(void *ptr)
{
    __asm__ volatile("" : "+r"(ptr) : : "memory");
    return ptr;
}

static void told(const char *what, void *ptr)
{
    printf(" %s%s", what, ptr ? "" : errno == ENOMEM ? ":ENOMEM" : ":no-errno");
    errno = 0;
}

/* Sizes that nothing else in the process asks for: a spec names those that are to fail. */
int main(void)
{
    char *block = used(malloc(100003)), *moved;
    size_t usable;
    void *aligned = NULL;
    int error;

    told("malloc", block);
    usable = malloc_usable_size(block);
    if (block)
        memset(block, 'x', 100003);
    errno = 0;
    moved = used(realloc(block, 100005));
    told("realloc", moved);
    if (!moved && block && (block[0] != 'x' || block[100002] != 'x' ||
                            malloc_usable_size(block) != usable))
        printf(" the old block is gone");
    free(moved ? moved : block);
    moved = used(calloc(7, 14286));
    told("calloc", moved);
    free(moved);
    error = posix_memalign(&aligned, 4096, 100007);
    printf(" posix_memalign:%d", error);
    free(error ? NULL : aligned);
    errno = 0;
    moved = used(realloc(NULL, 100009));
    told("realloc(NULL)", moved);
    if (moved && used(realloc(moved, 0)))
        printf(" realloc to 0 did not free");
    printf("\n");
    return 0;
}
END
# shellcheck disable=SC2086
$CC $CFLAGS -fno-builtin -w "$work/program.c" -o "$work/program"

range=size_min=100003,size_max=100009
. "$srcdir/tests/modules/find.sh"
for backend in system $modules arena:limit=512M; do
    # fails OPTIONS LINE
    fails() {
        expect "fail:$1 over $backend" "$2" \
            "$("$tool" run -b "fail:$range$1+$backend" -- "$work/program" 2>&1)"
    }
    # calloc(7, 14286) is for 100002 bytes, and not of those that count.
    fails ,nth=6 " malloc realloc calloc posix_memalign:0 realloc(NULL)"
    fails ,nth=1 " malloc:ENOMEM realloc calloc posix_memalign:0 realloc(NULL)"
    fails ,nth=2 " malloc realloc:ENOMEM calloc posix_memalign:0 realloc(NULL)"
    fails ,nth=3 " malloc realloc calloc posix_memalign:12 realloc(NULL)"
    fails ,nth=4 " malloc realloc calloc posix_memalign:0 realloc(NULL):ENOMEM"
    fails '' " malloc:ENOMEM realloc:ENOMEM calloc posix_memalign:12 realloc(NULL):ENOMEM"
    fails ,every=2 " malloc realloc:ENOMEM calloc posix_memalign:0 realloc(NULL):ENOMEM"
    fails ,after=3 " malloc realloc calloc posix_memalign:0 realloc(NULL):ENOMEM"
    expect "calloc over $backend" " malloc realloc calloc:ENOMEM posix_memalign:0 realloc(NULL)" \
        "$("$tool" run -b "fail:size_min=100002,size_max=100002+$backend" -- "$work/program" 2>&1)"
done

# ---- Layers in any order ---------------------------------------------------------------------
quiet=stats:print=off
for layers in "fail:$range,nth=2" "$quiet+fail:$range,nth=2" "fail:$range,nth=2+$quiet"; do
    expect "$layers" " malloc realloc:ENOMEM calloc posix_memalign:0 realloc(NULL)" \
        "$("$tool" run -b "$layers+system" -- "$work/program" 2>&1)"
done
# One layer twice: the upper one has no family, since the functions of that cannot stand for two.
for layers in fail+fail "$quiet+fail+$quiet" "fail+$quiet+fail" "fail+$quiet+fail+$quiet"; do
    expect "$layers" " malloc realloc calloc posix_memalign:0 realloc(NULL)" \
        "$("$tool" run -b "$layers+system" -- "$work/program" 2>&1)"
done

# No block has a header for it: free and malloc_usable_size are those of the allocator below.
# shellcheck disable=SC2086
$CC $CFLAGS -fno-builtin "$srcdir/tests/stats_family.c" -o "$work/family" -lpthread
for backend in system $modules; do
    expect "blocks under fail+$backend" "$("$tool" run -b "$backend" -- "$work/family" 7)" \
        "$("$tool" run -b "fail+$backend" -- "$work/family" 7)"
    expect "blocks under $quiet+fail+$backend" "$("$tool" run -b "$backend" -- "$work/family" 7)" \
        "$("$tool" run -b "$quiet+fail+$backend" -- "$work/family" 7)"
done

# ---- Real programs -----------------------------------------------------------------------------
echo 'int main(void) { return 0; }' >"$work/trivial.c"
for spec in fail+system "$quiet+fail+system" "fail+$quiet+system"; do
    # shellcheck disable=SC2086
    "$tool" run -b "$spec" -- $CC -c "$work/trivial.c" -o "$work/trivial.o" || fail "$CC under $spec"
    ! command -v python3 >/dev/null 2>&1 ||
        expect "python3 under $spec" 4950 "$("$tool" run -b "$spec" -- python3 -c '
import subprocess, threading
total = []
threads = [threading.Thread(target=lambda: total.append(sum(range(100)))) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
subprocess.run(["true"], check=True)
print(total[-1])')"
done
# All of one size fail, for ever: python says so, and ends.
if command -v python3 >/dev/null 2>&1; then
    like "python3 without large blocks" "*MemoryError*" \
        "$("$tool" run -b fail:size_min=64M+system -- python3 -c 'bytearray(100000000)' 2>&1)"
fi
finish
