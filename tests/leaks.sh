# SPDX-License-Identifier: MIT
# The layer debug, leaks=on: what nothing points to any more is told at exit, by function; what
# something points to is not, whatever that is. Reports that come resolved.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool
is_foreign && skip "the compiler's programs are not for this system"
. "$srcdir/tests/modules/find.sh"
$CC -O1 -g -fno-builtin -pthread -w "$srcdir/tests/leaks/program.c" -o "$work/program" ||
    skip "the kernel's headers are not there"

# Installed, the library finds the command by its own place.
beside=$($SED -n 's/^DAL_COMMAND_BESIDE = //p' "$builddir/Makefile")
lib=$work/a/b/c/lib
mkdir -p "$lib" "$(dirname "$lib/$beside")"
cp "$builddir"/.libs/libdispatchalloc-preload.so "$lib"
# (A program with the system's jemalloc has one in between.)
cp "$builddir"/.libs/libdispatchalloc-jemalloc.so "$lib" 2>/dev/null || :
ln -s "$tool" "$lib/$beside"
DISPATCHALLOC_INTERPOSER=$lib/libdispatchalloc-preload.so

# under SPEC PROGRAM...: standard error as it is in $work/raw, and with what differs from run to run
# taken out in $work/err.
under() {
    spec=$1 code=0
    shift
    timeout 120 "$tool" run -b "$spec" "$@" >"$work/out" 2>"$work/raw" </dev/null || code=$?
    # (Places with as many bytes come in any order.)
    $SED 's/debug[[][0-9]*[]]/debug[N]/; /^    #/d' "$work/raw" | LC_ALL=C sort -r >"$work/err"
}
under debug:leaks=on+system "$work/program" leak
! grep -q 'may not be stopped' "$work/raw" || skip "processes may not be traced here: $(cat "$work/raw")"

# Those that have no addresses of blocks in tables of their own, and the others.
backends="system arena:limit=1G" with_tables=''
for module in $("$tool" list --names); do
    case $module in
    mimalloc | tbb) backends="$backends $module" ;;
    jemalloc | tcmalloc) with_tables="$with_tables $module" ;;
    esac
done
# tcmalloc drops a block of its own when it starts.
echo 'leak:libtcmalloc' >"$work/suppressions"

# told CASE SAID: its name is what is behind "dispatchalloc: debug[N]: debug+BACKEND: ".
told() {
    under "debug:leaks=on,suppressions=$work/suppressions+$backend" "$work/program" "$1"
    expect "$1 over $backend: exit status" 0 "$code"
    expect "$1 over $backend" "${2:+dispatchalloc: debug[N]: debug+${backend%%:*}: }$2" "$(cat "$work/err")"
}
leaked='leaked: nothing points there at exit'
# Other C libraries have no makecontext(3).
coroutines=''
! is_glibc || coroutines=in_coroutine
for backend in $backends; do
    told leak "1 block, of 54321 bytes, is $leaked
  1 block, of 54321 bytes, leaked directly, from malloc:"
    expect 'the function that made it' 1 "$(grep -c ' in make_block ' "$work/raw")"
    told leak_large "1 block, of 5000000 bytes, is $leaked
  1 block, of 5000000 bytes, leaked directly, from malloc:"
    told leak_in_thread "1 block, of 54321 bytes, is $leaked
  1 block, of 54321 bytes, leaked directly, from malloc:"
    # Elsewhere nothing tells such a stack from other memory.
    case $(uname -m):$(is_glibc && echo glibc) in
    x86_64:glibc) told leak_by_ended_thread "1 block, of 54321 bytes, is $leaked
  1 block, of 54321 bytes, leaked directly, from malloc:" ;;
    esac
    told chain "3 blocks, of 3024 bytes, are $leaked
  2 blocks, of 2016 bytes, leaked indirectly, from calloc:
  1 block, of 1008 bytes, leaked directly, from calloc:"
    told ring "2 blocks, of 2016 bytes, are $leaked
  1 block, of 1008 bytes, leaked indirectly, from calloc:
  1 block, of 1008 bytes, leaked directly, from calloc:"
    ! is_glibc || told leak_in_coroutine "1 block, of 1000 bytes, is $leaked
  1 block, of 1000 bytes, leaked directly, from malloc:"
    told end "1 block, of 1000 bytes, is $leaked
  1 block, of 1000 bytes, leaked directly, from malloc:"
done
for backend in $backends $with_tables; do
    for case in in_static interior in_blocks in_local on_stack in_register in_threads_local clean \
        in_shared in_page_beside_large $coroutines; do
        told $case ''
    done
