# SPDX-License-Identifier: MIT
# What shell tests share. Source it: . "$srcdir/tests/lib.sh"
#
#   $work       a directory of the test's own, gone when it ends
#   $include    flags for the headers of the build tree
#   $shared     the shared library and how to find it again at run time, or "" if there is none
#   $archive    the static library, or ""
#   $sanitized  the sanitizer flags that the library was built with, or ""
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# Lists of flags are words: a path with blanks is reached by another.
case $builddir$srcdir in *[[:blank:]]*)
    ln -s "$builddir" "$work/builddir"
    ln -s "$srcdir" "$work/srcdir"
    builddir=$work/builddir srcdir=$work/srcdir ;;
esac

include="-I$builddir/include -I$srcdir/include"
shared='' archive=''
[ ! -e "$builddir/.libs/libdispatchalloc.so" ] ||
    shared="-L$builddir/.libs -ldispatchalloc -Wl,-rpath,$builddir/.libs"
[ ! -e "$builddir/.libs/libdispatchalloc.a" ] ||
    archive="$builddir/.libs/libdispatchalloc.a -lpthread"
# c_library COMPILER: a word for the C library that its programs have: a number for glibc.
c_library() { printf '#include <stdlib.h>\n__GLIBC__\n' | $1 -E -P -xc - 2>/dev/null | tail -n 1; }
is_glibc() { [ "$(c_library "$CC")" != __GLIBC__ ]; }

# Whether the programs of this system have another loader than those of the compiler: another C library
# or word size. Then they are not for what is tested here.
loader_of() { LC_ALL=C grep -ao '/lib[a-z0-9/]*/ld[a-z0-9._-]*\.so[.0-9]*' "$1" | head -n 1; }
is_foreign() {
    echo 'int main(void) { return 0; }' >"$work/native.c"
    # shellcheck disable=SC2086
    $CC $CFLAGS "$work/native.c" -o "$work/native" && [ "$(loader_of "$work/native")" != "$(loader_of /bin/sh)" ]
}

# A C++ compiler whose programs have another C library is none.
[ -z "$CXX" ] || [ "$(c_library "$CXX")" = "$(c_library "$CC")" ] || CXX=''
sanitized=$(printf '%s\n' $CC $CFLAGS | sed -n 's/^-fsanitize=.*/&/p')

# Counted in a file, since a pipe or a loop may run in a shell of its own.
fail() {
    echo "FAIL: $*"
    echo >>"$work/failures"
}

# give_up WHAT: a failure after which there is nothing more to see.
give_up() {
    fail "$@"
    finish
}

# skip REASON: the test as a whole cannot say anything here, or no more than it has.
skip() {
    [ ! -e "$work/failures" ] || finish
    echo "skipped: $*"
    exit 77
}

# The last line of a test.
finish() {
    [ -e "$work/failures" ] || exit 0
    echo "$(wc -l <"$work/failures") failed"
    exit 1
}

# not_sanitized REASON
not_sanitized() { [ -z "$sanitized" ] || skip "built with $sanitized: $*"; }

# need_interposer: $DISPATCHALLOC_INTERPOSER, with which programs run.
need_interposer() {
    DISPATCHALLOC_INTERPOSER=$builddir/.libs/libdispatchalloc-preload.so
    export DISPATCHALLOC_INTERPOSER
    [ -e "$DISPATCHALLOC_INTERPOSER" ] || skip "the interposer was not built"
    not_sanitized "a sanitizer has a malloc of its own"
}

# need_tool: $tool, the command. Not libtool's wrapper, which takes longer than many a program that
# it starts; what the wrapper sets is set here.
need_tool() {
    tool=$builddir/tools/.libs/dispatchalloc
    if [ -x "$tool" ]; then
        LD_LIBRARY_PATH=$builddir/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
        export LD_LIBRARY_PATH
    else
        tool=$builddir/tools/dispatchalloc
        [ -x "$tool" ] || skip "the command is not built on this system"
    fi
}

# eventually COMMAND...: whether it succeeds within ten seconds.
eventually() {
    for _ in $(seq 100); do
        ! "$@" || return 0
        sleep 0.1
    done
    return 1
}

# expect WHAT WANTED GOT
expect() {
    [ "$2" = "$3" ] || fail "$1
    expected: $2
    got:      $3"
}

# like WHAT PATTERN GOT: as expect, by a pattern of the shell's.
like() {
    # shellcheck disable=SC2254
    case $3 in
    $2) ;;
    *) fail "$1
    expected: $2
    got:      $3" ;;
    esac
}

# at_least NUMBER GOT WHAT: that it looked at anything at all.
at_least() { [ "$2" -ge "$1" ] || fail "$3: hardly any was found: $2, and not $1 or more"; }

# The compiler of the build, and of gcc and clang whichever else there is, unless the library is for
# another kind of processor than theirs.
compilers() {
    echo "$CC"
    for other in gcc clang; do
        case " $CC " in
        *" $other "* | *"/$other "*) ;;
        *) ! makes_the_same $other || echo $other ;;
        esac
    done
}

# has_static_tls: the library's thread-local storage is initial-exec.
has_static_tls() { grep -q '^#define DAL_HAS_STATIC_TLS_ 1$' "$builddir/include/dispatchalloc/version.h"; }

# makes_the_same COMPILER: it is there, and makes programs of the same kind as that of the build.
makes_the_same() {
    command -v "$1" >/dev/null 2>&1 && [ "$(c_library "$1")" = "$(c_library "$CC")" ] &&
        [ "$(processor_of "$1")" = "$(processor_of "$CC")" ]
}

# shellcheck disable=SC2086 # a compiler is words
pointer_bytes() { echo __SIZEOF_POINTER__ | $1 -E -P -xc -; }

# Which of these is 1, and how wide and in which order its words are.
# shellcheck disable=SC2086 # a compiler is words
processor_of() {
    echo __x86_64__ __i386__ __aarch64__ __arm__ __riscv __s390x__ __powerpc__ __SIZEOF_POINTER__ __BYTE_ORDER__ |
        $1 -E -P -xc -
}

cxx_compilers() {
    [ -z "$CXX" ] || echo "$CXX"
    for other in g++ clang++; do
        [ "$other" = "$CXX" ] || ! makes_the_same $other || echo $other
    done
}

# The same and every version that is here (gcc-13, clang-17, ...), for what takes no time.
compiler_versions() { compilers; versions gcc clang; }
cxx_compiler_versions() { cxx_compilers; versions g++ clang++; }

versions() { # NAME...
    for name in "$@"; do
        own=$(readlink -f "$(command -v "$name")" || true)
        for version in 11 12 13 14 15 16 17 18 19 20; do
            found=$(command -v "$name-$version") || continue
            # Not again under the plain name.
            [ "$(readlink -f "$found")" = "$own" ] || echo "$name-$version"
        done
    done
}

# quietly COMMAND...: succeeds if the command does so without a word.
quietly() {
    if "$@" >"$work/said" 2>&1 && [ ! -s "$work/said" ]; then
        return 0
    fi
    echo "+ $*"
    cat "$work/said"
    return 1
}
