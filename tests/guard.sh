# SPDX-License-Identifier: MIT
# The layer guard under the malloc family of unmodified programs: faults are told, whatever handler a
# program installs, which then runs as if it were alone.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool
. "$srcdir/tests/modules/find.sh"
# Bound at the start: its handlers may have no room for that.
# shellcheck disable=SC2086
$CC $CFLAGS -O0 -fno-builtin -w "$srcdir/tests/guard/faults.c" -Wl,-z,now -lpthread -o "$work/faults"
object=${DISPATCHALLOC_INTERPOSER%/*}/libdispatchalloc-guard.so
every=guard:every=1,per_second=1000000,slots=256

backends="system arena:limit=1G"
for module in $("$tool" list --names); do
    case $module in jemalloc | mimalloc | tcmalloc | tbb) backends="$backends $module" ;; esac
done

# What the access was is not told by every processor, nor by every emulator of one.
case $(uname -m) in
x86_64 | i?86) read=read write=write as_told= ;;
*) read=access write=access as_told='s/: read /: access /; s/: write /: access /' ;;
esac
# frames: 1 if stacks can be followed here, which have more than one line then.
has_frames() { grep -q '^#define HAVE__DL_FIND_OBJECT 1' "$builddir/config.h"; }

# under SPEC PROGRAM...: status in $code, standard error, with what differs from run to run taken
# out, in $work/err; a stack is one line.
under() {
    spec=$1 code=0
    shift
    # (The shell says what a signal has ended.)
    { timeout 60 "$tool" run -b "$spec" "$@" >"$work/out" 2>"$work/raw" </dev/null; } 2>/dev/null ||
        code=$?
    $SED 's/guard[[][0-9]*[]]/guard[N]/; s/0x[0-9a-f]*/0xA/g; /^    #[1-9]/d; /^  registers: pc /d; s/^    [#(].*/    #/'"; $as_told" \
        "$work/raw" >"$work/err"
}
# does NAME SPEC STATUS SAID
does() {
    under "$2" "$work/faults" "$1"
    expect "$1 under $2: exit status" "$3" "$code"
    expect "$1 under $2" "$4" "$(cat "$work/err")"
}
head='dispatchalloc: guard[N]: '
frame='
    #'
allocated="$frame
  allocated by:$frame"
released="$allocated
  released by:$frame"
behind="${head}SIGSEGV: $write 0 bytes behind the end of a block of 48 bytes at 0xA$allocated"
killed=139

for backend in $backends; do
    for spec in "$every+$backend" "stats:print=off+$every+$backend" "$every+stats:print=off+$backend"; do
        does overflow "$spec" $killed "${head}SIGSEGV: $write 5 bytes behind the end of a block of 48 bytes at 0xA$allocated"
        does underflow "$spec" $killed "${head}SIGSEGV: $read 7 bytes before the beginning of a block of 48 bytes at 0xA$allocated"
        does use_after_release "$spec" $killed "${head}SIGSEGV: use after release: $read 9 bytes from the beginning of a block of 48 bytes at 0xA, which was given back$released"
        does padding "$spec" 0 "${head}free(0xA): a block of 21 bytes was written to behind its end: 1 byte changed, the first at 22 (0xA), found at release$allocated"
        does clean "$spec" 0 ""
    done
    gone="(0xA): a block of 48 bytes that was given back already; it is left alone$released"
    does twice "$every+$backend" 0 "${head}free$gone
${head}realloc$gone
${head}malloc_usable_size$gone"
done

# ---- Handlers ----------------------------------------------------------------------------------
does own_handler $every+system 0 "$behind
$behind
$behind"
does without_other_stack $every+system 0 "$behind
$behind"
does only_once $every+system $killed "$behind
$behind"
does by_signal $every+system 0 "$behind
$behind"
does by_sysv_signal $every+system 0 "$behind"
does resets_and_returns $every+system $killed "$behind"
does is_reset_and_returns $every+system $killed "$behind"
again="${head}SIGSEGV: use after release: $read 0 bytes from the beginning of a block of 48 bytes at 0xA, which was given back$released"
does made_anew $every+system 0 "$again
$again"
does replaced_at_once $every+system 0 ""
under $every+system "$work/faults" interrupted_anywhere
[ "$code" = 77 ] || expect "interrupted_anywhere" "0 " "$code $(cat "$work/err")"
does ignored $every+system $killed "$behind"
expect "what is sent and ignored" "goes on" "$(cat "$work/out")"
does sent $every+system $killed ""
does sent_to_handler $every+system 0 ""
if unshare --user --map-root-user --pid --fork true 2>/dev/null; then
    under $every+system unshare --user --map-root-user --pid --fork "$work/faults" sent_to_first
    expect "sent_to_first" "$behind" "$(cat "$work/err")"
