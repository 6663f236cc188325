# SPDX-License-Identifier: MIT
# dispatchalloc run and status: what is checked before a program starts, what it inherits, what
# becomes of its exit status, and who is told to serve.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool
# One test runs a program as another user.
chmod 755 "$work"

# try STATUS PATTERN-OF-OUTPUT PATTERN-OF-STDERR ARGUMENT...
try() {
    status=$1 output=$2 message=$3
    shift 3
    code=0
    "$tool" "$@" >"$work/out" 2>"$work/err" </dev/null || code=$?
    expect "$*: exit status" "$status" "$code"
    like "$*: printed" "$output" "$(cat "$work/out")"
    like "$*: said" "$message" "$(cat "$work/err")"
}

served='dispatchalloc: system * serves (DISPATCHALLOC_MALLOC=system)'
try 0 hello '' run -b system echo hello
try 0 hello "$served" run -v -b system -- echo hello
try 0 hello "$served" run --backend=system --verbose echo hello
try 0 '-b -v --help' '' run echo -b -v --help
try 0 '' 'dispatchalloc: system * serves (nobody chose)' run -v true
try 7 '' '' run -b system sh -c 'exit 7'
try 143 '' '' run -b system sh -c 'kill -TERM $$'
try 2 '' "dispatchalloc: spec \"sytem\": no backend or layer is called \"sytem\" (did you mean \"system\"?)*" run -b sytem true
try 2 '' "dispatchalloc: spec \"sytem\": *" run -b sytem no-such-program
try 127 '' "dispatchalloc: cannot run 'no-such-program': No such file or directory" run no-such-program
try 127 '' "dispatchalloc: cannot run '/no/such': No such file or directory" run /no/such
try 126 '' "dispatchalloc: cannot run '/': Permission denied" run /
try 126 '' "dispatchalloc: cannot run '.': Permission denied" run .
try 2 '' "dispatchalloc: 'run' needs a PROGRAM*" run -b system
try 2 '' "dispatchalloc: 'run' takes -b once, and was given 'arena' and 'system'; one SPEC has its layers and the backend with '+' between
Try 'dispatchalloc run --help' for more information." run -b arena --backend=system true
try 2 '' "dispatchalloc: *
Try 'dispatchalloc run --help' for more information." run --nonsense true
# In front of the name of a command its options may stand as well.
try 0 '' 'dispatchalloc: system * serves (nobody chose)' --verbose run true
try 0 hello "$served" -b system run -v echo hello
try 0 hello "$served" --backend system -v run echo hello
try 0 'Usage: dispatchalloc run *' '' run --help
try 0 'Usage: dispatchalloc run *' '' --help run
for command in run compare doctor; do
    try 0 'dispatchalloc (libdispatchalloc) *' '' $command --version
    try 0 'dispatchalloc (libdispatchalloc) *' '' --version $command
done
try 0 '--version x' '' run echo --version x
try 0 help '' run echo help

# A terminal is not to get what a spec or a name has in it.
escape=$(printf 'ar\033[31mena\177\nx')
shown='"ar[?]\[31mena[?][?]x"'
try 2 '' "dispatchalloc: spec $shown: the character \[ at byte 4 *" run -b "$escape" true
name=$(printf 'ar\033\177a')
try 2 '' 'dispatchalloc: spec "ar[?][?]a": no backend or layer is called "ar[?][?]a"*' run -b "$name" true
try 2 '' "dispatchalloc: spec $shown: *" explain "$escape"
try 127 '' "dispatchalloc: cannot run 'ar[?]\[31mena[?][?]x': *" run "$escape"
try 2 '' "dispatchalloc: unknown command 'ar[?]\[31mena[?][?]x'*" "$escape"
# A long one is shown whole.
long=$(printf '%05000d' 0)
try 2 '' "dispatchalloc: spec \"$long\": it is longer than 4095 bytes" run -b "$long" true

# What has a slash in it was meant for a path.
for path in ./good.so modules/good.so; do
    try 2 '' "dispatchalloc: spec \"$path\": no backend or layer is called \"$path\"; the path of a module has to be absolute" run -b "$path" true
done

# The variable serves where no option does, and the option outranks it.
DISPATCHALLOC_MALLOC=fixed-arena:capacity=16M try 0 '' 'dispatchalloc: fixed-arena *' run -v true
DISPATCHALLOC_MALLOC=nonsense try 0 '' "$served" run -v -b system true
DISPATCHALLOC_MALLOC='' try 0 '' '*(nobody chose)' run -v true

