# SPDX-License-Identifier: MIT
# What `make install` installs works as the README says: plain cc, pkg-config, static
# linking, C and C++, the installed examples, and every example and command of README.md.
# `make uninstall` leaves nothing behind. The tree is installed below a scratch directory.
set -eu
. "$srcdir/tests/lib.sh"
mkdir -p "$work/root" "$work/bin" "$work/run/out" "$work/run/readme"
unset MAKEFLAGS MFLAGS MAKELEVEL

# stop WHY: what follows needs this.
stop() { fail "$@"; finish; }

# Below DESTDIR the loader is nobody's business (tests/ldconfig.sh has the rest).
printf '#!/bin/sh\necho "ldconfig $*" >>"%s"\n' "$work/ldconfig.log" >"$work/bin/ldconfig"
chmod +x "$work/bin/ldconfig"
(cd "$builddir" && $MAKE install DESTDIR="$work/root" LDCONFIG="$work/bin/ldconfig") \
    >"$work/log" 2>&1 || { cat "$work/log"; stop "make install"; }
[ ! -e "$work/ldconfig.log" ] || fail "$(cat "$work/ldconfig.log")"
! grep 'LD_LIBRARY_PATH\|ldconfig' "$work/log" || fail "advice for what is below DESTDIR"

# A user's shell after installation, but for the place: cc, c++ and pkg-config find what
# is below the scratch directory, and use the compiler and flags of this build.
lib=$work/root$libdir
printf '#!/bin/sh\nexec %s %s %s "$@"\n' "$CC" "$CPPFLAGS" "$CFLAGS" >"$work/bin/cc"
printf '#!/bin/sh\nexec %s %s "$@"\n' "$CXX" "$CPPFLAGS" >"$work/bin/c++"
chmod +x "$work/bin/"*
# cc and c++ look in CPATH and LIBRARY_PATH as in /usr/local.
PATH=$work/bin:$work/root$bindir:$PATH
CPATH=$work/root$includedir LIBRARY_PATH=$lib LD_LIBRARY_PATH=$lib
PKG_CONFIG_LIBDIR=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$work/root
PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
DISPATCHALLOC_INTERPOSER=$lib/libdispatchalloc-preload.so
export DISPATCHALLOC_INTERPOSER PATH CPATH LIBRARY_PATH LD_LIBRARY_PATH \
       PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR \
       PKG_CONFIG_ALLOW_SYSTEM_CFLAGS PKG_CONFIG_ALLOW_SYSTEM_LIBS

