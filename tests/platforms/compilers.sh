#!/bin/sh
# SPDX-License-Identifier: MIT
# Every gcc and clang that is here, or those that are named as arguments: the library, modules,
# command and tests are made at -O2 and at -O3 without a warning.
. "${0%/*}/lib.sh"
need gcc:gcc check:/usr/include/check.h
# shellcheck disable=SC2046 # a list of words
[ $# -gt 0 ] || set -- $(cd /usr/bin && ls -d gcc-[1-9]* clang-[1-9]* 2>/dev/null || :)
[ $# -gt 0 ] || set -- gcc
levels='-O2 -O3'
[ "${PLATFORM_SHORT-}" != yes ] || levels=-O3
all=$directory

# without_warning COMPILER LEVEL: in a shell of its own.
without_warning() (
    set -e
    directory=$all/$1$2
    rm -rf "$directory"
    mkdir -p "$directory"
    configure --enable-werror CC="$1" CFLAGS="$2 -g"
    quietly programs make "$jobs" -k check-am TESTS=
    rm -rf "$directory/build"
)

: >"$all/wanted"
: >"$all/results"
for compiler; do
    for level in $levels; do
        result=pass
        # (What is tested by "if" or "||" would go on after its first failure.)
        set +e
        without_warning "$compiler" "$level" >"$all/said" 2>&1
        [ $? = 0 ] || result=fail
        set -e
        if [ $result = fail ]; then
            cat "$all/said"
            # All of them, once each.
            cat "$all/$compiler$level"/*.log | grep -E ': (warning|error): ' | sort -u
        fi
        say "$compiler $level: $result"
        echo "$compiler$level" >>"$all/wanted"
        echo "$result 1 $compiler$level" >>"$all/results"
    done
done
judge