# Switched off by a variable: who forgot it is told, and nothing else keeps the program back.
off="dispatchalloc: DISPATCHALLOC_OFF=yes is set, so 'echo' runs with the malloc that it has by itself; unset it to have another"
for spec in fixed-arena:capacity=16M nosuch system:nosuch=1 /no/such.so fixed-arena:capacity=1E; do
    DISPATCHALLOC_OFF=yes try 0 hello "$off" run -dv -b "$spec" echo hello
    DISPATCHALLOC_OFF=yes DISPATCHALLOC_MALLOC=$spec try 0 hello "$off" run echo hello
done
DISPATCHALLOC_OFF=yes DISPATCHALLOC_INTERPOSER=/no/such.so try 0 hello "$off" run echo hello
DISPATCHALLOC_OFF=yes LD_PRELOAD='' try 0 none "dispatchalloc: DISPATCHALLOC_OFF=yes *" \
    run -b system sh -c 'echo "${LD_PRELOAD:-none}"'
DISPATCHALLOC_OFF=yes try 127 '' "dispatchalloc: cannot run 'no-such-program': *" run no-such-program
DISPATCHALLOC_OFF=yes try 2 '' "dispatchalloc: 'run' needs a PROGRAM*" run -b nosuch
DISPATCHALLOC_OFF=yes try 2 '' "dispatchalloc: *--nonsense*" run --nonsense true
DISPATCHALLOC_OFF=perhaps try 2 '' "dispatchalloc: spec \"nosuch\": *" run -b nosuch true
DISPATCHALLOC_OFF=0 try 0 hello '' run -b fixed-arena:capacity=16M echo hello
DISPATCHALLOC_OFF=1 try 2 '' "dispatchalloc: DISPATCHALLOC_OFF=1 is set, under which every allocator would be the C library's own; unset it to compare" \
    compare -n 1 -b system true

# What is in LD_PRELOAD stays, behind ours.
echo 'int dal_test_other;' | $CC -shared -fPIC -xc - -o "$work/other.so"
LD_PRELOAD=$work/other.so try 0 "$DISPATCHALLOC_INTERPOSER:$work/other.so" '' \
    run -b system printenv LD_PRELOAD

# One with a malloc is gone past, and named, however it is called.
cat >"$work/counting.c" <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
void *malloc(size_t size)
{
    void *(*next)(size_t) = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    return next(size);
}
END
$CC -shared -fPIC -fno-builtin "$work/counting.c" -o "$work/counting.so" -ldl
passed="dispatchalloc: $work/counting.so is preloaded, and has a malloc that the interposer comes before: it sees no call"
LD_PRELOAD=$work/other.so:$work/counting.so try 0 hello "$passed" run -b system echo hello
LD_PRELOAD=counting.so LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$work try 0 hello "$passed" run -b system echo hello

# Variables that have no say.
DISPATCHALLOC_BACKEND=arena:limit=1G try 0 hello "dispatchalloc: DISPATCHALLOC_BACKEND=arena:limit=1G chooses for programs that \
are linked with the library, and not for malloc; for that it is -b or DISPATCHALLOC_MALLOC" run echo hello
DISPATCHALLOC_BACKEND=arena:limit=1G try 0 hello '' run -b system echo hello
DISPATCHALLOC_BACKEND=arena:limit=1G DISPATCHALLOC_MALLOC=system try 0 hello '' run echo hello
DISPATCHALLOC_STRICT=ye DISPATCHALLOC_VERBOSE=2 \
    try 0 none "dispatchalloc: DISPATCHALLOC_STRICT=ye is ignored (did you mean \"yes\"?): accepted is *
dispatchalloc: DISPATCHALLOC_VERBOSE=2 is ignored: accepted is on or off (also 1, 0, true, false, yes, no)" \
    run -b system sh -c 'echo "${DISPATCHALLOC_STRICT-none}"'
DISPATCHALLOC_VERBOSE=yes try 0 yes "$served" run -b system sh -c 'echo "$DISPATCHALLOC_VERBOSE"; exit'
DISPATCHALLOC_MALOC=arena try 0 hello "dispatchalloc: DISPATCHALLOC_MALOC is a variable that nobody reads \
(did you mean DISPATCHALLOC_MALLOC?)" run echo hello
# What the command's own processes have is nobody's to set.
DISPATCHALLOC_CONFORMANCE_RUNS=1 try 0 hello "dispatchalloc: DISPATCHALLOC_CONFORMANCE_RUNS is a variable that nobody \
reads; those that are read stand in dispatchalloc(7)" run echo hello

# Programs that cannot be served are refused, and not run without a word.
echo 'int main(void) { return 0; }' >"$work/main.c"
if $CC -static "$work/main.c" -o "$work/static" 2>/dev/null; then
    try 2 '' "dispatchalloc: '$work/static' cannot be run with another allocator: it is statically linked*" run "$work/static"
    DISPATCHALLOC_OFF=1 try 0 '' "dispatchalloc: DISPATCHALLOC_OFF=1 is set, so *" run -b system "$work/static"