fi
does elsewhere $every+system $killed ""
does without_room $every+system $killed ""
does in_vfork_child $every+system 0 "$behind"
does for_once_in_vfork_child $every+system 0 ""
does in_fork_child $every+system 0 "$behind
${head}SIGSEGV: $write 1 bytes before the beginning of a block of 48 bytes at 0xA$allocated"
# (Where the system has pages that are zeroed in such a child.)
under $every+system "$work/faults" in_bare_fork_child
case $(uname -r) in [123].* | 4.[0-9].* | 4.1[0-3].*) ;; *)
    expect "in_bare_fork_child" "0 $behind
${head}SIGSEGV: $write 1 bytes before the beginning of a block of 48 bytes at 0xA$allocated" "$code $(cat "$work/err")"
    ;;
esac
# (What holds for a library that is optimized.)
case " $CFLAGS " in
*" -O0 "* | *" -fsanitize"*) ;;
*)
    under $every+system "$work/faults" on_small_stack
    [ "$code" = 77 ] || expect "on_small_stack" "0 $behind
$behind" "$code $(cat "$work/err")"
    ;;
esac

# ---- Stacks and places --------------------------------------------------------------------------
under "$every+system" "$work/faults" overflow
if has_frames; then
    at_least 6 "$(grep -c '^    #' "$work/raw")" "frames of two stacks"
    at_least 2 "$(grep -c "^    #[0-9]* 0x[0-9a-f]* ($work/faults+0x[0-9a-f]*)" "$work/raw")" "frames in the program"
    like "the registers" "  registers: pc $(sed -n '2s/.*#0 \(0x[0-9a-f]*\) .*/\1/p' "$work/raw"), sp 0x*, fp 0x*" \
        "$(grep '^  registers' "$work/raw")"
    like "what a fault and its block have for places" "*($work/faults+0x*" "$(sed -n 2p "$work/raw")"
    if command -v addr2line >/dev/null 2>&1 && command -v readelf >/dev/null 2>&1; then
        place=$(sed -n '2s/.*+\(0x[0-9a-f]*\)).*/\1/p' "$work/raw")
        expect "the function of the first frame" overflow "$(addr2line -f -e "$work/faults" "$place" | head -n 1)"
        id=$(readelf -n "$work/faults" | sed -n 's/.*Build ID: //p')
        [ -z "$id" ] || like "the build id" "*(BuildId: $id)" "$(sed -n 2p "$work/raw")"
    fi
fi

# ---- What is preloaded ----------------------------------------------------------------------------
expect "the object's symbols" "$(sed -n 's/^	\([a-z_]*\);$/\1/p' "$srcdir/preload/guard.map" | LC_ALL=C sort)" \
    "$($NM -D --defined-only "$object" | sed 's/.* //; s/@.*//' | LC_ALL=C sort)"
preloads() { "$tool" run -b "$1" sh -c 'echo "$LD_PRELOAD"'; }
like "under guard" '*libdispatchalloc-guard.so*' "$(preloads guard+system)"
like "under guard behind another" '*libdispatchalloc-guard.so*' "$(preloads stats:print=off+guard+system)"
case $(preloads stats:print=off+system) in *-guard.so*) fail "it is preloaded without guard" ;; esac
like "under it, run without guard" 'none' "$("$tool" run -b guard+system "$tool" run -b system sh -c \
    'case $LD_PRELOAD in *-guard.so*) echo there ;; *) echo none ;; esac')"

# Preloaded by hand, without the object: the handler that the program had before is gone on to, and one
# that it installs is in the place of the layer's, which is told once.
by_hand() { LD_PRELOAD=$DISPATCHALLOC_INTERPOSER DISPATCHALLOC_MALLOC=$every+system "$work/faults" "$1" 2>"$work/err"; }
code=0
{ by_hand overflow; } 2>/dev/null || code=$?
expect "without the object: exit status" $killed $code
like "without the object" '*5 bytes behind the end*' "$(cat "$work/err")"
by_hand replaced || fail "a handler in the place of the layer's does not run: $?"
like "a handler in the place of the layer's" \
    '*: the handler of SIGSEGV was replaced by another: what it does not hand on is not told of' "$(cat "$work/err")"
