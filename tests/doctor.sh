# SPDX-License-Identifier: MIT
# dispatchalloc doctor: who serves which function of the malloc family, what conflicts, and
# what it says is to be done.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool
unset DISPATCHALLOC_MALLOC LD_PRELOAD
LC_ALL=C TMPDIR=$work/tmp
export LC_ALL TMPDIR
mkdir "$TMPDIR"
LD_DEBUG=bindings LD_DEBUG_OUTPUT=$TMPDIR/probe /bin/sh -c : || :
[ -n "$(ls "$TMPDIR")" ] || skip "the dynamic loader leaves no trace (it is not glibc's)"
rm -f "$TMPDIR"/*
exec </dev/null

# try STATUS OUTPUT MESSAGE ARGUMENT...: patterns of what doctor prints and says.
try() {
    wanted=$1 output=$2 message=$3
    shift 3
    code=0
    "$tool" doctor "$@" >"$work/out" 2>"$work/err" || code=$?
    # shellcheck disable=SC2254
    case $code in $wanted) ;; *) fail "$*: exit status $code, not $wanted: $(cat "$work/out" "$work/err")" ;; esac
    # shellcheck disable=SC2254 # patterns
    case $(cat "$work/out") in $output) ;; *) fail "$*: printed: $(cat "$work/out")" ;; esac
    # shellcheck disable=SC2254
    case $(cat "$work/err") in $message) ;; *) fail "$*: said: $(cat "$work/err")" ;; esac
    [ -z "$(ls "$TMPDIR")" ] || fail "$*: left $(ls "$TMPDIR")"
}
# has TEXT | has_not TEXT: in what the last run printed of the program as it is
plain() { sed '/^[^ ].* under .dispatchalloc run.:$/,$d' "$work/out"; }
has() { plain | grep -q -- "$1" || fail "without '$1': $(cat "$work/out")"; }
has_not() { ! plain | grep -q -- "$1" || fail "with '$1': $(cat "$work/out")"; }
nothing="diagnosis: no conflict
what to do: nothing; \`dispatchalloc run' can give it any allocator"
help="
Try 'dispatchalloc doctor --help' for more information."

# ---- The command line ----------------------------------------------------------------------
try 0 'Usage: dispatchalloc doctor *' '' --help
try 2 '' "dispatchalloc: 'doctor' needs a PROGRAM$help"
try 2 '' "dispatchalloc: invalid timeout '0': *" --timeout=0 true
try 2 '' "dispatchalloc: *$help" --nonsense true
try 127 '' "dispatchalloc: cannot run 'no-such-program': No such file or directory" no-such-program
try 126 '' "dispatchalloc: cannot run '/': Permission denied" /
DISPATCHALLOC_INTERPOSER=/no/such try 2 '' 'dispatchalloc: the interposer /no/such: *' true

# ---- Programs that have one allocator ---------------------------------------------------------
cat >"$work/c.c" <<'END'
#include <malloc.h>
#include <stdlib.h>
int main(void)
{
    void *volatile block = pvalloc(100);
    void *volatile other = malloc(10);
    free(other);
    return !block;
}
END
$CC -fno-builtin "$work/c.c" -o "$work/c"
try 0 "$work/c as it is:
  /*libc.so*
    serves malloc, free*pvalloc
    to *c
  nobody asks for *valloc*
$work/c under \`dispatchalloc run':
  $DISPATCHALLOC_INTERPOSER
    serves malloc, free*pvalloc*
    to libc.so*, c
  nobody asks for *
$nothing" '' -- "$work/c"
has_not conflict
# A terminal is not to get what a file's name has in it.
name=$work/$(printf 'a\033b\302\233c\233d')
cp "$work/c" "$name"
try 0 "*/a[?]b[?][?]c[?]d as it is:*to *a[?]b[?][?]c[?]d*" '' "$name"
[ -z "$(tr -d '[:print:]\n' <"$work/out")" ] || fail "control characters: $(cat -v "$work/out")"