done
# Threads that go on hold what they have at any moment.
for backend in $backends; do
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        told moving ''
    done
done
# By the front, beside a malloc that is another's.
if [ -n "$shared" ]; then
    # shellcheck disable=SC2086 # lists
    $CC $CPPFLAGS $CFLAGS -O1 -g $include "$srcdir/tests/leaks/front.c" -o "$work/front" \
        "-L$builddir/.libs" -ldispatchalloc
    cp "$builddir/.libs/libdispatchalloc.so" "$lib/libdispatchalloc.so.0"
    expect 'blocks that those of malloc hold' '' \
        "$(LD_LIBRARY_PATH=$lib DISPATCHALLOC_BACKEND=debug:leaks=on+system "$work/front" 2>&1)"
    like 'a block that nothing holds' "dispatchalloc: debug[[]*]: debug+system: 1 block, of 12345 bytes, is $leaked
  1 block, of 12345 bytes, leaked directly, from alloc:
*" "$(LD_LIBRARY_PATH=$lib DISPATCHALLOC_BACKEND=debug:leaks=on+system "$work/front" x 2>&1)"
fi
# Twenty places are told, and how many others there are.
under debug:leaks=on,stacks=64+system "$work/program" many_places
like 'other places' "*
  10 blocks, of 10000 bytes, from 10 other places
*" "$(cat "$work/err")"
# What a suppressed block holds is not told, if its own stack is another.
$CC -O1 -fno-builtin -fPIC -shared -DLIBRARY "$srcdir/tests/leaks/holder.c" -o "$work/libholder.so"
$CC -O1 -fno-builtin "$srcdir/tests/leaks/holder.c" -o "$work/holder" "$work/libholder.so"
under debug:leaks=on+system "$work/holder"
like 'a holder' "dispatchalloc: debug[[]N]: debug+system: 2 blocks, of 3000 bytes, are $leaked
*  1 block, of 1000 bytes, leaked indirectly*" "$(cat "$work/err")"
echo 'leak:libholder' >"$work/suppressions"
under "debug:leaks=on,suppressions=$work/suppressions+system" "$work/holder"
expect 'a suppressed holder' '' "$(cat "$work/err")"
# All that is still live, whatever points to it.
under debug:leaks=live+system "$work/program" in_static
like 'leaks=live' '*  1 block, of 1000 bytes, from malloc:*' "$(cat "$work/err")"
like 'leaks=live' '* still live at exit*' "$(cat "$work/err")"

# What is left out of a report is counted.
deep=$work/$(printf '%0200d' 0)/$(printf '%0200d' 0)
mkdir -p "$deep"
cp "$work/program" "$deep"
under debug:leaks=on,stacks=64+system "$deep/program" many_places
like 'a report that is full' '  * blocks, of *000 bytes, from * other places' "$(tail -n 1 "$work/raw")"
expect 'a report that is full: blocks' 30 "$(awk '/^  [0-9]+ blocks?, of / { sum += $1 } END { print sum }' "$work/raw")"
expect 'a report that is full: lines that are cut' '' \
    "$(grep '^    #' "$work/raw" | grep -v ')$' || :)"

# A thread that waits for a child of vfork(2) cannot be stopped, and is not waited for for long.
under debug:leaks=on+system "$work/program" in_vfork
like 'a thread in vfork' '*leaks cannot be searched for: a thread cannot be stopped; what is still live is told
*' "$(cat "$work/raw")"
# One whose main thread has ended can be.
backend=system
told leader_ends "1 block, of 54321 bytes, is $leaked
  1 block, of 54321 bytes, leaked directly, from malloc:"
expect 'a main thread that has ended: the function that made it' 1 "$(grep -c ' in make_block ' "$work/raw")"
echo 'leak:/program' >"$work/suppressions"
told leader_ends ''

# A process that another one traces cannot be searched.
if command -v strace >/dev/null 2>&1; then
    under debug:leaks=on+system strace -f -o "$work/trace" "$work/program" leak_in_thread
    like 'traced' '*leaks cannot be searched for: the process may not be stopped and looked into (ptrace); what is still live is told
*' "$(cat "$work/raw")"
fi
# Nor one that has no command.
mv "$lib/$beside" "$work/command"
under debug:leaks=on+system "$work/program" leak
like 'no command' "dispatchalloc: debug[[]*]: debug+system: leaks cannot be searched for: the command dispatchalloc is not installed with the library; what is still live is told
dispatchalloc: debug[[]*]: debug+system: *still live at exit
*" "$(cat "$work/raw")"

