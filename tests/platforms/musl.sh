#!/bin/sh
# SPDX-License-Identifier: MIT
# Another C library: small stacks, a loader that never unloads, no initial-exec storage in what is
# opened later. What starts the programs of this machine, which have its C library, is left out.
. "${0%/*}/lib.sh"
need musl-tools:musl-gcc
libcheck x86_64-linux-musl musl-gcc
configure --host=x86_64-linux-musl CC=musl-gcc CXX_FOR_TESTS= NM=nm OBJDUMP=objdump
[ "${PLATFORM_SHORT-}" = yes ] && shell_tests='tests/symbols.sh tests/structure.sh' ||
    shell_tests='tests/fixed.sh tests/symbols.sh tests/structure.sh tests/typed-misuse.sh
        tests/secure.sh tests/stats-print.sh tests/headers.sh tests/loader.sh tests/call-site.sh
        tests/front.sh'
# shellcheck disable=SC2086 # a list of words
run_tests unit $shell_tests
finish