# The program is run as it would be else.
try 0 'there:2
*there:2
*' 'told
told' --output sh -c 'echo "$1:$#"; echo told >&2' sh there 2
try 0 "*as it is:
  it failed: exit status 3
    cannot open[?]the file
    no more
  *under *run':
  it failed: exit status 3
    cannot open*diagnosis: no conflict is seen; it fails as it is, and under \`dispatchalloc run' as well
what *" '' sh -c 'printf "cannot open\033the file\nno more" >&2; exit 3'
try 0 "*diagnosis: no conflict is seen; it fails as it is, and not under \`dispatchalloc run'
what *" '' sh -c '[ -n "$LD_PRELOAD" ]'
try 0 '*it failed: stopped by signal [0-9]* (Stopped (signal)), and was ended*' '' sh -c 'kill -STOP $$'
try 0 '*was ended after 1 second; *' '' --timeout=1 sleep 60
# Standard output that is closed does not swallow the result unnoticed.
code=0
"$tool" doctor true >&- 2>"$work/err" || code=$?
expect "the exit status without standard output" "2 dispatchalloc: write error: Bad file descriptor" \
    "$code $(cat "$work/err")"

# Of a program that another one becomes, the last one counts.
try 0 '*
    to *c
*' '' sh -c 'exec "$1"' sh "$work/c"

# What wraps a function and calls the next is no other allocator.
cat >"$work/wrap.c" <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
void *malloc(size_t size)
{
    static void *(*next)(size_t);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "malloc");
    return next(size);
}
END
$CC -shared -fPIC -fno-builtin "$work/wrap.c" -o "$work/wrap.so"
LD_PRELOAD=$work/wrap.so try 0 "*$work/wrap.so
    serves malloc
*$nothing" '' "$work/c"

# ---- Conflicts -----------------------------------------------------------------------------------
# half.so has malloc and free, and no pvalloc: the way of a program that links jemalloc.
cat >"$work/half.c" <<'END'
#include <stddef.h>
#include <string.h>
static char pool[1 << 20];
static size_t used;
void *malloc(size_t size)
{
    void *block = pool + used;
    used += (size + 15) & ~(size_t)15;
    return block;
}
void free(void *block) { (void)block; }
void *calloc(size_t count, size_t size) { return malloc(count * size); }
void *realloc(void *block, size_t size)
{
    void *moved = malloc(size);
    return block ? memcpy(moved, block, size) : moved;
}
void work(void) { free(malloc(10)); }
END
$CC -shared -fPIC -fno-builtin "$work/half.c" -o "$work/half.so"
$CC -fno-builtin "$work/c.c" -o "$work/mixed" -Wl,--no-as-needed "$work/half.so"
try 1 "*
  conflict: libc.so* serves pvalloc to mixed, but half.so serves free
$work/mixed under *
diagnosis: 1 conflict: a block may go back to another allocator than it came from
what to do: start it by \`dispatchalloc run', whose interposer serves the whole family" '' "$work/mixed"
has "^  $work/half.so"
if $CC -fno-builtin "$work/c.c" -o "$work/jemalloc" -Wl,--no-as-needed -l:libjemalloc.so.2 2>/dev/null; then
    try 1 "*conflict: libc.so* serves pvalloc to jemalloc, but libjemalloc.so.2 serves free*start it by*" '' "$work/jemalloc"
    # What run puts in it, the others do as well.
    cat >"$work/shown.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    const char *preload = getenv("LD_PRELOAD");
    return printf("%s\n", preload ? preload : "none") < 0;
}
END
    $CC "$work/shown.c" -o "$work/shown" -Wl,--no-as-needed -l:libjemalloc.so.2
    preload=$("$tool" run -b system "$work/shown")
    like "run" '*/libdispatchalloc-jemalloc.so' "$preload"
    for command in doctor "compare -n 1 -b system"; do
        # shellcheck disable=SC2086
        "$tool" $command --output "$work/shown" >"$work/out" 2>&1 || :
        grep -qxF "$preload" "$work/out" || fail "$command: $(cat "$work/out")"
    done
else
    echo "no libjemalloc.so.2 is here to be linked"
fi

# A library that keeps to itself, whatever is preloaded.
cat >"$work/host.c" <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
int main(int count, char **arguments)
{
    void *library = dlopen(arguments[count - 1], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    free(malloc(3));
    if (!library)
        return 3;
    ((void (*)(void))dlsym(library, "work"))();
    return 0;
}
END
$CC -fno-builtin "$work/host.c" -o "$work/host" -ldl
try 1 "*
  conflict: half.so serves malloc, free*to itself, but libc.so* serves free
*
  conflict: half.so serves malloc, free*to itself, but libdispatchalloc-preload.so serves free
*what to do: do not use \`dispatchalloc run' for it. half.so binds its own *RTLD_DEEPBIND*" '' \
    "$work/host" "$work/half.so"

# One that takes libc's malloc past the interposer, and gives the blocks to others.
cat >"$work/maker.c" <<'END'
#include <stdlib.h>
void *work(void) { return malloc(10); }
END
$CC -shared -fPIC -fno-builtin "$work/maker.c" -o "$work/maker.so"
try 1 "*
  conflict: libc.so* serves malloc to maker.so*, but libdispatchalloc-preload.so serves free
*under \`dispatchalloc run', and none without*
what to do: *cannot serve all of it. The calls of maker.so go past the interposer to libc.so*: open it without RTLD_DEEPBIND, as \`dispatchalloc run --strip-deepbind' does" '' "$work/host" "$work/maker.so"

# The plug-in comes before what it brings with it.
$CC -shared -fPIC -fno-builtin "$work/maker.c" -o "$work/plugin.so" -Wl,--no-as-needed "$work/maker.so"
try 1 "*
what to do: *The calls of plugin.so, maker.so go past the interposer to libc.so*: open them, *" '' \
    "$work/host" "$work/plugin.so"

# One that has malloc and free and calls its own whatever is preloaded, of which there is no
# trace: what goes well without the interposer does not with it.
cat >"$work/symbolic.c" <<'END'
#include <stdlib.h>
static char pool[1 << 20];
static size_t used;
void *malloc(size_t size)
{
    void *block = pool + used;
    used += (size + 15) & ~(size_t)15;
    return block;
}
void free(void *block)
{
    if (block && ((char *)block < pool || (char *)block >= pool + sizeof pool))
        abort();
}
void *make(void) { return malloc(10); }
void take(void *block) { free(block); }
END
cat >"$work/user.c" <<'END'
#include <stdlib.h>
void *make(void);
void take(void *block);
int main(void)
{
#ifdef HANDS_OVER
    free(make());
    take(malloc(10));
#endif
    take(make());
    return 0;
}
END
for option in -Bsymbolic -Bsymbolic-functions; do
    $CC -shared -fPIC -fno-builtin "-Wl,$option,-soname,$work/libsymb$option.so" \
        "$work/symbolic.c" -o "$work/libsymb$option.so"
    $CC -fno-builtin -DHANDS_OVER "$work/user.c" -o "$work/user$option" "$work/libsymb$option.so"
    $CC -fno-builtin "$work/user.c" -o "$work/quiet$option" "$work/libsymb$option.so"
    "$work/user$option" || fail "user$option does not work without the interposer"
done
try 1 "*under \`dispatchalloc run':
  it failed: *
what to do: do not use \`dispatchalloc run' for it. libsymb-Bsymbolic.so binds its own *: link it without -Bsymbolic, or take the functions out of it" '' "$work/user-Bsymbolic"
has "serves malloc, free"
has_not "it failed"
try 1 "*what to do: do not use \`dispatchalloc run' for it. libsymb-Bsymbolic.so binds its own *" '' "$work/quiet-Bsymbolic"
# Its file does not say so, but the program fails.
try 1 "*
what to do: do not use \`dispatchalloc run' for it. libsymb-Bsymbolic-functions.so has functions of the family, and may call its own: take them out of it" '' "$work/user-Bsymbolic-functions"

# What fails under the interposer only is not well, whatever the trace tells.
try 1 "*
diagnosis: no conflict is seen, but it fails under \`dispatchalloc run' only
what to do: do not use \`dispatchalloc run' for it. *run --debug' names who *" '' sh -c '[ -z "$LD_PRELOAD" ]'

# An allocator in the program itself.
echo 'void work(void); int main(void) { work(); return 0; }' >"$work/main.c"
$CC -fno-builtin -rdynamic "$work/main.c" "$work/half.c" -o "$work/own"
try 1 "*diagnosis: no conflict
what to do: *cannot give it another allocator. The program has functions of the family in itself*" '' "$work/own"

# The same in what a script starts, by its path, by a shell, or in the place of it.
printf '#!/bin/sh\n"%s"\ntrue\n' "$work/own" >"$work/script"
chmod +x "$work/script"
for command in "$work/script" "sh $work/script"; do
    # shellcheck disable=SC2086
    try 1 "*
  it starts $work/own, which has functions of the family in itself
*diagnosis: no conflict
what to do: *cannot serve all of it. $work/own, which it starts, has functions of the family in itself, which come *" '' $command
done
printf '#!/bin/sh\nexec "%s"\n' "$work/own" >"$work/script"
try 1 "*what to do: *cannot give it another allocator. The program has functions of the family in itself*" '' "$work/script"
# One that the interposer cannot be loaded into, which leaves no trace: the script fails or not.
$CC -fno-builtin "$work/c.c" -m32 -o "$work/foreign" 2>/dev/null && "$work/foreign" && foreign=$work/foreign || foreign=
musl-gcc "$work/main.c" "$work/half.c" -fno-builtin -o "$work/musl" 2>/dev/null && foreign="$foreign $work/musl"
for program in $foreign; do
    printf '#!/bin/sh\n"%s"\ntrue\n' "$program" >"$work/script"
    try 1 "*under \`dispatchalloc run':*
  it starts a program into which the interposer cannot be loaded:
    *$DISPATCHALLOC_INTERPOSER*
diagnosis: no conflict
what to do: \`dispatchalloc run' cannot serve all of it. A program that it starts is for another C library or word \
size than the interposer: start that one without" '' "$work/script"
done
[ -n "$foreign" ] || echo "no programs of 32 bits or of musl can be made here: they are not tested"
# Of a static one nothing is seen.
if $CC -static "$work/main.c" "$work/half.c" -fno-builtin -o "$work/static" 2>/dev/null; then
    printf '#!/bin/sh\n"%s"\ntrue\n' "$work/static" >"$work/script"
    try 0 "*$nothing; static programs that it may start are not seen" '' "$work/script"
fi
# One that passes its calls on is none.
$CC -fno-builtin -rdynamic "$work/c.c" "$work/wrap.c" -o "$work/wrapping" -ldl
printf '#!/bin/sh\n"%s"\ntrue\n' "$work/wrapping" >"$work/script"
try 0 "*$nothing*" '' "$work/script"

# ---- C++ -------------------------------------------------------------------------------------------
if [ -n "$CXX" ]; then
    cat >"$work/operators.cpp" <<'END'
#include <cstdlib>
#include <new>
#ifdef NEW
void *operator new(std::size_t size) { return std::malloc(size + 16); }
#endif
#ifdef DELETE
void operator delete(void *block) noexcept { std::free(block); }
#endif
int main()
{
    int *volatile one = new int;
    delete one;
    int *volatile some = new int[3];
    delete[] some;
    return 0;
}
END
    $CXX -std=c++14 -O0 "$work/operators.cpp" -o "$work/op" 2>/dev/null
    $CXX -std=c++14 -O0 -DNEW "$work/operators.cpp" -o "$work/opnew" 2>/dev/null
    $CXX -std=c++14 -O0 -DNEW -DDELETE "$work/operators.cpp" -o "$work/opboth" 2>/dev/null
    # The C++ library passes calls on, to C's functions or to those of the program.
    try 0 "*serves operator new, operator new\[\], operator delete*$nothing" '' "$work/op"
    has_not conflict
    try '[01]' '*' '' "$work/opboth"
    has_not conflict
    try 1 '*conflict: opnew serves operator new*, but libc.so* serves operator delete*' '' "$work/opnew"
fi

# ---- Programs that cannot be served ------------------------------------------------------------------
echo 'int main(void) { return 0; }' >"$work/main.c"
if $CC -static "$work/main.c" -o "$work/static" 2>/dev/null; then
    try 1 'what to do: its allocator is the one that it was built with*' '*it is statically linked*' "$work/static"
fi
if $CC -fsanitize=address "$work/main.c" -o "$work/asan" 2>/dev/null; then
    try 1 'what to do: *' '*AddressSanitizer*' "$work/asan"
fi

# Where its own files cannot grow that is not the program's fault. (A shell's unit is 512 or 1024.)
for blocks in 0 1; do
    (ulimit -f $blocks; "$tool" doctor true 2>&1 || echo $?) | cat >"$work/out"
    expect "doctor with ulimit -f $blocks" \
        "dispatchalloc: the loader's trace goes to a file here, which may not be as large as that takes (ulimit -f)
2" "$(cat "$work/out")"
    [ -z "$(ls "$TMPDIR")" ] || fail "with ulimit -f $blocks: left $(ls "$TMPDIR")"
done

# A signal ends it at once, and what was made is removed. (The shell has its background ignore SIGQUIT.)
for ended in TERM:143 QUIT:131; do
    [ $ended != QUIT:131 ] || env --default-signal=QUIT true 2>/dev/null || continue
    rm -f "$work/pid"
    env $([ $ended != QUIT:131 ] || echo --default-signal=QUIT) "$tool" doctor --timeout=60 sh -c 'echo $$ >"$1.new"; mv "$1.new" "$1"; while :; do sleep 0.1; done' \
        sh "$work/pid" >"$work/out" 2>&1 &
    pid=$!
    eventually [ -e "$work/pid" ] || fail "the program did not start"
    kill -s ${ended%:*} "$pid"
    code=0
    wait "$pid" || code=$?
    expect "the exit status after SIG$ended" "${ended#*:}" "$code"
    [ -z "$(ls "$TMPDIR")" ] || fail "after SIG$ended: left $(ls "$TMPDIR")"
    kill -0 "$(cat "$work/pid")" 2>/dev/null && fail "after SIG$ended the program was left running"
done

DISPATCHALLOC_OFF=on try 2 '' "dispatchalloc: DISPATCHALLOC_OFF=on is set, *; unset it to ask what it would do" true
# Who does not read it to its end.
"$tool" doctor true | : || :
[ -z "$(ls "$TMPDIR")" ] || fail "with a pipe that is closed: left $(ls "$TMPDIR")"

finish