fi
if $CC -fsanitize=address "$work/main.c" -o "$work/asan" 2>/dev/null; then
    try 2 '' "dispatchalloc: '$work/asan' cannot be run with another allocator: it is built with AddressSanitizer*" run "$work/asan"
fi
# One of gcc and clang has each of the others.
sanitizer() { # FLAG NAME
    for compiler in $(compilers); do
        $compiler "-fsanitize=$1" "$work/main.c" -o "$work/$1" 2>/dev/null || continue
        try 2 '' "dispatchalloc: '$work/$1' cannot be run with another allocator: it is built with $2, which brings its own malloc" run "$work/$1"
        return
    done
    echo "no compiler has -fsanitize=$1"
}
sanitizer thread ThreadSanitizer
sanitizer leak LeakSanitizer
sanitizer memory MemorySanitizer
if $CC "$work/main.c" -Wl,--no-as-needed -llsan -o "$work/leak-library" 2>/dev/null; then
    try 2 '' "*it is built with LeakSanitizer*" run "$work/leak-library"
fi
# Less than all of it.
$CC "$work/main.c" -o "$work/machine"
for bytes in 4 40 100 2000; do
    head -c $bytes "$work/machine" >"$work/cut-$bytes"
    chmod +x "$work/cut-$bytes"
    try 2 '' "dispatchalloc: '$work/cut-$bytes' cannot be run with another allocator: the file has been cut short" run "$work/cut-$bytes"
done
# Another processor's: e_machine is changed; a smaller one: EI_CLASS is.
cp "$work/machine" "$work/class"
printf '\363' | dd of="$work/machine" bs=1 seek=18 conv=notrunc 2>/dev/null
printf '\001' | dd of="$work/class" bs=1 seek=4 conv=notrunc 2>/dev/null
try 2 '' "dispatchalloc: '$work/machine' cannot be run with another allocator: it is made for another kind of machine than the interposer" run "$work/machine"
refused="cannot be run with another allocator: it is for 32 bits, and the interposer $DISPATCHALLOC_INTERPOSER for 64; DISPATCHALLOC_INTERPOSER names another"
try 2 '' "dispatchalloc: '$work/class' $refused" run "$work/class"
# A real one, under an interposer of its own kind, and not of it.
if $CC -m32 "$work/main.c" -o "$work/narrow" 2>/dev/null && "$work/narrow"; then
    try 2 '' "dispatchalloc: '$work/narrow' $refused" run -b system "$work/narrow"
    # Of one that another one starts its loader tells, each time, as the manual has it.
    line="ERROR: ld.so: object '*/libdispatchalloc-preload.so' from LD_PRELOAD cannot be preloaded (wrong ELF class: ELFCLASS64): ignored."
    try 0 '' "$line
$line" run -b system sh -c '"$1"; "$1"' sh "$work/narrow"
    cat >"$work/interposer.c" <<'END'
#include <stdio.h>
#include "lib/shared/note.h"
DAL_NOTE_DEFINE_(note, DAL_NOTE_INTERPOSER, VERSION_TEXT);
int (*of_the_c_library)(const char *, ...) = printf;
END
    $CC -m32 -shared -fPIC -I"$srcdir" "-DVERSION_TEXT=\"$VERSION\"" "$work/interposer.c" -o "$work/narrow.so"
    DISPATCHALLOC_INTERPOSER=$work/narrow.so try 0 '' '' run -b system "$work/narrow"
    head -c 2000 "$work/narrow" >"$work/narrow-cut"
    chmod +x "$work/narrow-cut"
    DISPATCHALLOC_INTERPOSER=$work/narrow.so try 2 '' "*narrow-cut' cannot be *: the file has been cut short" run "$work/narrow-cut"
    DISPATCHALLOC_INTERPOSER=$work/narrow.so try 2 '' \
        "dispatchalloc: '*/true' *it is for 64 bits, and the interposer $work/narrow.so for 32; *" run true
    # Looked at as those of the command's own word size are.
    echo '#include <stddef.h>
    void *malloc(size_t size) { static char memory[64]; return size < 64 ? memory : NULL; }
    int main(void) { return !malloc(1); }' >"$work/own.c"
    ! $CC -m32 -rdynamic -fno-builtin "$work/own.c" -o "$work/narrow-own" ||
        DISPATCHALLOC_INTERPOSER=$work/narrow.so try 2 '' \
            "dispatchalloc: '*/narrow-own' *it has a malloc of its own*" run -b system "$work/narrow-own"
    ! $CC -m32 -static "$work/main.c" -o "$work/narrow-static" 2>/dev/null ||
        DISPATCHALLOC_INTERPOSER=$work/narrow.so try 2 '' \
            "dispatchalloc: '*/narrow-static' *it is statically linked*" run -b system "$work/narrow-static"