# ---- Reports that come resolved --------------------------------------------------------------------
# as_command LINE: what is found as the command.
as_command() {
    printf '#!/bin/sh\n%s\n' "$1" >"$lib/$beside"
    chmod 755 "$lib/$beside"
}
has_libdw() { grep -q '^LIBDW_LIBS = .*-ldw' "$builddir/Makefile"; }
line=$(grep -n 'the second time' "$srcdir/tests/leaks/program.c" | cut -d: -f1)
raw="*
    #0 0x* in release_twice ($work/program+0x*"
resolved="*
    #0 0x* in release_twice $srcdir/tests/leaks/program.c:$line* ($work/program+0x*"
for mode in on off; do
    for answer in 'exit 1' 'kill -KILL $$' 'echo not this; exit 3' 'exit 0'; do
        as_command "$answer"
        under "debug:symbolize=$mode+system" "$work/program" release_twice
        like "symbolize=$mode, $answer" "$raw" "$(cat "$work/raw")"
        expect "symbolize=$mode, $answer: what the program sees" '0 -1 1' "$(cat "$work/out")"
    done
done
# It does not wait for ever.
as_command 'exec sleep 600'
under debug:symbolize=on+system "$work/program" release_twice
like 'a command that hangs' "$raw" "$(cat "$work/raw")"
# Nor is a file executed that others may change.
as_command 'echo not this'
chmod 777 "$lib/$beside"
under debug:symbolize=on+system "$work/program" release_twice
like 'a command of anybody' "$raw" "$(cat "$work/raw")"
rm "$lib/$beside"
mv "$work/command" "$lib/$beside"
! has_libdw || for case in release_twice release_without_files; do
    under debug:symbolize=on+system "$work/program" $case
    like "$case, resolved" "$resolved" "$(cat "$work/raw")"
done
under debug:symbolize=on+system "$work/program" release_twice
expect 'resolved: what the program sees' '0 -1 1' "$(cat "$work/out")"
for case in release_in_filter release_in_threads_filter release_without_prctl; do
    under debug:symbolize=on+system "$work/program" $case
    like "$case" "$raw" "$(cat "$work/raw")"
done
for mode in auto off; do
    under debug:symbolize=$mode+system "$work/program" release_twice
    like "symbolize=$mode, not at a terminal" "$raw" "$(cat "$work/raw")"
done
# at_terminal SPEC: by the program that makes one.
at_terminal() {
    script -q -e -c "'$tool' run -b $1 '$work/program' release_twice" "$work/typescript" >/dev/null 2>&1 </dev/null
    tr -d '\r' <"$work/typescript"
}
# (In a root without devpts there is none.)
if has_libdw && script -q -e -c true "$work/typescript" >/dev/null 2>&1 </dev/null; then
    like 'at a terminal' "$resolved" "$(at_terminal debug+system)"
    like 'at a terminal, off' "$raw" "$(at_terminal debug:symbolize=off+system)"
fi
# ---- When asked for ----------------------------------------------------------------------------
# By a program that is linked with the library.
if [ -n "$shared" ]; then
    cp "$builddir"/.libs/libdispatchalloc.so* "$lib"
    # shellcheck disable=SC2086
    $CC -O1 -g -pthread $include "$srcdir/tests/leaks/ask.c" -o "$work/ask" $shared
    for leaks in on live off two; do
        code=0
        LD_LIBRARY_PATH=$lib timeout 60 "$work/ask" "$leaks" >"$work/out" 2>"$work/raw" || code=$?
        case $leaks in
        on)
            expect 'leaks that are asked for' '0: 1 block, 54321 bytes
0: 0 blocks, 0 bytes' "$(cat "$work/out")"
            expect 'their report' 1 "$(grep -c ': 1 block, of 54321 bytes, is leaked: nothing points there now$' "$work/raw")"
            ;;
        live) expect 'live blocks that are asked for' '0: 2 blocks, 66666 bytes
0: 1 block, 12345 bytes' "$(cat "$work/out")" ;;
        off) expect 'leaks where they are off' '-10: 7 blocks, 7 bytes
-10: 7 blocks, 7 bytes' "$(cat "$work/out")" ;;
        two) expect 'two that ask at once' 'both are told' "$(cat "$work/out")" ;;
        esac
        expect "leaks=$leaks asked: exit status" 0 "$code"
    done
fi
finish
