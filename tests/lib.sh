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

include="-I$builddir/include -I$srcdir/include"
shared='' archive=''
[ ! -e "$builddir/.libs/libdispatchalloc.so" ] ||
    shared="-L$builddir/.libs -ldispatchalloc -Wl,-rpath,$builddir/.libs"
[ ! -e "$builddir/.libs/libdispatchalloc.a" ] ||
    archive="$builddir/.libs/libdispatchalloc.a -lpthread"
sanitized=$(printf '%s\n' $CC $CFLAGS | sed -n 's/^-fsanitize=.*/&/p')

# Counted in a file, since a pipe or a loop may run in a shell of its own.
fail() {
    echo "FAIL: $*"
    echo >>"$work/failures"
}

# skip REASON: the test as a whole cannot say anything here.
skip() {
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

# expect WHAT WANTED GOT
expect() {
    [ "$2" = "$3" ] || fail "$1
    expected: $2
    got:      $3"
}

# The compiler of the build, and of gcc and clang whichever else there is.
compilers() {
    echo "$CC"
    for other in gcc clang; do
        case " $CC " in
        *" $other "* | *"/$other "*) ;;
        *) ! command -v $other >/dev/null 2>&1 || echo $other ;;
        esac
    done
}

cxx_compilers() {
    [ -z "$CXX" ] || echo "$CXX"
    for other in g++ clang++; do
        [ "$other" = "$CXX" ] || ! command -v $other >/dev/null 2>&1 || echo $other
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