expect "how often that is told" 1 "$(wc -l <"$work/err")"

# ---- All of them -----------------------------------------------------------------------------------
cat >"$work/many.c" <<'END'
#include <stdlib.h>
int main(int argc, char **argv)
{
    char *volatile late;
    for (int i = 0; i < 600; i++) {
        char *volatile block = malloc(32);
        *block = 1;
    }
    late = malloc(32);
    free(late);
    late[3] = 1;
    return 0;
}
END
$CC -O0 -fno-builtin -w "$work/many.c" -o "$work/many"
under guard:every=1+system "$work/many"
like "every=1, the 601st block" "dispatchalloc: guard[[]N[]]: SIGSEGV: use after release: $write 3 bytes*" "$(cat "$work/err")"
under guard:every=1,slots=100+system "$work/many"
expect "every=1 without a slot" "${head}all 100 slots have a live block: what comes now is not guarded (slots=N, up to 16384)" \
    "$(cat "$work/err")"

# ---- Which are guarded ---------------------------------------------------------------------------
# One in 100 of a thread's, of short threads' first ones, of many threads', and of children's: a guarded
# block is not below the end of the heap, where all others are with one arena of the C library.
cat >"$work/chance.c" <<'END'
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static int count, to_make;
static char *heap;
static void *make(void *unused)
{
    for (int i = 0; i < to_make; i++) {
        char *volatile block = malloc(100);
        if (block < heap || block >= (char *)sbrk(0))
            count++;
    }
    return unused;
}
static void threads(int number, int blocks)
{
    count = 0;
    to_make = blocks;
    for (int i = 0; i < number; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, make, NULL) || pthread_join(thread, NULL))
            exit(3);
    }
    printf("%d\n", count);
}
int main(void)
{
    char *volatile first = malloc(100);
    heap = (char *)((uintptr_t)sbrk(0) - ((uintptr_t)64 << 20));
    free(first);
    to_make = 20000;
    make(NULL);
    printf("%d\n", count);
    threads(400, 1);
    threads(100, 200);
    fflush(stdout);
    /* 100 children, 10 blocks in each: not all of them the same. */
    to_make = 10;
    for (int i = 0, status, sum = 0; i < 100; i++) {
        if (fork() == 0) {
            count = 0;
            make(NULL);
            _exit(count);
        }
        if (wait(&status) < 0)
            return 3;
        sum += WEXITSTATUS(status);
        if (i == 99)
            printf("%d\n", sum);
    }
    return 0;
}
END
if [ "$(getconf GNU_LIBC_VERSION 2>/dev/null)" ] && [ -z "$sanitized" ]; then
    $CC -O0 -fno-builtin -w "$work/chance.c" -lpthread -o "$work/chance"
    MALLOC_ARENA_MAX=1 under guard:every=100,per_second=1000000,slots=4096+system "$work/chance"
    # (Five standard deviations.)
    expect "how many are guarded: $(echo $(cat "$work/out"))" '1 1 1 1' \
        "$(echo $(awk '{ print (NR == 2 ? $1 <= 14 : NR == 4 ? $1 >= 1 && $1 <= 26 : $1 >= 130 && $1 <= 270) }' "$work/out"))"
fi

# ---- Limits of memory ------------------------------------------------------------------------------
code=0
(ulimit -v 100000 && DISPATCHALLOC_MALLOC=guard:every=1,per_second=1000000,slots=16384+system \
    LD_PRELOAD=$DISPATCHALLOC_INTERPOSER exec "$work/faults" clean) 2>"$work/err" || code=$?
expect "with few addresses: exit status" 0 $code
like "with few addresses" 'dispatchalloc: guard: there is memory for [1-9]* of 16384 slots' "$(cat "$work/err")"

# ---- Real programs -----------------------------------------------------------------------------
! command -v python3 >/dev/null 2>&1 || for backend in $backends; do
    under "guard:every=10,per_second=100000+$backend" env PYTHONMALLOC=malloc python3 -X faulthandler -c \
        'import json, threading; print(len(json.dumps(list(range(20000)))))'
    expect "python3 under guard+$backend: exit status" 0 "$code"
    expect "python3 under guard+$backend" 128890 "$(cat "$work/out")"
    expect "python3 under guard+$backend: what is said" "" "$(cat "$work/err")"
done
under "$every+system" sh -c 'ls / | sort >/dev/null && echo done'
expect "a shell and what it starts" "done" "$(cat "$work/out")$(cat "$work/err")"
finish