cd "$work/run"
# What the README shows to leak is not a sanitizer's to tell of.
ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
export ASAN_OPTIONS
doc=$work/root$docdir
cp "$doc"/examples/* .

# program PRINTS COMMAND...: it compiles silently, runs, and prints that.
program() {
    prints=$1
    shift
    rm -f out/program
    if ! quietly "$@" -o out/program; then
        fail "$*"
        return
    fi
    got=0
    printed=$(out/program 2>&1) || got=$?
    expect "$*" "0: $prints" "$got: $printed"
}
pkg() { "$PKG_CONFIG" "$@" dispatchalloc; }

# Completion is where configure was told, or nowhere.
for shell in bash zsh fish; do
    directory=$(sed -n "s/^${shell}_completiondir = //p" "$builddir/Makefile")
    [ -z "$directory" ] || [ -n "$(find "$work/root" -path "*/${directory#*/}/*dispatchalloc*")" ] ||
        fail "no completion for $shell in $directory"
done

# ---- one program, all ways to link ----
expect 'version in dispatchalloc.pc' "$VERSION" "$(pkg --modversion)"
pkg --validate || fail "dispatchalloc.pc is not valid"
# shellcheck disable=SC2046 # lists of flags
{
    program 42 cc -Wall -Wextra first.c -ldispatchalloc
    program 'allocated so far: 20' cc -Wall -Wextra simple_allocator.c -ldispatchalloc
    (
        unset CPATH LIBRARY_PATH
        program 42 cc first.c $(pkg --cflags --libs)
        if [ -f "$lib/libdispatchalloc.a" ]; then
            program 42 cc first.c $(pkg --static --cflags --libs)
        fi
    )
}
if [ -z "$sanitized" ] && [ -f "$lib/libdispatchalloc.a" ]; then
    # shellcheck disable=SC2046
    (
        unset LD_LIBRARY_PATH
        program 42 cc -static first.c $(pkg --static --cflags --libs)
        program 'allocated so far: 20' cc -static simple_allocator.c -ldispatchalloc
        program 42 cc first.c "$lib/libdispatchalloc.a"
        program 'pool served "chosen at start-up"' cc -static pool_startup.c pool.c -ldispatchalloc
    )
fi

# ---- the other installed examples, C++ among them ----
program 'pool served "chosen at start-up"' cc -Wall -Wextra pool_startup.c pool.c -ldispatchalloc
program 'system served "chosen by name"' cc -Wall -Wextra pool_named.c pool.c -ldispatchalloc
cc -Wall -Wextra wordfreq.c -ldispatchalloc -o out/wordfreq
cc -Wall -Wextra wordfreq.c pool_linked.c pool.c -ldispatchalloc -o out/wordfreq_pool
out/wordfreq pool.c >out/system 2>out/log
out/wordfreq_pool pool.c >out/pool 2>>out/log
cmp out/system out/pool || fail "wordfreq under the pool"
expect 'who served wordfreq' 'system pool ' "$(cut -d ' ' -f 1 out/log | tr '\n' ' ')"
if [ -n "$CXX" ] && [ -z "$sanitized" ]; then
    for standard in c++11 c++20; do
        program 'arena: the last square is 998001
system: 58 letters' c++ -std=$standard -Wall -Wextra cxx.cpp -ldispatchalloc
    done
else
    echo "left out: C++ (no C++ compiler, or a sanitizer is in use)"
fi

# ---- what the library has of the command, which lies beside it ----
if [ -z "$sanitized" ] && [ -e "$DISPATCHALLOC_INTERPOSER" ]; then
    echo '#include <stdlib.h>
        int main(void) { void *volatile p = malloc(10); free(p); free(p); return 0; }' >twice.c
    cc -g -w -fno-builtin twice.c -o out/twice
    dispatchalloc run -b debug:symbolize=on+system out/twice 2>out/said
    expected=' in main '
    ! grep -q '^LIBDW_LIBS = .*-ldw' "$builddir/Makefile" || expected=' in main .*twice.c:2'
    grep -q "$expected" out/said || fail "a report is not resolved: $(cat out/said)"
fi

# ---- the README ----
# ```c and ```cpp blocks that begin with a comment of one file name are that file. In
# ```console blocks each line after "$ " is run, and what follows is what it prints.
cd readme
awk '
    /^```/ {
        if (kind != "") { kind = file = ""; next }
        kind = substr($0, 4); file = ""
        if (kind == "console") file = "session." ++sessions
        else if (kind != "c" && kind != "cpp") kind = "other"
        next
    }
    kind == "c" || kind == "cpp" {
        if (file == "") {
            file = $0
            if (!sub(/^(\/\*|\/\/) */, "", file)) { print FILENAME ": a block without a file name: " $0; exit 1 }
            sub(/ *\*\/$/, "", file)
        }
    }
    file != "" { print > file }
' "$srcdir/README.md" || stop "README.md cannot be taken apart"
count=0
while [ -f "session.$((count + 1))" ]; do
    count=$((count + 1))
    # Both streams together, without an order between them.
    awk -v n=$count '
        /^\$ / { if (expected) close(expected); commands++
                 command = "command." n "." commands; expected = "expected." n "." commands
                 print substr($0, 3) > command; close(command); printf "" > expected; next }
        { print > expected }' session.$count
    number=1
    while [ -f command.$count.$number ]; do
        step=$count.$number
        if [ -n "$sanitized" ] && grep -q 'dispatchalloc run' command.$step; then
            echo "left out under a sanitizer: $(cat command.$step)"
            number=$((number + 1))
            continue
        fi
        echo "README: $(cat command.$step)"
        sh command.$step >printed.$step 2>&1 </dev/null || echo "(exit status $?)" >>printed.$step
        # The README is written for an installation in /usr/local without modules.
        sort expected.$step >a
        sed "s|$lib/|$libdir/|g; s|$libdir/|/usr/local/lib/|g; s/, profile, [^;]*; searched/, profile; searched/" \
            printed.$step | sort >b
        diff a b || fail "README.md shows another output for: $(cat command.$step)"
        number=$((number + 1))
    done
done
[ $count -ge 4 ] || fail "README.md has only $count sessions; were they found?"
cd ..

# ---- elsewhere: command, interposer, modules and programs find each other by their own place ----
moved_prefix() (
    mv "$work/root" "$work/moved"
    chmod 755 "$work" && trap 'mv "$work/moved" "$work/root"' EXIT
    place=$(cd "$work/moved$libdir" && pwd -P)
    command=$work/moved$bindir/dispatchalloc
    unset LD_LIBRARY_PATH DISPATCHALLOC_INTERPOSER
    expect 'the interposer of a moved command' "$place/libdispatchalloc-preload.so" \
        "$("$command" run sh -c 'echo "$LD_PRELOAD"' 2>&1)"
    # (Where it was built for there may be one, which is taken then.)
    if [ ! -e "$libdir/libdispatchalloc-preload.so" ]; then
        mv "$place/libdispatchalloc-preload.so" "$place/away"
        expect 'a moved command without one' \
            "dispatchalloc: the interposer $place/libdispatchalloc-preload.so: No such file or directory" \
            "$("$command" run true 2>&1)"
        mv "$place/away" "$place/libdispatchalloc-preload.so"
    fi
    # A module of any name will do: those that are built depend on what is here.
    mkdir -p "$place/dispatchalloc"
    $CC -shared -fPIC -fvisibility=hidden '-DNAME="moved"' -I"$work/moved$includedir" \
        "$srcdir/tests/loader/module.c" -o "$place/dispatchalloc/moved.so"
    module=$place/dispatchalloc/moved.so
    trap 'rm "$module"; mv "$work/moved" "$work/root"' EXIT
    like 'a moved module is listed' '*moved * 1.2.3*' "$("$command" list 2>&1)"
    like 'a moved module under run' '*moved 1.2.3 serves (DISPATCHALLOC_MALLOC=moved)*' \
        "$("$command" run -v -b moved true 2>&1)"
    # shellcheck disable=SC2086
    $CC $CPPFLAGS $CFLAGS -I"$work/moved$includedir" "$work/run/first.c" -o first \
        -L"$place" -ldispatchalloc -Wl,-rpath,"$place"
    like 'a moved module in a program' \
        '*moved 1.2.3 serves*42' \
        "$(DISPATCHALLOC_VERBOSE=1 DISPATCHALLOC_BACKEND=moved ./first 2>&1)"
    # A program that chooses before the library has its own place does not lose the other choice.
    cat >early.c <<'END'
#include <dispatchalloc.h>
#include <stdio.h>
static void choose(void)
{
    (void)dal_global_set_spec("system");
}
__attribute__((section(".preinit_array"), used)) static void (*const early)(void) = choose;
int main(void)
{
    return puts(dal_global_name()) < 0;
}
END
    # shellcheck disable=SC2086
    $CC $CPPFLAGS $CFLAGS -I"$work/moved$includedir" early.c -o early -L"$place" -ldispatchalloc \
        -Wl,-rpath,"$place"
    expect 'a moved module, chosen for a program that chooses early' moved \
        "$(DISPATCHALLOC_BACKEND=moved ./early 2>&1)"
    [ "$(id -u)" = 0 ] || return 0
    chown 65534 "$module"
    like "another user's module" "*module $module is refused: *another user owns it*" \
        "$(DISPATCHALLOC_BACKEND=moved ./first 2>&1)"
    # With raised privileges it is the place of the build that counts.
    chown 0 "$module"
    cat >raised.c <<'END'
#include <dispatchalloc.h>
#include <stdio.h>
int main(void)
{
    char text[4096];
    (void)dal_spec_visit("no-such-name", NULL, NULL, text, sizeof text);
    return puts(text) < 0;
}
END
    # shellcheck disable=SC2086
    $CC $CPPFLAGS $CFLAGS -I"$work/moved$includedir" raised.c -o raised -L"$place" -ldispatchalloc \
        -Wl,-rpath,"$place"
    like 'where modules are looked for' "*searched for modules: $place/dispatchalloc" "$(./raised)"
    chown 65534 raised && chmod 4755 raised
    like 'the same with raised privileges' "*searched for modules: $libdir/dispatchalloc" "$(./raised)"
)
if [ -z "$sanitized" ] && [ -e "$lib/libdispatchalloc-preload.so" ]; then
    moved_prefix || fail "in a moved prefix"
fi

# ---- and away again ----
(cd "$builddir" && $MAKE uninstall DESTDIR="$work/root") >"$work/log" 2>&1 ||
    { cat "$work/log"; fail "make uninstall"; }
left=$(find "$work/root" ! -type d)
expect 'what make uninstall leaves behind' '' "$left"
finish