fi
# What a loader that is started by name would load.
if [ -e "$work/static" ] && [ -x /lib64/ld-linux-x86-64.so.2 ]; then
    try 2 '' "dispatchalloc: '$work/static' *it is statically linked*" \
        run -b system /lib64/ld-linux-x86-64.so.2 --argv0 name "$work/static"
    is_foreign || try 0 hello '' run -b system /lib64/ld-linux-x86-64.so.2 /bin/echo hello
fi
# Both, where each loader has $LIB. A shell that is not dash may open, and be warned for.
lib_of() { "$1" --list-diagnostics 2>/dev/null | sed -n 's/^dl_dst_lib="\(.*\)"$/\1/p'; }
wide_lib=$(lib_of /lib64/ld-linux-x86-64.so.2) narrow_lib=$(lib_of /lib/ld-linux.so.2)
if [ -e "$work/narrow.so" ] && [ -n "$wide_lib" ] && [ -n "$narrow_lib" ]; then
    prefix=$work/both
    mkdir -p "$prefix/$wide_lib/modules" "$prefix/$narrow_lib/modules"
    cp "$DISPATCHALLOC_INTERPOSER" "${DISPATCHALLOC_INTERPOSER%/*}/libdispatchalloc-deepbind.so" "$prefix/$wide_lib"
    $CC -shared -fPIC -fvisibility=hidden '-DNAME="both"' -I"$builddir/include" -I"$srcdir/include" \
        "$srcdir/tests/loader/module.c" -o "$prefix/$wide_lib/modules/both.so"
    # Says that it is there.
    echo '#include <unistd.h>
    __attribute__((constructor)) static void start(void) { (void)!write(1, NAME "\n", sizeof NAME); }' >"$work/loaded.c"
    there() { # FILE WHAT [SOURCE]
        $CC -m32 -w -shared -fPIC -fno-builtin "-DNAME=\"$2\"" "${3:-$work/loaded.c}" -o "$prefix/$narrow_lib/$1"
    }
    cat "$work/loaded.c" - >"$work/family.c" <<'END'
#include <stddef.h>
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);
void *malloc(size_t size) { return __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return __libc_calloc(count, size); }
void *realloc(void *block, size_t size) { return __libc_realloc(block, size); }
void free(void *block) { __libc_free(block); }
END
    both() { # STATUS OUTPUT MESSAGE ARGUMENT...
        DISPATCHALLOC_MODULE_PATH=$(cd "$prefix" && pwd -P)/$wide_lib/modules \
            DISPATCHALLOC_INTERPOSER=$prefix/$wide_lib/libdispatchalloc-preload.so try "$@"
    }
    both 0 "$prefix/$wide_lib/libdispatchalloc-preload.so" '' run -b system printenv LD_PRELOAD
    both 2 '' "*it is for 32 bits, and the interposer *" run -b system "$work/narrow"
    both 1 'what to do: install libdispatchalloc for programs of that kind too, or build this one with the library*' \
        "*it is for 32 bits, and the interposer *" doctor "$work/narrow"
    # One for the wrong machine is none.
    cp "$DISPATCHALLOC_INTERPOSER" "$prefix/$narrow_lib"
    both 2 '' "*it is for 32 bits, and the interposer *" run -b system "$work/narrow"
    there libdispatchalloc-preload.so interposer
    both 0 "$prefix/\$LIB/libdispatchalloc-preload.so" "dispatchalloc: system *" run -v -b system printenv LD_PRELOAD
    both 0 interposer '' run -b system "$work/narrow"
    both 0 interposer '' run -b system env "$work/narrow"
    there libdispatchalloc-preload.so interposer "$work/family.c"
    both 0 "$work/narrow as it is:*
$work/narrow under \`dispatchalloc run':
  $prefix/$narrow_lib/libdispatchalloc-preload.so
    serves malloc, free*
what to do: nothing; *" '' doctor "$work/narrow"
    both 0 "$prefix/\$LIB/libdispatchalloc-preload.so:$prefix/$wide_lib/libdispatchalloc-deepbind.so:*/both/$wide_lib/modules/both.so" '' \
        run --strip-deepbind -b both printenv LD_PRELOAD
    # A module that is not there for the program itself would let another allocator serve.
    lacking="dispatchalloc: '$work/narrow*' cannot be run with another allocator: it is for 32 bits, and module \
*/both/$wide_lib/modules/both.so for 64; it would have to be installed as well as */both/$narrow_lib/modules/both.so"
    printf '#!%s\n' "$work/narrow" >"$work/narrow-script"
    chmod +x "$work/narrow-script"
    for program in narrow narrow-script; do
        both 2 '' "$lacking" run -b both "$work/$program"
        both 2 '' "$lacking" run -b stats+both "$work/$program"
        both 0 interposer '' run -b stats+system "$work/$program"
    done
    both 2 '*' "$lacking" compare -n 1 -b both "$work/narrow"
    both 0 '*system *' "*
dispatchalloc: 'both' is left out*" compare -n 1 "$work/narrow"
    both 0 '' '' run -b both true
    DISPATCHALLOC_MODULE_PATH=$(cd "$prefix" && pwd -P)/$wide_lib/modules DISPATCHALLOC_INTERPOSER=$work/narrow.so \
        try 2 '' "*it is for 32 bits, and module */both/$wide_lib/modules/both.so for 64" run -b both "$work/narrow"
    there modules/both.so module
    there libdispatchalloc-deepbind.so deepbind
    both 0 "module
deepbind
interposer" '' run --strip-deepbind -b both env "$work/narrow"
    both 0 "$prefix/\$LIB/libdispatchalloc-preload.so" '' \
        run --strip-deepbind -b both "$tool" run -b system printenv LD_PRELOAD
    both 0 '*' 'dispatchalloc: both *' run -v -b both true
else
    echo "no programs of 32 bits can be made here, or a loader does not tell what \$LIB is: they are not tested"
fi
# Another C library, whose loader may be started by name as well.
if is_glibc && musl-gcc "$work/main.c" -o "$work/musl" 2>/dev/null; then
    for program in "$work/musl" /lib/ld-musl-*.so.1; do
        [ ! -e "$program" ] || try 2 '' "dispatchalloc: '$program' cannot be run with another allocator: its C library is musl, and the interposer is built for the GNU C library" run "$program"
    done
fi
# A loader that is started by name loads what is preloaded before its program.
loader=$(tr '\0' '\n' <"$tool" | grep -a '^/lib.*/ld' | head -n 1)
if [ -x "$loader" ]; then
    try 0 hello "$served" run -v -b system "$loader" "$(command -v env)" echo hello
else
    fail "the loader '$loader' is not there"
fi
printf '#!%s\n' "$work/static" >"$work/script"
chmod +x "$work/script"
[ ! -e "$work/static" ] || try 2 '' "*statically linked*" run "$work/script"
# Linux follows five.
before=$work/static
for number in 1 2 3 4 5; do
    printf '#!%s\n' "$before" >"$work/script-$number"
    chmod +x "$work/script-$number"
    before=$work/script-$number
done
[ ! -e "$work/static" ] || try 2 '' "*statically linked*" run "$before"
# A launcher may ignore that children end, and its program finds it so.
# shellcheck disable=SC2016 # for the shell that is started
look='while read -r name value; do case $name in SigIgn:) echo "$value" ;; esac; done </proc/self/status'
# (The tool may start over for the second.)
for spec in system jemalloc; do
    "$tool" list --names | grep -qx $spec || continue
    said=$(trap '' CHLD; "$tool" run -b $spec sh -c "$look" 2>&1) || fail "SIGCHLD ignored, $spec: $said"
    expect "SIGCHLD ignored, $spec" "$(trap '' CHLD; sh -c "$look" 2>&1)" "$said"
done
# It raises nobody's rights for a script.
printf '#!/bin/sh\necho raised\n' >"$work/raising"
chmod 4755 "$work/raising"
if chown 65534 "$work/raising" 2>/dev/null && chmod 4755 "$work/raising" && ! is_foreign; then
    try 0 raised '' run -b system "$work/raising"
fi
printf 'echo from a script\n' >"$work/plain"
chmod +x "$work/plain"
# (On a machine with another C library its shell is not for this interposer.)
if is_foreign && ! "$tool" run /bin/sh -c : >/dev/null 2>&1; then
    try 2 '' "dispatchalloc: '/bin/sh' cannot be run with another allocator: *" run -b system "$work/plain"
else
    try 0 'from a script' '' run -b system "$work/plain"
fi
# What is missing is the interpreter, also of an interpreter or of a program.
printf '#! /no/such -x\n' >"$work/orphan"
printf '#!%s\n' "$work/orphan" >"$work/grandchild"
printf '#!/bin/sh\r\n' >"$work/foreign"
chmod +x "$work/orphan" "$work/grandchild" "$work/foreign"
$CC "$work/main.c" -Wl,--dynamic-linker=/no/such -o "$work/unloadable"
for file in orphan grandchild unloadable; do
    try 127 '' "dispatchalloc: cannot run '$work/$file': its interpreter '/no/such': No such file or directory" run "$work/$file"
done
try 127 '' "dispatchalloc: cannot run '$work/foreign': its interpreter '/bin/sh[?]': No such file or directory" run "$work/foreign"
printf '#!%s\n' "$work/main.c" >"$work/impossible"
chmod +x "$work/impossible"
try 126 '' "dispatchalloc: cannot run '$work/impossible': its interpreter '$work/main.c': Permission denied" run "$work/impossible"
if [ "$(id -u)" = 0 ]; then
    $CC "$work/main.c" -o "$work/setuid"
    chown 65534 "$work/setuid"
    chmod u+s "$work/setuid"
    try 2 '' "*it is set-user-ID or set-group-ID*" run "$work/setuid"
fi
# Capabilities raise what a user may do, and not what root may.
as_user=
[ "$(id -u)" != 0 ] || as_user='setpriv --reuid=65534 --regid=65534 --clear-groups'
give() { (PATH=$PATH:/usr/sbin:/sbin && setcap "$1" "$work/capable"); }
$CC "$work/main.c" -o "$work/capable"
# shellcheck disable=SC2086
if give cap_net_raw+ep 2>/dev/null && $as_user "$work/capable" 2>/dev/null; then
    [ -z "$as_user" ] || try 0 '' '' run "$work/capable"
    for capabilities in cap_net_raw+ep cap_net_raw+p cap_net_raw+i; do
        give $capabilities
        code=0
        said=$($as_user "$tool" run "$work/capable" 2>&1) || code=$?
        case $capabilities:$code:$said in
        *+i:0:) ;;
        *p:2:"dispatchalloc: '$work/capable' cannot be run with another allocator: it has file capabilities, and the loader then ignores LD_PRELOAD") ;;
        *) fail "$capabilities: exit status $code: $said" ;;
        esac
    done
else
    echo "no program can be given capabilities here: they are not tested"
fi
DISPATCHALLOC_INTERPOSER=/no/such try 2 '' 'dispatchalloc: the interposer /no/such: No such file or directory' run true

# Any other file would be preloaded for nothing. The library itself has a note as well.
printf '' >"$work/empty"
for file in /etc/passwd "$work/empty" "$work" "$work/other.so" "$work/main" \
    "$builddir/.libs/libdispatchalloc.so"; do
    [ ! -e "$file" ] || DISPATCHALLOC_INTERPOSER=$file try 2 '' \
        "dispatchalloc: '$file' is not the interposer, libdispatchalloc-preload.so" run true
done

# Names that its loader cannot be told.
if is_glibc; then
    feed='
'
    for name in '$LIB' "a${feed}b"; do
        mkdir -p "$work/$name"
        cp "$DISPATCHALLOC_INTERPOSER" "$work/$name"
        DISPATCHALLOC_INTERPOSER=$work/$name/${DISPATCHALLOC_INTERPOSER##*/} try 2 '' \
            "*the loader does not get the interposer into it, whose path has a *" run true
    done
fi

# Its note lies at its start, or with musl's start files near its end.
is_glibc && said="the interposer $work/cut: the file has been cut short" ||
    said="'$work/cut' is not the interposer, libdispatchalloc-preload.so"
head -c 9000 "$DISPATCHALLOC_INTERPOSER" >"$work/cut"
DISPATCHALLOC_INTERPOSER=$work/cut try 2 '' "dispatchalloc: $said" run true

# A module goes into the program from its start.
umask 022
mkdir -p "$work/modules"
$CC -shared -fPIC -fvisibility=hidden "-DNAME=\"good\"" -I"$builddir/include" -I"$srcdir/include" \
    "$srcdir/tests/loader/module.c" -o "$work/modules/good.so"
DISPATCHALLOC_MODULE_PATH=$(cd "$work/modules" && pwd -P)
export DISPATCHALLOC_MODULE_PATH
said=$("$tool" run -b good printenv LD_PRELOAD 2>&1) || true
case $said in
*"$DISPATCHALLOC_INTERPOSER:$DISPATCHALLOC_MODULE_PATH/good.so"* | *"is refused"*) ;;
*) fail "run -b good: $said" ;;
esac

# What a module needs may be there for the command and not for the program, whose loader, or search
# path, is another.
if [ -x "$loader" ]; then
    mkdir "$work/needed"
    echo 'int dal_test_needed;' | $CC -shared -fPIC -xc - -o "$work/needed/libneeded.so"
    $CC -shared -fPIC -fvisibility=hidden '-DNAME="needy"' -I"$builddir/include" -I"$srcdir/include" \
        "$srcdir/tests/loader/module.c" -o "$work/modules/needy.so" -Wl,--no-as-needed -L"$work/needed" -lneeded
    for option in "run -b needy" "run -b needy --strip-deepbind"; do
        code=0
        # shellcheck disable=SC2086
        said=$("$loader" --library-path "$builddir/.libs:$work/needed" "$tool" $option true 2>&1) || code=$?
        like "a library that is missing" "2 dispatchalloc: '*/true' cannot be run with another allocator: of what is put before its malloc the loader cannot load libneeded.so: *" "$code $said"
        expect "lines" 1 "$(echo "$said" | wc -l)"
    done
    try 2 '' 'dispatchalloc: *needy.so cannot be opened: *libneeded.so: *' run -b needy true
    rm "$work/modules/needy.so"
fi

# What chroot starts finds other files: those that it lacks are told before.
if [ "$(id -u)" = 0 ] && chroot / true 2>/dev/null && { ! is_foreign || "$tool" run chroot / true 2>/dev/null; }; then
    root=$work/root
    put() { # FILE...
        for file in "$@"; do
            mkdir -p "$root${file%/*}" && cp "$file" "$root$file"
        done
    }
    $CC "$work/main.c" -o "$work/inside"
    # shellcheck disable=SC2046
    put "$work/inside" $(ldd "$work/inside" "$DISPATCHALLOC_INTERPOSER" | grep -o '/[^ ]*' | grep -v :$ | sort -u)
    mkdir -p "$work/needed"
    echo 'int dal_test_needed;' | $CC -shared -fPIC -xc - -o "$work/needed/libneeded.so"
    $CC -shared -fPIC -fvisibility=hidden '-DNAME="needy"' -I"$builddir/include" -I"$srcdir/include" \
        "$srcdir/tests/loader/module.c" -o "$work/modules/needy.so" -Wl,--no-as-needed -L"$work/needed" \
        -lneeded -Wl,-rpath,"$work/needed"
    inside() { try "$@" run -b needy chroot --groups=0 "$root" "$work/inside"; }
    below="dispatchalloc: below '$root', where chroot starts its program, there is no"
    inside 2 '' "$below $DISPATCHALLOC_INTERPOSER: No such file or directory"
    put "$DISPATCHALLOC_INTERPOSER"
    inside 2 '' "$below $DISPATCHALLOC_MODULE_PATH/needy.so: No such file or directory"
    put "$DISPATCHALLOC_MODULE_PATH/needy.so"
    inside 2 '' "*of what is put before its malloc the loader cannot load libneeded.so: *"
    put "$work/needed/libneeded.so"
    inside 0 '' ''
    rm "$work/modules/needy.so"
else
    echo "chroot cannot be called here: it is not tested"
fi

# One run in another: what the outer one preloaded gives way to what the inner one does.
case $said in
*"is refused"*) ;;
*) LD_PRELOAD="$work/other.so" try 0 "$DISPATCHALLOC_INTERPOSER:$DISPATCHALLOC_MODULE_PATH/good.so:$work/other.so" \
    "*dispatchalloc: good *(DISPATCHALLOC_MALLOC=good)" \
    run --strip-deepbind -b good "$tool" run -b system "$tool" run -v -b good printenv LD_PRELOAD ;;
esac

# Those in parentheses too, by name and by path; a path may have escapes.
$CC -shared -fPIC -fvisibility=hidden "-DNAME=\"split\"" -DLAYER -DSPLIT -I"$builddir/include" \
    -I"$srcdir/include" "$srcdir/tests/tool/module.c" -o "$work/modules/split.so"
mkdir -p "$work/a+b"
cp "$work/modules/good.so" "$work/a+b/good.so"
said=$("$tool" run -b "split:to=(split:to=(good))" printenv LD_PRELOAD 2>&1) || true
case $said in
*"$DISPATCHALLOC_MODULE_PATH/split.so:"*"$DISPATCHALLOC_MODULE_PATH/good.so"* | *"is refused"*) ;;
*) fail "run -b split: $said" ;;
esac
said=$("$tool" run -b "split:to=($work/a%2Bb/good.so)+system" printenv LD_PRELOAD 2>&1) || true
case $said in
*"$DISPATCHALLOC_MODULE_PATH/split.so:"*"/a+b/good.so" | *"is refused"*) ;;
*) fail "run -b split with a path: $said" ;;
esac

# One that needs much thread-local storage: the tool starts over with room for it, by a variable
# to which it adds. For every command that opens modules.
$CC -shared -fPIC -fvisibility=hidden "-DNAME=\"roomy\"" -DFAULT_TLS=6000 -I"$builddir/include" \
    -I"$srcdir/include" "$srcdir/tests/loader/module.c" -o "$work/modules/roomy.so"
! is_glibc || case $(GLIBC_TUNABLES=glibc.malloc.check=0 "$tool" run -b roomy sh -c 'echo "$GLIBC_TUNABLES $LD_PRELOAD"' 2>&1) in
*"is refused"*) ;;
"glibc.malloc.check=0:glibc.rtld.optional_static_tls=8192 "*roomy.so)
    try 0 '' "*roomy 1.2.3 serves (DISPATCHALLOC_MALLOC=roomy)" run -v -b roomy true
    # Said once, however often the command starts over.
    DISPATCHALLOC_STRICT=ye DISPATCHALOC_OFF=1 DISPATCHALLOC_COLOUR=1 \
        DISPATCHALLOC_MODULE_PATH=$DISPATCHALLOC_MODULE_PATH:relative try 0 '' '*' run -b roomy true
    expect "lines of variables" 4 "$(grep -c 'STRICT=ye is ignored\|DISPATCHALOC_OFF is\|LOC_COLOUR is\|is not looked in' "$work/err")"
    expect "lines in all" 4 "$(wc -l <"$work/err" | tr -d ' ')"
    DISPATCHALLOC_COLOUR=1 try 0 "name *roomy*" '*DISPATCHALLOC_COLOUR is a variable that nobody reads*' info roomy
    expect "lines of info" 1 "$(wc -l <"$work/err" | tr -d ' ')"
    expect "variables of the program" '' "$("$tool" run -b roomy sh -c 'echo "${DISPATCHALLOC_STARTED_OVER-}"' 2>&1)"
    try 0 "*roomy 1.2.3*" '' explain system roomy
    expect "lines of system" 1 "$(grep -c '^system ' "$work/out")"
    try 0 "*name *system*name *roomy*" '' info system roomy
    expect "lines of system" 1 "$(grep -c '^name *system' "$work/out")"
    try 0 "*roomy * 1.2.3*" '' list
    try 0 "name *roomy*" '' info roomy
    try 0 '' '' verify -q --case=size_classes roomy
    try 0 "*
stats:print=off+roomy *verdict*" '' compare -n 1 -b system -b stats:print=off+roomy true
    try 0 "*
roomy *verdict*" '' compare -n 1 true ;;
*) fail "run -b roomy: $("$tool" run -b roomy sh -c 'echo "$GLIBC_TUNABLES $LD_PRELOAD"' 2>&1)" ;;
esac

# ---- status ------------------------------------------------------------------------------
# It says when it has started, and reads what nobody writes.
mkfifo "$work/pipe"
"$tool" run -b fixed-arena:capacity=1M sh -c ': >"$1"; read -r line <"$2"' sh "$work/started" "$work/pipe" &
pid=$!
eventually [ -e "$work/started" ] || fail "the program did not start"
if "$tool" status $$ >/dev/null 2>&1 || [ $? = 1 ]; then
    try 0 "$pid: $(readlink -f "$DISPATCHALLOC_INTERPOSER"): fixed-arena * serves (DISPATCHALLOC_MALLOC=fixed-arena:capacity=1M)" '' status "$pid"
    try 1 "$$: libdispatchalloc is not in this process" '' status $$
    printf '#include <unistd.h>\nint main(void) { return (int)sleep(60); }\n' >"$work/sleep.c"
    $CC "$work/sleep.c" -o "$work/xyzzysleep"
    "$tool" run -b system "$work/xyzzysleep" &
    sleeper=$!
    eventually sh -c '"$1" status xyzzysleep' sh "$tool" >/dev/null 2>&1 || fail "xyzzysleep is not found"
    try 1 '' "dispatchalloc: no process of a program \"xyzzyslep\" has libdispatchalloc* (did you mean 'xyzzysleep'?)" \
        status xyzzyslep
    kill "$sleeper"
    wait "$sleeper" 2>/dev/null || true
else
    echo "processes cannot be traced here: status is not tested"
fi
kill "$pid"
wait "$pid" 2>/dev/null || true
try 2 '' 'dispatchalloc: process 4194399: no such process' status 4194399
try 1 '' 'dispatchalloc: no process of a program "xyzzy" has libdispatchalloc*' status xyzzy
try 2 '' "dispatchalloc: 'status' needs a PID, NAME or FILE, or --all*" status

# An alarm that was set for what is started goes with it.
cat >"$work/alarm.c" <<'END'
#include <unistd.h>
int main(int argc, char **argv)
{
    alarm(1);
    return argc > 1 ? execv(argv[1], argv + 1) : (int)sleep(20);
}
END
$CC "$work/alarm.c" -o "$work/alarm"
for chosen in '' system; do
    code=0
    DISPATCHALLOC_BACKEND=$chosen "$work/alarm" "$tool" run -b stats:print=off+system sleep 20 2>"$work/err" || code=$?
    expect "an alarm under DISPATCHALLOC_BACKEND=$chosen" 142 "$code"
done
finish
